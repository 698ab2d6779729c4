//! The done-callbacks of `wait`, `wait_for`, `shield` and `as_completed`.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::completing::AsCompletedIterator;
use super::shielding;
use super::wait::Count;
use crate::core::dispatch::report_callback;
use crate::core::dispatch::{Waiter, as_native};
use crate::core::event_loop::LoopCore;
use crate::core::futures::{Callback, Future, edges};
use crate::ffi::gil_cell::{CloneRef, Contents, GilCell};
use crate::ffi::{allocate, context};

/// A done-callback. A native future stores it in one word, and the loop calls it
/// without a handle; any other future calls it as a Python object.
#[pyclass(frozen, module = "aioxide")]
pub struct DoneCallback {
    state: Contents<State>,
}

struct State {
    /// None once the collector has cleared it.
    role: GilCell<Option<Role>>,
    /// What `wait` has counted, if that is the role.
    count: GilCell<Count>,
}

/// What it does when the future is done.
pub enum Role {
    /// Counts, for `wait`. The task that waits is for call graphs.
    Count { waiter: Py<Future>, caller: Option<Py<PyAny>> },
    /// Sets the result of another future to None, unless it is done.
    Release(Py<Future>),
    /// Passes the future to `as_completed`, as the next one that is done.
    Complete(Py<AsCompletedIterator>),
    /// Passes the outcome on to the future that `shield` has returned. On 3.14 and
    /// later, the task that called it no longer awaits the inner one.
    PassOn { outer: Py<PyAny>, caller: Option<Py<PyAny>> },
    /// Removes the callback above, now that the outer future is done.
    Unshield { inner: Py<PyAny>, callback: Py<DoneCallback>, caller: Option<Py<PyAny>> },
}

// SAFETY: reference counts go up.
unsafe impl CloneRef for Role {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        let same = |it: &Option<Py<PyAny>>| CloneRef::clone_ref(it, py);
        match self {
            Self::Count { waiter, caller } => {
                Self::Count { waiter: waiter.clone_ref(py), caller: same(caller) }
            }
            Self::Release(waiter) => Self::Release(waiter.clone_ref(py)),
            Self::Complete(iterator) => Self::Complete(iterator.clone_ref(py)),
            Self::PassOn { outer, caller } => {
                Self::PassOn { outer: outer.clone_ref(py), caller: same(caller) }
            }
            Self::Unshield { inner, callback, caller } => Self::Unshield {
                inner: inner.clone_ref(py),
                callback: callback.clone_ref(py),
                caller: same(caller),
            },
        }
    }
}

impl Role {
    fn caller_of_count(role: &Option<Self>) -> Option<&Py<PyAny>> {
        match role {
            Some(Self::Count { caller, .. }) => caller.as_ref(),
            _ => None,
        }
    }

    fn inner(role: &Option<Self>) -> Option<&Py<PyAny>> {
        match role {
            Some(Self::Unshield { inner, .. }) => Some(inner),
            _ => None,
        }
    }
}

impl DoneCallback {
    /// A callback with this role.
    pub fn new(py: Python<'_>, role: Role) -> PyResult<Py<Self>> {
        Self::counting(py, role, Count::default())
    }

    /// A callback that counts, if that is its role.
    pub fn counting(py: Python<'_>, role: Role, count: Count) -> PyResult<Py<Self>> {
        let state = State { role: GilCell::new(Some(role)), count: GilCell::new(count) };
        Py::new(py, Self { state: Contents::new(state) })
    }

    /// `future.add_done_callback`.
    #[inline]
    pub fn listen_to(slf: &Bound<'_, Self>, future: &Bound<'_, PyAny>) -> PyResult<()> {
        match as_native(future) {
            Some(native) => Future::add_callback(native, Callback::Waiter(Waiter::callback(slf))),
            None => {
                let name = crate::intern!(slf.py(), "add_done_callback");
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
                let name = crate::intern!(slf.py(), "remove_done_callback");
                future.call_method1(name, (slf,)).map(drop)
            }
        }
    }

    /// Whether a future calls it directly: the future and its loop are native.
    #[inline]
    pub fn is_called_natively_by(future: &Bound<'_, PyAny>) -> bool {
        as_native(future).is_some_and(|native| native.get().is_on_native_loop(future.py()))
    }

