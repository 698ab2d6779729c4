//! The functions' attributes in debug builds of the interpreter.
//!
//! There the descriptors of the interpreter's class assert that a function is of exactly
//! that class, which those of the class derived from it are not.

use std::ffi::{CStr, c_int};
use std::mem::offset_of;

use pyo3::ffi;

/// The attributes in question, for the derived class: read-only, where a release build
/// checks what is assigned.
#[expect(deprecated, reason = "no other kind of member is None where there is nothing")]
pub fn members() -> *mut ffi::PyMemberDef {
    use ffi::{_Py_T_OBJECT as T_OBJECT, Py_T_OBJECT_EX as T_OBJECT_EX};
    let members = [
        member(c"__code__", T_OBJECT_EX, offset_of!(ffi::PyFunctionObject, func_code)),
        member(c"__name__", T_OBJECT_EX, offset_of!(ffi::PyFunctionObject, func_name)),
        member(c"__qualname__", T_OBJECT_EX, offset_of!(ffi::PyFunctionObject, func_qualname)),
        member(c"__defaults__", T_OBJECT, offset_of!(ffi::PyFunctionObject, func_defaults)),
        member(c"__kwdefaults__", T_OBJECT, offset_of!(ffi::PyFunctionObject, func_kwdefaults)),
        ffi::PyMemberDef::default(),
    ];
    Box::leak(Box::new(members)).as_mut_ptr()
}

fn member(name: &'static CStr, type_code: c_int, offset: usize) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code,
        offset: offset as ffi::Py_ssize_t,
        flags: ffi::Py_READONLY,
        doc: std::ptr::null(),
    }
}
