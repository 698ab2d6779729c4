//! `Future`: a result that will be available later (`asyncio.futures`).

#[cfg(Py_3_14)]
mod awaited_by;
mod awaiting;
mod callbacks;
mod chaining;
pub mod edges;
mod exception_object;
mod finalizing;
mod loop_ref;
mod object;
mod protocol;
mod rare;
mod set_result;
mod state;
mod stop_iteration;

#[cfg(Py_3_14)]
pub use awaited_by::{
    AwaitedBy, future_add_to_awaited_by, future_discard_from_awaited_by, record_of,
};
pub use awaiting::{FutureIterator, install_await, sent, thrown};
pub use callbacks::{Callback, Callbacks, FutureCallback};
pub use chaining::{ChainCallback, chain, wrap_future, wrapped};
pub use finalizing::report_unretrieved;
pub use loop_ref::{BoundLoop, LoopRef};
pub use object::Future;
pub use protocol::{is_future, isfuture, loop_of};
pub use rare::Rare;
pub use set_result::{SetResult, without_stop_iteration};
pub use state::{FutureState, Outcome, Seen};
pub use stop_iteration::{prepare_stop_iteration, stop_iteration};

use pyo3::prelude::*;

use crate::core::dispatch::Ready;
use crate::core::event_loop::{LoopCore, Methods};
use crate::core::handles::{Arguments, Handle};
use crate::ffi::{allocate, free_list};
use crate::recorder;
use crate::{stdlib, watchdog};

impl Future {
    /// A pending future of `core`, without the checks of the constructor.
    #[inline]
    pub fn on_loop(py: Python<'_>, core: &Bound<'_, LoopCore>) -> PyResult<Py<Future>> {
        let event_loop = LoopRef::of_core(core);
        let future = match free_list::take::<Future>(py) {
            Some(future) => {
                // What comes from the free list is as before `__init__`.
                future.get().state.event_loop.fill(py, Some(event_loop));
                future.unbind()
            }
            None => Py::new(py, Future::new(FutureState::pending(event_loop)))?,
        };
        if core.get().debug(py) {
            future.get().remember_origin(py)?;
        }
        Ok(future)
    }

    /// What `core.create_future()` makes.
    #[inline]
    pub fn created_by(core: &Bound<'_, LoopCore>) -> PyResult<Py<Future>> {
        let py = core.py();
        if core.get().calls_own(py, Methods::CREATE_FUTURE) {
            Self::on_loop(py, core)
        } else {
            Self::created_by_override(core)
        }
    }

    /// The future that an overridden `create_future` makes, if it is a native future; else
    /// a new native one.
    #[cold]
    fn created_by_override(core: &Bound<'_, LoopCore>) -> PyResult<Py<Future>> {
        let py = core.py();
        let made = core.call_method0(crate::intern!(py, "create_future"))?;
        match made.cast_into::<Future>() {
            Ok(future) => Ok(future.unbind()),
            Err(_) => Self::on_loop(py, core),
        }
    }

    /// A pending future of any loop, ours or not.
    #[inline]
    pub fn for_any_loop(event_loop: &Bound<'_, PyAny>) -> PyResult<Py<Future>> {
        let py = event_loop.py();
        match LoopCore::of(event_loop) {
            Some(core) => Self::created_by(core),
            None => Py::new(py, Self::new(FutureState::pending(LoopRef::of(event_loop)))),
        }
    }

    /// Whether it has a result or an exception, or was cancelled.
    #[inline]
    pub fn is_done(&self, py: Python<'_>) -> bool {
        !self.state.outcome.read(py, Outcome::is_pending)
    }

    /// Whether it has a result.
    #[inline]
    pub fn has_result(&self, py: Python<'_>) -> bool {
        self.state.outcome.read(py, Outcome::is_result)
    }

    /// Whether it has an exception.
    #[inline]
    pub fn has_exception(&self, py: Python<'_>) -> bool {
        self.state.outcome.read(py, Outcome::is_exception)
    }

    /// Whether it was cancelled.
    #[inline]
    pub fn is_cancelled(&self, py: Python<'_>) -> bool {
        self.state.outcome.read(py, Outcome::is_cancelled)
    }

    /// Whether it belongs to a native loop that can be scheduled on natively.
    #[inline]
    pub fn is_on_native_loop(&self, py: Python<'_>) -> bool {
        self.state.event_loop.read(py, |it| matches!(it, Some(LoopRef::Native(_))))
    }

    /// Sets `_asyncio_future_blocking`, as `await` does.
    #[inline]
    pub fn set_blocking(&self, py: Python<'_>, blocking: bool) {
        self.state.flags.update(py, |flags| flags.blocking = blocking);
    }

    /// Clears `_asyncio_future_blocking` and returns its value.
    #[inline]
    pub fn take_blocking(&self, py: Python<'_>) -> bool {
        self.state.flags.update(py, |flags| std::mem::take(&mut flags.blocking))
    }

