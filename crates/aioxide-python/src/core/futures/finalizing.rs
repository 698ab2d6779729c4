//! The end of a future: its place in the free list, and the report of an exception that was
//! never retrieved.

use std::sync::OnceLock;

use pyo3::Borrowed;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::Future;
use crate::ffi::allocate;
use crate::ffi::finalizer::Finalize;
use crate::ffi::free_list::{FreeList, FreeListed};

impl FreeListed for Future {
    fn free_list() -> &'static FreeList {
        static FREE_LIST: FreeList = FreeList::new();
        &FREE_LIST
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        slf.get().empty(slf.py());
    }
}

impl Finalize for Future {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        slf.get().logs_traceback(slf.py())
    }

    fn finalize(slf: &Bound<'_, Self>) {
        report_unretrieved(slf);
    }
}

/// Reports an exception that was never retrieved to the loop's exception handler.
pub fn report_unretrieved(slf: &Bound<'_, Future>) {
    let py = slf.py();
    let this = slf.get();
    if !this.state.flags.update(py, |flags| std::mem::take(&mut flags.log_traceback)) {
        return;
    }
    let report = || -> PyResult<()> {
        let event_loop = this.event_loop(py)?;
        let name = slf.as_any().getattr(crate::intern!(py, "__class__"))?;
        let name = name.cast::<PyType>()?.name()?;
        let details = allocate::dict(py)?;
        let message = allocate::string(py, &format!("{name} exception was never retrieved"))?;
        details.set_item(crate::name!("message"), message)?;
        details.set_item(crate::name!("exception"), this._exception(py))?;
        details.set_item(crate::name!("future"), slf)?;
        if let Some(stack) = this._source_traceback(py) {
            details.set_item(crate::name!("source_traceback"), stack)?;
        }
        event_loop
            .as_any()
            .call_method1(crate::intern!(py, "call_exception_handler"), (details,))?;
        Ok(())
    };
    if let Err(error) = report() {
        error.write_unraisable(py, Some(slf.as_any()));
    }
}
