//! `Future`: a result that is not there yet (`asyncio.futures`).

#[cfg(Py_3_14)]
mod awaited_by;
mod awaiting;
mod callbacks;
mod chaining;
mod object;
mod state;
mod stop_iteration;
mod waiter;

#[cfg(Py_3_14)]
pub use awaited_by::{
    AwaitedBy, future_add_to_awaited_by, future_discard_from_awaited_by, record_of,
};
pub use awaiting::{FutureIterator, install_await, sent, thrown};
pub use callbacks::{Callback, Callbacks, FutureCallback};
pub use chaining::{chain, wrap_future, wrapped};
pub use object::{Future, SetResult, report_unretrieved, without_stop_iteration};
pub use state::{BoundLoop, FutureState, LoopRef, Outcome};
pub use stop_iteration::{prepare_stop_iteration, stop_iteration};
pub use waiter::Waiter;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::event_loop::{LoopCore, Ready};
use crate::handles::{Arguments, Handle};
use crate::tasks::Task;
use crate::waiting::GatheringFuture;
use crate::{recycle, standard};

impl Future {
    /// A pending future of `core`, without the checks of the constructor.
    #[inline]
    pub fn on_loop(py: Python<'_>, core: &Bound<'_, LoopCore>) -> PyResult<Py<Future>> {
        let state = FutureState::pending(LoopRef::of_core(core));
        let future = match recycle::take::<Future>(py) {
            Some(future) => {
                future.get().state.fill(py, state);
                future.unbind()
            }
            None => Py::new(py, Future::new(state))?,
        };
        if core.get().debug(py) {
            future.get().remember_origin(py)?;
        }
        Ok(future)
    }

    /// A pending future of any loop, ours or not.
    #[inline]
    pub fn of_loop(event_loop: &Bound<'_, PyAny>) -> PyResult<Py<Future>> {
        let py = event_loop.py();
        match LoopCore::of(event_loop) {
            Some(core) => Self::on_loop(py, core),
            None => Py::new(py, Self::new(FutureState::pending(LoopRef::of(event_loop)))),
        }
    }

