//! Methods by hand, in the interpreter's own calling convention.
//!
//! PyO3 makes a tuple of `*args`, a dictionary of `**keywords`, and checks the
//! receiver a second time: a fifth of what a callback costs altogether. Only what is
//! called as often as that is worth it.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PySystemError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use pyo3::{Borrowed, ffi};

use super::LoopCore;

/// One such method of `LoopCore`.
pub trait FastMethod {
    /// What Python calls it.
    const NAME: &'static CStr;
    /// Its signature and purpose, as the interpreter wants them.
    const DOC: &'static CStr;

    /// Does it.
    fn call<'py>(
        core: &Bound<'py, LoopCore>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>>;
}

/// What a method was called with.
pub struct CallArguments<'a, 'py> {
    /// By position.
    pub positional: &'a [Borrowed<'a, 'py, PyAny>],
    /// By name, see `names`.
    named: &'a [Borrowed<'a, 'py, PyAny>],
    names: Option<&'a Bound<'py, PyTuple>>,
}

impl<'a, 'py> CallArguments<'a, 'py> {
    /// The arguments by name, in the order of the call.
    #[inline]
    pub fn named(
        &self,
    ) -> impl Iterator<Item = PyResult<(Bound<'py, PyString>, &'a Bound<'py, PyAny>)>> {
        let names = self.names;
        self.named.iter().enumerate().map(move |(index, value)| {
            let name = names.expect("named arguments have names").get_item(index)?;
            Ok((name.cast_into::<PyString>()?, &**value))
        })
    }
}

/// Adds the method to the class. Called once, at module initialisation.
pub fn install<M: FastMethod>(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<LoopCore>();
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: M::NAME.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: trampoline::<M> },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: M::DOC.as_ptr(),
    }));
    // SAFETY: the definition lives for ever, and the descriptor that is made
    // of it lets instances of the class only through to the function.
    let descriptor = unsafe {
        let descriptor = ffi::PyDescr_NewMethod(class.as_type_ptr(), definition);
        Bound::from_owned_ptr_or_err(py, descriptor)?
    };
    class.setattr(M::NAME.to_string_lossy().as_ref(), descriptor)
}

unsafe extern "C" fn trampoline<M: FastMethod>(
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
            let arguments = CallArguments { positional, named, names };
            match catch_unwind(AssertUnwindSafe(|| M::call(core, arguments))) {
                Ok(Ok(result)) => result.into_ptr(),
                Ok(Err(error)) => {
                    error.restore(py);
                    std::ptr::null_mut()
                }
                Err(_) => {
                    let name = M::NAME.to_string_lossy();
                    PySystemError::new_err(format!("{name} panicked")).restore(py);
                    std::ptr::null_mut()
                }
            }
        })
    }
}
