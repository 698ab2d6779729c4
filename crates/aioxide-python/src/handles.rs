//! `Handle` and `TimerHandle`: a scheduled callback (`asyncio.events`).

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};
use pyo3::{Borrowed, PyTypeInfo, ffi};

use crate::event_loop::LoopCore;
use crate::futures::Future;
use crate::gil_cell::GilCell;
use crate::recycle::{self, Recycle, Shelf};
use crate::{context, standard};

/// A callback that `call_soon` and its relatives have scheduled.
///
/// Handle(callback, args, loop, context=None). See the asyncio documentation
/// of `Handle`.
#[pyclass(frozen, subclass, weakref, module = "aioxide")]
pub struct Handle {
    state: GilCell<HandleState>,
}

#[derive(Default)]
struct HandleState {
    /// None once cancelled, so that a cancelled handle holds on to nothing.
    callback: Option<Py<PyAny>>,
    /// None together with the callback.
    arguments: Option<Py<PyTuple>>,
    /// None only after the collector cleared the handle.
    context: Option<Py<PyAny>>,
    event_loop: Option<Py<PyAny>>,
    cancelled: bool,
    /// What only debug mode needs.
    origin: Option<Box<Origin>>,
}

impl HandleState {
    #[inline]
    fn scheduled(
        callback: Py<PyAny>,
        arguments: Py<PyTuple>,
        event_loop: Py<PyAny>,
        context: Py<PyAny>,
    ) -> Self {
        Self {
            callback: Some(callback),
            arguments: Some(arguments),
            context: Some(context),
            event_loop: Some(event_loop),
            cancelled: false,
            origin: None,
        }
    }

    /// Lets go of everything.
    #[inline]
    fn release(self, py: Python<'_>) {
        if let Some(callback) = self.callback {
            callback.drop_ref(py);
        }
        if let Some(arguments) = self.arguments {
            arguments.drop_ref(py);
        }
        if let Some(context) = self.context {
            context.drop_ref(py);
        }
        if let Some(event_loop) = self.event_loop {
            event_loop.drop_ref(py);
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
        arguments: Py<PyTuple>,
        event_loop: Py<PyAny>,
        context: Py<PyAny>,
    ) -> PyResult<Py<Self>> {
        let state = HandleState::scheduled(callback, arguments, event_loop, context);
        match recycle::take::<Self>(py) {
            Some(handle) => {
                handle.get().state.with(py, |empty| *empty = state);
                Ok(handle.unbind())
            }
            None => Py::new(py, Self { state: GilCell::new(state) }),
        }
    }

    /// Whether it was cancelled.
    #[inline]
    pub fn is_cancelled(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.cancelled)
    }

    /// Keeps the stack of the Python code that schedules this handle.
    pub fn remember_origin(&self, py: Python<'_>) -> PyResult<()> {
        let stack = standard::extract_stack(py)?.call0()?.unbind();
        self.state
            .with(py, |state| state.origin.get_or_insert_default().source_traceback.replace(stack));
        Ok(())
    }

    /// Calls the callback in its context; the error is the callback's own.
    #[inline]
    pub fn call(&self, py: Python<'_>) -> PyResult<()> {
        let parts = self.state.with(py, |state| {
            match (&state.callback, &state.arguments, &state.context) {
                (Some(callback), Some(arguments), Some(context)) => Some((
                    callback.bind(py).clone(),
                    arguments.bind(py).clone(),
                    context.bind(py).clone(),
                )),
                _ => None,
            }
        });
        let Some((callback, arguments, context)) = parts else {
            return Ok(());
        };
        context::run_in(&context, || callback.call1(arguments).map(drop))
    }

