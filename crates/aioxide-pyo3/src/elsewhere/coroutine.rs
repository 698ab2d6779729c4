//! The coroutine for processes without aioxide.

use std::ffi::{c_int, c_void};
use std::mem::ManuallyDrop;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aioxide_abi::{Body, Object, PENDING, READY};
use pyo3::exceptions::{
    PyRuntimeError, PyRuntimeWarning, PyStopIteration, PyTypeError, PyValueError,
};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::function::Function;
use crate::leaf::fetched;

/// A coroutine of a Rust function, with the attributes and methods of the interpreter's.
#[pyclass(frozen, weakref, name = "coroutine", module = "aioxide_pyo3")]
pub(crate) struct Coroutine {
    function: &'static Function,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// Absent while it is polled, and once it has ended.
    body: Option<OwnedBody>,
    /// What it waits for.
    awaited: Option<Py<PyAny>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Created,
    Running,
    Suspended,
    Over,
}

/// Dropped once, with the GIL held.
struct OwnedBody(Body);

// SAFETY: it is polled and dropped by whoever has taken it out of the mutex, and visited under it.
// Its functions refuse other threads by themselves.
unsafe impl Send for OwnedBody {}

impl Drop for OwnedBody {
    fn drop(&mut self) {
        // At the very end of a process there is no thread state: it is leaked then.
        Python::try_attach(|_| {
            // SAFETY: it was not dropped yet, and the GIL is held.
            unsafe { ((*self.0.table).drop)(self.0.data) }
        });
    }
}

enum Step<'py> {
    Yielded(Bound<'py, PyAny>),
    Returned(Bound<'py, PyAny>),
}

impl Coroutine {
    /// A coroutine that has not begun.
    pub(crate) fn make<'py>(
        py: Python<'py>,
        function: &'static Function,
        body: Body,
    ) -> PyResult<Bound<'py, Self>> {
        let body = Some(OwnedBody(body));
        let state = State { phase: Phase::Created, body, awaited: None };
        Bound::new(py, Self { function, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the body out for a step, and says in what phase it was.
    fn begin(&self) -> PyResult<(Phase, Option<OwnedBody>)> {
        let mut state = self.lock();
        let phase = state.phase;
        match phase {
            Phase::Running => Err(PyValueError::new_err("coroutine already executing")),
            Phase::Over => Err(PyRuntimeError::new_err("cannot reuse already awaited coroutine")),
            Phase::Created | Phase::Suspended => {
                state.phase = Phase::Running;
                let awaited = state.awaited.take();
                let body = state.body.take();
                drop(state);
                drop(awaited);
                Ok((phase, body))
            }
        }
    }

    fn end(&self, body: Option<OwnedBody>) {
        self.lock().phase = Phase::Over;
        drop(body); // It may run Python code.
    }

    fn step<'py>(&self, py: Python<'py>) -> PyResult<Step<'py>> {
        let (_, body) = self.begin()?;
        let Some(body) = body else {
            self.end(None);
            return Err(PyRuntimeError::new_err("the coroutine has lost its body"));
        };
        let mut result: Object = null_mut();
        // SAFETY: the body is alive and out of the reach of others, and the GIL is held.
        let answer = unsafe { ((*body.0.table).poll_elsewhere)(body.0.data, &mut result) };
        // SAFETY: it has put a new reference there, or null.
        let result = unsafe { Bound::from_owned_ptr_or_opt(py, result.cast()) };
        match answer {
            PENDING => {
                let waits = match &result {
                    // As `await future` does it.
                    Some(future) => {
                        future.setattr(pyo3::intern!(py, "_asyncio_future_blocking"), true)
                    }
                    None => Ok(()),
                };
                if let Err(error) = waits {
                    self.end(Some(body));
                    return Err(error);
                }
                let mut state = self.lock();
                state.phase = Phase::Suspended;
                state.body = Some(body);
                state.awaited = result.clone().map(Bound::unbind);
                drop(state);
                Ok(Step::Yielded(result.unwrap_or_else(|| py.None().into_bound(py))))
            }
            READY => {
                self.end(Some(body));
                Ok(Step::Returned(result.unwrap_or_else(|| py.None().into_bound(py))))
            }
            _ => {
                let error = fetched(py);
                self.end(Some(body));
                Err(stop_is_an_error(py, error))
            }
        }
    }

    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.step(py)? {
            Step::Yielded(value) => Ok(value),
            Step::Returned(value) => Err(PyStopIteration::new_err((value.unbind(),))),
        }
    }
}

/// A `StopIteration` that the body raises would be taken for its result.
fn stop_is_an_error(py: Python<'_>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyStopIteration>(py) {
        return error;
    }
    let wrapped = PyRuntimeError::new_err("coroutine raised StopIteration");
    wrapped.set_cause(py, Some(error));
    wrapped
}