    /// Whether the exception is reported when the future is deallocated.
    #[inline]
    pub fn logs_traceback(&self, py: Python<'_>) -> bool {
        self.state.flags.get(py).log_traceback
    }

    /// Sets whether the exception is reported when the future is deallocated.
    #[inline]
    pub fn set_log_traceback(&self, py: Python<'_>, value: bool) {
        self.state.flags.update(py, |flags| flags.log_traceback = value);
    }

    /// One of the rare fields.
    pub fn rare(&self, py: Python<'_>, field: Rare) -> Option<Py<PyAny>> {
        self.state.rare.clone_of(py, |rare| rare.field(field))
    }

    /// Sets a rare field; the old value is dropped.
    pub fn set_rare(&self, py: Python<'_>, field: Rare, value: Option<Py<PyAny>>) {
        drop(self.state.rare.put(py, field, value));
    }

    /// Whether `object` is the loop this future belongs to.
    #[inline]
    pub fn belongs_to(&self, py: Python<'_>, object: *mut pyo3::ffi::PyObject) -> bool {
        let address = object.addr();
        self.state.event_loop.read(py, |event_loop| {
            event_loop.as_ref().is_some_and(|event_loop| event_loop.as_ptr().addr() == address)
        })
    }

    /// The loop, or asyncio's error for an object whose `__init__` never ran.
    #[inline]
    pub fn event_loop<'py>(&self, py: Python<'py>) -> PyResult<BoundLoop<'py>> {
        let event_loop = self.state.event_loop.clone_ref(py).ok_or_else(uninitialized)?;
        Ok(event_loop.into_bound(py))
    }

    /// Raises that error.
    #[inline]
    pub fn require_event_loop(&self, py: Python<'_>) -> PyResult<()> {
        if self.state.event_loop.is_some(py) { Ok(()) } else { Err(uninitialized()) }
    }

    /// Notes where this future is made, while lints look. One load while none does.
    #[inline(always)]
    pub fn note_place(&self, py: Python<'_>) {
        if watchdog::do_lints_look() {
            self.state.created_at.set(py, recorder::caller(py));
        }
    }

    /// Records the stack of the Python code that makes this future, for reports in
    /// debug mode.
    pub fn remember_origin(&self, py: Python<'_>) -> PyResult<()> {
        let stack = stdlib::extract_lines(py)?.call0()?.unbind();
        self.set_rare(py, Rare::SourceTraceback, Some(stack));
        Ok(())
    }

    /// Records the stack of the Python code that schedules a step of this task, for
    /// reports in debug mode.
    pub fn remember_step(&self, py: Python<'_>) -> PyResult<()> {
        let stack = stdlib::extract_stack(py)?.call0()?.unbind();
        self.set_rare(py, Rare::StepTraceback, Some(stack));
        Ok(())
    }

    /// Removes and returns the stack of the last [`Future::remember_step`].
    pub fn take_step(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.rare.put(py, Rare::StepTraceback, None)
    }

    /// Sets the result. `InvalidStateError` if the future is done.
    #[inline]
    pub fn finish(slf: &Bound<'_, Self>, result: Py<PyAny>) -> PyResult<()> {
        let py = slf.py();
        match slf.get().state.outcome.end(py, Outcome::Result(result)) {
            Ok(callbacks) => Self::schedule(slf, callbacks),
            Err(refused) => {
                refused.release(py);
                Err(invalid_state(py, "invalid state"))
            }
        }
    }

    /// Sets the exception, an object. `InvalidStateError` if the future is done.
    pub fn fail(slf: &Bound<'_, Self>, exception: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let traceback = exception_object::traceback(&exception);
        match this.state.outcome.end(py, Outcome::Exception(exception.unbind())) {
            Ok(callbacks) => {
                this.set_rare(py, Rare::ExceptionTraceback, traceback);
                Self::schedule(slf, callbacks)?;
                this.set_log_traceback(py, true);
                Ok(())
            }
            Err(refused) => {
                refused.release(py);
                Err(invalid_state(py, "invalid state"))
            }
        }
    }

    /// Cancels the future; returns false if it was done already.
    pub fn cancel_with(slf: &Bound<'_, Self>, message: Option<Py<PyAny>>) -> PyResult<bool> {
        Self::cancel_by(slf, message, None)
    }

    /// Cancels with the `CancelledError` that ended a task, if any; returns false if it was
    /// done already.
    pub fn cancel_by(
        slf: &Bound<'_, Self>,
        message: Option<Py<PyAny>>,
        error: Option<Py<PyAny>>,
    ) -> PyResult<bool> {
        let py = slf.py();
        let this = slf.get();
        this.set_log_traceback(py, false);
        match this.state.outcome.end(py, Outcome::Cancelled(error)) {
            Ok(callbacks) => {
                this.set_rare(py, Rare::CancelMessage, message);
                Self::schedule(slf, callbacks)?;
                Ok(true)
            }
            Err(refused) => {
                refused.release(py);
                Ok(false)
            }
        }
    }

    /// Registers `callback`, or schedules it at once if the future is done.
    #[inline]
    pub fn add_callback(slf: &Bound<'_, Self>, callback: Callback) -> PyResult<()> {
        let py = slf.py();
        match slf.get().state.outcome.push(py, callback) {
            None => Ok(()),
            Some(callback) => {
                let event_loop = slf.get().event_loop(py)?;
                event_loop.admit()?;
                schedule_callback(slf, &event_loop, callback)
            }
        }
    }

    /// Removes the registration of the native waiter `party`.
    #[inline]
    pub fn forget(&self, party: &Bound<'_, PyAny>) {
        drop(self.state.outcome.take_waiter(party.py(), party));
    }

    /// The exception that `result()` would raise for a cancelled future. Uses
    /// up the saved `CancelledError`, as asyncio does.
    pub fn make_cancelled_error(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if let Some(saved) = self.state.outcome.take_cancelled_error(py) {
            return Ok(saved);
        }
        let class = stdlib::cancelled_error(py)?;
        let error = match self.rare(py, Rare::CancelMessage) {
            None => class.call0()?,
            Some(message) => class.call1((message,))?,
        };
        Ok(error.unbind())
    }

    /// The outcome as Python code sees it: the value, or the exception raised.
    #[inline]
    pub fn take_result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.state.outcome.seen(py) {
            Seen::Result(value) => {
                self.set_log_traceback(py, false);
                Ok(value.into_bound(py))
            }
            Seen::Exception(exception) => {
                self.set_log_traceback(py, false);
                let exception = exception.into_bound(py);
                // Each raise starts from the original traceback, so that reading
                // a result many times does not make it grow.
                exception_object::set_traceback(
                    &exception,
                    self.rare(py, Rare::ExceptionTraceback),
                )?;
                Err(PyErr::from_value(exception))
            }
            Seen::Cancelled => {
                Err(PyErr::from_value(self.make_cancelled_error(py)?.into_bound(py)))
            }
            Seen::Pending => Err(invalid_state(py, "Result is not set.")),
        }
    }

    /// Raises `InvalidStateError` if the future is done.
    pub(crate) fn require_pending(&self, py: Python<'_>) -> PyResult<()> {
        if !self.is_done(py) {
            return Ok(());
        }
        Err(invalid_state(py, "invalid state"))
    }

    /// Schedules every callback, in order of registration.
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
    pyo3::exceptions::PyRuntimeError::new_err(crate::name!("Future object is not initialized."))
}