    /// Whether the callback may be a step of a task of the standard library's:
    /// anything but a plain function, a method of something that is no task,
    /// or a method of our own.
    pub fn may_step_foreign_task(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| {
            state.callback.as_ref().is_some_and(|callback| may_step_foreign_task(callback.bind(py)))
        })
    }

    /// Marks it cancelled and lets go of what it would have called.
    fn cancel_handle(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if this.is_cancelled(py) {
            return Ok(());
        }
        if this.debug(py)? {
            this.state.with(py, |state| state.cancelled = true);
            let repr = slf.repr()?.into_any().unbind();
            drop(
                this.state
                    .with(py, |state| state.origin.get_or_insert_default().repr.replace(repr)),
            );
        }
        drop(this.state.with(py, |state| {
            state.cancelled = true;
            (state.callback.take(), state.arguments.take())
        }));
        Ok(())
    }

    fn debug(&self, py: Python<'_>) -> PyResult<bool> {
        let event_loop =
            self.state.with(py, |state| state.event_loop.as_ref().map(|it| it.clone_ref(py)));
        match event_loop {
            Some(event_loop) => match event_loop.bind(py).cast::<LoopCore>() {
                Ok(core) => Ok(core.get().debug(py)),
                Err(_) => {
                    event_loop.bind(py).call_method0(pyo3::intern!(py, "get_debug"))?.is_truthy()
                }
            },
            None => Ok(false),
        }
    }

    /// The parts of `repr`, in asyncio's order.
    fn describe<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let this = slf.get();
        let name =
            slf.as_any().getattr(pyo3::intern!(py, "__class__"))?.cast_into::<PyType>()?.name()?;
        let info = PyList::new(py, [name.into_any()])?;
        if this.is_cancelled(py) {
            info.append("cancelled")?;
        }
        if let Some(callback) = this._callback(py) {
            info.append(format_callback(py, callback, this._args(py), this.debug(py)?)?)?;
        }
        if let Some(stack) = this._source_traceback(py) {
            let frame = stack.bind(py).get_item(-1)?;
            info.append(format!("created at {}:{}", frame.get_item(0)?, frame.get_item(1)?))?;
        }
        Ok(info)
    }
}

// Bound methods, which PyO3's bindings of the C API leave out.
unsafe extern "C" {
    static mut PyMethod_Type: ffi::PyTypeObject;
    fn PyMethod_Self(method: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

/// See [`Handle::may_step_foreign_task`]. Looks at types only.
pub fn may_step_foreign_task(callback: &Bound<'_, PyAny>) -> bool {
    let py = callback.py();
    // SAFETY: the reference is alive; a bound method holds its receiver.
    unsafe {
        if ffi::PyFunction_Check(callback.as_ptr()) != 0 {
            return false;
        }
        let receiver = if ffi::Py_IS_TYPE(callback.as_ptr(), &raw mut PyMethod_Type) != 0 {
            PyMethod_Self(callback.as_ptr())
        } else if ffi::PyCFunction_CheckExact(callback.as_ptr()) != 0 {
            let receiver = ffi::PyCFunction_GetSelf(callback.as_ptr());
            if receiver.is_null() {
                return true;
            }
            return ffi::Py_TYPE(receiver) != Future::type_object_raw(py);
        } else {
            return true;
        };
        let Ok(task) = standard::python_task_type(py) else {
            return true;
        };
        ffi::PyType_IsSubtype(ffi::Py_TYPE(receiver), task.as_type_ptr()) != 0
    }
}

impl Recycle for Handle {
    fn shelf() -> &'static Shelf {
        static SHELF: Shelf = Shelf::new();
        &SHELF
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        slf.get().state.with(slf.py(), std::mem::take).release(slf.py());
    }
}

impl Recycle for TimerHandle {
    fn shelf() -> &'static Shelf {
        static SHELF: Shelf = Shelf::new();
        &SHELF
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        slf.as_super().get().state.with(slf.py(), std::mem::take).release(slf.py());
    }
}

/// A callback as asyncio's messages show it.
fn format_callback<'py>(
    py: Python<'py>,
    callback: Py<PyAny>,
    arguments: Option<Py<PyTuple>>,
    debug: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let format = standard::format_callback_source(py)?;
    // Newer interpreters hide the arguments outside debug mode and have to be
    // told which it is; older ones do not take the argument.
    static TAKES_DEBUG: PyOnceLock<bool> = PyOnceLock::new();
    let takes_debug = *TAKES_DEBUG.get_or_try_init(py, || {
        format.getattr("__code__")?.getattr("co_kwonlyargcount")?.is_truthy()
    })?;
    if takes_debug {
        let keywords = PyDict::new(py);
        keywords.set_item("debug", debug)?;
        format.call((callback, arguments), Some(&keywords))
    } else {
        format.call1((callback, arguments))
    }
}

/// Passes what a callback raised to the loop's exception handler, except what
/// must end the loop, which is returned.
pub fn report_callback_error(handle: &Bound<'_, Handle>, error: PyErr) -> PyResult<()> {
    let py = handle.py();
    if error.is_instance_of::<PySystemExit>(py) || error.is_instance_of::<PyKeyboardInterrupt>(py) {
        return Err(error);
    }
    let this = handle.get();
    let Some(event_loop) = this._loop(py) else {
        return Err(error);
    };
    let callback = this._callback(py).unwrap_or_else(|| py.None());
    let shown = format_callback(py, callback, this._args(py), this.debug(py)?)?;
    let details = PyDict::new(py);
    details.set_item("message", format!("Exception in callback {shown}"))?;
    details.set_item("exception", error.into_value(py))?;
    details.set_item("handle", handle)?;
    if let Some(stack) = this._source_traceback(py) {
        details.set_item("source_traceback", stack)?;
    }
    event_loop.bind(py).call_method1(pyo3::intern!(py, "call_exception_handler"), (details,))?;
    Ok(())
}

