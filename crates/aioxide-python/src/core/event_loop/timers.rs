//! `call_later` and `call_at`.

use std::ffi::CStr;

use aioxide_engine::Cancelled;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};
use pyo3::{Borrowed, ffi};

use super::scheduling::check_callback;
use super::{LoopCore, Methods};
use crate::core::dispatch::Ready;
use crate::core::futures::{Future, LoopRef};
use crate::core::handles::{Arguments, TimerHandle};
use crate::ffi::fastcall::{CallArguments, FastMethod, Parsed, Signature};
use crate::ffi::{allocate, context};

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

/// Whether it is a float or an int, and of no subclass.
#[inline]
pub fn is_plain_number(number: &Bound<'_, PyAny>) -> bool {
    number.is_exact_instance_of::<PyFloat>() || number.is_exact_instance_of::<PyInt>()
}

/// What both methods are called with.
struct Call<'a, 'py> {
    /// The delay or the time.
    time: &'a Bound<'py, PyAny>,
    callback: &'a Bound<'py, PyAny>,
    arguments: &'a [Borrowed<'a, 'py, PyAny>],
    context: Option<Bound<'py, PyAny>>,
}

impl<'a, 'py> Call<'a, 'py> {
    #[inline(always)]
    fn parse(arguments: &CallArguments<'a, 'py>, signature: &Signature<2, 1>) -> PyResult<Self> {
        let Parsed { required: [time, callback], optional: [context], rest } =
            signature.parse(arguments)?;
        Ok(Self { time, callback, arguments: rest, context: context.cloned() })
    }

    /// `loop.call_at(loop.time() + delay, …)`, by the methods that somebody has put in the
    /// place of ours.
    #[cold]
    fn at_a_time_of_theirs(self, core: &Bound<'py, LoopCore>) -> PyResult<Py<PyAny>> {
        let py = core.py();
        let now = core.call_method0(crate::intern!(py, "time"))?;
        let when = now.add(self.time)?;
        let arguments = self.arguments.iter().map(|argument| (**argument).clone());
        let positional = [when, self.callback.clone()].into_iter().chain(arguments);
        let positional = allocate::tuple_of(py, positional.collect())?;
        let keywords = allocate::dict(py)?;
        keywords.set_item(crate::intern!(py, "context"), self.context)?;
        let timer = core.call_method(crate::intern!(py, "call_at"), positional, Some(&keywords))?;
        Ok(timer.unbind())
    }

    /// Makes the timer and puts it among the loop's.
    #[inline]
    fn schedule(self, core: &Bound<'py, LoopCore>, when: f64) -> PyResult<Py<TimerHandle>> {
        let py = core.py();
        let this = core.get();
        let debug = this.debug(py);
        if debug {
            // asyncio's call_later is a call_at, and so are its words.
            check_callback(self.callback, "call_at")?;
        }
        let context = context::given_or_copy(py, self.context)?;
        let arguments = Arguments::of_slice(py, self.arguments)?;
        let callback = self.callback.clone().unbind();
        let event_loop = LoopRef::of_core(core);
        let timer = TimerHandle::create(py, when, callback, arguments, event_loop, context)?;
        if debug {
            timer.bind(py).as_super().get().remember_origin(py)?;
        }
        let item = Ready::Handle(timer.bind(py).as_super().clone().unbind());
        this.engine.schedule_at(py, when, item);
        Ok(timer)
    }
}

/// `loop.call_later(delay, callback, *args, context=None)`.
pub struct CallLater;

const CALL_LATER: Signature<2, 1> =
    Signature::method("call_later", ["delay", "callback"], ["context"]).variadic();

impl FastMethod for CallLater {
    type Class = LoopCore;
    const NAME: &'static CStr = c"call_later";
    const DOC: &'static CStr = c"call_later($self, delay, callback, *args, context=None)\n--\n\nSchedules `callback(*args)` in `delay` seconds.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call<'py>(
        core: &Bound<'py, LoopCore>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        let py = core.py();
        let call = Call::parse(&arguments, &CALL_LATER)?;
        if call.time.is_none() {
            return Err(PyTypeError::new_err(crate::name!("delay must not be None")));
        }
        let this = core.get();
        if !this.calls_own(py, Methods::DEADLINES) {
            return call.at_a_time_of_theirs(core);
        }
        let when = if is_plain_number(call.time) {
            this.now(py) + seconds(call.time)?
        } else {
            // What can be added to a float has a say in it, and the others an error.
            seconds(&allocate::float(py, this.now(py))?.add(call.time)?)?
        };
        this.admit(py)?;
        call.schedule(core, when).map(Py::into_any)
    }
}

/// `loop.call_at(when, callback, *args, context=None)`.
pub struct CallAt;

const CALL_AT: Signature<2, 1> =
    Signature::method("call_at", ["when", "callback"], ["context"]).variadic();

impl FastMethod for CallAt {
    type Class = LoopCore;
    const NAME: &'static CStr = c"call_at";
    const DOC: &'static CStr = c"call_at($self, when, callback, *args, context=None)\n--\n\nSchedules `callback(*args)` at loop time `when`, in seconds.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call<'py>(
        core: &Bound<'py, LoopCore>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        let call = Call::parse(&arguments, &CALL_AT)?;
        if call.time.is_none() {
            return Err(PyTypeError::new_err(crate::name!("when cannot be None")));
        }
        core.get().admit(core.py())?;
        let (time, when) = (call.time, seconds(call.time)?);
        let timer = call.schedule(core, when)?;
        if !time.is_exact_instance_of::<PyFloat>() {
            timer.get().set_when(time);
        }
        Ok(timer.into_any())
    }
}

impl LoopCore {
    /// Gives `future` a result of None in `seconds`, unless it is done then.
    pub fn wake_later(&self, py: Python<'_>, seconds: f64, future: Py<Future>) -> PyResult<()> {
        self.admit(py)?;
        let when = self.engine.now(py) + seconds;
        self.engine.schedule_at(py, when, Ready::Alarm(future));
        Ok(())
    }

    /// Puts `item` among the timers for loop time `when`, in seconds.
    #[inline]
    pub fn schedule_at(&self, py: Python<'_>, when: f64, item: Ready) {
        self.engine.schedule_at(py, when, item);
    }

    /// The loop's clock, in seconds.
    #[inline]
    pub fn now(&self, py: Python<'_>) -> f64 {
        self.engine.now(py)
    }

    /// A timer was called off. What that takes out of the engine is let go of: the
    /// timer itself if it was the newest, or every cancelled one if there are enough.
    #[inline]
    pub fn timer_cancelled(&self, py: Python<'_>) {
        match self.engine.note_cancelled(py) {
            Cancelled::Nothing => {}
            Cancelled::Newest(timer) => timer.release(py),
            Cancelled::All(timers) => timers.into_iter().for_each(|timer| timer.release(py)),
        }
    }
}

#[pymethods]
impl LoopCore {
    fn _timer_handle_cancelled(&self, py: Python<'_>, handle: Bound<'_, PyAny>) {
        drop(handle);
        self.timer_cancelled(py);
    }
}
