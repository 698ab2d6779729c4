//! The Python class `Handle`.

use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple, PyType};
use pyo3::{Borrowed, PyTraverseError};

use super::Arguments;
use super::foreign_tasks::may_step_foreign_task;
use super::reporting::{format_callback, report_callback_error};
use crate::core::futures::{BoundLoop, LoopRef};
use crate::ffi::allocate;
use crate::ffi::context;
use crate::ffi::free_list::{self, FreeList, FreeListed};
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::stdlib;

/// A callback that `call_soon` and its relatives have scheduled.
///
/// Handle(callback, args, loop, context=None). See the asyncio documentation
/// of `Handle`.
#[pyclass(frozen, subclass, weakref, module = "aioxide")]
pub struct Handle {
    pub(super) state: Contents<HandleState>,
}

pub(super) struct HandleState {
    /// None once cancelled, so that a cancelled handle keeps nothing alive.
    callback: GilCell<Option<Py<PyAny>>>,
    /// None together with the callback.
    arguments: GilCell<Arguments>,
    /// None only after the collector cleared the handle.
    context: GilCell<Option<Py<PyAny>>>,
    event_loop: GilCell<Option<LoopRef>>,
    cancelled: GilCell<bool>,
    /// Fields for debug mode.
    origin: GilCell<Option<Box<Origin>>>,
}

impl HandleState {
    #[inline]
    pub(super) fn scheduled(
        callback: Py<PyAny>,
        arguments: Arguments,
        event_loop: LoopRef,
        context: Py<PyAny>,
    ) -> Contents<Self> {
        Contents::new(Self {
            callback: GilCell::new(Some(callback)),
            arguments: GilCell::new(arguments),
            context: GilCell::new(Some(context)),
            event_loop: GilCell::new(Some(event_loop)),
            cancelled: GilCell::new(false),
            origin: GilCell::new(None),
        })
    }

    /// The same for an emptied handle from the free list.
    #[inline]
    pub(super) fn refill(
        &self,
        py: Python<'_>,
        callback: Py<PyAny>,
        arguments: Arguments,
        event_loop: LoopRef,
        context: Py<PyAny>,
    ) {
        self.callback.fill(py, Some(callback));
        self.arguments.fill(py, arguments);
        self.context.fill(py, Some(context));
        self.event_loop.fill(py, Some(event_loop));
        self.cancelled.set(py, false);
    }

    /// Drops all references.
    #[inline]
    pub(super) fn empty(&self, py: Python<'_>) {
        if let Some(callback) = self.callback.take(py) {
            callback.drop_ref(py);
        }
        self.arguments.take(py).release(py);
        if let Some(context) = self.context.take(py) {
            context.drop_ref(py);
        }
        if let Some(event_loop) = self.event_loop.take(py) {
            event_loop.release(py);
        }
        if let Some(origin) = self.origin.take(py) {
            for kept in [origin.source_traceback, origin.repr].into_iter().flatten() {
                kept.drop_ref(py);
            }
        }
    }
}

#[derive(Default)]
struct Origin {
    source_traceback: Option<Py<PyAny>>,
    /// The `repr` from before the handle was cancelled.
    repr: Option<Py<PyAny>>,
}

impl Handle {
    /// A handle without debug mode's extras.
    #[inline]
    pub fn create(
        py: Python<'_>,
        callback: Py<PyAny>,
        arguments: Arguments,
        event_loop: LoopRef,
        context: Py<PyAny>,
    ) -> PyResult<Py<Self>> {
        match free_list::take::<Self>(py) {
            Some(handle) => {
                handle.get().state.refill(py, callback, arguments, event_loop, context);
                Ok(handle.unbind())
            }
            None => {
                let state = HandleState::scheduled(callback, arguments, event_loop, context);
                Py::new(py, Self { state })
            }
        }
    }

    /// Whether it was cancelled.
    #[inline]
    pub fn is_cancelled(&self, py: Python<'_>) -> bool {
        self.state.cancelled.get(py)
    }