/// The exception that `throw` is given, by one of its signatures.
fn thrown(
    kind: &Bound<'_, PyAny>,
    value: Option<&Bound<'_, PyAny>>,
    traceback: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyErr> {
    let py = kind.py();
    let exception = match kind.cast::<PyType>() {
        Ok(class) if class.is_subclass_of::<pyo3::exceptions::PyBaseException>()? => {
            match value.filter(|value| !value.is_none()) {
                None => class.call0()?,
                Some(value) if value.is_instance(class)? => value.clone(),
                Some(value) => class.call1((value,))?,
            }
        }
        _ if kind.is_instance_of::<pyo3::exceptions::PyBaseException>() => kind.clone(),
        _ => {
            let text = "exceptions must be classes or instances deriving from BaseException";
            return Err(PyTypeError::new_err(text));
        }
    };
    if let Some(traceback) = traceback.filter(|it| !it.is_none()) {
        exception.call_method1(pyo3::intern!(py, "with_traceback"), (traceback,))?;
    }
    Ok(PyErr::from_value(exception))
}

#[pymethods]
impl Coroutine {
    #[getter]
    fn __name__(&self) -> &'static str {
        let qualname = self.function.qualname();
        qualname.rsplit('.').next().unwrap_or(qualname)
    }

    #[getter]
    fn __qualname__(&self) -> &'static str {
        self.function.qualname()
    }

    #[getter]
    fn cr_code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function.code(py).cloned()
    }

    /// A frame that stands for it, where it waits; None once it has ended.
    #[getter]
    fn cr_frame<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let is_over = self.lock().phase == Phase::Over;
        (!is_over).then(|| self.function.frame(py)).transpose()
    }

    #[getter]
    fn cr_await(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.lock().awaited.as_ref().map(|awaited| awaited.clone_ref(py))
    }

    #[getter]
    fn cr_running(&self) -> bool {
        self.lock().phase == Phase::Running
    }

    #[getter]
    fn cr_suspended(&self) -> bool {
        self.lock().phase == Phase::Suspended
    }

    /// The state, by its name in `inspect`.
    #[cfg(Py_3_15)]
    #[getter]
    fn cr_state(&self) -> &'static str {
        match self.lock().phase {
            Phase::Created => "CORO_CREATED",
            Phase::Running => "CORO_RUNNING",
            Phase::Suspended => "CORO_SUSPENDED",
            Phase::Over => "CORO_CLOSED",
        }
    }

    #[getter]
    fn cr_origin(&self) -> Option<bool> {
        None
    }

    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.next(py)
    }

    #[pyo3(signature = (value, /))]
    fn send<'py>(&self, py: Python<'py>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if !value.is_none() && self.lock().phase == Phase::Created {
            let text = "can't send non-None value to a just-started coroutine";
            return Err(PyTypeError::new_err(text));
        }
        self.next(py)
    }

    #[pyo3(signature = (kind, value = None, traceback = None, /))]
    fn throw(
        &self,
        kind: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let error = thrown(kind, value, traceback)?;
        let (_, body) = self.begin()?;
        self.end(body);
        Err(stop_is_an_error(kind.py(), error))
    }

    fn close(&self, _py: Python<'_>) -> PyResult<()> {
        match self.begin() {
            Ok((_, body)) => {
                self.end(body);
                Ok(())
            }
            Err(_) if self.lock().phase == Phase::Over => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        format!(
            "<coroutine object {} at {:#x}>",
            slf.get().function.qualname(),
            slf.as_ptr() as usize
        )
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Nothing is visited while another thread steps it: the collector then keeps the objects.
        let Ok(state) = self.state.try_lock() else { return Ok(()) };
        visit.call(&state.awaited)?;
        let Some(body) = &state.body else { return Ok(()) };
        let mut relay = Relay { visit: &visit, stopped: Ok(()) };
        let argument = std::ptr::from_mut(&mut relay).cast::<c_void>();
        // SAFETY: the body is alive; `relay` outlives the call and is the argument of its function.
        unsafe { ((*body.0.table).traverse)(body.0.data, Relay::visit, argument) };
        relay.stopped
    }

    fn __clear__(&self) {
        let mut state = self.lock();
        let (awaited, body) = (state.awaited.take(), state.body.take());
        state.phase = Phase::Over;
        drop(state);
        drop((awaited, body));
    }
}

/// Hands a visit of a body on to PyO3.
struct Relay<'a, 'v> {
    visit: &'a PyVisit<'v>,
    stopped: Result<(), PyTraverseError>,
}

impl Relay<'_, '_> {
    /// # Safety
    ///
    /// `argument` is a `Relay`, and `object` alive.
    unsafe extern "C" fn visit(object: Object, argument: *mut c_void) -> c_int {
        // SAFETY: the caller's promise. The reference is only looked at, and not dropped.
        unsafe {
            let relay = &mut *argument.cast::<Self>();
            let py = Python::assume_attached(); // Only for the constructor, which counts nothing.
            let object = ManuallyDrop::new(Bound::from_owned_ptr(py, object.cast()));
            relay.stopped = relay.visit.call(object.as_unbound());
            c_int::from(relay.stopped.is_err())
        }
    }
}

impl Drop for Coroutine {
    fn drop(&mut self) {
        let was_begun = self.lock().phase != Phase::Created;
        if was_begun {
            return;
        }
        Python::try_attach(|py| {
            // What is being raised goes on being raised.
            let raised = PyErr::take(py);
            let text = format!("coroutine '{}' was never awaited\0", self.function.qualname());
            let text = std::ffi::CString::from_vec_with_nul(text.into_bytes()).unwrap_or_default();
            let class = py.get_type::<PyRuntimeWarning>();
            if let Err(error) = PyErr::warn(py, class.as_any(), &text, 1) {
                error.write_unraisable(py, None);
            }
            if let Some(raised) = raised {
                raised.restore(py);
            }
        });
    }
}
