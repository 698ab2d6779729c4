//! Names as Python strings, all of them made while the module is imported.
//!
//! PyO3's `intern!` makes a string where it is first used, and panics if there is no memory
//! for it. Here the import fails instead, and later uses cannot.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use crate::ffi::allocate;

/// One name at one place in the source.
pub struct Name {
    text: &'static str,
    string: PyOnceLock<Py<PyString>>,
}

impl Name {
    /// A name that is not yet a string.
    pub const fn new(text: &'static str) -> Self {
        Self { text, string: PyOnceLock::new() }
    }

    /// The interned string.
    #[inline]
    pub fn get<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        match self.string.get(py) {
            Some(string) => string.bind(py),
            None => self.make_early(py),
        }
    }

    /// For objects of the module that are made before the names are.
    #[cold]
    #[expect(clippy::disallowed_methods, reason = "the import ends by a panic, too")]
    fn make_early<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        self.string.get_or_init(py, || PyString::intern(py, self.text).unbind()).bind(py)
    }

    fn make(&self, py: Python<'_>) -> PyResult<()> {
        let make = || Ok::<_, PyErr>(allocate::interned(py, self.text)?.unbind());
        self.string.get_or_try_init(py, make).map(drop)
    }
}

/// Where [`crate::intern!`] registers its names.
pub struct Registered(pub &'static Name);

inventory::collect!(Registered);

/// Makes every string. Called first of all when the module is imported.
pub fn make_all(py: Python<'_>) -> PyResult<()> {
    inventory::iter::<Registered>.into_iter().try_for_each(|name| name.0.make(py))
}

impl<'py> IntoPyObject<'py> for &'static Name {
    type Target = PyString;
    type Output = Bound<'py, PyString>;
    type Error = std::convert::Infallible;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Self::Error> {
        Ok(self.get(py).clone())
    }
}

/// A literal that becomes the same Python string each time, without a token at hand:
/// `object.getattr(crate::name!("name"))`.
#[macro_export]
macro_rules! name {
    ($text:literal) => {{
        static NAME: $crate::ffi::interning::Name = $crate::ffi::interning::Name::new($text);
        inventory::submit! { $crate::ffi::interning::Registered(&NAME) }
        &NAME
    }};
}

/// A literal as an interned Python string: `crate::intern!(py, "name")`.
#[macro_export]
macro_rules! intern {
    ($py:expr, $text:literal) => {{
        static NAME: $crate::ffi::interning::Name = $crate::ffi::interning::Name::new($text);
        inventory::submit! { $crate::ffi::interning::Registered(&NAME) }
        NAME.get($py)
    }};
}
