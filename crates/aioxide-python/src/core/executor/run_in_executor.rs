//! `loop.run_in_executor`.

use aioxide_trace::WaitKind;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::pool::Call;
use crate::core::event_loop::{LoopCore, Methods, check_callback};
use crate::core::futures::wrapped;
use crate::ffi::allocate;
use crate::ffi::gil_cell::GilCell;
use crate::recorder;

/// The default executor of `run_in_executor(None, …)`.
#[derive(Default)]
pub struct DefaultExecutor {
    /// The executor that was set. Without one it is the engine's pool.
    pub given: GilCell<Option<Py<PyAny>>>,
    /// Whether it accepts no more calls.
    shut_down: GilCell<bool>,
    /// Whether the pool was used.
    pool_used: GilCell<bool>,
}

impl DefaultExecutor {
    /// The pool is used: its threads are joined when the executor is shut down.
    pub fn uses_pool(&self, py: Python<'_>) {
        self.pool_used.set(py, true);
    }
}

/// Where a call runs.
enum Target {
    Pool,
    Executor(Py<PyAny>),
    ShutDown,
}

impl LoopCore {
    /// Where a call for the default executor runs.
    fn target(&self, py: Python<'_>) -> Target {
        let executor = &self.executor;
        if executor.shut_down.get(py) {
            return Target::ShutDown;
        }
        match executor.given.clone_ref(py) {
            Some(given) => Target::Executor(given),
            None => {
                executor.pool_used.set(py, true);
                Target::Pool
            }
        }
    }

    /// Submits the call to the engine's pool, if `run_in_executor(None, …)` would do
    /// that; returns it otherwise.
    pub fn offer_to_pool<'py>(
        slf: &Bound<'py, Self>,
        call: Call,
    ) -> Result<PyResult<Py<crate::core::futures::Future>>, Call> {
        let py = slf.py();
        let this = slf.get();
        let pool_takes_it = this.calls_own(py, Methods::RUN_IN_EXECUTOR)
            && !this.executor.shut_down.get(py)
            && this.executor.given.is_none(py);
        if !pool_takes_it {
            return Err(call);
        }
        this.executor.pool_used.set(py, true);
        Ok(Self::run_in_pool(slf, call))
    }
}

#[pymethods]
impl LoopCore {
    /// Calls `func(*args)` in another thread or process.
    ///
    /// `executor` is a `concurrent.futures.Executor`, or None for the loop's default: the
    /// executor that was set, else the engine's pool. Returns a future of this loop.
    /// Cancelling it prevents the call only if the call has not started; a running call
    /// continues. Do not use it for code that waits on this loop.
    ///
    /// Raises `RuntimeError` if the loop is closed or its default executor was shut down;
    /// in debug mode `TypeError` for a coroutine function or an object that is not callable.
    ///
    /// https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.run_in_executor
    #[pyo3(signature = (executor, func, *args))]
    fn run_in_executor<'py>(
        slf: &Bound<'py, Self>,
        executor: Option<Bound<'py, PyAny>>,
        func: Bound<'py, PyAny>,
        args: Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        this.check_closed(py)?;
        if this.debug(py) {
            check_callback(&func, "run_in_executor")?;
        }
        let executor = match executor {
            Some(executor) => executor,
            None => match this.target(py) {
                Target::Executor(given) => given.into_bound(py),
                Target::ShutDown => {
                    return Err(PyRuntimeError::new_err(crate::name!(
                        "Executor shutdown has been called"
                    )));
                }
                Target::Pool => {
                    let (function, arguments) = (func.unbind(), args.unbind());
                    let call = Call { function, arguments, keywords: None, context: None };
                    let future = Self::run_in_pool(slf, call)?.into_bound(py);
                    if recorder::is_on() {
                        // Most calls are awaited at once.
                        recorder::note_wait(&future, WaitKind::Thread);
                    }
                    return Ok(future.into_any());
                }
            },
        };
        let mut arguments = vec![func];
        arguments.extend(args.iter());
        let submit = executor.getattr(crate::intern!(py, "submit"))?;
        let future = submit.call1(allocate::tuple_of(py, arguments)?)?;
        wrapped(&future, Some(slf.as_any()))
    }

    /// The executor that was set.
    #[getter]
    fn get__executor(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.executor.given.clone_ref(py)
    }

    #[setter]
    fn set__executor(&self, py: Python<'_>, given: Option<Py<PyAny>>) {
        drop(self.executor.given.replace(py, given));
    }

    /// Whether the default executor accepts no more calls.
    #[getter]
    fn get__executor_shutdown_called(&self, py: Python<'_>) -> bool {
        self.executor.shut_down.get(py)
    }

    #[setter]
    fn set__executor_shutdown_called(&self, called: Bound<'_, PyAny>) -> PyResult<()> {
        let is_called = called.is_truthy()?;
        self.executor.shut_down.set(called.py(), is_called);
        Ok(())
    }

    /// Whether the pool was used.
    #[getter]
    fn _pool_used(&self, py: Python<'_>) -> bool {
        self.executor.pool_used.get(py)
    }
}
