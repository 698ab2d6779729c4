//! `to_thread`.

use std::ffi::CStr;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::core::coroutines::{Coroutine, Input, Routine, Step, awaiting};
use crate::core::current_task::running_loop;
use crate::core::event_loop::LoopCore;
use crate::core::executor::Call;
use crate::ffi::allocate;
use crate::ffi::context;
use crate::ffi::fastcall::{
    CallArguments, FastFunction, Keywords, Parsed, Signature, install_function,
};
use crate::stdlib;

/// `to_thread(func, /, *args, **kwargs)`.
struct ToThread;

const TO_THREAD: Signature<1, 0> =
    Signature::function("to_thread", ["func"], []).positional_only().variadic();

impl FastFunction for ToThread {
    const NAME: &'static CStr = c"to_thread";
    const DOC: &'static CStr = c"to_thread(func, /, *args, **kwargs)\n--\n\nCalls `func(*args, **kwargs)` in another thread, in a copy of the current context; its result.\n\nCancellation ends the wait, and prevents the call only if that has not started.\n\nhttps://docs.python.org/3/library/asyncio-task.html#asyncio.to_thread";

    fn call<'py>(py: Python<'py>, arguments: CallArguments<'_, 'py>) -> PyResult<Py<PyAny>> {
        let mut keywords = Keywords::default();
        let Parsed { required: [function], rest, .. } =
            TO_THREAD.parse_with(&arguments, |name, value| keywords.insert(name, value))?;
        let rest = rest.iter().map(|argument| (**argument).clone()).collect();
        let call = CallInThread {
            function: function.clone().unbind(),
            arguments: allocate::tuple_of(py, rest)?.unbind(),
            keywords: keywords.into_option().map(Bound::unbind),
        };
        Coroutine::new(py, call).map(Py::into_any)
    }
}

/// Adds the function. Called once, at module initialisation.
pub fn install_to_thread(module: &Bound<'_, PyModule>) -> PyResult<()> {
    install_function::<ToThread>(module)
}

/// The body of `to_thread`.
pub struct CallInThread {
    function: Py<PyAny>,
    arguments: Py<PyTuple>,
    keywords: Option<Py<PyDict>>,
}

impl CallInThread {
    fn begin(&self, py: Python<'_>) -> PyResult<Step> {
        let running = running_loop(py)?;
        let context = context::copy_current(py)?;
        let keywords = self.keywords.as_ref().map(|keywords| keywords.clone_ref(py));
        let mut call = Call {
            function: self.function.clone_ref(py),
            arguments: self.arguments.clone_ref(py),
            keywords,
            context: Some(context),
        };
        if let Some(core) = LoopCore::of(&running) {
            call = match LoopCore::offer_to_pool(core, call) {
                Ok(future) => return future.map(Step::Wait),
                Err(call) => call,
            };
        }
        let call = call.into_callable(py)?;
        let run_in_executor = crate::intern!(py, "run_in_executor");
        let future = running.call_method1(run_in_executor, (py.None(), call))?;
        awaiting(&future)
    }
}

impl Call {
    /// The call as a callable without arguments.
    fn into_callable(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let partial = stdlib::partial(py)?;
        let mut arguments = Vec::with_capacity(self.arguments.bind(py).len() + 2);
        if let Some(context) = self.context {
            arguments.push(context.into_bound(py).getattr(crate::intern!(py, "run"))?);
        }
        arguments.push(self.function.into_bound(py));
        arguments.extend(self.arguments.bind(py).iter());
        let keywords = self.keywords.map(|keywords| keywords.into_bound(py));
        partial.call(allocate::tuple_of(py, arguments)?, keywords.as_ref())
    }
}

impl Routine for CallInThread {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match input {
            Input::Start => self.begin(py),
            Input::Value(result) => Ok(Step::Return(result.unbind())),
            Input::Error(error) => Err(error),
        }
    }

    fn qualname(&self) -> &'static str {
        "to_thread"
    }

    fn release(self, py: Python<'_>) {
        self.function.drop_ref(py);
        self.arguments.drop_ref(py);
        if let Some(keywords) = self.keywords {
            keywords.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.arguments)?;
        visit.call(&self.keywords)
    }
}
