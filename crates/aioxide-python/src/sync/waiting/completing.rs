//! `as_completed`.

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyKeyError, PyStopAsyncIteration, PyTimeoutError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PySet;

use super::done_callback::{DoneCallback, Role};
use super::ensuring::ensured;
use super::outcomes::result_of;
use super::wait::members;
use crate::core::coroutines::{Coroutine, Input, Routine, Step};
use crate::core::futures::edges;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::stdlib;
use crate::sync::queues::{GetItem, Queue, put_nowait};

/// What `as_completed` returns: an `async for` over it yields the futures as they are
/// done; a plain `for` yields coroutines, each of which returns the result of the next
/// one.
#[pyclass(frozen, weakref, name = "_AsCompletedIterator", module = "asyncio.tasks")]
pub struct AsCompletedIterator {
    state: Contents<State>,
}

struct State {
    /// A set of the futures that are not done.
    todo: GilCell<Option<Py<PySet>>>,
    /// How many futures are still to be yielded.
    left: GilCell<usize>,
    /// The done-callback of all of them, until none is left.
    callback: GilCell<Option<Py<DoneCallback>>>,
    /// The handle of the timeout.
    timer: GilCell<Option<Py<PyAny>>>,
    /// The task that waits, for call graphs.
    caller: GilCell<Option<Py<PyAny>>>,
    /// The futures that are done and not yet yielded; None for each that timed
    /// out.
    done: Py<Queue>,
}

impl AsCompletedIterator {
    /// An iterator over the set of `awaitables`, with a `timeout` in seconds.
    fn create<'py>(
        awaitables: &Bound<'py, PyAny>,
        timeout: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = awaitables.py();
        let event_loop = stdlib::get_event_loop(py)?.call0()?;
        let caller = edges::caller(py)?;
        let todo = PySet::empty(py)?;
        for awaitable in py.get_type::<PySet>().call1((awaitables,))?.try_iter()? {
            todo.add(ensured(&awaitable?, Some(&event_loop))?)?;
        }
        // They may be done, and leave the set, while the callbacks are added.
        let futures = members(&todo)?;
        let state = State {
            left: GilCell::new(futures.len()),
            todo: GilCell::new(Some(todo.unbind())),
            callback: GilCell::new(None),
            timer: GilCell::new(None),
            caller: GilCell::new(caller.as_ref().map(|caller| caller.clone().unbind())),
            done: Queue::unbounded(py)?,
        };
        let slf = Bound::new(py, Self { state: Contents::new(state) })?;
        if futures.is_empty() {
            return Ok(slf);
        }
        let callback = DoneCallback::new(py, Role::Complete(slf.clone().unbind()))?;
        slf.get().state.callback.fill(py, Some(callback.clone_ref(py)));
        for future in &futures {
            DoneCallback::listen_to(callback.bind(py), future)?;
            edges::note_edge(future, caller.as_ref())?;
        }
        if let Some(timeout) = timeout {
            let expire = slf.getattr(crate::intern!(py, "_handle_timeout"))?;
            let call_later = crate::intern!(py, "call_later");
            let timer = event_loop.call_method1(call_later, (timeout, expire))?.unbind();
            drop(slf.get().state.timer.replace(py, Some(timer)));
        }
        Ok(slf)
    }

    /// Those that are not done, and the task that waits for them.
    fn waits_for<'py>(
        &self,
        py: Python<'py>,
    ) -> Option<(Bound<'py, PySet>, Option<Bound<'py, PyAny>>)> {
        let todo = self.state.todo.clone_ref(py)?.into_bound(py);
        Some((todo, self.state.caller.clone_ref(py).map(|caller| caller.into_bound(py))))
    }

    /// `future` is done.
    pub fn complete(slf: &Bound<'_, Self>, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        // After the timeout there is nothing to do.
        let Some((todo, caller)) = slf.get().waits_for(py).filter(|(todo, _)| !todo.is_empty())
        else {
            return Ok(());
        };
        if !todo.discard(future)? {
            return Err(PyKeyError::new_err(future.clone().unbind()));
        }
        edges::forget_edge(future, caller.as_ref())?;
        put_nowait(slf.get().state.done.bind(py), future)?;
        if todo.is_empty() {
            drop(slf.get().state.callback.take(py));
            if let Some(timer) = slf.get().state.timer.clone_ref(py) {
                timer.call_method0(py, crate::intern!(py, "cancel"))?;
            }
        }
        Ok(())
    }

    /// The coroutine that waits for the next one.
    fn wait_for_one(slf: Bound<'_, Self>, resolve: bool) -> PyResult<Py<Coroutine>> {
        let py = slf.py();
        let get = GetItem { queue: slf.get().state.done.clone_ref(py), place: None };
        Coroutine::new(py, WaitForOne { iterator: slf.unbind(), get, resolve })
    }

    /// Counts one future as yielded; false if all were.
    fn take_one(&self, py: Python<'_>) -> bool {
        self.state.left.update(py, |left| {
            let any = *left > 0;
            *left -= usize::from(any);
            any
        })
    }
}

