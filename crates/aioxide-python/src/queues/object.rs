//! The Python classes `Queue`, `PriorityQueue` and `LifoQueue`.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::items::{Items, Order};
use crate::coroutines::Coroutine;
use crate::futures::Future;
use crate::locks::{Event, LoopBinding, Waiters};
use crate::standard;
use crate::with_cell::WithCell;

/// A queue between tasks, first in, first out. With a `maxsize` above zero,
/// `put` waits while there are as many things in it.
///
/// https://docs.python.org/3/library/asyncio-queue.html#asyncio.Queue
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.queues")]
pub struct Queue {
    pub(super) state: WithCell<State>,
    pub(super) binding: LoopBinding,
    pub(super) order: Order,
}

/// A queue that gives back the lowest of what is in it.
///
/// https://docs.python.org/3/library/asyncio-queue.html#asyncio.PriorityQueue
#[pyclass(frozen, subclass, extends = Queue, module = "asyncio.queues")]
pub struct PriorityQueue;

/// A queue that gives back what came last.
///
/// https://docs.python.org/3/library/asyncio-queue.html#asyncio.LifoQueue
#[pyclass(frozen, subclass, extends = Queue, module = "asyncio.queues")]
pub struct LifoQueue;

pub(super) struct State {
    pub maxsize: isize,
    /// What `maxsize` was, if it was not a whole number.
    pub odd_maxsize: Option<Py<PyAny>>,
    pub items: Items,
    pub getters: Waiters,
    pub putters: Waiters,
    /// Things that were put in and not yet reported as done.
    pub unfinished: usize,
    /// Set while there are none.
    pub finished: Option<Py<Event>>,
    pub shut_down: bool,
    /// Whether the class has methods of its own that the others have to go
    /// through.
    pub overridden: bool,
}

impl State {
    /// Puts `item` in if there is room and nobody else has a say. Gives the getter
    /// whose turn has come by that, if anybody waits; None, with nothing changed, leaves
    /// all to the long way.
    #[inline]
    pub fn put_at_once(&mut self, py: Python<'_>, item: &Py<PyAny>) -> Option<Option<Py<Future>>> {
        // Whoever waits in `join` is told by an event, which is set as yet.
        let ends_a_pause = self.unfinished == 0 && self.finished.is_some();
        if self.overridden || self.shut_down || ends_a_pause {
            return None;
        }
        let Items::Native(items) = &mut self.items else {
            return None;
        };
        if self.maxsize > 0 && items.len() >= self.maxsize as usize {
            return None;
        }
        let getter = take_first(&mut self.getters, py)?;
        items.push_back(item.clone_ref(py));
        self.unfinished += 1;
        Some(getter)
    }

    /// Takes the next thing out, likewise; with the putter whose turn has come by that.
    #[inline]
    pub fn get_at_once(&mut self, py: Python<'_>) -> Option<(Py<PyAny>, Option<Py<Future>>)> {
        let Items::Native(items) = &mut self.items else {
            return None;
        };
        if self.overridden || items.is_empty() {
            return None;
        }
        let putter = take_first(&mut self.putters, py)?;
        Some((items.pop_front()?, putter))
    }
}

/// The first of those who wait, if anybody does; None if he is done already, and
/// others may have to be looked at.
#[inline]
fn take_first(waiters: &mut Waiters, py: Python<'_>) -> Option<Option<Py<Future>>> {
    if waiters.len() == 0 { Some(None) } else { waiters.take_first_pending(py).map(Some) }
}

/// The methods that asyncio's own go through, and that a subclass may replace.
const HOOKS: [&str; 8] =
    ["_init", "_get", "_put", "qsize", "empty", "full", "put_nowait", "get_nowait"];

impl Queue {
    fn create(py: Python<'_>, order: Order) -> Self {
        let state = State {
            maxsize: 0,
            odd_maxsize: None,
            items: Items::empty(py, order),
            getters: Waiters::default(),
            putters: Waiters::default(),
            unfinished: 0,
            finished: None,
            shut_down: false,
            overridden: false,
        };
        Self { state: WithCell::new(state), binding: LoopBinding::new(), order }
    }

