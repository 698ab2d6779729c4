//! A Rust future as the body of a native coroutine.

use std::any::Any;
use std::future::Future as RustFutureTrait;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use aioxide_engine::futures::Key;
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PySystemError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::turn;
use crate::core::coroutines::{Coroutine, Input, Routine, Step};
use crate::core::current_task::running_loop;
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::ffi::held::References;

/// What a body ends with.
type Output = PyResult<Py<PyAny>>;

/// A native coroutine that polls `future`.
///
/// `owner` is the object whose method this is: it lives as long as the coroutine. `name` is
/// the coroutine's qualified name. The future must hold no `Py` that could refer to the
/// coroutine: see [`crate::ffi::held`].
pub fn coroutine(
    py: Python<'_>,
    name: &'static str,
    owner: Option<Py<PyAny>>,
    future: impl RustFutureTrait<Output = Output> + 'static,
) -> PyResult<Py<Coroutine>> {
    Coroutine::new(py, RustFuture::new(name, owner, Box::pin(future)))
}

/// A Rust future with its place in the loop's arena.
pub struct RustFuture {
    name: &'static str,
    owner: Option<Py<PyAny>>,
    references: References,
    body: Body,
    /// The loop, and the place in its arena, once it was polled.
    place: Option<(Py<LoopCore>, Key)>,
}

/// The future itself. It is dropped inside a turn only; what would be dropped outside is leaked.
struct Body(ManuallyDrop<Option<Pin<Box<dyn RustFutureTrait<Output = Output>>>>>);

impl RustFuture {
    fn new(
        name: &'static str,
        owner: Option<Py<PyAny>>,
        future: Pin<Box<dyn RustFutureTrait<Output = Output>>>,
    ) -> Self {
        Self {
            name,
            owner,
            references: References::default(),
            body: Body(ManuallyDrop::new(Some(future))),
            place: None,
        }
    }

    /// The loop, and the place in its arena: on the first step those of the running loop.
    fn placed<'py>(&mut self, py: Python<'py>) -> PyResult<(Bound<'py, LoopCore>, Key)> {
        if let Some((core, key)) = &self.place {
            return Ok((core.bind(py).clone(), *key));
        }
        let running = running_loop(py)?;
        let Some(core) = LoopCore::of(&running) else {
            return Err(PyRuntimeError::new_err(format!(
                "{} runs on a loop of aioxide, not on {}",
                self.name,
                running.repr()?
            )));
        };
        let key = core.get().admit_future(py)?;
        self.place = Some((core.clone().unbind(), key));
        Ok((core.clone(), key))
    }

    /// Drops the future and leaves the arena. What it would have waited for is called off.
    fn discard(&mut self, py: Python<'_>) {
        let place = self.place.take();
        let core = place.as_ref().map(|(core, _)| core.bind(py));
        if let Some(body) = self.body.0.take() {
            // A panic in a destructor of the future must not leave a slot of the interpreter.
            let drop_it = AssertUnwindSafe(|| drop(body));
            let dropped = turn::run(py, core, self.owner.as_ref(), &self.references, || {
                catch_unwind(drop_it)
            });
            if let Err(panic) = dropped {
                panicked(panic).write_unraisable(py, None);
            }
        }
        if let Some((core, key)) = place {
            let core = core.into_bound(py);
            drop(core.get().arena.remove(py, key));
            if let Err(error) = core.get().flush_woken(py) {
                error.write_unraisable(py, None);
            }
        }
        self.references.clear(py);
    }

    fn poll(&mut self, core: &Bound<'_, LoopCore>, key: Key) -> PyResult<Poll<Output>> {
        let py = core.py();
        let this = core.get();
        let Some(body) = self.body.0.as_mut() else {
            return Err(PyRuntimeError::new_err(crate::name!("the Rust future has ended")));
        };
        drop(this.arena.begin_now(py, key));
        let Some(waker) = this.arena.waker(py, key) else {
            this.check_closed(py)?;
            return Err(PyRuntimeError::new_err(crate::name!("the Rust future has no loop")));
        };
        let poll = AssertUnwindSafe(|| body.as_mut().poll(&mut Context::from_waker(&waker)));
        turn::run(py, Some(core), self.owner.as_ref(), &self.references, || catch_unwind(poll))
            .map_err(panicked)
    }

    /// The future waits. None if something has woken it already.
    fn suspend(core: &Bound<'_, LoopCore>, key: Key) -> PyResult<Option<Py<Future>>> {
        let py = core.py();
        let this = core.get();
        let pulse = Future::on_loop(py, core)?;
        let again = match this.arena.suspend(py, key, Some(pulse.clone_ref(py))) {
            Ok(again) => again,
            Err(pulse) => {
                drop(pulse);
                this.check_closed(py)?;
                true
            }
        };
        this.flush_woken(py)?;
        Ok((!again && !pulse.get().is_done(py)).then_some(pulse))
    }
}

/// The exception for a panic.
#[cold]
fn panicked(payload: Box<dyn Any + Send>) -> PyErr {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "without a text".to_owned(),
    };
    // Not PyO3's `PanicException`: PyO3 panics again when it meets one.
    PySystemError::new_err(format!("a Rust future panicked: {text}"))
}

impl Routine for RustFuture {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        if let Input::Error(error) = input {
            self.discard(py);
            return Err(error);
        }
        let (core, key) = self.placed(py)?;
        match self.poll(&core, key) {
            Ok(Poll::Pending) => Ok(match Self::suspend(&core, key)? {
                Some(pulse) => Step::Wait(pulse),
                None => Step::Yield,
            }),
            Ok(Poll::Ready(result)) => {
                self.discard(py);
                result.map(Step::Return)
            }
            Err(error) => {
                self.discard(py);
                Err(error)
            }
        }
    }

    fn qualname(&self) -> &'static str {
        self.name
    }

    fn release(mut self, py: Python<'_>) {
        self.discard(py);
        if let Some(owner) = self.owner.take() {
            owner.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.owner)?;
        if let Some((core, _)) = &self.place {
            visit.call(core)?;
        }
        self.references.traverse(visit)
    }
}