#[pymethods]
impl AsCompletedIterator {
    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__(slf: Bound<'_, Self>) -> PyResult<Py<Coroutine>> {
        Self::wait_for_one(slf, false)
    }

    fn __next__(slf: Bound<'_, Self>) -> PyResult<Option<Py<Coroutine>>> {
        if slf.get().take_one(slf.py()) {
            Self::wait_for_one(slf, true).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The timeout: for all that are not done.
    fn _handle_timeout(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let callback = slf.get().state.callback.take(py);
        let (Some((todo, caller)), Some(callback)) = (slf.get().waits_for(py), callback) else {
            return Ok(());
        };
        for future in members(&todo)? {
            DoneCallback::leave(callback.bind(py), &future)?;
            edges::forget_edge(&future, caller.as_ref())?;
            put_nowait(slf.get().state.done.bind(py), &py.None().into_bound(py))?;
        }
        todo.clear();
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            visit.call(&state.done)?;
            state.todo.traverse(|it| visit.call(it))?;
            state.callback.traverse(|it| visit.call(it))?;
            state.timer.traverse(|it| visit.call(it))?;
            state.caller.traverse(|it| visit.call(it))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.todo.take(py));
        drop(self.state.callback.take(py));
        drop(self.state.timer.take(py));
        drop(self.state.caller.take(py));
    }
}

/// The body of the coroutine that waits for the next future that is done.
pub struct WaitForOne {
    iterator: Py<AsCompletedIterator>,
    get: GetItem,
    /// Whether to return its result, or the future itself.
    resolve: bool,
}

impl WaitForOne {
    fn arrived(&self, future: &Bound<'_, PyAny>) -> PyResult<Step> {
        if future.is_none() {
            return Err(PyTimeoutError::new_err(()));
        }
        let value = if self.resolve { result_of(future)? } else { future.clone() };
        Ok(Step::Return(value.unbind()))
    }
}

impl Routine for WaitForOne {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        if let Input::Start = input
            && !self.resolve
            && !self.iterator.get().take_one(py)
        {
            return Err(PyStopAsyncIteration::new_err(()));
        }
        match self.get.resume(py, input) {
            Ok(Step::Return(future)) => self.arrived(&future.into_bound(py)),
            Ok(step) => Ok(step),
            Err(error) => {
                if stdlib::as_completed_gives_back(py)?.is_truthy()? {
                    self.iterator.get().state.left.update(py, |left| *left += 1);
                }
                Err(error)
            }
        }
    }

    fn qualname(&self) -> &'static str {
        if cfg!(not(Py_3_13)) {
            "as_completed.<locals>._wait_for_one"
        } else if self.resolve {
            "_AsCompletedIterator._wait_for_one"
        } else {
            "_AsCompletedIterator.__anext__"
        }
    }

    fn release(self, py: Python<'_>) {
        self.iterator.drop_ref(py);
        self.get.release(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.iterator)?;
        self.get.traverse(visit)
    }
}

/// Yields the futures of the awaitables in the iterable `fs`, as they are done.
///
/// `async for` yields the futures, or the tasks made of other awaitables. A plain
/// `for` yields coroutines, each of which returns the result of the next one.
/// `timeout` is in seconds; after it, what is awaited raises `TimeoutError`, and
/// nothing is cancelled. `TypeError` if `fs` is awaitable itself.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.as_completed
#[cfg(Py_3_13)]
#[pyfunction]
#[pyo3(signature = (fs, *, timeout=None))]
pub fn as_completed<'py>(
    fs: Bound<'py, PyAny>,
    timeout: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, AsCompletedIterator>> {
    if stdlib::is_awaitable(fs.py())?.call1((&fs,))?.is_truthy()? {
        return Err(pyo3::exceptions::PyTypeError::new_err(format!(
            "expects an iterable of awaitables, not {}",
            fs.get_type().name()?
        )));
    }
    AsCompletedIterator::create(&fs, timeout)
}

/// The coroutines that the generator `as_completed` is to give.
#[cfg(not(Py_3_13))]
#[pyfunction]
pub fn _in_order_of_completion<'py>(
    fs: Bound<'py, PyAny>,
    timeout: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, AsCompletedIterator>> {
    AsCompletedIterator::create(&fs, timeout)
}