#[pymethods]
impl Handle {
    #[new]
    #[pyo3(signature = (callback, args, r#loop, context=None))]
    fn __new__(
        callback: Py<PyAny>,
        args: &Bound<'_, PyAny>,
        r#loop: Bound<'_, PyAny>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = args.py();
        let state = HandleState::scheduled(
            callback,
            args.extract::<Vec<Bound<'_, PyAny>>>()
                .and_then(|args| PyTuple::new(py, args))?
                .unbind(),
            r#loop.unbind(),
            context::given_or_copy(py, context)?,
        );
        let handle = Self { state: GilCell::new(state) };
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
            Ok(standard::handle_type(py)?.clone().unbind())
        } else {
            Ok(actual.unbind())
        }
    }

    fn _repr_info<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        Self::describe(slf)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let kept = slf.get().state.with(py, |state| {
            state
                .origin
                .as_ref()
                .and_then(|origin| origin.repr.as_ref().map(|repr| repr.clone_ref(py)))
        });
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let info = slf.call_method0(pyo3::intern!(py, "_repr_info"))?;
        let words: Vec<String> =
            info.try_iter()?.map(|word| Ok(word?.str()?.to_string())).collect::<PyResult<_>>()?;
        Ok(format!("<{}>", words.join(" ")).into_pyobject(py)?.into_any().unbind())
    }

    /// Calls the callback off. Does nothing if it was called off already.
    fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::cancel_handle(slf)
    }

    /// Whether it was called off.
    fn cancelled(&self, py: Python<'_>) -> bool {
        self.is_cancelled(py)
    }

    /// The context that the callback runs in.
    fn get_context(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.context.as_ref().map(|context| context.clone_ref(py)))
    }

    fn _run(slf: &Bound<'_, Self>) -> PyResult<()> {
        match slf.get().call(slf.py()) {
            Ok(()) => Ok(()),
            Err(error) => report_callback_error(slf, error),
        }
    }

    #[getter]
    fn _callback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.callback.as_ref().map(|callback| callback.clone_ref(py)))
    }

    #[getter]
    fn _args(&self, py: Python<'_>) -> Option<Py<PyTuple>> {
        self.state
            .with(py, |state| state.arguments.as_ref().map(|arguments| arguments.clone_ref(py)))
    }

    #[getter]
    fn _context(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.get_context(py)
    }

    #[getter]
    fn _loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.event_loop.as_ref().map(|it| it.clone_ref(py)))
    }

    #[getter]
    fn _cancelled(&self, py: Python<'_>) -> bool {
        self.is_cancelled(py)
    }

    #[getter]
    fn _source_traceback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| {
            let origin = state.origin.as_ref()?;
            origin.source_traceback.as_ref().map(|stack| stack.clone_ref(py))
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            visit.call(&state.callback)?;
            visit.call(&state.arguments)?;
            visit.call(&state.context)?;
            visit.call(&state.event_loop)?;
            match &state.origin {
                Some(origin) => {
                    visit.call(&origin.source_traceback)?;
                    visit.call(&origin.repr)
                }
                None => Ok(()),
            }
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.with(py, |state| {
            let cleared = HandleState { cancelled: state.cancelled, ..HandleState::default() };
            std::mem::replace(state, cleared)
        }));
    }
}

/// A callback that `call_later` or `call_at` has scheduled.
#[pyclass(frozen, subclass, extends = Handle, module = "aioxide")]
pub struct TimerHandle {
    timing: GilCell<Timing>,
}

#[derive(Clone, Copy)]
struct Timing {
    /// Loop time, in seconds.
    when: f64,
    /// Whether the timer is in the loop's heap.
    scheduled: bool,
}

