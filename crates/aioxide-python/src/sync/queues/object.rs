//! The Python classes `Queue`, `PriorityQueue` and `LifoQueue`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyTuple, PyType};

use super::items::{Items, Order};
use super::state::{Limit, State};
use crate::core::coroutines::Coroutine;
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::allocate::Made;
use crate::ffi::attributes::{collected_fields, uninitialized};
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::ffi::omittable::Omittable;
use crate::sync::locks::attributes::loop_attribute;
use crate::sync::locks::{Event, Waiters};
use crate::{stdlib, watchdog};

/// A queue between tasks, first in, first out. With a `maxsize` above zero,
/// `put` waits while there are as many items in it.
///
/// https://docs.python.org/3/library/asyncio-queue.html#asyncio.Queue
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.queues")]
pub struct Queue {
    pub(super) state: Contents<State>,
}

/// A queue that returns the lowest of its items.
///
/// https://docs.python.org/3/library/asyncio-queue.html#asyncio.PriorityQueue
#[pyclass(frozen, subclass, extends = Queue, module = "asyncio.queues")]
pub struct PriorityQueue;

/// A queue that returns the item that was added last.
///
/// https://docs.python.org/3/library/asyncio-queue.html#asyncio.LifoQueue
#[pyclass(frozen, subclass, extends = Queue, module = "asyncio.queues")]
pub struct LifoQueue;

impl Queue {
    fn create(py: Python<'_>, order: Order, limit: Limit) -> PyResult<Self> {
        let state = State::new(py, order, limit)?;
        Ok(Self { state: Contents::new(state) })
    }

    /// A queue that holds any number of items, first in, first out.
    pub fn unbounded(py: Python<'_>) -> PyResult<Py<Self>> {
        Py::new(py, Self::create(py, Order::Fifo, Limit::Whole(0))?)
    }

    /// Whether it has no item, by the method of a subclass if that overrides it.
    #[inline]
    pub(super) fn is_empty(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        if Self::is_overridden(slf)? {
            return slf.call_method0(crate::intern!(py, "empty"))?.is_truthy();
        }
        Self::empty(slf)
    }

    /// Whether there is no room, by the method of a subclass if that overrides it.
    #[inline]
    pub(super) fn is_full(slf: &Bound<'_, Self>) -> PyResult<bool> {
        if Self::is_overridden(slf)? {
            return slf.call_method0(crate::intern!(slf.py(), "full"))?.is_truthy();
        }
        match slf.get().state.limit.get(slf.py()) {
            Limit::Whole(limit) => {
                Ok(limit > 0 && slf.get().size(slf.py())? >= limit.unsigned_abs())
            }
            Limit::Absent | Limit::Odd => Self::full(slf),
        }
    }

    /// asyncio's error for a queue whose `__init__` never ran.
    fn require_init(slf: &Bound<'_, Self>, attribute: &str) -> PyResult<()> {
        match slf.get().state.limit.get(slf.py()) {
            Limit::Absent => Err(uninitialized(slf.as_any(), attribute)),
            _ => Ok(()),
        }
    }

    /// Sets how many items there may be.
    fn set_limit(&self, maxsize: &Bound<'_, PyAny>) {
        let py = maxsize.py();
        let whole = maxsize.cast_exact::<PyInt>().ok().and_then(|it| it.extract::<isize>().ok());
        self.state.limit.set(py, whole.map_or(Limit::Odd, Limit::Whole));
        drop(self.state.given_limit.replace(py, Some(maxsize.clone().unbind())));
    }

    /// Removes the first waiter and wakes it.
    #[inline]
    pub(super) fn wake_next(waiters: &GilCell<Waiters>, py: Python<'_>) -> PyResult<bool> {
        let (next, dropped) = waiters.take_next(py);
        drop(dropped);
        match next {
            Some(next) => Future::finish(next.bind(py), py.None()).map(|()| true),
            None => Ok(false),
        }
    }

    /// The event that is set while no item is unfinished.
    pub(super) fn finished(&self, py: Python<'_>) -> PyResult<Py<Event>> {
        let state = &self.state;
        if let Some(finished) = state.finished.clone_ref(py) {
            return Ok(finished);
        }
        let event = Event::create(py)?;
        if let Some(finished) = state.finished.clone_ref(py) {
            // Code that ran meanwhile has made one.
            return Ok(finished);
        }
        if state.unfinished.get(py) == 0 {
            Event::set(event.bind(py))?;
        }
        drop(state.finished.replace(py, Some(event.clone_ref(py))));
        Ok(event)
    }