/// `InvalidStateError(message)`.
pub fn invalid_state(py: Python<'_>, message: &str) -> PyErr {
    match stdlib::invalid_state_error(py) {
        Ok(class) => PyErr::from_type(class.clone(), message.to_owned()),
        Err(error) => error,
    }
}

/// Appends one callback of a done future to the ready queue.
fn schedule_callback(
    future: &Bound<'_, Future>,
    event_loop: &BoundLoop<'_>,
    callback: Callback,
) -> PyResult<()> {
    let py = future.py();
    match event_loop {
        BoundLoop::Native(core) if core.get().schedules_natively(py) => {
            let debug = core.get().debug(py);
            let ready = match callback {
                Callback::Waiter(waiter) => match waiter.into_ready(future, debug)? {
                    Some(ready) => ready,
                    None => return Ok(()),
                },
                // So that reports contain the stack where the callback was scheduled.
                Callback::Python(callback) if debug => {
                    let arguments = Arguments::of(&allocate::tuple(py, [future.clone()])?);
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
            if recorder::is_on() {
                core.get().record_wakeup(py, &ready);
            }
            core.get().schedule(py, ready);
            Ok(())
        }
        _ => {
            let (function, context) = callback.into_python(py)?;
            call_soon(event_loop.as_any(), &function, Some(future.as_any()), context.bind(py))
        }
    }
}

/// `loop.call_soon(function, argument, context=context)` on a foreign loop, or one
/// with an overridden `call_soon`.
pub fn call_soon(
    event_loop: &Bound<'_, PyAny>,
    function: &Py<PyAny>,
    argument: Option<&Bound<'_, PyAny>>,
    context: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = context.py();
    let keywords = allocate::dict(py)?;
    keywords.set_item(crate::intern!(py, "context"), context)?;
    let positional = std::iter::once(function.bind(py)).chain(argument).cloned().collect();
    let positional = allocate::tuple_of(py, positional)?;
    let name = crate::intern!(py, "call_soon");
    event_loop.call_method(name, positional, Some(&keywords)).map(drop)
}
