//! The programs of docs/rust/python_extensions.md, as they are printed there: a test compares them.

use pyo3::prelude::*;

mod greet {
    include!("greet.rs");

    #[pymodule]
    pub mod first {
        #[pymodule_export]
        use super::greeting;
    }
}

mod ask {
    include!("ask.rs");

    #[pymodule]
    pub mod second {
        #[pymodule_export]
        use super::ask;
    }
}

mod measure {
    include!("measure.rs");

    #[pymodule]
    pub mod third {
        #[pymodule_export]
        use super::measure;
    }
}

mod node {
    include!("node.rs");

    #[pymodule]
    pub mod fourth {
        #[pymodule_export]
        use super::Node;
    }
}

#[pymodule]
pub mod page {
    #[pymodule_export]
    use super::ask::second;
    #[pymodule_export]
    use super::greet::first;
    #[pymodule_export]
    use super::measure::third;
    #[pymodule_export]
    use super::node::fourth;
}