    /// Records the stack of the Python code that schedules this handle.
    pub fn remember_origin(&self, py: Python<'_>) -> PyResult<()> {
        self.set_origin(py, stdlib::extract_stack(py)?.call0()?.unbind());
        Ok(())
    }

    /// Records `stack` as the place where this handle was scheduled.
    pub fn set_origin(&self, py: Python<'_>, stack: Py<PyAny>) {
        let mut origin = self.state.origin.take(py).unwrap_or_default();
        let before = origin.source_traceback.replace(stack);
        drop(self.state.origin.replace(py, Some(origin)));
        drop(before);
    }

    /// Calls the callback in its context; returns the callback's error.
    #[inline]
    pub fn call(&self, py: Python<'_>) -> PyResult<()> {
        let Some(callback) = self.state.callback.clone_ref(py) else {
            return Ok(());
        };
        let callback = callback.into_bound(py);
        let Some(context) = self.state.context.clone_ref(py) else {
            return Ok(());
        };
        let context = context.into_bound(py);
        let arguments = self.state.arguments.clone_ref(py).into_bound(py);
        context::run_in(&context, || arguments.call(&callback).map(drop))
    }

    /// The first of the arguments, if there are any.
    pub fn first_argument(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match self.state.arguments.clone_ref(py) {
            Arguments::None => None,
            Arguments::One(argument) => Some(argument),
            Arguments::Many(arguments) => arguments.bind(py).get_item(0).ok().map(Bound::unbind),
        }
    }

    /// Whether the callback may be a step of a stdlib task: true for everything but a
    /// plain function, a method of an object that is not a task, or a native method.
    pub fn may_step_foreign_task(&self, py: Python<'_>) -> bool {
        match self.state.callback.clone_ref(py) {
            Some(callback) => may_step_foreign_task(&callback.into_bound(py)),
            None => false,
        }
    }

    /// Marks the handle as cancelled and drops callback and arguments.
    #[inline]
    pub(super) fn cancel_handle(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if this.is_cancelled(py) {
            return Ok(());
        }
        if this.debug(py)? {
            this.state.cancelled.set(py, true);
            let repr = slf.repr()?.into_any().unbind();
            let mut origin = this.state.origin.take(py).unwrap_or_default();
            let before = origin.repr.replace(repr);
            drop(this.state.origin.replace(py, Some(origin)));
            drop(before);
        }
        this.state.cancelled.set(py, true);
        let callback = this.state.callback.take(py);
        let arguments = this.state.arguments.take(py);
        if let Some(callback) = callback {
            callback.drop_ref(py);
        }
        arguments.release(py);
        Ok(())
    }

    /// Whether its loop is in debug mode.
    #[inline]
    pub(super) fn debug(&self, py: Python<'_>) -> PyResult<bool> {
        self.event_loop(py).map_or(Ok(false), |event_loop| event_loop.debug())
    }

    /// The loop; None after the garbage collector has cleared the handle.
    #[inline]
    pub(super) fn event_loop<'py>(&self, py: Python<'py>) -> Option<BoundLoop<'py>> {
        self.state.event_loop.clone_ref(py).map(|event_loop| event_loop.into_bound(py))
    }

    /// The parts of `repr`, in asyncio's order.
    pub(super) fn describe<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let this = slf.get();
        let name =
            slf.as_any().getattr(crate::intern!(py, "__class__"))?.cast_into::<PyType>()?.name()?;
        let info = allocate::list(py, [name])?;
        if this.is_cancelled(py) {
            info.append("cancelled")?;
        }
        if let Some(callback) = this._callback(py) {
            info.append(format_callback(py, callback, this._args(py)?, this.debug(py)?)?)?;
        }
        if let Some(stack) = this._source_traceback(py) {
            // Without frames if native code scheduled it.
            if stack.bind(py).is_truthy()? {
                let frame = stack.bind(py).get_item(-1)?;
                info.append(format!("created at {}:{}", frame.get_item(0)?, frame.get_item(1)?))?;
            }
        }
        Ok(info)
    }
}

