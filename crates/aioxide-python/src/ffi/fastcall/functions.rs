//! Native functions that look like the `async def` of asyncio that they replace.
//!
//! `inspect`, `asyncio` and `unittest.mock` recognise a coroutine function by the flags of
//! its code object, and only if it is a Python function; C code cannot make one that runs
//! anything but its code object. So these are of a class derived from the interpreter's: a
//! function made of asyncio's code, defaults and names, whose call goes to native code. The
//! interpreter runs the code object only of functions of exactly its own class.
//!
//! As with any function, calling one by `object.method()` makes no bound method.

use std::ffi::c_void;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::OnceLock;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple, PyType};

use super::signature::{missing_arguments, too_many_arguments, unexpected_keyword};
use crate::stdlib;

/// The function of asyncio that a native one replaces.
#[derive(Clone, Copy)]
pub struct Origin {
    /// asyncio's module.
    pub module: &'static str,
    /// A class in it, or none for a function of the module.
    pub class: Option<&'static str>,
    /// The function.
    pub name: &'static str,
}

/// What a function calls when it is called.
pub struct Native {
    /// The interpreter's descriptor or function, which raises the errors for wrong
    /// arguments.
    original: Py<PyAny>,
    /// The class of the receiver; null for a function of the module.
    class: *mut ffi::PyTypeObject,
    call: Call,
}

/// A native function in one of the interpreter's calling conventions.
#[derive(Clone, Copy)]
enum Call {
    Fast(ffi::PyCFunctionFastWithKeywords),
    Plain(ffi::PyCFunction),
    /// In another one.
    ByOriginal,
}

// SAFETY: nothing is changed after the module's initialisation, and the class is one of
// this module's, which live for ever.
unsafe impl Send for Native {}
// SAFETY: as above.
unsafe impl Sync for Native {}

/// One function: what it calls, and how the interpreter calls it.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Filled in when the function is made.
    pub native: &'static OnceLock<Native>,
    /// Calls that.
    pub call: ffi::vectorcallfunc,
    /// Calls that for a bound method that `async with` has asked for.
    #[cfg(not(Py_3_14))]
    pub bound_call: ffi::vectorcallfunc,
}

/// Makes the [`Entry`] of one function.
macro_rules! entry {
    () => {{
        static NATIVE: std::sync::OnceLock<crate::ffi::fastcall::Native> =
            std::sync::OnceLock::new();
        unsafe extern "C" fn call(
            function: *mut pyo3::ffi::PyObject,
            arguments: *const *mut pyo3::ffi::PyObject,
            count: usize,
            names: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            // SAFETY: the interpreter calls as its protocol says.
            unsafe { crate::ffi::fastcall::call_native(&NATIVE, function, arguments, count, names) }
        }
        #[cfg(not(Py_3_14))]
        unsafe extern "C" fn bound_call(
            method: *mut pyo3::ffi::PyObject,
            arguments: *const *mut pyo3::ffi::PyObject,
            count: usize,
            names: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            // SAFETY: as above, and only bound methods are called by this.
            unsafe { crate::ffi::fastcall::call_bound(&NATIVE, method, arguments, count, names) }
        }
        crate::ffi::fastcall::Entry {
            native: &NATIVE,
            call,
            #[cfg(not(Py_3_14))]
            bound_call,
        }
    }};
}
pub(crate) use entry;

/// Replaces a method of `T` by a function that looks like `origin`. Called once,
/// at module initialisation, when the method is there.
pub fn disguise_method(class: &Bound<'_, PyType>, origin: Origin, entry: Entry) -> PyResult<()> {
    let py = class.py();
    let original = class.getattr(origin.name)?;
    let class_address = class.as_type_ptr();
    let call = convention(definition_of_method(&original));
    let documentation = original.getattr(crate::intern!(py, "__doc__"))?;
    let native = Native { original: original.unbind(), class: class_address, call };
    let function = function(py, origin, &documentation, entry, native)?;
    #[cfg(not(Py_3_14))]
    let function = super::bound::special(class, origin.name, function, entry.bound_call)?;
    // The interpreter would leave the slot for a call of the method.
    // SAFETY: the class is one of this module's, alive, and the GIL is held.
    unsafe {
        let slots = (*class_address).tp_as_async;
        let next = slots.as_ref().and_then(|slots| slots.am_anext);
        class.setattr(origin.name, function)?;
        if let Some(slots) = slots.as_mut() {
            slots.am_anext = next;
        }
    }
    Ok(())
}

