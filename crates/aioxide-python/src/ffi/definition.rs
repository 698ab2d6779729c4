//! Functions of other extension modules.

use std::borrow::Cow;

use aioxide_abi as abi;
use pyo3::exceptions::{PySystemError, PyValueError};
use pyo3::prelude::*;

use crate::ffi::allocate::Made;
use crate::ffi::gil_cell::GilCell;
use crate::stdlib;

/// How many names are remembered.
const KNOWN: usize = 64;

/// Definitions that were looked at, by their addresses, and their names. The name of a function
/// is not read again for each of its coroutines.
static NAMES: [GilCell<Option<(&'static Definition, &'static str)>>; KNOWN] =
    [const { GilCell::new(None) }; KNOWN];

/// What an extension module tells of a function of its own. It lives as long as the process.
#[repr(transparent)]
pub struct Definition(abi::Definition);

impl Definition {
    /// The definition at this address, with its qualified name.
    ///
    /// # Errors
    ///
    /// `SystemError` for null pointers, `ValueError` for a name that is no name.
    ///
    /// # Safety
    ///
    /// The pointer is null, or leads to what the contract says.
    #[inline]
    pub unsafe fn of(
        py: Python<'_>,
        raw: *const abi::Definition,
    ) -> PyResult<(&'static str, &'static Self)> {
        let known = &NAMES[raw.addr() / align_of::<Self>() % KNOWN];
        if let Some((this, qualname)) = known.get(py)
            && std::ptr::eq(this, raw.cast())
        {
            return Ok((qualname, this));
        }
        // SAFETY: the caller's promise.
        let (qualname, this) = unsafe { Self::look_at(raw)? };
        known.fill(py, Some((this, qualname)));
        Ok((qualname, this))
    }

    /// # Safety
    ///
    /// As for `of`.
    #[cold]
    unsafe fn look_at(raw: *const abi::Definition) -> PyResult<(&'static str, &'static Self)> {
        // SAFETY: the caller's promise; the types have one layout.
        let Some(this) = (unsafe { raw.cast::<Self>().as_ref() }) else {
            return Err(PySystemError::new_err(crate::name!(
                "an extension module has given no definition"
            )));
        };
        let texts = [this.0.qualname, this.0.path, this.0.file];
        if texts.iter().any(|text| text.data.is_null() || isize::try_from(text.length).is_err()) {
            return Err(PySystemError::new_err(crate::name!(
                "an extension module has given a definition without text"
            )));
        }
        match std::str::from_utf8(Self::bytes(this.0.qualname)) {
            Ok(qualname) if !qualname.contains('\0') => Ok((qualname, this)),
            _ => Err(PyValueError::new_err(crate::name!(
                "the name of a coroutine is UTF-8 without zero bytes"
            ))),
        }
    }

    fn bytes(text: abi::Text) -> &'static [u8] {
        // SAFETY: `of` has seen that there is a pointer, and it is the contract that this much
        // text is there, for as long as the process lives.
        unsafe { std::slice::from_raw_parts(text.data, text.length) }
    }

    /// What Rust calls the function.
    pub fn path(&self) -> Cow<'static, str> {
        String::from_utf8_lossy(Self::bytes(self.0.path))
    }

    /// The file of its source.
    pub fn file(&self) -> Cow<'static, str> {
        String::from_utf8_lossy(Self::bytes(self.0.file))
    }

    /// The line in it.
    pub fn line(&self) -> u32 {
        self.0.line.min(i32::MAX as u32)
    }

    /// A code object that names the function.
    pub fn code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (path, file) = (self.path(), self.file());
        stdlib::native_code_at(py)?.call1((Made(&*path), Made(&*file), self.line()))
    }
}