impl FreeListed for Handle {
    fn free_list() -> &'static FreeList {
        static FREE_LIST: FreeList = FreeList::new();
        &FREE_LIST
    }

    const DROPS_NOTHING: bool = true;

    #[inline]
    fn empty(slf: Borrowed<'_, '_, Self>) {
        slf.get().state.empty(slf.py());
    }
}

#[pymethods]
impl Handle {
    #[new]
    #[pyo3(signature = (callback, args, r#loop, context=None))]
    pub(super) fn __new__(
        callback: Py<PyAny>,
        args: &Bound<'_, PyAny>,
        r#loop: Bound<'_, PyAny>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = args.py();
        let state = HandleState::scheduled(
            callback,
            Arguments::of(&allocate::tuple_from(args)?),
            LoopRef::of(&r#loop),
            context::given_or_copy(py, context)?,
        );
        let handle = Self { state };
        if handle.debug(py)? {
            handle.remember_origin(py)?;
        }
        Ok(handle)
    }

    /// `isinstance(x, asyncio.Handle)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        let py = slf.py();
        let actual = slf.get_type();
        if actual.is(py.get_type::<Self>()) {
            Ok(stdlib::handle_type(py)?.clone().unbind())
        } else {
            Ok(actual.unbind())
        }
    }

    fn _repr_info<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        Self::describe(slf)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let kept = slf.get().state.origin.clone_of(py, |origin| origin.as_ref()?.repr.as_ref());
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let info = slf.call_method0(crate::intern!(py, "_repr_info"))?;
        let words: Vec<String> =
            info.try_iter()?.map(|word| Ok(word?.str()?.to_string())).collect::<PyResult<_>>()?;
        Ok(allocate::string(py, &format!("<{}>", words.join(" ")))?.into_any().unbind())
    }

    /// Cancels the callback. Does nothing if it is cancelled already.
    ///
    /// https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.Handle.cancel
    fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::cancel_handle(slf)
    }

    /// Returns whether the callback was cancelled.
    fn cancelled(&self, py: Python<'_>) -> bool {
        self.is_cancelled(py)
    }

    /// Returns the context that the callback runs in.
    fn get_context(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.context.clone_ref(py)
    }

    fn _run(slf: &Bound<'_, Self>) -> PyResult<()> {
        match slf.get().call(slf.py()) {
            Ok(()) => Ok(()),
            Err(error) => report_callback_error(slf, error),
        }
    }

    #[getter]
    pub(crate) fn _callback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.callback.clone_ref(py)
    }

    #[getter]
    pub(super) fn _args<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        if self.state.callback.is_none(py) {
            return Ok(None);
        }
        self.state.arguments.clone_ref(py).to_tuple(py).map(Some)
    }

    #[getter]
    fn _context(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.get_context(py)
    }

    #[getter]
    pub(super) fn _loop<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.event_loop(py).map(|event_loop| event_loop.as_any().clone())
    }

    #[getter]
    fn _cancelled(&self, py: Python<'_>) -> bool {
        self.is_cancelled(py)
    }

    #[getter]
    pub(super) fn _source_traceback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.origin.clone_of(py, |origin| origin.as_ref()?.source_traceback.as_ref())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.callback.traverse(|callback| visit.call(callback))?;
            state.arguments.traverse(|arguments| arguments.traverse(&visit))?;
            state.context.traverse(|context| visit.call(context))?;
            state.event_loop.traverse(|event_loop| match event_loop {
                Some(event_loop) => visit.call(event_loop.as_any()),
                None => Ok(()),
            })?;
            state.origin.traverse(|origin| match origin {
                Some(origin) => {
                    visit.call(&origin.source_traceback)?;
                    visit.call(&origin.repr)
                }
                None => Ok(()),
            })
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        self.state.empty(py);
    }
}