    /// A queue that holds any number of things, first in, first out.
    pub fn unbounded(py: Python<'_>) -> PyResult<Py<Self>> {
        Py::new(py, Self::create(py, Order::Fifo))
    }

    fn has_hooks(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let class = slf.get_type();
        let base = match slf.get().order {
            Order::Fifo => py.get_type::<Self>(),
            Order::Lifo => py.get_type::<LifoQueue>(),
            Order::Priority => py.get_type::<PriorityQueue>(),
        };
        if class.is(&base) {
            return Ok(false);
        }
        for name in HOOKS {
            if !class.getattr(name)?.is(base.getattr(name)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a subclass wants to be asked.
    #[inline]
    pub(super) fn is_overridden(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.overridden)
    }

    /// Whether there is nothing in it, as the class sees it.
    #[inline]
    pub(super) fn is_empty(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        if slf.get().is_overridden(py) {
            return slf.call_method0(pyo3::intern!(py, "empty"))?.is_truthy();
        }
        Ok(slf.get().size(py)? == 0)
    }

    /// Whether there is no room, as the class sees it.
    #[inline]
    pub(super) fn is_full(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        if slf.get().is_overridden(py) {
            return slf.call_method0(pyo3::intern!(py, "full"))?.is_truthy();
        }
        let maxsize = slf.get().state.with(py, |state| state.maxsize);
        Ok(maxsize > 0 && slf.get().size(py)? >= maxsize as usize)
    }

    /// Wakes the first of those who wait, and forgets it.
    #[inline]
    pub(super) fn wake_next(
        &self,
        py: Python<'_>,
        waiters: fn(&mut State) -> &mut Waiters,
    ) -> PyResult<bool> {
        let (next, dropped) = self.state.with(py, |state| waiters(state).take_next(py));
        drop(dropped);
        match next {
            Some(next) => Future::finish(next.bind(py), py.None()).map(|()| true),
            None => Ok(false),
        }
    }

    /// The event that says that everything was reported as done.
    pub(super) fn finished(&self, py: Python<'_>) -> PyResult<Py<Event>> {
        if let Some(finished) =
            self.state.with(py, |state| state.finished.as_ref().map(|it| it.clone_ref(py)))
        {
            return Ok(finished);
        }
        let event = Event::create(py)?;
        if self.state.with(py, |state| state.unfinished == 0) {
            event.get().set(py)?;
        }
        let kept = event.clone_ref(py);
        self.state.with(py, |state| state.finished = Some(kept));
        Ok(event)
    }

    fn describe(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let this = slf.get();
        let mut text = format!("maxsize={}", this.get__maxsize(py)?.bind(py).repr()?);
        if this.size(py)? > 0 {
            let items = this.items_list(py)?;
            text += &format!(" _queue={}", items.repr()?);
        }
        let (getters, putters, unfinished, shut_down) = this.state.with(py, |state| {
            (state.getters.len(), state.putters.len(), state.unfinished, state.shut_down)
        });
        for (count, name) in [(getters, "_getters"), (putters, "_putters")] {
            if count > 0 {
                text += &format!(" {name}[{count}]");
            }
        }
        if unfinished > 0 {
            text += &format!(" tasks={unfinished}");
        }
        if shut_down {
            text += " shutdown";
        }
        Ok(text)
    }

    fn items_list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let native = self.state.with(py, |state| match &state.items {
            Items::Native(items) => {
                Ok(items.iter().map(|item| item.clone_ref(py)).collect::<Vec<_>>())
            }
            Items::Object(object) => Err(object.bind(py).clone()),
        });
        let list = py.get_type::<pyo3::types::PyList>();
        match native {
            Ok(items) => list.call1((items,)),
            Err(object) => list.call1((object,)),
        }
    }
}

#[pymethods]
impl Queue {
    // A subclass may take what it likes; its `__init__` says what.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(maxsize=0)")]
    fn __new__(
        py: Python<'_>,
        _arguments: &Bound<'_, PyTuple>,
        _keywords: Option<&Bound<'_, PyDict>>,
    ) -> Self {
        Self::create(py, Order::Fifo)
    }