impl TimerHandle {
    /// A timer that is about to enter the heap.
    #[inline]
    pub fn create(
        py: Python<'_>,
        when: f64,
        callback: Py<PyAny>,
        arguments: Py<PyTuple>,
        event_loop: Py<PyAny>,
        context: Py<PyAny>,
    ) -> PyResult<Py<Self>> {
        let state = HandleState::scheduled(callback, arguments, event_loop, context);
        let timing = Timing { when, scheduled: true };
        match recycle::take::<Self>(py) {
            Some(timer) => {
                timer.as_super().get().state.with(py, |empty| *empty = state);
                timer.get().timing.with(py, |it| *it = timing);
                Ok(timer.unbind())
            }
            None => {
                let handle = Handle { state: GilCell::new(state) };
                let timer = Self { timing: GilCell::new(timing) };
                Py::new(py, PyClassInitializer::from(handle).add_subclass(timer))
            }
        }
    }

    fn deadline(&self, py: Python<'_>) -> f64 {
        self.timing.with(py, |timing| timing.when)
    }

    /// Notes that the timer has entered or left the heap.
    #[inline]
    pub fn set_scheduled(&self, py: Python<'_>, scheduled: bool) {
        self.timing.with(py, |timing| timing.scheduled = scheduled);
    }
}

#[pymethods]
impl TimerHandle {
    #[new]
    #[pyo3(signature = (when, callback, args, r#loop, context=None))]
    fn __new__(
        when: f64,
        callback: Py<PyAny>,
        args: &Bound<'_, PyAny>,
        r#loop: Bound<'_, PyAny>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let handle = Handle::__new__(callback, args, r#loop, context)?;
        let timer = Self { timing: GilCell::new(Timing { when, scheduled: false }) };
        Ok(PyClassInitializer::from(handle).add_subclass(timer))
    }

    /// `isinstance(x, asyncio.TimerHandle)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        let py = slf.py();
        let actual = slf.get_type();
        if actual.is(py.get_type::<Self>()) {
            Ok(standard::timer_handle_type(py)?.clone().unbind())
        } else {
            Ok(actual.unbind())
        }
    }

    fn _repr_info<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let info = Handle::describe(slf.as_super())?;
        let position = if slf.as_super().get().is_cancelled(slf.py()) { 2 } else { 1 };
        let when = slf.get().deadline(slf.py()).into_pyobject(slf.py())?;
        info.insert(position, format!("when={}", when.repr()?))?;
        Ok(info)
    }

    /// Calls the timer off; the loop forgets it.
    fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if slf.as_super().get().is_cancelled(py) {
            return Ok(());
        }
        Handle::cancel_handle(slf.as_super())?;
        if let Some(event_loop) = slf.as_super().get()._loop(py) {
            match event_loop.bind(py).cast::<LoopCore>() {
                Ok(core) => {
                    if slf.get().timing.with(py, |timing| timing.scheduled) {
                        core.get().timer_cancelled(py);
                    }
                }
                Err(_) => {
                    event_loop
                        .bind(py)
                        .call_method1(pyo3::intern!(py, "_timer_handle_cancelled"), (slf,))?;
                }
            }
        }
        Ok(())
    }

    /// The loop time at which the callback is due, in seconds.
    fn when(&self, py: Python<'_>) -> f64 {
        self.deadline(py)
    }

    #[getter]
    fn _when(&self, py: Python<'_>) -> f64 {
        self.deadline(py)
    }

    #[getter]
    fn get__scheduled(&self, py: Python<'_>) -> bool {
        self.timing.with(py, |timing| timing.scheduled)
    }

    #[setter]
    fn set__scheduled(&self, py: Python<'_>, scheduled: bool) {
        self.set_scheduled(py, scheduled);
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.deadline(py).into_pyobject(py)?.hash()
    }

    fn __richcmp__(
        slf: &Bound<'_, Self>,
        other: &Bound<'_, PyAny>,
        operation: CompareOp,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let Ok(other) = other.cast::<TimerHandle>() else {
            return Ok(py.NotImplemented());
        };
        let (left, right) = (slf.get().deadline(py), other.get().deadline(py));
        let equal = || -> PyResult<bool> {
            let (a, b) = (slf.as_super().get(), other.as_super().get());
            Ok(left == right
                && a.is_cancelled(py) == b.is_cancelled(py)
                && a._callback(py).into_pyobject(py)?.eq(b._callback(py))?
                && a._args(py).into_pyobject(py)?.eq(b._args(py))?)
        };
        let answer = match operation {
            CompareOp::Lt => left < right,
            CompareOp::Gt => left > right,
            CompareOp::Le => left < right || equal()?,
            CompareOp::Ge => left > right || equal()?,
            CompareOp::Eq => equal()?,
            CompareOp::Ne => !equal()?,
        };
        Ok(answer.into_pyobject(py)?.to_owned().into_any().unbind())
    }
}
