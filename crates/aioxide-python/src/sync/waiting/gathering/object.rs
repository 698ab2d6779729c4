//! The future that `gather` returns.

use std::sync::OnceLock;

use pyo3::PyTraverseError;
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple, PyType};
use pyo3::{Borrowed, PyClassInitializer};

use crate::core::dispatch::cancel_with_message;
use crate::core::dispatch::report_callback;
use crate::core::dispatch::{Waiter, as_native};
use crate::core::event_loop::LoopCore;
use crate::core::futures::{Callback, Future, FutureState, LoopRef, Outcome};
use crate::ffi::finalizer::Finalize;
use crate::ffi::free_list::{self, FreeList, FreeListed};
use crate::ffi::gil_cell::{CloneRef, Contents, GilCell};
use crate::ffi::{allocate, context};
use crate::stdlib;
use crate::sync::waiting::outcomes::{cancelled_error_of, exception_of, fail, is_cancelled};

/// A future of the results of others, its children.
#[pyclass(frozen, extends = Future, name = "_GatheringFuture", module = "asyncio.tasks")]
#[repr(C)]
pub struct GatheringFuture {
    state: Contents<Gathering>,
}

struct Gathering {
    /// One for each argument, in their order; none before all are known.
    children: GilCell<Option<Py<PyTuple>>>,
    progress: GilCell<Progress>,
    /// The task that called `gather`, for call graphs.
    #[cfg(Py_3_14)]
    caller: GilCell<Option<Py<PyAny>>>,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    return_exceptions: bool,
    cancel_requested: bool,
    /// How many different children there are.
    distinct: usize,
    /// How many children are done.
    done: usize,
    /// For how many of them the callback has run, one iteration later.
    concluded: usize,
    /// Whether some children are foreign, or not all are known. If so, the loop runs a
    /// callback for each of them.
    one_by_one: bool,
    /// Whether there are foreign children.
    foreign_children: bool,
}

impl Gathering {
    fn new() -> Self {
        Self {
            children: GilCell::new(None),
            progress: GilCell::new(Progress::default()),
            #[cfg(Py_3_14)]
            caller: GilCell::new(None),
        }
    }

    /// Drops all references.
    fn release(&self, py: Python<'_>) {
        self.progress.set(py, Progress::default());
        #[cfg(Py_3_14)]
        if let Some(caller) = self.caller.take(py) {
            caller.drop_ref(py);
        }
        if let Some(children) = self.children.take(py) {
            children.drop_ref(py);
        }
    }
}

impl GatheringFuture {
    /// A future without children.
    pub(super) fn begin(py: Python<'_>, return_exceptions: bool) -> PyResult<Bound<'_, Self>> {
        #[cfg(Py_3_14)]
        let caller = crate::core::current_task::current_task_here(py)?.map(Bound::unbind);
        let object = match free_list::take::<Self>(py) {
            Some(object) => object,
            None => {
                let future = Future::new(FutureState::uninitialized());
                let class = Self { state: Contents::new(Gathering::new()) };
                Bound::new(py, PyClassInitializer::from(future).add_subclass(class))?
            }
        };
        object.as_super().get().note_place(py);
        let state = &object.get().state;
        let progress = Progress { return_exceptions, one_by_one: true, ..Progress::default() };
        state.progress.set(py, progress);
        #[cfg(Py_3_14)]
        state.caller.fill(py, caller);
        Ok(object)
    }

    /// The children, in the order of the arguments; None before all are known.
    fn children<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyTuple>> {
        self.state.children.clone_ref(py).map(|children| children.into_bound(py))
    }

    /// Adds the done-callback to `child`. From 3.12 on, a child that is done already is
    /// added to `done` instead.
    pub(super) fn expect<'py>(
        slf: &Bound<'py, Self>,
        child: &Bound<'py, PyAny>,
        done: &mut Vec<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        if let Some(native) = as_native(child) {
            if cfg!(Py_3_12) && native.get().is_done(py) {
                done.push(child.clone());
                return Ok(());
            }
            #[cfg(Py_3_14)]
            slf.get().note_edge(child, true)?;
            return Future::add_callback(native, Callback::Waiter(Waiter::gathering(slf)));
        }
        if cfg!(Py_3_12) && child.call_method0(crate::intern!(py, "done"))?.is_truthy()? {
            done.push(child.clone());
            return Ok(());
        }
        #[cfg(Py_3_14)]
        slf.get().note_edge(child, true)?;
        slf.get().state.progress.update(py, |progress| progress.foreign_children = true);
        let callback = GatherCallback::new(slf)?;
        child.call_method1(crate::intern!(py, "add_done_callback"), (callback,)).map(drop)
    }