/// The same for a function of the module.
pub fn disguise_function(
    module: &Bound<'_, PyModule>,
    origin: Origin,
    entry: Entry,
) -> PyResult<()> {
    let py = module.py();
    let original = module.getattr(origin.name)?;
    let call = convention(definition_of_function(&original));
    let documentation = original.getattr(crate::intern!(py, "__doc__"))?;
    let native = Native { original: original.unbind(), class: null_mut(), call };
    module.setattr(origin.name, function(py, origin, &documentation, entry, native)?)
}

/// The definition of a native method.
fn definition_of_method(method: &Bound<'_, PyAny>) -> Option<*mut ffi::PyMethodDef> {
    // SAFETY: the reference is alive, and its type is compared before its layout is
    // relied on.
    unsafe {
        let is_native =
            std::ptr::eq(ffi::Py_TYPE(method.as_ptr()), &raw const ffi::PyMethodDescr_Type);
        is_native.then(|| (*method.as_ptr().cast::<ffi::PyMethodDescrObject>()).d_method)
    }
}

/// The definition of a native function that does not take the module.
fn definition_of_function(function: &Bound<'_, PyAny>) -> Option<*mut ffi::PyMethodDef> {
    // SAFETY: as above.
    unsafe {
        let is_native = ffi::PyCFunction_CheckExact(function.as_ptr()) != 0;
        let function = function.as_ptr().cast::<ffi::PyCFunctionObject>();
        (is_native && (*function).m_self.is_null()).then(|| (*function).m_ml)
    }
}

fn convention(definition: Option<*mut ffi::PyMethodDef>) -> Call {
    const FAST: i32 = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
    // SAFETY: definitions of this module's methods live for ever, and the flags say
    // which of the conventions the function has.
    unsafe {
        match definition.map(|it| ((*it).ml_flags, (*it).ml_meth)) {
            Some((FAST, function)) => Call::Fast(function.PyCFunctionFastWithKeywords),
            Some((ffi::METH_NOARGS, function)) => Call::Plain(function.PyCFunction),
            _ => Call::ByOriginal,
        }
    }
}

/// Makes the function.
fn function<'py>(
    py: Python<'py>,
    origin: Origin,
    documentation: &Bound<'py, PyAny>,
    entry: Entry,
    native: Native,
) -> PyResult<Bound<'py, PyAny>> {
    let likeness = likeness(py, origin)?;
    likeness.setattr(crate::intern!(py, "__doc__"), documentation)?;
    if entry.native.set(native).is_err() {
        return Err(PyTypeError::new_err(format!("{} is native already", origin.name)));
    }
    let class = function_class(py)?;
    // SAFETY: the function was just made, no other code has a reference, and it is of exactly
    // the interpreter's class, whose offset this is. The new class has the same layout,
    // and instances of neither hold a reference to it.
    unsafe {
        let object = likeness.as_ptr();
        let place = object.byte_offset(ffi::PyFunction_Type.tp_vectorcall_offset);
        place.cast::<ffi::vectorcallfunc>().write(entry.call);
        (*object).ob_type = class;
    }
    Ok(likeness)
}

/// A new function with the code, the defaults and the names of asyncio's.
fn likeness<'py>(py: Python<'py>, origin: Origin) -> PyResult<Bound<'py, PyAny>> {
    const CO_COROUTINE: u32 = 0x80;
    let class = stdlib::function_type(py)?;
    let mut home = py.import(origin.module)?.into_any();
    if let Some(name) = origin.class {
        home = home.getattr(name)?;
    }
    let mut model = home.getattr(origin.name)?;
    let is_coroutine_function = model.is_exact_instance(class)
        && model
            .getattr(crate::name!("__code__"))?
            .getattr(crate::name!("co_flags"))?
            .extract::<u32>()?
            & CO_COROUTINE
            != 0;
    if !is_coroutine_function {
        // A program has replaced it before this package was imported.
        model = unknown(py, origin.name)?;
    }
    let part = |name: &str| model.getattr(name);
    let arguments = (
        part("__code__")?,
        part("__globals__")?,
        part("__name__")?,
        part("__defaults__")?,
        part("__closure__")?,
    );
    let likeness = class.call1(arguments)?;
    for name in ["__module__", "__qualname__", "__kwdefaults__"] {
        likeness.setattr(name, part(name)?)?;
    }
    likeness.setattr(
        crate::name!("__annotations__"),
        part("__annotations__")?.call_method0(crate::name!("copy"))?,
    )?;
    Ok(likeness)
}

