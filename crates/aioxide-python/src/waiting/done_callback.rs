//! The done-callbacks of `wait`, `wait_for`, `shield` and `as_completed`.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::completing::AsCompletedIterator;
use super::shielding;
use super::wait::Count;
use crate::context;
use crate::event_loop::{LoopCore, report_callback};
use crate::futures::{Callback, Future, LoopRef, Waiter, as_native};
use crate::with_cell::WithCell;

/// What is told when a future is done. A future of ours holds it as one word and
/// lets the loop call it without a handle; any other calls it as Python does.
#[pyclass(frozen, module = "aioxide")]
pub struct DoneCallback {
    /// None once the collector has cleared it.
    role: WithCell<Option<Role>>,
}

/// What it does then.
pub enum Role {
    /// Counts, for `wait`.
    Count(Count),
    /// Gives another future None, unless it is done.
    Release(Py<Future>),
    /// Hands the future out, as the next one that is done.
    Complete(Py<AsCompletedIterator>),
    /// Passes the outcome on to the future that `shield` has returned. On 3.14 and
    /// later, the task that called it no longer awaits the inner one.
    PassOn { outer: Py<PyAny>, caller: Option<Py<PyAny>> },
    /// Takes that back, now that the outer future is done: with the callback above.
    Unshield { inner: Py<PyAny>, callback: Py<DoneCallback>, caller: Option<Py<PyAny>> },
}