    fn describe(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let this = slf.get();
        let mut text = format!("maxsize={}", Self::maxsize(slf)?.repr()?);
        if !this.holds_nothing(py)? {
            let items = this.items_list(py)?;
            text += &format!(" _queue={}", items.repr()?);
        }
        let state = &this.state;
        for (waiters, name) in [(&state.getters, "_getters"), (&state.putters, "_putters")] {
            let count = waiters.len(py);
            if count > 0 {
                text += &format!(" {name}[{count}]");
            }
        }
        let unfinished = state.unfinished.get(py);
        if unfinished != 0 {
            text += &format!(" tasks={unfinished}");
        }
        if state.shut_down.get(py) {
            text += " shutdown";
        }
        Ok(text)
    }
}

loop_attribute!(Queue);
collected_fields!(Queue { binding, items, getters, putters, given_limit, finished });

#[pymethods]
impl Queue {
    // A subclass may have other arguments, which its `__init__` takes.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(maxsize=0)")]
    fn __new__(
        py: Python<'_>,
        _arguments: &Bound<'_, PyTuple>,
        _keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Self::create(py, Order::Fifo, Limit::Absent)
    }

    #[pyo3(signature = (maxsize=Omittable::OMITTED))]
    fn __init__<'py>(slf: &Bound<'py, Self>, maxsize: Omittable<'py>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let state = &this.state;
        let maxsize = match maxsize.0 {
            Some(maxsize) => maxsize,
            None => allocate::int(py, 0)?.into_any(),
        };
        let overridden = Self::is_overridden(slf)?;
        let items = Items::empty(py, state.order)?;
        this.set_limit(&maxsize);
        state.unfinished.set(py, 0);
        state.binding.note_creation(py);
        state.shut_down.set(py, false);
        drop((state.getters.abandon(py), state.putters.abandon(py)));
        drop(state.finished.take(py));
        if overridden {
            slf.call_method1(crate::intern!(py, "_init"), (maxsize,))?;
        } else {
            drop(state.items.replace(py, items));
        }
        watchdog::note_made(slf)
    }

    /// Prepares `_queue`; a subclass may store items in another way.
    fn _init(&self, py: Python<'_>, maxsize: Bound<'_, PyAny>) -> PyResult<()> {
        drop(maxsize);
        let items = Items::empty(py, self.state.order)?;
        drop(self.state.items.replace(py, items));
        self.items_object(py).map(drop)
    }

    /// Removes the next item from `_queue`.
    fn _get(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.take(py)
    }

    /// Adds `item` to `_queue`.
    fn _put(&self, item: Bound<'_, PyAny>) -> PyResult<()> {
        self.store(&item)
    }

    #[getter]
    fn get__queue<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.items_object(py)
    }

    #[setter]
    fn set__queue(&self, py: Python<'_>, items: Py<PyAny>) {
        drop(self.state.items.replace(py, Items::Object(items)));
    }

    /// The number of items.
    fn qsize(slf: &Bound<'_, Self>) -> PyResult<Made<usize>> {
        Self::require_init(slf, "_queue")?;
        slf.get().size(slf.py()).map(Made)
    }

    /// How many items it may hold; zero or less for no limit.
    #[getter]
    fn maxsize<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::get__maxsize(slf)
    }

    #[getter]
    fn get__maxsize<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match slf.get().state.given_limit.clone_ref(py) {
            Some(limit) => Ok(limit.into_bound(py)),
            None => Err(uninitialized(slf.as_any(), "_maxsize")),
        }
    }

    #[setter]
    fn set__maxsize(&self, maxsize: &Bound<'_, PyAny>) {
        self.set_limit(maxsize);
    }

    /// Whether it has no item.
    fn empty(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::require_init(slf, "_queue")?;
        slf.get().holds_nothing(slf.py())
    }

    /// Whether it has no room.
    fn full(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let limit = match slf.get().state.limit.get(py) {
            Limit::Whole(limit) if limit <= 0 => return Ok(false),
            Limit::Whole(limit) if !Self::is_overridden(slf)? => {
                return Ok(slf.get().size(py)? >= limit.unsigned_abs());
            }
            _ => Self::get__maxsize(slf)?,
        };
        if limit.le(0)? {
            return Ok(false);
        }
        slf.call_method0(crate::intern!(py, "qsize"))?.ge(limit)
    }

    /// Marks one of the items that were removed as finished. `ValueError` if all
    /// were.
    fn task_done(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        Self::require_init(slf, "_unfinished_tasks")?;
        let unfinished = &slf.get().state.unfinished;
        let left = unfinished.get(py) - 1;
        if left < 0 {
            return Err(PyValueError::new_err(crate::name!("task_done() called too many times")));
        }
        unfinished.set(py, left);
        if left == 0 { slf.get().tell_finished(py) } else { Ok(()) }
    }

    /// Waits until every item that was added is marked as finished.
    ///
    /// Cancellation ends the wait and nothing else.
    fn join(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, super::JoinQueue { queue: slf })
    }

    /// From now on `put` raises `QueueShutDown`, and so does `get` once the
    /// queue is empty; every waiter is woken. `immediate` empties it at once and
    /// marks its items as finished.
    #[cfg(Py_3_13)]
    #[pyo3(signature = (immediate=Omittable::OMITTED), text_signature = "($self, immediate=False)")]
    fn shutdown<'py>(slf: &Bound<'py, Self>, immediate: Omittable<'py>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let state = &this.state;
        state.shut_down.set(py, true);
        let immediate = match immediate.0 {
            Some(immediate) => immediate.is_truthy()?,
            None => false,
        };
        if immediate {
            while !Self::is_empty(slf)? {
                if Self::is_overridden(slf)? {
                    slf.call_method0(crate::intern!(py, "_get"))?;
                } else {
                    drop(this.take(py)?);
                }
                state.unfinished.update(py, |unfinished| *unfinished -= i64::from(*unfinished > 0));
            }
            if state.unfinished.get(py) == 0 {
                this.tell_finished(py)?;
            }
        }
        // If waking one fails, the others are woken all the same.
        let mut outcome = Ok(());
        for waiters in [&state.getters, &state.putters] {
            loop {
                match Self::wake_next(waiters, py) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => outcome = outcome.and(Err(error)),
                }
            }
        }
        outcome
    }

    #[getter]
    fn get__unfinished_tasks(&self, py: Python<'_>) -> Made<i64> {
        Made(self.state.unfinished.get(py))
    }

    #[setter]
    fn set__unfinished_tasks(&self, py: Python<'_>, unfinished: i64) {
        self.state.unfinished.set(py, unfinished);
    }

    #[getter]
    fn _finished(&self, py: Python<'_>) -> PyResult<Py<Event>> {
        self.finished(py)
    }

    #[getter]
    fn get__is_shutdown(&self, py: Python<'_>) -> bool {
        self.state.shut_down.get(py)
    }

    #[setter]
    fn set__is_shutdown(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.state.shut_down.set(value.py(), value.is_truthy()?);
        Ok(())
    }

    #[getter]
    fn _getters(&self, py: Python<'_>) -> Made<Vec<Py<Future>>> {
        Made(self.state.getters.all(py))
    }

    #[getter]
    fn _putters(&self, py: Python<'_>) -> Made<Vec<Py<Future>>> {
        Made(self.state.putters.all(py))
    }

    fn _format(slf: &Bound<'_, Self>) -> PyResult<Made<String>> {
        Self::describe(slf).map(Made)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<Made<String>> {
        let name = slf.get_type().name()?;
        let format = slf.call_method0(crate::intern!(slf.py(), "_format"))?;
        Ok(Made(format!("<{name} at {:p} {format}>", slf.as_ptr())))
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<Made<String>> {
        let name = slf.get_type().name()?;
        let format = slf.call_method0(crate::intern!(slf.py(), "_format"))?;
        Ok(Made(format!("<{name} {format}>")))
    }

    /// `Queue[int]`.
    #[classmethod]
    #[pyo3(signature = (item, /))]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        stdlib::generic_alias(class.py())?.call1((class, item))
    }
}

impl Queue {
    fn tell_finished(&self, py: Python<'_>) -> PyResult<()> {
        match self.state.finished.clone_ref(py) {
            Some(finished) => Event::set(finished.bind(py)),
            // No task has called `join`.
            None => Ok(()),
        }
    }
}

macro_rules! subclass {
    ($class:ident, $order:expr) => {
        #[pymethods]
        impl $class {
            #[new]
            #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(maxsize=0)")]
            fn __new__(
                py: Python<'_>,
                _arguments: &Bound<'_, PyTuple>,
                _keywords: Option<&Bound<'_, PyDict>>,
            ) -> PyResult<PyClassInitializer<Self>> {
                let queue = Queue::create(py, $order, Limit::Absent)?;
                Ok(PyClassInitializer::from(queue).add_subclass(Self))
            }
        }
    };
}

subclass!(PriorityQueue, Order::Priority);
subclass!(LifoQueue, Order::Lifo);