/// A coroutine function of that name, with no further metadata.
fn unknown<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let namespace = crate::ffi::allocate::dict(py)?;
    namespace.set_item(crate::name!("__name__"), crate::name!("asyncio"))?;
    let source = std::ffi::CString::new(format!("async def {name}(*args, **kwargs): pass"))?;
    py.run(&source, Some(&namespace), None)?;
    namespace.as_any().get_item(name)
}

/// The class derived from the interpreter's functions.
fn function_class(py: Python<'_>) -> PyResult<*mut ffi::PyTypeObject> {
    struct Class(*mut ffi::PyTypeObject);
    // SAFETY: classes are used with the GIL held only.
    unsafe impl Send for Class {}
    // SAFETY: as above.
    unsafe impl Sync for Class {}
    static CLASS: PyOnceLock<Class> = PyOnceLock::new();
    CLASS
        .get_or_try_init(py, || {
            // SAFETY: a class is a struct of numbers and pointers, for which zero is
            // nothing.
            let mut class: ffi::PyTypeObject = unsafe { zeroed() };
            class.ob_base.ob_base = ffi::PyObject_HEAD_INIT;
            class.tp_name = c"function".as_ptr();
            class.tp_flags = ffi::Py_TPFLAGS_DEFAULT
                | ffi::Py_TPFLAGS_HAVE_VECTORCALL
                | ffi::Py_TPFLAGS_METHOD_DESCRIPTOR;
            class.tp_base = &raw mut ffi::PyFunction_Type;
            class.tp_getset = Box::leak(Box::new([
                ffi::PyGetSetDef {
                    name: c"__class__".as_ptr(),
                    get: Some(class_of_functions),
                    ..ffi::PyGetSetDef::default()
                },
                ffi::PyGetSetDef::default(),
            ]))
            .as_mut_ptr();
            class.tp_methods = Box::leak(Box::new([
                ffi::PyMethodDef {
                    ml_name: c"__reduce__".as_ptr(),
                    ml_meth: ffi::PyMethodDefPointer { PyCFunction: reduce },
                    ml_flags: ffi::METH_NOARGS,
                    ml_doc: std::ptr::null(),
                },
                ffi::PyMethodDef::zeroed(),
            ]))
            .as_mut_ptr();
            #[cfg(py_sys_config = "Py_DEBUG")]
            {
                class.tp_members = super::debug_builds::members();
            }
            let class = Box::into_raw(Box::new(class));
            // SAFETY: the class lives for ever. What it leaves out it inherits; it adds
            // nothing to the layout.
            // What the flags promise it would inherit as well, but debug builds of the
            // interpreter want it there before.
            // The documentation is a function's, not the class's, which gets an empty one.
            unsafe {
                (*class).tp_descr_get = ffi::PyFunction_Type.tp_descr_get;
                (*class).tp_call = ffi::PyFunction_Type.tp_call;
                (*class).tp_vectorcall_offset = ffi::PyFunction_Type.tp_vectorcall_offset;
                if ffi::PyType_Ready(class) < 0
                    || ffi::PyDict_DelItemString((*class).tp_dict, c"__doc__".as_ptr()) < 0
                {
                    return Err(PyErr::fetch(py));
                }
                ffi::PyType_Modified(class);
            }
            Ok(Class(class))
        })
        .map(|class| class.0)
}

unsafe extern "C" fn class_of_functions(
    _function: *mut ffi::PyObject,
    _closure: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter's class lives for ever.
    unsafe { ffi::Py_NewRef((&raw mut ffi::PyFunction_Type).cast()) }
}

/// `__reduce__`, for `pickle` and `copy`: the function is found again by its name.
unsafe extern "C" fn reduce(
    function: *mut ffi::PyObject,
    _nothing: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with the GIL held and a function that is alive.
    unsafe {
        crate::ffi::entry::enter(c"__reduce__", crate::ffi::entry::Attach::Registered, |py| {
            let function = Bound::from_borrowed_ptr(py, function);
            stdlib::reduce_function(py)?.call1((function,)).map(Bound::unbind)
        })
    }
}

