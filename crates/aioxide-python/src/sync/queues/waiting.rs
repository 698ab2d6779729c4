//! The coroutines `put`, `get` and `join`.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::Queue;
use super::methods::{get_nowait, put_nowait, shut_down_error};
use super::state::{try_get, try_put};
use crate::core::coroutines::{Completed, Input, ResumePoint, Routine, Step};
use crate::core::event_loop::Direction;
use crate::core::futures::Future;
use crate::ffi::gil_cell::GilCell;
use crate::sync::locks::{Key, Waiters};

/// A place in the list of waiters.
type Place = Option<(Key, Py<Future>)>;

fn waiters(queue: &Py<Queue>, direction: Direction) -> &GilCell<Waiters> {
    match direction {
        Direction::Read => &queue.get().state.getters,
        Direction::Write => &queue.get().state.putters,
    }
}

/// Adds a waiter at the end of the list.
fn queue_up(
    py: Python<'_>,
    queue: &Py<Queue>,
    direction: Direction,
    place: &mut Place,
) -> PyResult<Step> {
    let future = queue.get().state.binding.future(queue.bind(py).as_any())?;
    let key = waiters(queue, direction).push(py, future.clone_ref(py));
    *place = Some((key, future.clone_ref(py)));
    Ok(Step::Wait(future))
}

/// The wait has ended by an exception: removes the waiter, and wakes the next one if
/// this one had been woken.
fn give_up(py: Python<'_>, queue: &Py<Queue>, direction: Direction, place: Place) -> PyResult<()> {
    let Some((key, future)) = place else {
        return Ok(());
    };
    // A waiter that was woken is not in the list any more.
    drop(waiters(queue, direction).remove(py, key));
    if !future.get().is_done(py) {
        Future::cancel_with(future.bind(py), None)?;
    }
    let possible = match direction {
        Direction::Read => !Queue::is_empty(queue.bind(py))?,
        Direction::Write => !Queue::is_full(queue.bind(py))?,
    };
    if possible && !future.get().is_cancelled(py) {
        Queue::wake_next(waiters(queue, direction), py)?;
    }
    Ok(())
}

/// `Queue.get`.
pub struct GetItem {
    pub queue: Py<Queue>,
    pub place: Place,
}

impl Routine for GetItem {
    #[inline]
    fn try_complete(&mut self, py: Python<'_>, _point: ResumePoint) -> Option<Completed> {
        let (item, putter) = try_get(self.queue.bind(py))?;
        Some(match putter {
            None => Completed::Return(item),
            Some(putter) => Completed::ReturnAndWake(item, (putter, py.None())),
        })
    }

    #[inline]
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let queue = self.queue.bind(py);
        if let Input::Error(error) = input {
            give_up(py, &self.queue, Direction::Read, self.place.take())?;
            return Err(error);
        }
        if let Some((_, future)) = self.place.take() {
            future.drop_ref(py);
        }
        if Queue::is_empty(queue)? {
            if queue.get().state.shut_down.get(py) {
                return Err(shut_down_error(py));
            }
            return queue_up(py, &self.queue, Direction::Read, &mut self.place);
        }
        if Queue::is_overridden(queue)? {
            let item = queue.call_method0(crate::intern!(py, "get_nowait"))?;
            return Ok(Step::Return(item.unbind()));
        }
        get_nowait(queue).map(Step::Return)
    }

    fn qualname(&self) -> &'static str {
        "Queue.get"
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.queue.drop_ref(py);
        if let Some((_, future)) = self.place {
            future.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some((_, future)) = &self.place {
            visit.call(future)?;
        }
        visit.call(&self.queue)
    }
}

/// `Queue.put`.
pub struct PutItem {
    pub queue: Py<Queue>,
    pub item: Py<PyAny>,
    pub place: Place,
}

impl Routine for PutItem {
    #[inline]
    fn try_complete(&mut self, py: Python<'_>, _point: ResumePoint) -> Option<Completed> {
        let getter = try_put(self.queue.bind(py), &self.item)?;
        Some(match getter {
            None => Completed::Return(py.None()),
            Some(getter) => Completed::ReturnAndWake(py.None(), (getter, py.None())),
        })
    }

    #[inline]
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let queue = self.queue.bind(py);
        if let Input::Error(error) = input {
            give_up(py, &self.queue, Direction::Write, self.place.take())?;
            return Err(error);
        }
        if let Some((_, future)) = self.place.take() {
            future.drop_ref(py);
        }
        if Queue::is_full(queue)? {
            if queue.get().state.shut_down.get(py) {
                return Err(shut_down_error(py));
            }
            return queue_up(py, &self.queue, Direction::Write, &mut self.place);
        }
        if Queue::is_overridden(queue)? {
            let done = queue.call_method1(crate::intern!(py, "put_nowait"), (&self.item,))?;
            return Ok(Step::Return(done.unbind()));
        }
        put_nowait(queue, self.item.bind(py))?;
        Ok(Step::Return(py.None()))
    }

    fn qualname(&self) -> &'static str {
        "Queue.put"
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.queue.drop_ref(py);
        self.item.drop_ref(py);
        if let Some((_, future)) = self.place {
            future.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some((_, future)) = &self.place {
            visit.call(future)?;
        }
        visit.call(&self.item)?;
        visit.call(&self.queue)
    }
}

/// `Queue.join`.
pub struct JoinQueue {
    pub queue: Py<Queue>,
}

impl Routine for JoinQueue {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match input {
            Input::Start => {
                let queue = self.queue.get();
                if queue.state.unfinished.get(py) <= 0 {
                    return Ok(Step::Return(py.None()));
                }
                let finished = queue.finished(py)?;
                let waiting = crate::sync::locks::Event::waiting(finished, py)?;
                Ok(Step::Delegate(waiting.into_any()))
            }
            Input::Value(_) => Ok(Step::Return(py.None())),
            Input::Error(error) => Err(error),
        }
    }

    fn qualname(&self) -> &'static str {
        "Queue.join"
    }

    fn release(self, py: Python<'_>) {
        self.queue.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.queue)
    }
}