    /// Whether a result, an exception or a cancellation is there.
    #[inline]
    pub fn is_done(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| !state.is_pending())
    }

    /// Whether a result is there.
    #[inline]
    pub fn has_result(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| matches!(state.outcome, Outcome::Result(_)))
    }

    /// Whether it was cancelled.
    #[inline]
    pub fn is_cancelled(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| matches!(state.outcome, Outcome::Cancelled(_)))
    }

    /// Whether `object` is the loop this future belongs to.
    #[inline]
    pub fn belongs_to(&self, py: Python<'_>, object: *mut pyo3::ffi::PyObject) -> bool {
        self.state.with(py, |state| {
            state.event_loop.as_ref().is_some_and(|event_loop| event_loop.as_ptr() == object)
        })
    }

    /// The loop, or asyncio's error for an object whose `__init__` never ran.
    #[inline]
    pub fn event_loop<'py>(&self, py: Python<'py>) -> PyResult<BoundLoop<'py>> {
        self.state
            .with(py, |state| state.event_loop.as_ref().map(|it| it.bind(py)))
            .ok_or_else(uninitialized)
    }

    /// Raises that error.
    #[inline]
    pub fn require_event_loop(&self, py: Python<'_>) -> PyResult<()> {
        if self.state.with(py, |state| state.event_loop.is_some()) {
            Ok(())
        } else {
            Err(uninitialized())
        }
    }

    /// Keeps the stack of the Python code that makes this future, for debug
    /// mode's reports.
    pub fn remember_origin(&self, py: Python<'_>) -> PyResult<()> {
        let stack = standard::extract_stack(py)?.call0()?.unbind();
        self.state.with(py, |state| state.rare_mut().source_traceback.replace(stack));
        Ok(())
    }

    /// Keeps the stack of the Python code that schedules a step of this task,
    /// for debug mode's reports.
    pub fn remember_step(&self, py: Python<'_>) -> PyResult<()> {
        let stack = standard::extract_stack(py)?.call0()?.unbind();
        drop(self.state.with(py, |state| state.rare_mut().step_traceback.replace(stack)));
        Ok(())
    }

    /// The stack that [`Future::remember_step`] kept last.
    pub fn take_step(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.rare.as_mut()?.step_traceback.take())
    }

    /// Finishes with a result. `InvalidStateError` when it is done already.
    #[inline]
    pub fn finish(slf: &Bound<'_, Self>, result: Py<PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        this.require_pending(slf)?;
        let callbacks = this.state.with(py, |state| state.end(Outcome::Result(result)));
        Self::schedule(slf, callbacks)
    }

    /// Finishes with an exception object. `InvalidStateError` when done.
    pub fn fail(slf: &Bound<'_, Self>, exception: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        this.require_pending(slf)?;
        let traceback = exception.getattr(pyo3::intern!(py, "__traceback__"))?.unbind();
        let exception = exception.unbind();
        let callbacks = this.state.with(py, |state| {
            state.rare_mut().exception_traceback = Some(traceback);
            state.end(Outcome::Exception(exception))
        });
        Self::schedule(slf, callbacks)?;
        this.state.with(py, |state| state.log_traceback = true);
        Ok(())
    }

    /// Cancels; false when it was done already.
    pub fn cancel_with(slf: &Bound<'_, Self>, message: Option<Py<PyAny>>) -> PyResult<bool> {
        Self::cancel_by(slf, message, None)
    }

    /// Cancels by the `CancelledError` that ended a task, if any; false when it was done
    /// already.
    pub fn cancel_by(
        slf: &Bound<'_, Self>,
        message: Option<Py<PyAny>>,
        error: Option<Py<PyAny>>,
    ) -> PyResult<bool> {
        let py = slf.py();
        let ended = slf.get().state.with(py, |state| {
            state.log_traceback = false;
            state
                .is_pending()
                .then(|| (state.end(Outcome::Cancelled(error)), state.set_cancel_message(message)))
        });
        let Some((callbacks, replaced)) = ended else {
            return Ok(false);
        };
        drop(replaced);
        Self::schedule(slf, callbacks)?;
        Ok(true)
    }

    /// Registers `callback`, or schedules it at once when the future is done.
    #[inline]
    pub fn add_callback(slf: &Bound<'_, Self>, callback: Callback) -> PyResult<()> {
        let py = slf.py();
        let callback = slf.get().state.with(py, |state| {
            if let Outcome::Pending(callbacks) = &mut state.outcome {
                callbacks.push(callback);
                None
            } else {
                Some(callback)
            }
        });
        match callback {
            None => Ok(()),
            Some(callback) => {
                let event_loop = slf.get().event_loop(py)?;
                event_loop.admit()?;
                schedule_callback(slf, &event_loop, callback)
            }
        }
    }

    /// Takes back the registration of `party`, something native that waits.
    #[inline]
    pub fn forget(&self, party: &Bound<'_, PyAny>) {
        drop(self.state.with(party.py(), |state| match &mut state.outcome {
            Outcome::Pending(callbacks) => callbacks.take_waiter(party),
            _ => None,
        }));
    }

    /// The exception that `result()` would raise for a cancelled future. Uses
    /// up the saved `CancelledError`, as asyncio does.
    pub fn make_cancelled_error(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let (saved, message) = self.state.with(py, |state| {
            let saved = match &mut state.outcome {
                Outcome::Cancelled(saved) => saved.take(),
                _ => None,
            };
            let rare = state.rare.as_ref();
            let message = rare.and_then(|rare| rare.cancel_message.as_ref());
            (saved, message.map(|message| message.clone_ref(py)))
        });
        if let Some(saved) = saved {
            return Ok(saved);
        }
        let class = standard::cancelled_error(py)?;
        let error = match message {
            None => class.call0()?,
            Some(message) => class.call1((message,))?,
        };
        Ok(error.unbind())
    }

    /// The outcome as Python code sees it: the value, or the exception raised.
    #[inline]
    pub fn take_result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        enum Seen<'py> {
            Value(Bound<'py, PyAny>),
            Raise(Py<PyAny>, Option<Py<PyAny>>),
            Cancelled,
            Pending,
        }
        let seen = self.state.with(py, |state| match &state.outcome {
            Outcome::Result(value) => {
                state.log_traceback = false;
                Seen::Value(value.bind(py).clone())
            }
            Outcome::Exception(exception) => {
                state.log_traceback = false;
                let traceback = state
                    .rare
                    .as_ref()
                    .and_then(|rare| rare.exception_traceback.as_ref())
                    .map(|traceback| traceback.clone_ref(py));
                Seen::Raise(exception.clone_ref(py), traceback)
            }
            Outcome::Cancelled(_) => Seen::Cancelled,
            Outcome::Pending(_) => Seen::Pending,
        });
        match seen {
            Seen::Value(value) => Ok(value),
            Seen::Raise(exception, traceback) => {
                let exception = exception.into_bound(py);
                // Each raise starts from the traceback of the first one, so
                // that looking at a result many times does not make it grow.
                if let Some(traceback) = traceback {
                    exception.setattr(pyo3::intern!(py, "__traceback__"), traceback)?;
                }
                Err(PyErr::from_value(exception))
            }
            Seen::Cancelled => {
                Err(PyErr::from_value(self.make_cancelled_error(py)?.into_bound(py)))
            }
            Seen::Pending => Err(invalid_state(py, "Result is not set.")),
        }
    }

    /// `InvalidStateError` when the future is done.
    pub(crate) fn require_pending(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if !self.is_done(py) {
            return Ok(());
        }
        let name = self.state.with(py, |state| state.outcome.name());
        Err(invalid_state(py, &format!("{name}: {}", slf.repr()?)))
    }

    /// Hands every callback to the loop, in order of registration.
    #[inline]
    fn schedule(slf: &Bound<'_, Self>, callbacks: Callbacks) -> PyResult<()> {
        let py = slf.py();
        if callbacks.is_empty() {
            return Ok(());
        }
        let event_loop = slf.get().event_loop(py)?;
        event_loop.admit()?;
        match callbacks {
            Callbacks::None => Ok(()),
            Callbacks::One(callback) => schedule_callback(slf, &event_loop, callback),
            Callbacks::Many(callbacks) => callbacks
                .into_iter()
                .try_for_each(|callback| schedule_callback(slf, &event_loop, callback)),
        }
    }
}

