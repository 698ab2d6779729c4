//! New objects of the interpreter's own types, or `MemoryError`.
//!
//! PyO3's constructors of these panic when memory runs out; they are forbidden outside this
//! file (`clippy.toml`). Make the object before anything is changed that its failure would
//! have to undo.

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// The new object of a known type that a function of the interpreter returns, or the error
/// that it has raised.
macro_rules! made {
    ($py:expr, $function:ident($($argument:expr),*)) => {
        // SAFETY: the thread is attached, as the token says, and the arguments are what the
        // function wants; it returns a new reference to an object of that type, or null with
        // an exception set.
        unsafe {
            Bound::from_owned_ptr_or_err($py, ffi::$function($($argument),*))
                .map(|it| it.cast_into_unchecked())
        }
    };
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
    made!(py, PyBytes_FromStringAndSize(data.as_ptr().cast(), length))
}

/// A new object of bytes without other references, to be filled in.
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

    /// The object, filled with `data`. If that has another length, the blank is returned.
    /// Runs no Python code.
    #[inline]
    pub fn filled(self, data: &[u8]) -> Result<Bound<'py, T>, Self> {
        if data.len() != self.length {
            return Err(self);
        }
        // SAFETY: the object has `length` bytes from `start` on, and no other reference.
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
    let object: Bound<'_, PyBytes> = made!(py, PyBytes_FromStringAndSize(std::ptr::null(), size))?;
    // SAFETY: the object is a bytes object; nothing is read before it is filled in.
    let start = unsafe { ffi::PyBytes_AsString(object.as_ptr()).cast() };
    Ok(Blank { object, start, length })
}

/// `bytearray` of this length, to be filled in.
///
/// # Errors
///
/// `MemoryError`.
pub fn blank_bytearray(py: Python<'_>, length: usize) -> PyResult<Blank<'_, PyByteArray>> {
    let size = signed(length)?;
    let object: Bound<'_, PyByteArray> =
        made!(py, PyByteArray_FromStringAndSize(std::ptr::null(), size))?;
    // SAFETY: as in `blank_bytes`.
    let start = unsafe { ffi::PyByteArray_AsString(object.as_ptr()).cast() };
    Ok(Blank { object, start, length })
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
    made!(py, PyUnicode_FromStringAndSize(text.as_ptr().cast(), length))
}

/// `dict`, empty.
///
/// # Errors
///
/// `MemoryError`.
#[inline]
pub fn dict(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    made!(py, PyDict_New())
}

/// `float`.
///
/// # Errors
///
/// `MemoryError`.
#[inline]
pub fn float(py: Python<'_>, value: f64) -> PyResult<Bound<'_, PyFloat>> {
    made!(py, PyFloat_FromDouble(value))
}

/// `int`.
///
/// # Errors
///
/// `MemoryError`.
#[inline]
pub fn int(py: Python<'_>, value: i64) -> PyResult<Bound<'_, PyInt>> {
    made!(py, PyLong_FromLongLong(value))
}

/// An interned `str`.
///
/// # Errors
///
/// `MemoryError`.
pub fn interned<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyString>> {
    let mut name = string(py, text)?.into_ptr();
    // SAFETY: the reference is handed over, and another one to an equal string comes back.
    unsafe {
        ffi::PyUnicode_InternInPlace(&raw mut name);
        Ok(Bound::from_owned_ptr(py, name).cast_into_unchecked())
    }
}

/// `list` of these.
///
/// # Errors
///
/// `MemoryError`.
pub fn list<'py, T>(
    py: Python<'py>,
    items: impl IntoIterator<Item = Bound<'py, T>>,
) -> PyResult<Bound<'py, PyList>> {
    let list: Bound<'py, PyList> = made!(py, PyList_New(0))?;
    items.into_iter().try_for_each(|item| list.append(item.into_any()))?;
    Ok(list)
}

/// `list` of the items of an iterable.
///
/// # Errors
///
/// `MemoryError`, and what the iterable raises.
pub fn list_from<'py>(items: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    made!(items.py(), PySequence_List(items.as_ptr()))
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
    filled_tuple(py, N, items.into_iter())
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
    filled_tuple(py, items.len(), items.into_iter())
}

/// The items of any iterable, as `tuple(iterable)` takes them.
///
/// PyO3 extracts a `Vec` by the length that the object claims to have, and ends the process
/// when memory has no room for so many.
///
/// # Errors
///
/// `TypeError`, `MemoryError`, and what the object's methods raise.
pub fn tuple_from<'py>(iterable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    // SAFETY: the reference is alive; the result is a new tuple or null with an exception set.
    unsafe {
        let tuple = ffi::PySequence_Tuple(iterable.as_ptr());
        Bound::from_owned_ptr_or_err(iterable.py(), tuple).map(|tuple| tuple.cast_into_unchecked())
    }
}

/// A tuple of `length` items, which are that many.
#[inline]
fn filled_tuple<'py, T>(
    py: Python<'py>,
    length: usize,
    items: impl Iterator<Item = Bound<'py, T>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let tuple: Bound<'py, PyTuple> = made!(py, PyTuple_New(signed(length)?))?;
    for (place, item) in items.take(length).enumerate() {
        // SAFETY: the place is one of the tuple's, which has no other reference, and takes the
        // reference.
        unsafe {
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), place as ffi::Py_ssize_t, item.into_ptr());
        }
    }
    Ok(tuple)
}

/// A number, text or a list on its way to Python, or `MemoryError`.
///
/// PyO3's own conversions of these panic where memory is out. So this is what functions that
/// Python calls return, and what is put among the arguments of a call.
pub struct Made<T>(pub T);

/// Conversions: the type in Rust, the one in Python, and how one becomes the other.
macro_rules! conversions {
    ($($rust:ty => $python:ty: |$py:ident, $value:ident| $make:expr;)*) => {
        $(
            impl<'py> IntoPyObject<'py> for Made<$rust> {
                type Target = $python;
                type Output = Bound<'py, $python>;
                type Error = PyErr;

                #[inline]
                fn into_pyobject(self, $py: Python<'py>) -> PyResult<Self::Output> {
                    let $value = self.0;
                    $make
                }
            }
        )*
    };
}

conversions! {
    &str => PyString: |py, text| string(py, text);
    String => PyString: |py, text| string(py, &text);
    f64 => PyFloat: |py, value| float(py, value);
    i32 => PyInt: |py, value| int(py, value.into());
    i64 => PyInt: |py, value| int(py, value);
    isize => PyInt: |py, value| made!(py, PyLong_FromSsize_t(value));
    u32 => PyInt: |py, value| int(py, value.into());
    u64 => PyInt: |py, value| made!(py, PyLong_FromUnsignedLongLong(value));
    usize => PyInt: |py, value| made!(py, PyLong_FromSize_t(value));
}

impl<'py, T> IntoPyObject<'py> for Made<Vec<Py<T>>> {
    type Target = PyList;
    type Output = Bound<'py, PyList>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        list(py, self.0.into_iter().map(|item| item.into_bound(py)))
    }
}

/// `str` with the name of a file, decoded as Python decodes such names.
///
/// # Errors
///
/// `MemoryError`.
pub fn path<'py>(py: Python<'py>, name: &[u8]) -> PyResult<Bound<'py, PyString>> {
    let length = signed(name.len())?;
    made!(py, PyUnicode_DecodeFSDefaultAndSize(name.as_ptr().cast(), length))
}
