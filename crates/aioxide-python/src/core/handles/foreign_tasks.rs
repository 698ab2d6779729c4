//! Callbacks that may be steps of the standard library's tasks.

use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use pyo3::{PyTypeInfo, ffi};

use crate::core::futures::Future;
use crate::stdlib;

// Bound methods, which PyO3's bindings of the C API leave out.
unsafe extern "C" {
    static mut PyMethod_Type: ffi::PyTypeObject;
    fn PyMethod_Self(method: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

/// Whether `callback` may be a step of a stdlib task: true for everything but a plain
/// function, a method of an object that is not a task, or a method of a native future.
/// Checks only types.
pub fn may_step_foreign_task(callback: &Bound<'_, PyAny>) -> bool {
    let py = callback.py();
    // SAFETY: the reference is alive; a bound method holds its receiver.
    unsafe {
        if ffi::PyFunction_Check(callback.as_ptr()) != 0 {
            return false;
        }
        let receiver = if ffi::Py_IS_TYPE(callback.as_ptr(), &raw mut PyMethod_Type) != 0 {
            PyMethod_Self(callback.as_ptr())
        } else if ffi::PyCFunction_CheckExact(callback.as_ptr()) != 0 {
            let receiver = ffi::PyCFunction_GetSelf(callback.as_ptr());
            if receiver.is_null() {
                return true;
            }
            return ffi::Py_TYPE(receiver) != Future::type_object_raw(py);
        } else {
            return true;
        };
        let Ok(task) = stdlib::python_task_type(py) else {
            return true;
        };
        ffi::PyType_IsSubtype(ffi::Py_TYPE(receiver), task.as_type_ptr()) != 0
    }
}

/// The task of asyncio's own class whose step `callback` is.
#[cold]
pub fn stepped_task<'py>(callback: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    if !may_step_foreign_task(callback) {
        return None;
    }
    let py = callback.py();
    let is_step = if callback.is_exact_instance_of::<PyCFunction>() {
        // The method of another task may be a callback as well: `task.cancel`.
        let name = callback.getattr(crate::intern!(py, "__name__")).ok()?;
        name.eq(crate::intern!(py, "task_wakeup")).ok()?
    } else {
        callback.get_type().name().ok()? == "TaskStepMethWrapper"
    };
    if !is_step {
        return None;
    }
    let task = callback.getattr(crate::intern!(py, "__self__")).ok()?;
    // Not by its `__class__`, which our own tasks have from asyncio's.
    let standard = stdlib::standard_task_type(py).ok()?;
    task.get_type().is_subclass(standard).ok()?.then_some(task)
}
