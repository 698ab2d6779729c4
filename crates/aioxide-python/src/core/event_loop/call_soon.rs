//! `call_soon`.

use std::ffi::CStr;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::LoopCore;
use super::scheduling::check_callback;
use crate::core::dispatch::Ready;
use crate::core::futures::LoopRef;
use crate::core::handles::{Arguments, Handle};
use crate::ffi::context;
use crate::ffi::fastcall::{CallArguments, FastMethod};

/// `loop.call_soon(callback, *args, context=None)`.
pub struct CallSoon;

impl FastMethod for CallSoon {
    type Class = LoopCore;
    const NAME: &'static CStr = c"call_soon";
    const DOC: &'static CStr = c"call_soon($self, callback, *args, context=None)\n--\n\nSchedules `callback(*args)` for the next iteration.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call<'py>(
        core: &Bound<'py, LoopCore>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        let py = core.py();
        let (mut callback, positional) = match arguments.positional {
            [callback, rest @ ..] => (Some(&**callback), rest),
            [] => (None, arguments.positional),
        };
        let mut context = None;
        for argument in arguments.named() {
            let (name, value) = argument?;
            match name.to_str()? {
                "context" => context = Some(value.clone()),
                "callback" if callback.is_none() => callback = Some(value),
                other => {
                    return Err(PyTypeError::new_err(format!(
                        "call_soon() got an unexpected keyword argument '{other}'"
                    )));
                }
            }
        }
        let Some(callback) = callback else {
            return Err(PyTypeError::new_err(crate::name!(
                "call_soon() missing 1 required positional argument: 'callback'"
            )));
        };
        let this = core.get();
        this.admit(py)?;
        let debug = this.debug(py);
        if debug {
            check_callback(callback, "call_soon")?;
        }
        let context = context::given_or_copy(py, context)?;
        let positional = Arguments::of_slice(py, positional)?;
        let event_loop = LoopRef::of_core(core);
        let handle =
            Handle::create(py, callback.clone().unbind(), positional, event_loop, context)?;
        if debug {
            handle.get().remember_origin(py)?;
        }
        this.schedule(py, Ready::Handle(handle.clone_ref(py)));
        Ok(handle.into_any())
    }
}