    /// What `wait` has counted, if that is the role.
    pub fn count(&self) -> &GilCell<Count> {
        &self.state.count
    }

    /// The task that `wait` was called by, for call graphs.
    pub fn caller_of_count<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.role.clone_of(py, Role::caller_of_count).map(|caller| caller.into_bound(py))
    }

    /// A native future is done. Whether the rest has to wait for its place in the
    /// ready queue.
    #[inline]
    pub fn notice(&self, future: &Bound<'_, Future>) -> PyResult<bool> {
        let py = future.py();
        let role = &self.state.role;
        if role.read(py, |role| matches!(role, Some(Role::Count { .. }))) {
            let has_turn = self.state.count.update(py, Count::notice);
            if !has_turn {
                let caller = role.clone_of(py, Role::caller_of_count);
                edges::forget_edge(future.as_any(), caller.as_ref().map(|caller| caller.bind(py)))?;
            }
            return Ok(has_turn);
        }
        match role.clone_of(py, Role::inner) {
            Some(inner) => Ok(!super::outcomes::is_done(inner.bind(py))?),
            None => Ok(true),
        }
    }

    /// The loop runs the callback of a native future that is done.
    pub fn run(core: &Bound<'_, LoopCore>, (slf, future): (Py<Self>, Py<Future>)) -> PyResult<()> {
        let py = core.py();
        let (slf, future) = (slf.into_bound(py), future.into_bound(py));
        let Err(error) = slf.get().called(future.as_any()) else {
            return Ok(());
        };
        let arguments = allocate::tuple(py, [future])?;
        let callback = slf.into_any().unbind();
        report_callback(core, callback, arguments, context::copy_current(py)?, error)
    }

    /// Acts on `future`, which is done.
    fn called(&self, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = future.py();
        let bound = |it: Option<Py<PyAny>>| it.map(|it| it.into_bound(py));
        match self.state.role.clone_ref(py) {
            None => Ok(()),
            Some(Role::Count { waiter, caller }) => {
                let caller = bound(caller);
                Count::one_more(&self.state.count, waiter.bind(py), caller.as_ref(), future)
            }
            Some(Role::Release(waiter)) => release(waiter.bind(py)),
            Some(Role::Complete(iterator)) => {
                AsCompletedIterator::complete(iterator.bind(py), future)
            }
            Some(Role::PassOn { outer, caller }) => {
                edges::forget_edge(future, bound(caller).as_ref())?;
                shielding::pass_on(future, outer.bind(py))
            }
            Some(Role::Unshield { inner, callback, caller }) => {
                shielding::unshield(inner.bind(py), callback.bind(py), bound(caller).as_ref())
            }
        }
    }
}

/// Sets the result of `waiter` to None, unless it is done.
pub fn release(waiter: &Bound<'_, Future>) -> PyResult<()> {
    let py = waiter.py();
    if waiter.get().is_done(py) { Ok(()) } else { Future::finish(waiter, py.None()) }
}

#[pymethods]
impl DoneCallback {
    #[pyo3(signature = (future, /))]
    fn __call__(&self, future: Bound<'_, PyAny>) -> PyResult<()> {
        crate::ffi::exiting::arm();
        self.called(&future)
    }

    /// What asyncio's messages show it as.
    #[getter]
    fn __qualname__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let name = self.state.role.read(py, |role| match role {
            Some(Role::Count { .. }) => "_wait.<locals>._on_completion",
            Some(Role::Release(_)) | None => "_release_waiter",
            Some(Role::Complete(_)) if cfg!(Py_3_13) => "_AsCompletedIterator._handle_completion",
            Some(Role::Complete(_)) => "as_completed.<locals>._on_completion",
            Some(Role::PassOn { .. }) => "shield.<locals>._inner_done_callback",
            Some(Role::Unshield { .. }) => "shield.<locals>._outer_done_callback",
        });
        allocate::string(py, name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let visit_role = |role: &Option<Role>| match role {
            None => Ok(()),
            Some(Role::Count { waiter, caller }) => {
                visit.call(waiter)?;
                visit.call(caller)
            }
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
        };
        self.state.traverse(|state| state.role.traverse(visit_role))
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.role.take(py));
    }
}
