//! Objects whose methods are the class's: nobody has put an attribute on them.

use pyo3::PyTypeInfo;
use pyo3::ffi;
use pyo3::prelude::*;

/// `object`, if it is exactly of this class and has no attribute of its own that could
/// stand in for a method: then its methods may be called directly.
#[inline]
pub fn unadorned<'a, 'py, T: PyTypeInfo>(
    object: &'a Bound<'py, PyAny>,
) -> Option<&'a Bound<'py, T>> {
    let exact = object.cast_exact::<T>().ok()?;
    // SAFETY: the reference is alive; the offset is where the class keeps
    // its instances' `__dict__`, a pointer that is null until there is one.
    let adorned = unsafe {
        let offset = (*ffi::Py_TYPE(object.as_ptr())).tp_dictoffset;
        offset <= 0
            || !object.as_ptr().byte_offset(offset).cast::<*mut ffi::PyObject>().read().is_null()
    };
    (!adorned).then_some(exact)
}
