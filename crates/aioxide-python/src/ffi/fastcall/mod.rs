//! Fast methods and functions: the interpreter's vectorcall convention without PyO3's wrapper.
//!
//! PyO3 makes a tuple of `*args`, a dictionary of `**keywords`, looks at
//! thread-local state and checks the receiver a second time: a fifth of what a
//! callback costs altogether. Only methods that are called about as often are worth it.
//! A method that drops no `Py` declares it, see [`crate::ffi::entry`].

#[cfg(not(Py_3_14))]
mod bound;
#[cfg(py_sys_config = "Py_DEBUG")]
mod debug_builds;
mod functions;
mod signature;

#[cfg(not(Py_3_14))]
pub use functions::call_bound;
pub(crate) use functions::entry;
pub use functions::{Entry, Native, Origin, call_native, disguise_function, disguise_method};

use std::ffi::{CStr, c_int};

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use pyo3::{Borrowed, PyClass, ffi};

#[cfg(not(Py_3_14))]
pub use bound::SpecialMethod;
pub use signature::{Keywords, Parsed, Signature, unexpected_keyword, unless_none};

use crate::ffi::entry::{Attach, enter};

/// A method that takes arguments.
pub trait FastMethod {
    /// The class whose method it is.
    type Class: PyClass;
    /// Its name in Python.
    const NAME: &'static CStr;
    /// Its text signature and docstring, in the interpreter's form.
    const DOC: &'static CStr;
    /// Whether no `Py` is dropped in the call, nor in what it calls.
    const DROPS_NOTHING: bool = false;

    /// The body.
    fn call<'py>(
        slf: &Bound<'py, Self::Class>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>>;
}

/// A method that takes one argument, by position.
pub trait SingleMethod {
    /// The class whose method it is.
    type Class: PyClass;
    /// Its name in Python.
    const NAME: &'static CStr;
    /// Its text signature and docstring, in the interpreter's form.
    const DOC: &'static CStr;

    /// The body.
    fn call(slf: &Bound<'_, Self::Class>, argument: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>>;
}

/// A method that takes no argument.
pub trait PlainMethod {
    /// The class whose method it is.
    type Class: PyClass;
    /// Its name in Python.
    const NAME: &'static CStr;
    /// Its text signature and docstring, in the interpreter's form.
    const DOC: &'static CStr;
    /// Whether no `Py` is dropped in the call, nor in what it calls.
    const DROPS_NOTHING: bool = false;

    /// The body.
    fn call(slf: &Bound<'_, Self::Class>) -> PyResult<Py<PyAny>>;
}

/// A function of the module that takes arguments.
pub trait FastFunction {
    /// Its name in Python.
    const NAME: &'static CStr;
    /// Its text signature and docstring, in the interpreter's form.
    const DOC: &'static CStr;
    /// Whether no `Py` is dropped in the call, nor in what it calls.
    const DROPS_NOTHING: bool = false;

    /// The body.
    fn call<'py>(py: Python<'py>, arguments: CallArguments<'_, 'py>) -> PyResult<Py<PyAny>>;
}

/// The arguments of a call.
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

impl<'a, 'py> CallArguments<'a, 'py> {
    /// The argument `name` of a method whose only parameter it is, if it was
    /// given.
    #[inline(always)]
    pub fn only(
        &self,
        method: &'static str,
        name: &'static str,
    ) -> PyResult<Option<&'a Bound<'py, PyAny>>> {
        Signature::method(method, [], [name]).parse(self).map(|parsed| parsed.optional[0])
    }

    /// The argument `name` of a method whose only parameter it is, and has no default.
    #[inline(always)]
    pub fn required(
        &self,
        method: &'static str,
        name: &'static str,
    ) -> PyResult<&'a Bound<'py, PyAny>> {
        Signature::method(method, [name], []).parse(self).map(|parsed| parsed.required[0])
    }
}

/// Adds the method to its class. Called once, at module initialisation.
pub fn install<M: FastMethod>(py: Python<'_>) -> PyResult<()> {
    let function = ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: fast::<M> };
    let flags = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
    let method = describe::<M::Class>(py, M::NAME, M::DOC, function, flags)?;
    py.get_type::<M::Class>().setattr(M::NAME.to_string_lossy().as_ref(), method)
}

/// Adds the method to its class. Called once, at module initialisation.
pub fn install_plain<M: PlainMethod>(py: Python<'_>) -> PyResult<()> {
    let function = ffi::PyMethodDefPointer { PyCFunction: plain::<M> };
    let method = describe::<M::Class>(py, M::NAME, M::DOC, function, ffi::METH_NOARGS)?;
    py.get_type::<M::Class>().setattr(M::NAME.to_string_lossy().as_ref(), method)
}