/// What to do now: as [`Role`], with references for the length of a call.
enum Deed<'py> {
    Nothing,
    Release(Bound<'py, Future>),
    Complete(Bound<'py, AsCompletedIterator>),
    PassOn(Bound<'py, PyAny>, Option<Bound<'py, PyAny>>),
    Unshield(Bound<'py, PyAny>, Bound<'py, DoneCallback>, Option<Bound<'py, PyAny>>),
}

impl DoneCallback {
    /// One with this role.
    pub fn new(py: Python<'_>, role: Role) -> PyResult<Py<Self>> {
        Py::new(py, Self { role: WithCell::new(Some(role)) })
    }

    /// `future.add_done_callback`.
    #[inline]
    pub fn listen_to(slf: &Bound<'_, Self>, future: &Bound<'_, PyAny>) -> PyResult<()> {
        match as_native(future) {
            Some(native) => Future::add_callback(native, Callback::Waiter(Waiter::callback(slf))),
            None => {
                let name = pyo3::intern!(slf.py(), "add_done_callback");
                future.call_method1(name, (slf,)).map(drop)
            }
        }
    }

    /// `future.remove_done_callback`.
    #[inline]
    pub fn leave(slf: &Bound<'_, Self>, future: &Bound<'_, PyAny>) -> PyResult<()> {
        match as_native(future) {
            Some(native) => {
                native.get().forget(slf.as_any());
                Ok(())
            }
            None => {
                let name = pyo3::intern!(slf.py(), "remove_done_callback");
                future.call_method1(name, (slf,)).map(drop)
            }
        }
    }

    /// Whether a future calls without a detour: itself and its loop are ours.
    #[inline]
    pub fn is_called_natively_by(future: &Bound<'_, PyAny>) -> bool {
        as_native(future).is_some_and(|native| {
            native
                .get()
                .state
                .with(future.py(), |state| matches!(&state.event_loop, Some(LoopRef::Native(_))))
        })
    }

    /// Reads or changes what `wait` has counted, if that is the role.
    pub fn counted<R>(&self, py: Python<'_>, read: impl FnOnce(&mut Count) -> R) -> Option<R> {
        self.role.with(py, |role| match role {
            Some(Role::Count(count)) => Some(read(count)),
            _ => None,
        })
    }

    /// A native future is done. Whether that leads to something that has to wait
    /// for its turn.
    #[inline]
    pub fn notice(&self, future: &Bound<'_, Future>) -> PyResult<bool> {
        let py = future.py();
        enum Noticed<'py> {
            Counted(bool, Option<Bound<'py, PyAny>>),
            Inner(Bound<'py, PyAny>),
            Other,
        }
        let noticed = self.role.with(py, |role| match role {
            Some(Role::Count(count)) => {
                let has_turn = count.notice();
                let caller = if has_turn { None } else { count.caller.as_ref() };
                Noticed::Counted(has_turn, caller.map(|caller| caller.bind(py).clone()))
            }
            Some(Role::Unshield { inner, .. }) => Noticed::Inner(inner.bind(py).clone()),
            _ => Noticed::Other,
        });
        match noticed {
            Noticed::Counted(has_turn, caller) => {
                forget_edge(future.as_any(), caller.as_ref())?;
                Ok(has_turn)
            }
            Noticed::Inner(inner) => Ok(!super::outcomes::is_done(&inner)?),
            Noticed::Other => Ok(true),
        }
    }

    /// The turn of a native future that is done.
    pub fn run(core: &Bound<'_, LoopCore>, (slf, future): (Py<Self>, Py<Future>)) -> PyResult<()> {
        let py = core.py();
        let (slf, future) = (slf.into_bound(py), future.into_bound(py));
        let Err(error) = slf.get().called(future.as_any()) else {
            return Ok(());
        };
        let arguments = PyTuple::new(py, [future])?;
        let callback = slf.into_any().unbind();
        report_callback(core, callback, arguments, context::copy_current(py)?, error)
    }

    /// Does what there is to do about `future`, which is done.
    fn called(&self, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = future.py();
        let task = self.role.with(py, |role| match role {
            None => Some(Deed::Nothing),
            Some(Role::Count(_)) => None,
            Some(Role::Release(waiter)) => Some(Deed::Release(waiter.bind(py).clone())),
            Some(Role::Complete(iterator)) => Some(Deed::Complete(iterator.bind(py).clone())),
            Some(Role::PassOn { outer, caller }) => {
                let caller = caller.as_ref().map(|caller| caller.bind(py).clone());
                Some(Deed::PassOn(outer.bind(py).clone(), caller))
            }
            Some(Role::Unshield { inner, callback, caller }) => {
                let caller = caller.as_ref().map(|caller| caller.bind(py).clone());
                let callback = callback.bind(py).clone();
                Some(Deed::Unshield(inner.bind(py).clone(), callback, caller))
            }
        });
        match task {
            None => Count::one_more(self, future),
            Some(Deed::Nothing) => Ok(()),
            Some(Deed::Release(waiter)) => release(&waiter),
            Some(Deed::Complete(iterator)) => AsCompletedIterator::complete(&iterator, future),
            Some(Deed::PassOn(outer, caller)) => {
                forget_edge(future, caller.as_ref())?;
                shielding::pass_on(future, &outer)
            }
            Some(Deed::Unshield(inner, callback, caller)) => {
                shielding::unshield(&inner, &callback, caller.as_ref())
            }
        }
    }
}

/// Gives `waiter` None, unless it is done.
pub fn release(waiter: &Bound<'_, Future>) -> PyResult<()> {
    let py = waiter.py();
    if waiter.get().is_done(py) { Ok(()) } else { Future::finish(waiter, py.None()) }
}

/// Notes for call graphs that `caller` awaits `future`.
#[inline]
pub fn note_edge(future: &Bound<'_, PyAny>, caller: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    #[cfg(Py_3_14)]
    if let Some(caller) = caller {
        crate::futures::future_add_to_awaited_by(future.clone(), caller.clone())?;
    }
    #[cfg(not(Py_3_14))]
    let _ = (future, caller);
    Ok(())
}

/// Notes that it does so no longer.
#[inline]
pub fn forget_edge(future: &Bound<'_, PyAny>, caller: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    #[cfg(Py_3_14)]
    if let Some(caller) = caller {
        crate::futures::future_discard_from_awaited_by(future.clone(), caller.clone())?;
    }
    #[cfg(not(Py_3_14))]
    let _ = (future, caller);
    Ok(())
}

/// The task that call graphs are to show as the one that awaits; none on versions
/// that have no call graphs.
#[inline]
pub fn caller(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    #[cfg(Py_3_14)]
    return crate::running::current_task_here(py);
    #[cfg(not(Py_3_14))]
    {
        let _ = py;
        Ok(None)
    }
}

#[pymethods]
impl DoneCallback {
    #[pyo3(signature = (future, /))]
    fn __call__(&self, future: Bound<'_, PyAny>) -> PyResult<()> {
        self.called(&future)
    }

    /// What asyncio's messages show it as.
    #[getter]
    fn __qualname__(&self, py: Python<'_>) -> &'static str {
        self.role.with(py, |role| match role {
            Some(Role::Count(_)) => "_wait.<locals>._on_completion",
            Some(Role::Release(_)) | None => "_release_waiter",
            Some(Role::Complete(_)) if cfg!(Py_3_13) => "_AsCompletedIterator._handle_completion",
            Some(Role::Complete(_)) => "as_completed.<locals>._on_completion",
            Some(Role::PassOn { .. }) => "shield.<locals>._inner_done_callback",
            Some(Role::Unshield { .. }) => "shield.<locals>._outer_done_callback",
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.role.traverse(|role| match role {
            None => Ok(()),
            Some(Role::Count(count)) => count.traverse(&visit),
            Some(Role::Release(waiter)) => visit.call(waiter),
            Some(Role::Complete(iterator)) => visit.call(iterator),
            Some(Role::PassOn { outer, caller }) => {
                visit.call(outer)?;
                visit.call(caller)
            }
            Some(Role::Unshield { inner, callback, caller }) => {
                visit.call(inner)?;
                visit.call(callback)?;
                visit.call(caller)
            }
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.role.with(py, Option::take));
    }
}
