//! New objects of the interpreter's own types, or `MemoryError`.
//!
//! PyO3's constructors of these panic where memory is out; they are forbidden outside this
//! file (`clippy.toml`). Make the object before anything is changed that its failure would
//! have to undo.

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// What the interpreter has made, or the error that it has raised.
///
/// # Safety
///
/// `object` is a new reference to an object of type `T`, or null with an exception set.
#[inline(always)]
unsafe fn made<T>(py: Python<'_>, object: *mut ffi::PyObject) -> PyResult<Bound<'_, T>> {
    // SAFETY: the caller's promise.
    unsafe { Bound::from_owned_ptr_or_err(py, object).map(|it| it.cast_into_unchecked()) }
}

/// `bytes`.
///
/// # Errors
///
/// `MemoryError`.
#[inline]
pub fn bytes<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    // A slice is never longer than `isize::MAX`.
    let length = data.len() as ffi::Py_ssize_t;
    // SAFETY: the thread is attached, and that many bytes are there.
    unsafe { made(py, ffi::PyBytes_FromStringAndSize(data.as_ptr().cast(), length)) }
}

/// A new object of bytes that nobody else has seen, to be filled in.
///
/// It is made while the bytes still lie in a place that allocating must not be done in.
pub struct Blank<'py, T> {
    object: Bound<'py, T>,
    start: *mut u8,
    length: usize,
}

impl<'py, T> Blank<'py, T> {
    /// How many bytes are missing.
    pub fn len(&self) -> usize {
        self.length
    }

    /// The object with `data` in it. If that is not as long, the blank is handed back.
    /// Runs no Python code.
    #[inline]
    pub fn filled(self, data: &[u8]) -> Result<Bound<'py, T>, Self> {
        if data.len() != self.length {
            return Err(self);
        }
        // SAFETY: the object has `length` bytes from `start` on, and nobody else has seen it.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), self.start, self.length) };
        Ok(self.object)
    }
}

/// `bytes` of this length, to be filled in.
///
/// # Errors
///
/// `MemoryError`.
#[inline]
pub fn blank_bytes(py: Python<'_>, length: usize) -> PyResult<Blank<'_, PyBytes>> {
    let size = signed(length)?;
    // SAFETY: the thread is attached; the bytes are not read before they are filled in.
    unsafe {
        let object = made::<PyBytes>(py, ffi::PyBytes_FromStringAndSize(std::ptr::null(), size))?;
        let start = ffi::PyBytes_AsString(object.as_ptr()).cast();
        Ok(Blank { object, start, length })
    }
}

/// `bytearray` of this length, to be filled in.
///
/// # Errors
///
/// `MemoryError`.
pub fn blank_bytearray(py: Python<'_>, length: usize) -> PyResult<Blank<'_, PyByteArray>> {
    let size = signed(length)?;
    // SAFETY: as in `blank_bytes`.
    unsafe {
        let object = ffi::PyByteArray_FromStringAndSize(std::ptr::null(), size);
        let object = made::<PyByteArray>(py, object)?;
        let start = ffi::PyByteArray_AsString(object.as_ptr()).cast();
        Ok(Blank { object, start, length })
    }
}

/// A length in the interpreter's terms.
#[inline]
fn signed(length: usize) -> PyResult<ffi::Py_ssize_t> {
    length.try_into().map_err(|_| out_of_memory())
}

/// What is raised when there is no room for something of ours.
#[cold]
pub fn out_of_memory() -> PyErr {
    PyMemoryError::new_err(())
}

/// `str`.
///
/// # Errors
///
/// `MemoryError`.
#[inline]
pub fn string<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyString>> {
    let length = text.len() as ffi::Py_ssize_t;
    // SAFETY: the thread is attached, and that many bytes of UTF-8 are there.
    unsafe { made(py, ffi::PyUnicode_FromStringAndSize(text.as_ptr().cast(), length)) }
}

/// `dict`, empty.
///
/// # Errors
///
/// `MemoryError`.
#[inline]
pub fn dict(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    // SAFETY: the thread is attached.
    unsafe { made(py, ffi::PyDict_New()) }
}

/// `float`.
///
/// # Errors
///
/// `MemoryError`.
#[inline]
pub fn float(py: Python<'_>, value: f64) -> PyResult<Bound<'_, PyFloat>> {
    // SAFETY: the thread is attached.
    unsafe { made(py, ffi::PyFloat_FromDouble(value)) }
}

/// `int`.
///
/// # Errors
///
/// `MemoryError`.
#[inline]
pub fn int(py: Python<'_>, value: i64) -> PyResult<Bound<'_, PyInt>> {
    // SAFETY: the thread is attached.
    unsafe { made(py, ffi::PyLong_FromLongLong(value)) }
}

/// `list` of these.
///
/// # Errors
///
/// `MemoryError`.
pub fn list<'py, T>(
    py: Python<'py>,
    items: impl IntoIterator<Item = Bound<'py, T>, IntoIter: ExactSizeIterator>,
) -> PyResult<Bound<'py, PyList>> {
    let mut items = items.into_iter();
    let length = items.len() as ffi::Py_ssize_t;
    // SAFETY: the thread is attached; each place is filled once, with a reference of its
    // own, before anybody else sees the list. Places that an iterator shorter than it said
    // leaves empty are taken off again.
    unsafe {
        let list = made::<PyList>(py, ffi::PyList_New(length))?;
        let mut filled = 0;
        for item in items.by_ref().take(length as usize) {
            ffi::PyList_SET_ITEM(list.as_ptr(), filled, item.into_ptr());
            filled += 1;
        }
        if filled < length {
            list.del_slice(filled as usize, length as usize)?;
        }
        Ok(list)
    }
}

/// `list` of what an iterable gives.
///
/// # Errors
///
/// `MemoryError`, and what the iterable raises.
pub fn list_from<'py>(items: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    // SAFETY: the thread is attached and the reference alive.
    unsafe { made(items.py(), ffi::PySequence_List(items.as_ptr())) }
}

/// `tuple` of these.
///
/// # Errors
///
/// `MemoryError`.
#[inline]
pub fn tuple<'py, T, const N: usize>(
    py: Python<'py>,
    items: [Bound<'py, T>; N],
) -> PyResult<Bound<'py, PyTuple>> {
    // SAFETY: the thread is attached; each place is filled once, with a reference of its own,
    // before anybody else sees the tuple.
    unsafe {
        let tuple = made::<PyTuple>(py, ffi::PyTuple_New(N as ffi::Py_ssize_t))?;
        for (place, item) in items.into_iter().enumerate() {
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), place as ffi::Py_ssize_t, item.into_ptr());
        }
        Ok(tuple)
    }
}

/// `tuple` of as many as there are.
///
/// # Errors
///
/// `MemoryError`.
pub fn tuple_of<'py, T>(
    py: Python<'py>,
    items: Vec<Bound<'py, T>>,
) -> PyResult<Bound<'py, PyTuple>> {
    // SAFETY: as in `tuple`.
    unsafe {
        let tuple = made::<PyTuple>(py, ffi::PyTuple_New(items.len() as ffi::Py_ssize_t))?;
        for (place, item) in items.into_iter().enumerate() {
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), place as ffi::Py_ssize_t, item.into_ptr());
        }
        Ok(tuple)
    }
}
