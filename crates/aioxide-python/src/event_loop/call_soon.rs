//! `call_soon`, by hand.
//!
//! PyO3 makes a tuple of `*args` and checks the receiver a second time, for a
//! fifth of what a callback costs altogether. This is the one method that is
//! called often enough for the interpreter's own calling convention to pay.

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::{PySystemError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use pyo3::{Borrowed, ffi};

use super::scheduling::check_callback;
use super::{LoopCore, Ready};
use crate::context;
use crate::futures::LoopRef;
use crate::handles::{Arguments, Handle};

const DOC: *const c_char = c"call_soon($self, callback, /, *args, context=None)\n--\n\nSchedules `callback(*args)` for the next turn.".as_ptr();

/// Adds the method to the class. Called once, at module initialisation.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<LoopCore>();
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: c"call_soon".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: call_soon },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: DOC,
    }));
    // SAFETY: the definition lives for ever, and the descriptor that is made
    // of it lets instances of the class only through to the function.
    let descriptor = unsafe {
        let descriptor = ffi::PyDescr_NewMethod(class.as_type_ptr(), definition);
        Bound::from_owned_ptr_or_err(py, descriptor)?
    };
    class.setattr("call_soon", descriptor)
}

unsafe extern "C" fn call_soon(
    receiver: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with the GIL held, with an instance of
    // LoopCore (the descriptor has checked it), `count` positional arguments
    // and behind them one for each of `names`, all alive during the call.
    unsafe {
        Python::attach_unchecked(|py| {
            let core = Bound::ref_from_ptr(py, &receiver).cast_unchecked::<LoopCore>();
            let names =
                Borrowed::from_ptr_or_opt(py, names).map(|names| names.cast_unchecked::<PyTuple>());
            let names = names.as_deref();
            let total = count as usize + names.map_or(0, |names| names.len());
            let all: &[Borrowed<'_, '_, PyAny>] =
                if total == 0 { &[] } else { std::slice::from_raw_parts(arguments.cast(), total) };
            let (positional, named) = all.split_at(count as usize);
            match catch_unwind(AssertUnwindSafe(|| schedule(core, positional, named, names))) {
                Ok(Ok(handle)) => handle.into_ptr(),
                Ok(Err(error)) => {
                    error.restore(py);
                    std::ptr::null_mut()
                }
                Err(_) => {
                    PySystemError::new_err("call_soon panicked").restore(py);
                    std::ptr::null_mut()
                }
            }
        })
    }
}

#[inline]
fn schedule<'py>(
    core: &Bound<'py, LoopCore>,
    positional: &[Borrowed<'_, 'py, PyAny>],
    named: &[Borrowed<'_, 'py, PyAny>],
    names: Option<&Bound<'py, PyTuple>>,
) -> PyResult<Py<Handle>> {
    let py = core.py();
    let (mut callback, arguments) = match positional {
        [callback, arguments @ ..] => (Some(callback), arguments),
        [] => (None, positional),
    };
    let mut context = None;
    for (index, value) in named.iter().enumerate() {
        let name = names.expect("named arguments have names").get_item(index)?;
        match name.cast::<PyString>()?.to_str()? {
            "context" => context = Some(Bound::clone(value)),
            "callback" if callback.is_none() => callback = Some(value),
            other => {
                return Err(PyTypeError::new_err(format!(
                    "call_soon() got an unexpected keyword argument '{other}'"
                )));
            }
        }
    }
    let Some(callback) = callback else {
        return Err(PyTypeError::new_err(
            "call_soon() missing 1 required positional argument: 'callback'",
        ));
    };
    let this = core.get();
    this.admit(py)?;
    let debug = this.debug(py);
    if debug {
        check_callback(callback, "call_soon")?;
    }
    let context = context::given_or_copy(py, context)?;
    let arguments = Arguments::of_slice(py, arguments)?;
    let event_loop = LoopRef::of_core(core);
    let handle =
        Handle::create(py, Bound::clone(callback).unbind(), arguments, event_loop, context)?;
    if debug {
        handle.get().remember_origin(py)?;
    }
    this.schedule(py, Ready::Handle(handle.clone_ref(py)));
    Ok(handle)
}
