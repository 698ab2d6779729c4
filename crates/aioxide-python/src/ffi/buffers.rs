//! The buffer protocol: memory of other objects, while a view is held.

use std::mem::MaybeUninit;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;

/// A contiguous view of an object's bytes, released when dropped.
///
/// The exporter may not move or free the memory while the view is held. It
/// may be changed by Python code; the slices handed out are therefore used for
/// one system call, or one copy, during which none runs.
pub struct BufferView {
    view: Box<ffi::Py_buffer>,
}

// SAFETY: the view is a pointer and counters that only the GIL's holder uses.
unsafe impl Send for BufferView {}

impl BufferView {
    /// A view to read from. `TypeError` if `object` has no bytes.
    pub fn readable(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::acquire(object, ffi::PyBUF_SIMPLE)
    }

    /// A view to receive into. `TypeError`, in the words of `recv_into`, if
    /// `object` cannot be written to.
    pub fn writable(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        match Self::acquire(object, ffi::PyBUF_WRITABLE) {
            Ok(view) => Ok(view),
            Err(_) => Err(PyTypeError::new_err(format!(
                "recv_into() argument 1 must be read-write bytes-like object, not {}",
                object.get_type().name()?
            ))),
        }
    }

    fn acquire(object: &Bound<'_, PyAny>, flags: std::ffi::c_int) -> PyResult<Self> {
        let mut view = Box::new(MaybeUninit::<ffi::Py_buffer>::uninit());
        // SAFETY: the thread is attached; on success the call fills the view,
        // which stays where it is, in its box, until it is released.
        unsafe {
            if ffi::PyObject_GetBuffer(object.as_ptr(), view.as_mut_ptr(), flags) != 0 {
                return Err(PyErr::fetch(object.py()));
            }
            Ok(Self { view: view.assume_init() })
        }
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.view.len as usize
    }

    /// The bytes, for as long as no Python code runs.
    pub fn bytes(&self) -> &[u8] {
        if self.view.len == 0 {
            return &[];
        }
        // SAFETY: the exporter guarantees `len` readable bytes at `buf`.
        unsafe { std::slice::from_raw_parts(self.view.buf.cast(), self.len()) }
    }

    /// The bytes, to be written, for as long as no Python code runs. Only for
    /// views made by [`BufferView::writable`].
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        if self.view.len == 0 || self.view.readonly != 0 {
            return &mut [];
        }
        // SAFETY: the exporter guarantees `len` writable bytes at `buf`.
        unsafe { std::slice::from_raw_parts_mut(self.view.buf.cast(), self.len()) }
    }
}

impl Drop for BufferView {
    fn drop(&mut self) {
        // SAFETY: filled by PyObject_GetBuffer and released once. Views live
        // in objects and calls of this module, which are dropped with the GIL
        // held.
        unsafe { ffi::PyBuffer_Release(&mut *self.view) }
    }
}
