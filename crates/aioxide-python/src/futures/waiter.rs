//! Native objects that wait for a future.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::event_loop::Ready;
use crate::futures::Future;
use crate::recycle;
use crate::tasks::{Task, TaskWakeup};
use crate::waiting::{GatherCallback, GatheringFuture};

/// A party that waits for a future without a Python callable: one word,
/// whatever it is, so that a future has no room to spare for it.
pub struct Waiter(Py<Future>);

enum Kind<'a, 'py> {
    Task(&'a Bound<'py, Task>),
    Gathering(&'a Bound<'py, GatheringFuture>),
}

impl Waiter {
    /// A task that awaits the future.
    #[inline]
    pub fn task(task: &Bound<'_, Task>) -> Self {
        Self(task.as_super().clone().unbind())
    }

    /// A `gather()` that the future is part of.
    #[inline]
    pub fn gathering(gathering: &Bound<'_, GatheringFuture>) -> Self {
        Self(gathering.as_super().clone().unbind())
    }

    #[inline]
    fn kind<'a, 'py>(&'a self, py: Python<'py>) -> Kind<'a, 'py> {
        let waiter = self.0.bind(py);
        if recycle::is_exactly::<GatheringFuture>(waiter) {
            // SAFETY: checked above.
            Kind::Gathering(unsafe { waiter.cast_unchecked::<GatheringFuture>() })
        } else {
            // SAFETY: only the two constructors make waiters.
            Kind::Task(unsafe { waiter.cast_unchecked::<Task>() })
        }
    }

    /// What has to be done in the next turn, now that `future` is done.
    #[inline]
    pub fn told(self, future: &Bound<'_, Future>, debug: bool) -> PyResult<Option<Ready>> {
        let py = future.py();
        match self.kind(py) {
            Kind::Task(task) => {
                if debug {
                    task.as_super().get().remember_step(py)?;
                }
                // SAFETY: it is a task.
                Ok(Some(Ready::Wake(unsafe {
                    self.0.into_bound(py).cast_into_unchecked::<Task>().unbind()
                })))
            }
            Kind::Gathering(gathering) => {
                let ready = gathering.get().notice(future)?.then(|| {
                    Ready::Gathered(Box::new((gathering.clone().unbind(), future.clone().unbind())))
                });
                self.0.drop_ref(py);
                Ok(ready)
            }
        }
    }

    /// The callable and the context that stand for it in Python.
    pub fn into_python(self, py: Python<'_>) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        match self.kind(py) {
            Kind::Task(task) => {
                let context = task.get().context(py).unbind();
                Ok((TaskWakeup::new(py, task.clone().unbind())?.into_any(), context))
            }
            Kind::Gathering(gathering) => {
                let context = crate::context::copy_current(py)?;
                Ok((GatherCallback::new(gathering)?.into_any(), context))
            }
        }
    }

    /// Another reference to the same party.
    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        Self(self.0.clone_ref(py))
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}
