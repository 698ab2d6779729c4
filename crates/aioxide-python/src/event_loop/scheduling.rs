//! The relatives of `call_soon`.

use std::sync::atomic::Ordering;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyTuple};

use super::{LoopCore, Ready};
use crate::futures::{Future, LoopRef};
#[cfg(Py_3_14)]
use crate::handles::ThreadSafeHandle;
use crate::handles::{Arguments, Handle, TimerHandle};
use crate::{context, standard};

/// This thread, as Python numbers threads.
#[inline]
pub fn thread_identity() -> u64 {
    // SAFETY: needs neither the GIL nor an interpreter.
    unsafe { ffi::PyThread_get_thread_ident() as u64 }
}

impl LoopCore {
    /// Raises in a thread other than the one that runs the loop.
    pub fn check_thread(&self) -> PyResult<()> {
        let thread = self.thread.load(Ordering::Relaxed);
        if thread == 0 || thread == thread_identity() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "Non-thread-safe operation invoked on an event loop other than the current one",
        ))
    }

    /// A timer was called off: enough of these, and the heap is swept.
    pub fn timer_cancelled(&self, py: Python<'_>) {
        drop(self.engine.with(py, |engine| engine.timers().note_cancelled()));
    }

    /// Gives `future` a result of None in `seconds`, unless it is done then.
    pub fn wake_later(&self, py: Python<'_>, seconds: f64, future: Py<Future>) -> PyResult<()> {
        self.admit(py)?;
        self.engine.with(py, |engine| {
            let when = engine.clock().now() + seconds;
            engine.schedule_at(when, Ready::Alarm(future));
        });
        Ok(())
    }

    /// What `call_soon_threadsafe` returns.
    fn handle_for(
        slf: &Bound<'_, Self>,
        callback: Bound<'_, PyAny>,
        arguments: Bound<'_, PyTuple>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<Handle>> {
        let py = slf.py();
        let context = context::given_or_copy(py, context)?;
        let event_loop = LoopRef::of_core(slf);
        let (callback, arguments) = (callback.unbind(), Arguments::of(&arguments));
        #[cfg(Py_3_14)]
        return ThreadSafeHandle::create(py, callback, arguments, event_loop, context);
        #[cfg(not(Py_3_14))]
        Handle::create(py, callback, arguments, event_loop, context)
    }

    fn timer_at(
        slf: &Bound<'_, Self>,
        when: f64,
        callback: Bound<'_, PyAny>,
        arguments: Bound<'_, PyTuple>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<TimerHandle>> {
        let py = slf.py();
        let context = context::given_or_copy(py, context)?;
        let event_loop = LoopRef::of_core(slf);
        let (callback, arguments) = (callback.unbind(), Arguments::of(&arguments));
        let timer = TimerHandle::create(py, when, callback, arguments, event_loop, context)?;
        if slf.get().debug(py) {
            timer.bind(py).as_super().get().remember_origin(py)?;
        }
        let item = Ready::Handle(timer.bind(py).as_super().clone().unbind());
        slf.get().engine.with(py, |engine| engine.schedule_at(when, item));
        Ok(timer)
    }
}

/// A number of seconds. Most are whole, and an `int` goes through no `float`.
#[inline]
fn seconds(number: &Bound<'_, PyAny>) -> PyResult<f64> {
    if number.is_exact_instance_of::<PyInt>() {
        // SAFETY: the thread is attached and the reference is an int's.
        let value = unsafe { ffi::PyLong_AsDouble(number.as_ptr()) };
        // -1 is also how an int too large for a float is told.
        let error = if value == -1.0 { PyErr::take(number.py()) } else { None };
        return error.map_or(Ok(value), Err);
    }
    number.extract()
}

/// Debug mode's look at what is to be called: asyncio's texts.
pub(super) fn check_callback(callback: &Bound<'_, PyAny>, method: &str) -> PyResult<()> {
    let py = callback.py();
    if standard::is_coroutine(py)?.call1((callback,))?.is_truthy()?
        || standard::is_coroutine_function(py)?.call1((callback,))?.is_truthy()?
    {
        return Err(PyTypeError::new_err(format!("coroutines cannot be used with {method}()")));
    }
    if !callback.is_callable() {
        return Err(PyTypeError::new_err(format!(
            "a callable object was expected by {method}(), got {}",
            callback.repr()?
        )));
    }
    Ok(())
}

#[pymethods]
impl LoopCore {
    /// `call_soon` from any thread: the loop wakes up if it sleeps.
    #[pyo3(signature = (callback, *args, context=None))]
    fn call_soon_threadsafe(
        slf: &Bound<'_, Self>,
        callback: Bound<'_, PyAny>,
        args: Bound<'_, PyTuple>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<Handle>> {
        let py = slf.py();
        let this = slf.get();
        this.check_closed(py)?;
        let debug = this.debug(py);
        if debug {
            check_callback(&callback, "call_soon_threadsafe")?;
        }
        let handle = Self::handle_for(slf, callback, args, context)?;
        if debug {
            handle.get().remember_origin(py)?;
        }
        let item = Ready::Handle(handle.clone_ref(py));
        let runner = this.thread.load(Ordering::Relaxed);
        if runner == 0 || runner == thread_identity() {
            // The order relative to call_soon from the same thread holds.
            this.schedule(py, item);
        } else if let Err(item) = this.inbox.with(py, |inbox| inbox.push(item)) {
            drop(item);
            return this.check_closed(py).map(|()| handle);
        }
        Ok(handle)
    }

    /// Schedules `callback(*args)` in `delay` seconds.
    #[pyo3(signature = (delay, callback, *args, context=None))]
    fn call_later(
        slf: &Bound<'_, Self>,
        delay: Bound<'_, PyAny>,
        callback: Bound<'_, PyAny>,
        args: Bound<'_, PyTuple>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<TimerHandle>> {
        let py = slf.py();
        if delay.is_none() {
            return Err(PyTypeError::new_err("delay must not be None"));
        }
        let this = slf.get();
        let when = this.engine.with(py, |engine| engine.clock().now()) + seconds(&delay)?;
        this.admit(py)?;
        if this.debug(py) {
            // asyncio's call_later is a call_at, and so are its words.
            check_callback(&callback, "call_at")?;
        }
        Self::timer_at(slf, when, callback, args, context)
    }

    /// Schedules `callback(*args)` at loop time `when`, in seconds.
    #[pyo3(signature = (when, callback, *args, context=None))]
    fn call_at(
        slf: &Bound<'_, Self>,
        when: Bound<'_, PyAny>,
        callback: Bound<'_, PyAny>,
        args: Bound<'_, PyTuple>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<TimerHandle>> {
        let py = slf.py();
        if when.is_none() {
            return Err(PyTypeError::new_err("when cannot be None"));
        }
        slf.get().admit(py)?;
        if slf.get().debug(py) {
            check_callback(&callback, "call_at")?;
        }
        Self::timer_at(slf, seconds(&when)?, callback, args, context)
    }

    fn _timer_handle_cancelled(&self, py: Python<'_>, _handle: Bound<'_, PyAny>) {
        self.timer_cancelled(py);
    }
}
