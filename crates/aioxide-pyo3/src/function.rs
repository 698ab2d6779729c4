//! The Rust function that a coroutine is of: what Python shows of it.

use std::ffi::CString;
use std::fmt;
use std::ptr::null_mut;

use aioxide_abi::{Definition, Text};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The Rust function that a coroutine is of, as Python shows it: in the coroutine's name, in call
/// graphs, and in tracebacks. [`function!`](crate::function!) makes one.
pub struct Function {
    definition: Definition,
    qualname: &'static str,
    path: &'static str,
    file: &'static str,
    code: PyOnceLock<Py<PyAny>>,
}

const fn text(text: &'static str) -> Text {
    Text { data: text.as_ptr(), length: text.len() }
}

impl Function {
    /// What [`function!`](crate::function!) makes.
    ///
    /// # Arguments
    ///
    /// - `qualname`: what Python calls it, as in `Client.get`.
    /// - `path`: what Rust calls it, as in `client::Client::get`.
    /// - `file`, `line`: where its source begins, as [`file!`] and [`line!`] say.
    pub const fn new(
        qualname: &'static str,
        path: &'static str,
        file: &'static str,
        line: u32,
    ) -> Self {
        let definition =
            Definition { qualname: text(qualname), path: text(path), file: text(file), line };
        Self { definition, qualname, path, file, code: PyOnceLock::new() }
    }

    /// What Python calls it.
    pub fn qualname(&self) -> &'static str {
        self.qualname
    }

    pub(crate) fn definition(&'static self) -> *const Definition {
        &self.definition
    }

    /// Its code object, which has a name, a file and a line, and does nothing.
    ///
    /// # Errors
    ///
    /// `MemoryError`.
    pub(crate) fn code<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        let code = self.code.get_or_try_init(py, || {
            let file = CString::new(self.file).unwrap_or_default();
            let path = CString::new(self.path).unwrap_or_default();
            let line = i32::try_from(self.definition.line).unwrap_or(1);
            // SAFETY: both texts end with 0 and outlive the call, which returns a new reference or
            // null with an exception.
            unsafe {
                let code = ffi::PyCode_NewEmpty(file.as_ptr(), path.as_ptr(), line);
                Bound::from_owned_ptr_or_err(py, code.cast()).map(Bound::unbind)
            }
        })?;
        Ok(code.bind(py))
    }

    /// A frame of that code: what stands for it in tracebacks.
    ///
    /// # Errors
    ///
    /// `MemoryError`.
    pub(crate) fn frame<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let code = self.code(py)?;
        let globals = pyo3::types::PyDict::new(py);
        // SAFETY: the thread is attached, and the references are alive; a new reference comes back,
        // or null with an exception.
        unsafe {
            let state = ffi::PyThreadState_Get();
            let code = code.as_ptr().cast();
            let frame = ffi::PyFrame_New(state, code, globals.as_ptr(), null_mut());
            Bound::from_owned_ptr_or_err(py, frame.cast())
        }
    }

    /// Raises `error` with an entry for this function in its traceback.
    pub(crate) fn raise(&self, py: Python<'_>, error: PyErr) {
        // Made first: an exception that is set already would be lost to one of these calls.
        let frame = self.frame(py);
        error.restore(py);
        if let Ok(frame) = frame {
            // SAFETY: the thread is attached, an exception is set, and the frame is one.
            unsafe { ffi::PyTraceBack_Here(frame.as_ptr().cast()) };
        }
    }
}

/// The [`Function`] for a coroutine that is made by [`coroutine`](crate::coroutine): its name for
/// Python, and the place of this macro in the source.
///
/// ```
/// let get = aioxide_pyo3::function!("Client.get");
/// assert_eq!(get.qualname(), "Client.get");
/// ```
#[macro_export]
macro_rules! function {
    ($qualname:expr) => {{
        static FUNCTION: $crate::Function = $crate::Function::new(
            $qualname,
            ::core::concat!(::core::module_path!(), "::", $qualname),
            ::core::file!(),
            ::core::line!(),
        );
        &FUNCTION
    }};
}

impl fmt::Debug for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Function")
            .field("path", &self.path)
            .field("file", &self.file)
            .field("line", &self.definition.line)
            .finish_non_exhaustive()
    }
}