    #[pyo3(signature = (maxsize=None))]
    fn __init__(slf: &Bound<'_, Self>, maxsize: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let (whole, odd) = match &maxsize {
            None => (0, None),
            Some(maxsize) => match maxsize.extract::<isize>() {
                Ok(whole) => (whole, None),
                // A float, or a number beyond all memory: compared as it is.
                Err(_) => {
                    let limit = maxsize.extract::<f64>()?;
                    (limit.ceil() as isize, Some(maxsize.clone().unbind()))
                }
            },
        };
        let overridden = Self::has_hooks(slf)?;
        drop(this.state.with(py, |state| {
            state.maxsize = whole;
            state.overridden = overridden;
            std::mem::replace(&mut state.odd_maxsize, odd)
        }));
        if overridden {
            let maxsize = this.get__maxsize(py)?;
            slf.call_method1(pyo3::intern!(py, "_init"), (maxsize,))?;
        }
        Ok(())
    }

    /// Prepares `_queue`; a subclass may keep things otherwise.
    fn _init(&self, py: Python<'_>, _maxsize: Bound<'_, PyAny>) -> PyResult<()> {
        let items = Items::empty(py, self.order);
        drop(self.state.with(py, |state| std::mem::replace(&mut state.items, items)));
        self.items_object(py).map(drop)
    }

    /// Takes the next thing out of `_queue`.
    fn _get(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.take(py)
    }

    /// Puts `item` into `_queue`.
    fn _put(&self, item: Bound<'_, PyAny>) -> PyResult<()> {
        self.store(&item)
    }