fn uninitialized() -> PyErr {
    pyo3::exceptions::PyRuntimeError::new_err("Future object is not initialized.")
}

/// `InvalidStateError(message)`.
pub fn invalid_state(py: Python<'_>, message: &str) -> PyErr {
    match standard::invalid_state_error(py) {
        Ok(class) => PyErr::from_type(class.clone(), message.to_owned()),
        Err(error) => error,
    }
}

/// One callback of a finished future goes to the back of the ready queue.
fn schedule_callback(
    future: &Bound<'_, Future>,
    event_loop: &BoundLoop<'_>,
    callback: Callback,
) -> PyResult<()> {
    let py = future.py();
    match event_loop {
        BoundLoop::Native(core) => {
            let debug = core.get().debug(py);
            let ready = match callback {
                Callback::Waiter(waiter) => match waiter.told(future, debug)? {
                    Some(ready) => ready,
                    None => return Ok(()),
                },
                // Reports tell where the callback was scheduled.
                Callback::Python(callback) if debug => {
                    let arguments = Arguments::of(&PyTuple::new(py, [future])?);
                    let event_loop = LoopRef::of_core(core);
                    let FutureCallback { function, context, .. } = *callback;
                    let handle = Handle::create(py, function, arguments, event_loop, context)?;
                    handle.get().remember_origin(py)?;
                    Ready::Handle(handle)
                }
                Callback::Python(mut callback) => {
                    callback.future = Some(future.clone().unbind());
                    Ready::FutureCallback(callback)
                }
            };
            core.get().schedule(py, ready);
            Ok(())
        }
        BoundLoop::Foreign(event_loop) => {
            let (function, context) = callback.into_python(py)?;
            call_soon(event_loop, &function, Some(future.as_any()), context.bind(py))
        }
    }
}

/// `loop.call_soon(function, argument, context=context)` on a loop that is not
/// ours.
pub fn call_soon(
    event_loop: &Bound<'_, PyAny>,
    function: &Py<PyAny>,
    argument: Option<&Bound<'_, PyAny>>,
    context: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = context.py();
    let keywords = pyo3::types::PyDict::new(py);
    keywords.set_item(pyo3::intern!(py, "context"), context)?;
    let positional = std::iter::once(function.bind(py)).chain(argument);
    let positional = PyTuple::new(py, positional.collect::<Vec<_>>())?;
    let name = pyo3::intern!(py, "call_soon");
    event_loop.call_method(name, positional, Some(&keywords)).map(drop)
}

/// The exact native future, task or `gather()` behind `object`, if it is one: subclasses
/// may override anything, so they go through the public protocol.
#[inline]
pub fn as_native<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, Future>> {
    if recycle::is_exactly::<Future>(object)
        || recycle::is_exactly::<Task>(object)
        || recycle::is_exactly::<GatheringFuture>(object)
    {
        // SAFETY: checked above; the others are futures in memory.
        Some(unsafe { object.cast_unchecked::<Future>() })
    } else {
        None
    }
}
