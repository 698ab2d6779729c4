//! Methods by hand, for what is called too often for PyO3's way.
//!
//! PyO3's functions look up thread-local state at each call and parse
//! arguments in general. A method that takes nothing, one thing or a few
//! things by position needs neither: this is the interpreter's own calling
//! convention, with the same protection against panics.
//!
//! PyO3 does not know of these calls. Where none of its own is on the stack (a
//! lock of ours on a loop that is not), a `Py` that is simply dropped gives its
//! reference up at PyO3's next opportunity only. What ought to go at once is
//! dropped as a `Bound`, or with `drop_ref`.

use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PySystemError;
use pyo3::prelude::*;
use pyo3::{Borrowed, PyClass, ffi};

/// What a method returns.
pub type Returned = PyResult<Py<PyAny>>;

/// A method without arguments.
pub trait NoArguments {
    /// Whose method it is.
    type Class: PyClass;
    const NAME: &'static CStr;
    const DOC: &'static CStr;

    fn call(slf: &Bound<'_, Self::Class>) -> Returned;
}

/// A method with one argument, given by position.
pub trait OneArgument {
    /// Whose method it is.
    type Class: PyClass;
    const NAME: &'static CStr;
    const DOC: &'static CStr;

    fn call(slf: &Bound<'_, Self::Class>, argument: &Bound<'_, PyAny>) -> Returned;
}

/// A method with any number of arguments, given by position.
pub trait Arguments {
    /// Whose method it is.
    type Class: PyClass;
    const NAME: &'static CStr;
    const DOC: &'static CStr;

    fn call(slf: &Bound<'_, Self::Class>, arguments: &[Borrowed<'_, '_, PyAny>]) -> Returned;
}

/// Adds the method to its class. Called once, at module initialisation.
pub fn install_no_arguments<M: NoArguments>(py: Python<'_>) -> PyResult<()> {
    let function = ffi::PyMethodDefPointer { PyCFunction: no_arguments::<M> };
    install::<M::Class>(py, M::NAME, M::DOC, function, ffi::METH_NOARGS)
}

/// Adds the method to its class. Called once, at module initialisation.
pub fn install_one_argument<M: OneArgument>(py: Python<'_>) -> PyResult<()> {
    let function = ffi::PyMethodDefPointer { PyCFunction: one_argument::<M> };
    install::<M::Class>(py, M::NAME, M::DOC, function, ffi::METH_O)
}

/// Adds the method to its class. Called once, at module initialisation.
pub fn install_arguments<M: Arguments>(py: Python<'_>) -> PyResult<()> {
    let function = ffi::PyMethodDefPointer { PyCFunctionFast: arguments::<M> };
    install::<M::Class>(py, M::NAME, M::DOC, function, ffi::METH_FASTCALL)
}

fn install<T: PyClass>(
    py: Python<'_>,
    name: &'static CStr,
    doc: &'static CStr,
    function: ffi::PyMethodDefPointer,
    flags: c_int,
) -> PyResult<()> {
    let class = py.get_type::<T>();
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: function,
        ml_flags: flags,
        ml_doc: doc.as_ptr().cast::<c_char>(),
    }));
    // SAFETY: the definition lives for ever, and the descriptor that is made
    // of it lets instances of the class only through to the function.
    let descriptor = unsafe {
        let descriptor = ffi::PyDescr_NewMethod(class.as_type_ptr(), definition);
        Bound::from_owned_ptr_or_err(py, descriptor)?
    };
    class.setattr(name.to_str().expect("names are ASCII"), descriptor)
}

unsafe extern "C" fn no_arguments<M: NoArguments>(
    receiver: *mut ffi::PyObject,
    _nothing: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with the GIL held and, as the descriptor
    // has checked, an instance of the class, alive during the call.
    unsafe { guarded::<M::Class>(receiver, M::call) }
}

unsafe extern "C" fn one_argument<M: OneArgument>(
    receiver: *mut ffi::PyObject,
    argument: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above; the argument is alive during the call too.
    unsafe {
        guarded::<M::Class>(receiver, |slf| M::call(slf, Bound::ref_from_ptr(slf.py(), &argument)))
    }
}

unsafe extern "C" fn arguments<M: Arguments>(
    receiver: *mut ffi::PyObject,
    arguments: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: as above, for each of the `count` arguments.
    unsafe {
        guarded::<M::Class>(receiver, |slf| {
            let all: &[Borrowed<'_, '_, PyAny>] = if count == 0 {
                &[]
            } else {
                std::slice::from_raw_parts(arguments.cast(), count as usize)
            };
            M::call(slf, all)
        })
    }
}

/// Runs the body of a method; turns an error or a panic into an exception.
///
/// # Safety
///
/// The GIL is held and `receiver` is an instance of `T`, alive during the call.
#[inline(always)]
unsafe fn guarded<T: PyClass>(
    receiver: *mut ffi::PyObject,
    body: impl FnOnce(&Bound<'_, T>) -> Returned,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise.
    let (py, slf) = unsafe {
        let py = Python::assume_attached();
        (py, Bound::ref_from_ptr(py, &receiver).cast_unchecked::<T>())
    };
    match catch_unwind(AssertUnwindSafe(|| body(slf))) {
        Ok(Ok(value)) => value.into_ptr(),
        Ok(Err(error)) => {
            error.restore(py);
            std::ptr::null_mut()
        }
        Err(_) => {
            PySystemError::new_err("a method of aioxide panicked").restore(py);
            std::ptr::null_mut()
        }
    }
}