    #[getter]
    fn get__queue<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.items_object(py)
    }

    #[setter]
    fn set__queue(&self, py: Python<'_>, items: Py<PyAny>) {
        let items = Items::Object(items);
        drop(self.state.with(py, |state| std::mem::replace(&mut state.items, items)));
    }

    /// How many things are in it.
    fn qsize(&self, py: Python<'_>) -> PyResult<usize> {
        self.size(py)
    }

    /// How many it may hold; zero or less is without limit.
    #[getter]
    fn maxsize(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.get__maxsize(py)
    }

    #[getter]
    fn get__maxsize(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let (whole, odd) = self.state.with(py, |state| {
            (state.maxsize, state.odd_maxsize.as_ref().map(|odd| odd.clone_ref(py)))
        });
        match odd {
            Some(odd) => Ok(odd),
            None => Ok(whole.into_pyobject(py)?.into_any().unbind()),
        }
    }

    /// Whether there is nothing in it.
    fn empty(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.size(py)? == 0)
    }

    /// Whether there is no room in it.
    fn full(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let maxsize = slf.get().state.with(py, |state| state.maxsize);
        if maxsize <= 0 {
            return Ok(false);
        }
        let size = if slf.get().is_overridden(py) {
            slf.call_method0(pyo3::intern!(py, "qsize"))?.extract::<usize>()?
        } else {
            slf.get().size(py)?
        };
        Ok(size >= maxsize as usize)
    }

    /// Says that one of the things taken out is dealt with. `ValueError` if
    /// that was said of all of them.
    fn task_done(&self, py: Python<'_>) -> PyResult<()> {
        let left = self.state.with(py, |state| {
            state.unfinished = state.unfinished.checked_sub(1)?;
            Some(state.unfinished)
        });
        match left {
            None => Err(PyValueError::new_err("task_done() called too many times")),
            Some(0) => self.tell_finished(py),
            Some(_) => Ok(()),
        }
    }

    /// Waits until everything that was put in is dealt with.
    ///
    /// Cancellation ends the wait and nothing else.
    fn join(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, super::JoinQueue { queue: slf })
    }

    /// From now on `put` raises `QueueShutDown`, and so does `get` once the
    /// queue is empty; everybody who waits is woken. `immediate` empties it at
    /// once and counts what was in it as dealt with.
    #[cfg(Py_3_13)]
    #[pyo3(signature = (immediate=false))]
    fn shutdown(slf: &Bound<'_, Self>, immediate: bool) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        this.state.with(py, |state| state.shut_down = true);
        if immediate {
            while !Self::is_empty(slf)? {
                if this.is_overridden(py) {
                    slf.call_method0(pyo3::intern!(py, "_get"))?;
                } else {
                    drop(this.take(py)?);
                }
                this.state.with(py, |state| {
                    state.unfinished = state.unfinished.saturating_sub(1);
                });
            }
            if this.state.with(py, |state| state.unfinished == 0) {
                this.tell_finished(py)?;
            }
        }
        while this.wake_next(py, |state| &mut state.getters)? {}
        while this.wake_next(py, |state| &mut state.putters)? {}
        Ok(())
    }

    #[getter]
    fn get__unfinished_tasks(&self, py: Python<'_>) -> usize {
        self.state.with(py, |state| state.unfinished)
    }

    #[setter]
    fn set__unfinished_tasks(&self, py: Python<'_>, unfinished: usize) {
        self.state.with(py, |state| state.unfinished = unfinished);
    }

    #[getter]
    fn _finished(&self, py: Python<'_>) -> PyResult<Py<Event>> {
        self.finished(py)
    }

    #[getter]
    fn _is_shutdown(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.shut_down)
    }

    #[getter]
    fn _getters(&self, py: Python<'_>) -> Vec<Py<Future>> {
        self.state
            .with(py, |state| state.getters.iter().map(|future| future.clone_ref(py)).collect())
    }

    #[getter]
    fn _putters(&self, py: Python<'_>) -> Vec<Py<Future>> {
        self.state
            .with(py, |state| state.putters.iter().map(|future| future.clone_ref(py)).collect())
    }

    #[getter]
    fn _loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.binding.shown(py)
    }

    fn _format(slf: &Bound<'_, Self>) -> PyResult<String> {
        Self::describe(slf)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let name = slf.get_type().name()?;
        let format = slf.call_method0(pyo3::intern!(slf.py(), "_format"))?;
        Ok(format!("<{name} at {:p} {format}>", slf.as_ptr()))
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let name = slf.get_type().name()?;
        let format = slf.call_method0(pyo3::intern!(slf.py(), "_format"))?;
        Ok(format!("<{name} {format}>"))
    }

    /// `Queue[int]`.
    #[classmethod]
    #[pyo3(signature = (item, /))]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        standard::generic_alias(class.py())?.call1((class, item))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.binding.traverse(&visit)?;
        self.state.traverse(|state| {
            state.items.traverse(&visit)?;
            state.getters.traverse(&visit)?;
            state.putters.traverse(&visit)?;
            visit.call(&state.odd_maxsize)?;
            visit.call(&state.finished)
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        self.binding.clear(py);
        drop(self.state.with(py, |state| {
            (
                std::mem::replace(&mut state.items, Items::Native(Default::default())),
                std::mem::take(&mut state.getters),
                std::mem::take(&mut state.putters),
                state.odd_maxsize.take(),
                state.finished.take(),
            )
        }));
    }
}

impl Queue {
    fn tell_finished(&self, py: Python<'_>) -> PyResult<()> {
        match self.state.with(py, |state| state.finished.as_ref().map(|it| it.clone_ref(py))) {
            Some(finished) => finished.get().set(py),
            // Nobody has asked.
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
            ) -> PyClassInitializer<Self> {
                PyClassInitializer::from(Queue::create(py, $order)).add_subclass(Self)
            }
        }
    };
}

subclass!(PriorityQueue, Order::Priority);
subclass!(LifoQueue, Order::Lifo);
