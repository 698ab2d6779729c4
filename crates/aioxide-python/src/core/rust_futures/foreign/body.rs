//! A future of another extension module.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::task::Poll;

use aioxide_abi as abi;
use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::{Borrowed, PyTraverseError};

use super::super::turn;

/// The table of the first version: its size, and four functions.
type First = [usize; 5];

const _: () = assert!(size_of::<abi::BodyTable>() == size_of::<First>());

/// A body that its extension has given away, dropped with it: in a turn, as its contract says.
pub struct ForeignBody {
    data: *mut c_void,
    /// Perhaps a shorter one than `BodyTable` of later versions: an entry that the first version
    /// has not is looked for before it is used.
    table: *const abi::BodyTable,
}

impl ForeignBody {
    /// Takes a body.
    ///
    /// # Errors
    ///
    /// `SystemError` for a table that is not one of the first version or a later one. The body is
    /// dropped if the table tells how; else it is leaked.
    ///
    /// # Safety
    ///
    /// The pointer to the table is null, or leads to as many bytes as are written there.
    pub unsafe fn take(py: Python<'_>, body: abi::Body) -> PyResult<Self> {
        let words = body.table.cast::<usize>();
        // SAFETY: the caller's promise; each word is read only if it is there.
        let (size, is_function) = unsafe {
            let size = if words.is_null() { 0 } else { words.read() };
            let has = |index| size >= (index + 1) * size_of::<usize>();
            (size, [1, 2, 3, 4].map(|index| has(index) && words.add(index).read() != 0))
        };
        if is_function == [true; 4] {
            return Ok(Self { data: body.data, table: body.table });
        }
        if is_function[2] {
            // SAFETY: it is there, and nothing else has the body.
            turn::run_without_loop(py, || unsafe { ((*body.table).drop)(body.data) });
        }
        Err(Self::refused(size))
    }

    #[cold]
    fn refused(size: usize) -> PyErr {
        PySystemError::new_err(if size < size_of::<First>() {
            format!("the table of an extension's future has {size} bytes, too few for any version")
        } else {
            "the table of an extension's future lacks a function".to_owned()
        })
    }

    /// Polls it, in a turn of its loop.
    pub fn poll(&mut self, py: Python<'_>, word: usize) -> Poll<PyResult<Py<PyAny>>> {
        let mut result = null_mut();
        // SAFETY: `take` has seen that the function is there; a turn has the GIL. The contract is
        // that it does not unwind.
        let answer = unsafe { ((*self.table).poll)(self.data, word, &raw mut result) };
        match answered(py, answer, result) {
            Ok(Answer::Ended(result)) => Poll::Ready(Ok(result)),
            Ok(Answer::Waits(_)) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Polls it where no loop of aioxide runs.
    pub fn poll_elsewhere(&mut self, py: Python<'_>) -> PyResult<Answer> {
        let mut result = null_mut();
        // SAFETY: as above.
        let answer = unsafe { ((*self.table).poll_elsewhere)(self.data, &raw mut result) };
        answered(py, answer, result)
    }

    /// Shows the collector what it refers to itself.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let mut visiting = Visiting { visit, outcome: Ok(()) };
        let argument = (&raw mut visiting).cast();
        // SAFETY: `take` has seen that the function is there; a collection has the GIL. What it
        // is given is used by `visit_one` only, before it returns.
        unsafe { ((*self.table).traverse)(self.data, visit_one, argument) };
        visiting.outcome
    }
}

impl Drop for ForeignBody {
    fn drop(&mut self) {
        // SAFETY: as in `poll`; nothing is called with the data after that.
        unsafe { ((*self.table).drop)(self.data) };
    }
}

/// What a poll has answered.
pub enum Answer {
    /// It waits; on another loop for this object, or for the next iteration.
    Waits(Option<Py<PyAny>>),
    /// It has ended, with this result.
    Ended(Py<PyAny>),
}

/// The interpreter's rules for what a function returns and leaves behind. Owns the result.
fn answered(py: Python<'_>, answer: abi::Answer, result: abi::Object) -> PyResult<Answer> {
    // SAFETY: it is the contract that this is null or a new reference.
    let result = unsafe { Bound::from_owned_ptr_or_opt(py, result.cast()) }.map(Bound::unbind);
    if answer == abi::RAISED {
        return Err(crate::ffi::errors::fetched(py));
    }
    // SAFETY: the thread is attached.
    let is_clean = unsafe { ffi::PyErr_Occurred() }.is_null();
    match (answer, result) {
        (abi::PENDING, result) if is_clean => Ok(Answer::Waits(result)),
        (abi::READY, Some(result)) if is_clean => Ok(Answer::Ended(result)),
        _ => Err(misbehaved(py, answer)),
    }
}

#[cold]
fn misbehaved(py: Python<'_>, answer: abi::Answer) -> PyErr {
    let left = PyErr::take(py);
    let error = PySystemError::new_err(match answer {
        _ if left.is_some() => "an extension's future has answered with an exception set".into(),
        abi::READY => "an extension's future is ready without a result".into(),
        _ => format!("an extension's future has answered {answer}"),
    });
    error.set_cause(py, left);
    error
}

/// A collection that goes through an extension.
struct Visiting<'a, 'b> {
    visit: &'a PyVisit<'b>,
    outcome: Result<(), PyTraverseError>,
}

/// What the extension calls for each object. Not 0 ends the traversal.
unsafe extern "C" fn visit_one(object: abi::Object, argument: *mut c_void) -> c_int {
    // SAFETY: `traverse` has given the argument, and waits. The object is one of Python's,
    // borrowed, or null.
    let (visiting, object) = unsafe {
        let py = Python::assume_attached();
        let object = Borrowed::<PyAny>::from_ptr_or_opt(py, object.cast());
        (&mut *argument.cast::<Visiting<'_, '_>>(), object)
    };
    if let Some(object) = object
        && visiting.outcome.is_ok()
    {
        visiting.outcome = visiting.visit.call(object.as_unbound());
    }
    c_int::from(visiting.outcome.is_err())
}