    /// All children are known: the number of `distinct` ones, and how many of them are
    /// `done` already and have no callback.
    pub(super) fn complete(
        slf: &Bound<'_, Self>,
        event_loop: &Bound<'_, PyAny>,
        children: Bound<'_, PyTuple>,
        distinct: usize,
        done: usize,
    ) -> PyResult<()> {
        let py = slf.py();
        let future = slf.as_super().get();
        let event_loop = LoopRef::of(event_loop);
        let native = match &event_loop {
            LoopRef::Native(core) => core.get().schedules_natively(py),
            LoopRef::Foreign(_) => false,
        };
        let debug = event_loop.bind(py).debug()?;
        drop(future.state.event_loop.replace(py, Some(event_loop)));
        slf.get().state.progress.update(py, |progress| {
            progress.distinct = distinct;
            progress.done += done;
            progress.one_by_one = !native || progress.foreign_children;
        });
        drop(slf.get().state.children.replace(py, Some(children.unbind())));
        if debug { future.remember_origin(py) } else { Ok(()) }
    }

    /// A native child is done. Whether it needs a place in the ready queue: of children
    /// that have a result, only the last one does.
    #[inline]
    pub fn notice(&self, child: &Bound<'_, Future>) -> PyResult<bool> {
        let py = child.py();
        let has_result = child.get().has_result(py);
        let has_consequences = self.state.progress.update(py, |progress| {
            progress.done += 1;
            if progress.one_by_one || !has_result || progress.done == progress.distinct {
                return true;
            }
            progress.concluded += 1;
            false
        });
        #[cfg(Py_3_14)]
        if !has_consequences {
            self.note_edge(child.as_any(), false)?;
        }
        Ok(has_consequences)
    }

    /// The loop runs the callback of a native child that is done.
    pub fn run_child_done(
        core: &Bound<'_, LoopCore>,
        parts: (Py<Self>, Py<Future>),
    ) -> PyResult<()> {
        let py = core.py();
        let (slf, child) = (parts.0.into_bound(py), parts.1.into_bound(py));
        let Err(error) = Self::child_done(&slf, child.as_any()) else {
            return Ok(());
        };
        let callback = GatherCallback::new(&slf)?.into_any();
        let arguments = allocate::tuple(py, [child])?;
        report_callback(core, callback, arguments, context::copy_current(py)?, error)
    }

    /// Acts on a child that is done.
    pub fn child_done(slf: &Bound<'_, Self>, child: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let outer = slf.as_super();
        let (return_exceptions, last) = this.state.progress.update(py, |progress| {
            progress.concluded += 1;
            (progress.return_exceptions, progress.concluded == progress.distinct)
        });
        #[cfg(Py_3_14)]
        this.note_edge(child, false)?;
        let children = this.children(py).filter(|_| !outer.get().is_done(py));
        let Some(children) = children else {
            if !is_cancelled(child)? {
                exception_of(child)?;
            }
            return Ok(());
        };
        if !return_exceptions {
            let failure = if is_cancelled(child)? {
                Some(cancelled_error_of(child)?)
            } else {
                exception_of(child)?
            };
            if let Some(failure) = failure {
                #[cfg(Py_3_14)]
                this.forget_edges(py)?;
                return fail(outer, failure);
            }
        }
        if !last {
            return Ok(());
        }
        let results = children.iter().map(|it| outcome_of(&it)).collect::<PyResult<Vec<_>>>()?;
        let results = allocate::list(py, results)?;
        if this.state.progress.get(py).cancel_requested
            && let Some(last) = children.iter().next_back()
        {
            return fail(outer, cancelled_error_of(&last)?);
        }
        Future::finish(outer, results.into_any().unbind())
    }

    /// See `cancel`.
    fn cancel_children(slf: &Bound<'_, Self>, message: Option<Py<PyAny>>) -> PyResult<bool> {
        let py = slf.py();
        if slf.as_super().get().is_done(py) {
            return Ok(false);
        }
        let mut any = false;
        for child in slf.get().children(py).iter().flatten() {
            any |= cancel_with_message(&child, CloneRef::clone_ref(&message, py))?;
        }
        if any {
            slf.get().state.progress.update(py, |progress| progress.cancel_requested = true);
        }
        Ok(any)
    }

