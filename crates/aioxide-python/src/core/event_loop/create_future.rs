//! `create_future`.

use std::ffi::CStr;

use pyo3::prelude::*;

use super::LoopCore;
use crate::core::futures::Future;
use crate::ffi::fastcall::PlainMethod;

/// `loop.create_future()`.
pub struct CreateFuture;

impl PlainMethod for CreateFuture {
    type Class = LoopCore;
    const NAME: &'static CStr = c"create_future";
    const DOC: &'static CStr = c"create_future($self)\n--\n\nA future that belongs to this loop.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call(slf: &Bound<'_, LoopCore>) -> PyResult<Py<PyAny>> {
        let future = Future::on_loop(slf.py(), slf)?;
        future.get().note_place(slf.py());
        Ok(future.into_any())
    }
}
