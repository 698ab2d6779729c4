//! Objects whose methods are those of the class: they have no attribute of their own.

use pyo3::PyTypeInfo;
use pyo3::ffi;
use pyo3::prelude::*;

/// `object`, if it is exactly of this class and has no attribute of its own that could
/// override a method: then its methods may be called directly.
#[inline]
pub fn unadorned<'a, 'py, T: PyTypeInfo>(
    object: &'a Bound<'py, PyAny>,
) -> Option<&'a Bound<'py, T>> {
    let exact = object.cast_exact::<T>().ok()?;
    (!has_attributes(object)).then_some(exact)
}

/// Whether the object, whose class has a place for them, has attributes of its own.
#[inline]
pub fn has_attributes(object: &Bound<'_, PyAny>) -> bool {
    let object = object.as_ptr();
    // SAFETY: the reference is alive, and the offset is where its class stores the
    // dictionary, null as long as there was no attribute.
    unsafe {
        let offset = (*ffi::Py_TYPE(object)).tp_dictoffset;
        offset <= 0 || !object.byte_offset(offset).cast::<*mut ffi::PyObject>().read().is_null()
    }
}