    /// Records for call graphs, or removes the record, that the caller awaits `child`.
    #[cfg(Py_3_14)]
    fn note_edge(&self, child: &Bound<'_, PyAny>, awaits: bool) -> PyResult<()> {
        let py = child.py();
        match self.state.caller.clone_ref(py).map(|caller| caller.into_bound(py)) {
            None => Ok(()),
            Some(caller) if awaits => {
                crate::core::futures::future_add_to_awaited_by(child.clone(), caller)
            }
            Some(caller) => {
                crate::core::futures::future_discard_from_awaited_by(child.clone(), caller)
            }
        }
    }

    #[cfg(Py_3_14)]
    fn forget_edges(&self, py: Python<'_>) -> PyResult<()> {
        self.children(py).iter().flatten().try_for_each(|child| self.note_edge(&child, false))
    }
}

/// What a done child contributes to the list.
fn outcome_of<'py>(child: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = child.py();
    if let Some(native) = as_native(child)
        && let Some(result) = native.get().state.outcome.clone_of(py, Outcome::result)
    {
        return Ok(result.into_bound(py));
    }
    if is_cancelled(child)? {
        // Not the saved error: that one is for the task that awaits the child.
        let message = child.getattr(crate::intern!(py, "_cancel_message"))?;
        let message =
            if message.is_none() { allocate::string(py, "")?.into_any() } else { message };
        return stdlib::cancelled_error(py)?.call1((message,));
    }
    match exception_of(child)? {
        Some(exception) => Ok(exception),
        None => child.call_method0(crate::intern!(py, "result")),
    }
}

#[pymethods]
impl GatheringFuture {
    /// See [`Future`]: `isinstance(x, asyncio.Future)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(stdlib::gathering_future_type(slf.py())?.clone().unbind())
    }

    /// Cancels the children that are not done; when they are, so is this future. False
    /// if there is nothing to cancel.
    #[pyo3(signature = (msg=None))]
    pub fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        Self::cancel_children(slf, msg)
    }

    #[getter]
    fn _children<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let children: Vec<_> = self.children(py).iter().flatten().collect();
        allocate::list(py, children)
    }

    #[getter]
    fn _cancel_requested(&self, py: Python<'_>) -> bool {
        self.state.progress.get(py).cancel_requested
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            #[cfg(Py_3_14)]
            state.caller.traverse(|caller| visit.call(caller))?;
            state.children.traverse(|children| visit.call(children))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        self.state.release(py);
    }
}

impl FreeListed for GatheringFuture {
    fn free_list() -> &'static FreeList {
        static FREE_LIST: FreeList = FreeList::new();
        &FREE_LIST
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        let py = slf.py();
        slf.get().state.release(py);
        slf.as_super().get().empty(py);
    }
}

impl Finalize for GatheringFuture {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        slf.as_super().get().logs_traceback(slf.py())
    }

    fn finalize(slf: &Bound<'_, Self>) {
        crate::core::futures::report_unretrieved(slf.as_super());
    }
}

/// The done-callback that `gather()` adds to a foreign child.
#[pyclass(frozen, module = "aioxide")]
pub struct GatherCallback {
    outer: Contents<GilCell<Option<Py<GatheringFuture>>>>,
}

impl GatherCallback {
    /// A callback for the children of `outer`.
    pub fn new(outer: &Bound<'_, GatheringFuture>) -> PyResult<Py<Self>> {
        let kept = GilCell::new(Some(outer.clone().unbind()));
        Py::new(outer.py(), Self { outer: Contents::new(kept) })
    }
}

#[pymethods]
impl GatherCallback {
    fn __call__(&self, py: Python<'_>, future: Bound<'_, PyAny>) -> PyResult<()> {
        crate::ffi::exiting::arm();
        match self.outer.clone_ref(py) {
            Some(outer) => GatheringFuture::child_done(outer.bind(py), &future),
            None => Ok(()),
        }
    }

    /// What asyncio's messages show it as.
    #[getter]
    fn __qualname__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        allocate::string(py, "gather.<locals>._done_callback")
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.outer.traverse(|cell| cell.traverse(|outer| visit.call(outer)))
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.outer.take(py));
    }
}
