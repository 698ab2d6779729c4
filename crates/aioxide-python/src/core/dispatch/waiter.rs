//! Native objects that wait for a future.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::core::dispatch::Ready;
use crate::core::futures::{Future, LoopRef};
use crate::core::handles::{Arguments, Handle};
use crate::core::rust_futures::WakeOnDone;
use crate::core::tasks::{Task, TaskWakeup};
use crate::ffi::{allocate, free_list};
use crate::sync::taskgroups::TaskGroup;
use crate::sync::waiting::{DoneCallback, GatherCallback, GatheringFuture};

/// An object that waits for a future without a Python callable: one word for every
/// class, so that futures stay small.
pub struct Waiter(Py<PyAny>);

enum Kind<'a, 'py> {
    Task(&'a Bound<'py, Task>),
    Gathering(&'a Bound<'py, GatheringFuture>),
    Group(&'a Bound<'py, TaskGroup>),
    Callback(&'a Bound<'py, DoneCallback>),
    Rust(&'a Bound<'py, WakeOnDone>),
    /// An object of another class, which is ignored.
    Unknown,
}

impl Waiter {
    /// A task that awaits the future.
    #[inline]
    pub fn task(task: &Bound<'_, Task>) -> Self {
        Self(task.clone().into_any().unbind())
    }

    /// A `gather()` that the future is part of.
    #[inline]
    pub fn gathering(gathering: &Bound<'_, GatheringFuture>) -> Self {
        Self(gathering.clone().into_any().unbind())
    }

    /// The group that the future, a task, belongs to; not of a subclass.
    #[inline]
    pub fn group(group: &Bound<'_, TaskGroup>) -> Self {
        Self(group.clone().into_any().unbind())
    }

    /// A native done-callback.
    #[inline]
    pub fn callback(callback: &Bound<'_, DoneCallback>) -> Self {
        Self(callback.clone().into_any().unbind())
    }

    /// A Rust future that awaits it.
    pub fn rust(callback: &Bound<'_, WakeOnDone>) -> Self {
        Self(callback.clone().into_any().unbind())
    }

    /// Whether this is the object `party`.
    #[inline]
    pub fn is(&self, party: &Bound<'_, PyAny>) -> bool {
        self.0.is(party)
    }

    /// Whether both are the same object.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.is(&other.0)
    }

    /// The task that waits, if it is one.
    pub fn as_task(&self, py: Python<'_>) -> Option<Py<Task>> {
        self.0.bind(py).cast::<Task>().ok().map(|task| task.clone().unbind())
    }

    #[inline]
    fn kind<'a, 'py>(&'a self, py: Python<'py>) -> Kind<'a, 'py> {
        let waiter = self.0.bind(py);
        if free_list::is_exactly::<Task>(waiter) {
            // SAFETY: checked above.
            Kind::Task(unsafe { waiter.cast_unchecked::<Task>() })
        } else if free_list::is_exactly::<GatheringFuture>(waiter) {
            // SAFETY: checked above.
            Kind::Gathering(unsafe { waiter.cast_unchecked::<GatheringFuture>() })
        } else if let Ok(group) = waiter.cast_exact::<TaskGroup>() {
            Kind::Group(group)
        } else if let Ok(callback) = waiter.cast_exact::<DoneCallback>() {
            Kind::Callback(callback)
        } else if let Ok(callback) = waiter.cast_exact::<WakeOnDone>() {
            Kind::Rust(callback)
        } else {
            Self::kind_of_subclass(waiter)
        }
    }

    /// For a task of a subclass, or an object whose class was changed since.
    #[cold]
    fn kind_of_subclass<'a, 'py>(waiter: &'a Bound<'py, PyAny>) -> Kind<'a, 'py> {
        if let Ok(task) = waiter.cast::<Task>() {
            Kind::Task(task)
        } else if let Ok(group) = waiter.cast::<TaskGroup>() {
            Kind::Group(group)
        } else if let Ok(gathering) = waiter.cast::<GatheringFuture>() {
            Kind::Gathering(gathering)
        } else {
            Kind::Unknown
        }
    }

    /// The item to run in the next iteration, now that `future` is done; None if there is
    /// nothing to do.
    #[inline]
    pub fn into_ready(self, future: &Bound<'_, Future>, debug: bool) -> PyResult<Option<Ready>> {
        let py = future.py();
        match self.kind(py) {
            Kind::Task(task) => {
                if debug {
                    task.as_super().get().remember_step(py)?;
                }
                let ready = Ready::Wake(task.clone().unbind());
                self.0.drop_ref(py);
                Ok(Some(ready))
            }
            Kind::Gathering(gathering) => {
                let ready = gathering.get().notice(future)?.then(|| {
                    Ready::Gathered(Box::new((gathering.clone().unbind(), future.clone().unbind())))
                });
                self.0.drop_ref(py);
                Ok(ready)
            }
            Kind::Group(_) if debug => self.into_handle(future).map(Some),
            Kind::Callback(callback) => {
                if !callback.get().notice(future)? {
                    self.0.drop_ref(py);
                    return Ok(None);
                }
                if debug {
                    return self.into_handle(future).map(Some);
                }
                let parts = (callback.clone().unbind(), future.clone().unbind());
                self.0.drop_ref(py);
                Ok(Some(Ready::Noticed(Box::new(parts))))
            }
            Kind::Group(group) => {
                let parts = (group.clone().unbind(), future.clone().unbind());
                self.0.drop_ref(py);
                Ok(Some(Ready::TaskDone(Box::new(parts))))
            }
            Kind::Rust(callback) => {
                callback.get().wake(py);
                self.0.drop_ref(py);
                Ok(Some(Ready::Woken))
            }
            Kind::Unknown => Ok(None),
        }
    }

    /// The same as a handle, which records the stack where it was scheduled (debug mode).
    fn into_handle(self, future: &Bound<'_, Future>) -> PyResult<Ready> {
        let py = future.py();
        let (function, context) = self.into_python(py)?;
        let event_loop = LoopRef::of(future.get().event_loop(py)?.as_any());
        let arguments = Arguments::of(&allocate::tuple(py, [future.clone()])?);
        let handle = Handle::create(py, function, arguments, event_loop, context)?;
        handle.get().remember_origin(py)?;
        Ok(Ready::Handle(handle))
    }

    /// The callable and the context that represent it in Python.
    pub fn into_python(self, py: Python<'_>) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        match self.kind(py) {
            Kind::Task(task) => {
                let context = task.get().context(py).unbind();
                Ok((TaskWakeup::new(py, task.clone().unbind())?.into_any(), context))
            }
            Kind::Gathering(gathering) => {
                let context = crate::ffi::context::copy_current(py)?;
                Ok((GatherCallback::new(gathering)?.into_any(), context))
            }
            Kind::Group(group) => {
                // The native method, whatever the class of the group is now.
                let method = py.get_type::<TaskGroup>().getattr(crate::name!("_on_task_done"))?;
                let done = method.call_method1(crate::intern!(py, "__get__"), (group,))?;
                Ok((done.unbind(), crate::ffi::context::copy_current(py)?))
            }
            Kind::Callback(_) | Kind::Rust(_) | Kind::Unknown => {
                Ok((self.0, crate::ffi::context::copy_current(py)?))
            }
        }
    }

    /// Clones the reference.
    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        Self(self.0.clone_ref(py))
    }

    pub(in crate::core) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}