/// Calls the native function behind one of these.
///
/// # Safety
///
/// As the interpreter calls what it calls by vector: with the GIL held, and with `count`
/// positional arguments and behind them one for each of `names`.
#[inline(always)]
pub unsafe fn call_native(
    native: &OnceLock<Native>,
    function: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let Some(native) = native.get() else {
        return null_mut(); // There is no function before it is set.
    };
    // SAFETY: the caller's promise; the type of the receiver is checked before it is used.
    unsafe {
        let positional = ffi::PyVectorcall_NARGS(count);
        if native.class.is_null() {
            if let Call::Fast(call) = native.call {
                return call(null_mut(), arguments, positional, names);
            }
        } else if positional > 0 && is_instance(*arguments, native.class) {
            match native.call {
                Call::Fast(call) => {
                    return call(*arguments, arguments.add(1), positional - 1, names);
                }
                Call::Plain(call) if positional == 1 && names.is_null() => {
                    return call(*arguments, null_mut());
                }
                _ => {}
            }
        }
        call_otherwise(native, function, arguments, count, names)
    }
}

/// The same for a bound method of ours.
///
/// # Safety
///
/// The same, and `method` is a [`BoundMethod`](super::bound::BoundMethod) of an instance of
/// the function's class.
#[cfg(not(Py_3_14))]
#[inline(always)]
pub unsafe fn call_bound(
    native: &OnceLock<Native>,
    method: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let Some(native) = native.get() else {
        return null_mut(); // There is no method before it is set.
    };
    // SAFETY: the caller's promise.
    unsafe {
        let Some(receiver) = super::bound::receiver_of(method) else {
            return null_mut();
        };
        let positional = ffi::PyVectorcall_NARGS(count);
        match native.call {
            Call::Fast(call) => call(receiver, arguments, positional, names),
            Call::Plain(call) if positional == 0 && names.is_null() => call(receiver, null_mut()),
            _ => refuse_arguments(method, positional + 1, names),
        }
    }
}

/// Whether `object` is an instance of `class`.
///
/// # Safety
///
/// The GIL is held, and both are alive.
#[inline(always)]
unsafe fn is_instance(object: *mut ffi::PyObject, class: *mut ffi::PyTypeObject) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let its = ffi::Py_TYPE(object);
        std::ptr::eq(its, class) || ffi::PyType_IsSubtype(its, class) != 0
    }
}

/// Calls the interpreter's own descriptor, or raises the error for wrong arguments.
#[cold]
unsafe fn call_otherwise(
    native: &Native,
    function: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        let positional = ffi::PyVectorcall_NARGS(count);
        if let Call::Plain(_) = native.call
            && positional > 0
            && is_instance(*arguments, native.class)
        {
            return refuse_arguments(function, positional, names);
        }
        if positional == 0 && !native.class.is_null() {
            return refuse_absence(function);
        }
        ffi::PyObject_Vectorcall(native.original.as_ptr(), arguments, count, names)
    }
}

/// Raises the error for a call without a receiver.
#[cold]
unsafe fn refuse_absence(function: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the GIL is held, and the reference is alive.
    unsafe {
        crate::ffi::entry::enter(c"__call__", crate::ffi::entry::Attach::Registered, |py| {
            let function = Bound::from_borrowed_ptr(py, function);
            let name = function.getattr(crate::intern!(py, "__qualname__"))?.str()?;
            Err::<Py<PyAny>, _>(missing_arguments(name.to_str()?, &["'self'".to_owned()]))
        })
    }
}

/// Raises the error for a call with arguments of a method that takes none, in the
/// interpreter's text for an `async def`.
#[cold]
unsafe fn refuse_arguments(
    function: *mut ffi::PyObject,
    positional: isize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the GIL is held, and the references are alive.
    unsafe {
        crate::ffi::entry::enter(c"__call__", crate::ffi::entry::Attach::Registered, |py| {
            let function = Bound::from_borrowed_ptr(py, function);
            let function = function.getattr(crate::intern!(py, "__qualname__"))?.str()?;
            let function = function.to_str()?;
            let names = Bound::from_borrowed_ptr_or_opt(py, names);
            Err::<Py<PyAny>, _>(
                match names.map(|names| names.cast_into::<PyTuple>()).transpose()? {
                    Some(names) if !names.is_empty() => unexpected_keyword(
                        function,
                        names.get_item(0)?.cast_into::<PyString>()?.to_str()?,
                    ),
                    _ => too_many_arguments(function, "1", positional.unsigned_abs()),
                },
            )
        })
    }
}