/// Adds the method to its class. Called once, at module initialisation.
pub fn install_single<M: SingleMethod>(py: Python<'_>) -> PyResult<()> {
    let function = ffi::PyMethodDefPointer { PyCFunction: single::<M> };
    let method = describe::<M::Class>(py, M::NAME, M::DOC, function, ffi::METH_O)?;
    py.get_type::<M::Class>().setattr(M::NAME.to_string_lossy().as_ref(), method)
}

/// Prepares the classes of bound methods. Called once, at module initialisation,
/// before a method is installed.
pub fn prepare(py: Python<'_>) {
    #[cfg(not(Py_3_14))]
    bound::install_slots(py);
    #[cfg(Py_3_14)]
    let _ = py;
}

/// Adds the function to the module. Called once, at module initialisation.
pub fn install_function<F: FastFunction>(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: F::NAME.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: function::<F> },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: F::DOC.as_ptr(),
    }));
    let name = module.name()?;
    // SAFETY: the definition lives for ever, and the function has no receiver.
    let function = unsafe {
        let function = ffi::PyCFunction_NewEx(definition, std::ptr::null_mut(), name.as_ptr());
        Bound::from_owned_ptr_or_err(module.py(), function)?
    };
    module.add(F::NAME.to_string_lossy().as_ref(), function)
}

/// The descriptor of a method of `T`.
fn describe<'py, T: PyClass>(
    py: Python<'py>,
    name: &'static CStr,
    doc: &'static CStr,
    function: ffi::PyMethodDefPointer,
    flags: c_int,
) -> PyResult<Bound<'py, PyAny>> {
    let class = py.get_type::<T>();
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: function,
        ml_flags: flags,
        ml_doc: doc.as_ptr(),
    }));
    // SAFETY: the definition lives for ever, and the descriptor that is made
    // of it lets instances of the class only through to the function.
    unsafe {
        let descriptor = ffi::PyDescr_NewMethod(class.as_type_ptr(), definition);
        Bound::from_owned_ptr_or_err(py, descriptor)
    }
}

unsafe extern "C" fn fast<M: FastMethod>(
    receiver: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with the GIL held, with an instance of the
    // class (the descriptor has checked it), `count` positional arguments and
    // behind them one for each of `names`, all alive during the call.
    unsafe {
        enter(M::NAME, Attach::of(M::DROPS_NOTHING), |py| {
            let slf = Bound::ref_from_ptr(py, &receiver).cast_unchecked::<M::Class>();
            with_arguments(py, arguments, count, names, |arguments| M::call(slf, arguments))
        })
    }
}

unsafe extern "C" fn function<F: FastFunction>(
    _module: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above, without a receiver.
    unsafe {
        enter(F::NAME, Attach::of(F::DROPS_NOTHING), |py| {
            with_arguments(py, arguments, count, names, |arguments| F::call(py, arguments))
        })
    }
}

/// Calls `body` with the arguments that the interpreter has passed.
///
/// # Safety
///
/// `count` positional arguments and behind them one for each of `names`, all
/// alive during the call.
#[inline(always)]
unsafe fn with_arguments<'py>(
    py: Python<'py>,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
    body: impl FnOnce(CallArguments<'_, 'py>) -> PyResult<Py<PyAny>>,
) -> PyResult<Py<PyAny>> {
    // SAFETY: the caller's promise.
    let (names, all): (_, &[Borrowed<'_, '_, PyAny>]) = unsafe {
        let names =
            Borrowed::from_ptr_or_opt(py, names).map(|names| names.cast_unchecked::<PyTuple>());
        let total = count as usize + names.as_deref().map_or(0, |names| names.len());
        let all =
            if total == 0 { &[][..] } else { std::slice::from_raw_parts(arguments.cast(), total) };
        (names, all)
    };
    let (positional, named) = all.split_at(count as usize);
    body(CallArguments { positional, named, names: names.as_deref() })
}

unsafe extern "C" fn plain<M: PlainMethod>(
    receiver: *mut ffi::PyObject,
    _nothing: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above, without arguments.
    unsafe {
        enter(M::NAME, Attach::of(M::DROPS_NOTHING), |py| {
            M::call(Bound::ref_from_ptr(py, &receiver).cast_unchecked::<M::Class>())
        })
    }
}

unsafe extern "C" fn single<M: SingleMethod>(
    receiver: *mut ffi::PyObject,
    argument: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above, with one argument.
    unsafe {
        enter(M::NAME, Attach::Registered, |py| {
            let slf = Bound::ref_from_ptr(py, &receiver).cast_unchecked::<M::Class>();
            M::call(slf, Bound::ref_from_ptr(py, &argument))
        })
    }
}
