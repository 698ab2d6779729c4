//! What a body waits for, by the means of asyncio.

use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use pyo3::prelude::*;

use super::alarm::{Alarm, Ring};
use super::service_thread::Watch;
use super::{Driver, asyncio};
use crate::held::Held;
use crate::readiness::Direction;
use crate::thread::Job;
use crate::turn::Turn;

/// Something that a loop is asked for, and that is called off when it is dropped.
pub(crate) struct Wait {
    alarm: Arc<Alarm>,
    kind: Kind,
}

enum Kind {
    /// A handle of `call_at`.
    Timer(Held<PyAny>),
    /// A loop that watches a descriptor. It is not the body's: a socket may be waited for by several
    /// bodies, one after the other.
    Reader(Py<PyAny>, RawFd, Direction),
    /// A descriptor that the loop cannot watch, called off by being dropped.
    Watch {
        _watch: Watch,
    },
    Future {
        future: Held<PyAny>,
        callback: Option<Held<Ring>>,
    },
    /// Nothing is left to be called off.
    Over,
}

impl Wait {
    /// Until the loop's clock shows `deadline`.
    pub(crate) fn until(
        py: Python<'_>,
        turn: &Turn<'_>,
        driver: &Driver,
        deadline: f64,
    ) -> PyResult<Self> {
        let alarm = Arc::default();
        let ring = Ring::of(py, &alarm)?;
        let call_at = pyo3::intern!(py, "call_at");
        let handle = driver.event_loop(py).call_method1(call_at, (deadline, ring))?;
        Ok(Self { alarm, kind: Kind::Timer(turn.common.references.hold(handle)) })
    }

    /// Until a descriptor is ready.
    pub(crate) fn ready(
        py: Python<'_>,
        driver: &Driver,
        fd: RawFd,
        direction: Direction,
    ) -> PyResult<Self> {
        let alarm = Arc::default();
        if !driver.watches() {
            let watch = Watch::new(py, fd, direction, &alarm)?;
            return Ok(Self { alarm, kind: Kind::Watch { _watch: watch } });
        }
        let ring = Ring::of(py, &alarm)?;
        let event_loop = driver.event_loop(py);
        let name = match direction {
            Direction::Read => pyo3::intern!(py, "add_reader"),
            Direction::Write => pyo3::intern!(py, "add_writer"),
        };
        event_loop.call_method1(name, (fd, ring))?;
        Ok(Self { alarm, kind: Kind::Reader(event_loop.clone().unbind(), fd, direction) })
    }

    /// For an awaitable of Python.
    pub(crate) fn python(
        py: Python<'_>,
        turn: &Turn<'_>,
        driver: &Driver,
        awaitable: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let options = pyo3::types::PyDict::new(py);
        // A future of another loop is refused then.
        options.set_item(pyo3::intern!(py, "loop"), driver.event_loop(py))?;
        let future = asyncio::ensure_future(py)?.call((awaitable,), Some(&options))?;
        Self::future(turn, &future)
    }

    fn future(turn: &Turn<'_>, future: &Bound<'_, PyAny>) -> PyResult<Self> {
        let references = &turn.common.references;
        let held = references.hold(future.clone());
        let kind = Kind::Future { future: held, callback: None };
        let mut wait = Self { alarm: Arc::default(), kind };
        let ring = Ring::of(future.py(), &wait.alarm)?;
        let name = pyo3::intern!(future.py(), "add_done_callback");
        if !is_done(future)? {
            future.call_method1(name, (&ring,))?;
        } else {
            wait.alarm.ring();
        }
        if let Kind::Future { callback, .. } = &mut wait.kind {
            *callback = Some(references.hold(ring));
        }
        Ok(wait)
    }

    /// For a call on a thread.
    pub(crate) fn thread(
        py: Python<'_>,
        turn: &Turn<'_>,
        driver: &Driver,
        job: Option<Job>,
    ) -> PyResult<Self> {
        let call = Bound::new(py, Call { job: Mutex::new(job) })?;
        let name = pyo3::intern!(py, "run_in_executor");
        let future = driver.event_loop(py).call_method1(name, (py.None(), call))?;
        Self::future(turn, &future)
    }

    /// Ready with the result, which is None for what has none.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        ready!(self.alarm.poll(context.waker()));
        Poll::Ready(Python::attach(|py| self.outcome(py)))
    }

    fn outcome(&mut self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match std::mem::replace(&mut self.kind, Kind::Over) {
            Kind::Future { future, .. } => match future.get(py) {
                Some(future) => future.call_method0(pyo3::intern!(py, "result")).map(Bound::unbind),
                None => Ok(py.None()), // The body has ended: nobody looks at it.
            },
            Kind::Reader(event_loop, fd, direction) => {
                forget(event_loop.bind(py), fd, direction)?;
                Ok(py.None())
            }
            Kind::Timer(_) | Kind::Watch { .. } | Kind::Over => Ok(py.None()),
        }
    }

    fn call_off(&mut self, py: Python<'_>) -> PyResult<()> {
        match std::mem::replace(&mut self.kind, Kind::Over) {
            Kind::Timer(handle) => {
                if let Some(handle) = handle.get(py) {
                    handle.call_method0(pyo3::intern!(py, "cancel"))?;
                }
            }
            Kind::Reader(event_loop, fd, direction) => {
                forget(event_loop.bind(py), fd, direction)?;
            }
            Kind::Future { future, callback } => {
                let Some(future) = future.get(py) else { return Ok(()) };
                if let Some(callback) = callback.and_then(|callback| callback.get(py)) {
                    let name = pyo3::intern!(py, "remove_done_callback");
                    future.call_method1(name, (callback,))?;
                }
                future.call_method0(pyo3::intern!(py, "cancel"))?;
            }
            Kind::Watch { .. } | Kind::Over => {}
        }
        Ok(())
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.alarm.call_off();
        if matches!(self.kind, Kind::Over) {
            return;
        }
        // Without an interpreter there is no loop that could still call.
        Python::try_attach(|py| {
            // A closed loop has forgotten it.
            if let Err(error) = self.call_off(py)
                && !error.is_instance_of::<pyo3::exceptions::PyRuntimeError>(py)
            {
                error.write_unraisable(py, None);
            }
        });
    }
}

fn is_done(future: &Bound<'_, PyAny>) -> PyResult<bool> {
    future.call_method0(pyo3::intern!(future.py(), "done"))?.is_truthy()
}

/// The loop no longer watches the descriptor.
fn forget(event_loop: &Bound<'_, PyAny>, fd: RawFd, direction: Direction) -> PyResult<()> {
    let py = event_loop.py();
    let name = match direction {
        Direction::Read => pyo3::intern!(py, "remove_reader"),
        Direction::Write => pyo3::intern!(py, "remove_writer"),
    };
    event_loop.call_method1(name, (fd,)).map(drop)
}

/// What the executor calls.
#[pyclass(frozen, module = "aioxide_pyo3")]
struct Call {
    job: Mutex<Option<Job>>,
}

#[pymethods]
impl Call {
    fn __call__(&self, py: Python<'_>) {
        let job = self.job.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(job) = job {
            py.detach(job);
        }
    }
}
