//! `call_soon`.

use std::ffi::CStr;

use pyo3::prelude::*;

use super::LoopCore;
use super::scheduling::check_callback;
use crate::core::dispatch::Ready;
use crate::core::futures::LoopRef;
use crate::core::handles::{Arguments, Handle};
use crate::core::tasks::standard;
use crate::ffi::context;
use crate::ffi::fastcall::{CallArguments, FastMethod, Parsed, Signature};
use crate::recorder;

/// `loop.call_soon(callback, *args, context=None)`.
pub struct CallSoon;

const CALL_SOON: Signature<1, 1> =
    Signature::method("call_soon", ["callback"], ["context"]).variadic();

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
        let Parsed { required: [callback], optional: [context], rest } =
            CALL_SOON.parse(&arguments)?;
        let this = core.get();
        this.admit(py)?;
        let debug = this.debug(py);
        if debug {
            check_callback(callback, "call_soon")?;
        }
        let context = context::given_or_copy(py, context.cloned())?;
        let rest = Arguments::of_slice(py, rest)?;
        let event_loop = LoopRef::of_core(core);
        let handle = Handle::create(py, callback.clone().unbind(), rest, event_loop, context)?;
        if debug {
            handle.get().remember_origin(py)?;
        }
        if recorder::is_on() {
            standard::scheduled(this, callback);
        }
        this.schedule(py, Ready::Handle(handle.clone_ref(py)));
        Ok(handle.into_any())
    }
}
