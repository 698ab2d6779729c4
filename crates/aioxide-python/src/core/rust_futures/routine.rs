//! A Rust future as the body of a native coroutine.

use std::any::Any;
use std::future::Future as RustFutureTrait;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use aioxide_engine::futures::Key;
use aioxide_trace::WaitKind;
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PySystemError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::body::{Body, Output};
use super::foreign::{Answer, ForeignBody};
use super::turn::{self, Waits};
use crate::core::coroutines::{Coroutine, Input, Routine, Step, awaiting};
use crate::core::current_task::running_loop;
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::core::tasks::Task;
use crate::ffi::definition::Definition;
use crate::ffi::gil_cell::CloneRef;
use crate::ffi::held::References;
use crate::recorder;

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
    Coroutine::new(py, RustFuture::new(name, owner, Body::Ours(Box::pin(future))))
}

/// A Rust future with its place in the loop's arena.
pub struct RustFuture {
    name: &'static str,
    /// Present if the future is another extension module's.
    definition: Option<&'static Definition>,
    owner: Option<Py<PyAny>>,
    references: References,
    /// It is dropped inside a turn only; what would be dropped outside is leaked.
    body: ManuallyDrop<Option<Body>>,
    place: Place,
    /// What it waits for, if it has said so when it was polled last.
    waits: Option<Waits>,
}

/// Where a future is polled. The first step decides.
enum Place {
    Nowhere,
    /// On a loop of aioxide, with a place in its arena.
    Arena(Py<LoopCore>, Key),
    /// On another loop.
    Elsewhere,
}

impl RustFuture {
    fn new(name: &'static str, owner: Option<Py<PyAny>>, body: Body) -> Self {
        Self {
            name,
            definition: None,
            owner,
            references: References::default(),
            body: ManuallyDrop::new(Some(body)),
            place: Place::Nowhere,
            waits: None,
        }
    }

    /// What it waits for: the kind, and the Python object if it is one. None before it was polled.
    pub fn waits(&self, py: Python<'_>) -> Option<(WaitKind, Option<Py<PyAny>>)> {
        match (&self.waits, &self.place) {
            (Some(waits), _) => Some((waits.kind, waits.object.clone_ref(py))),
            (None, Place::Nowhere) => None,
            (None, _) => Some((WaitKind::RustFuture, None)),
        }
    }

    /// The kind of it.
    pub fn wait_kind(&self) -> WaitKind {
        self.waits.as_ref().map_or(WaitKind::RustFuture, |waits| waits.kind)
    }

    /// The future of another extension module's function.
    pub fn foreign(
        name: &'static str,
        definition: &'static Definition,
        owner: Option<Py<PyAny>>,
        body: ForeignBody,
    ) -> Self {
        Self { definition: Some(definition), ..Self::new(name, owner, Body::Foreign(body)) }
    }

    /// Finds its place, by the loop that runs.
    fn find_place(&mut self, py: Python<'_>) -> PyResult<()> {
        let running = running_loop(py)?;
        self.place = match LoopCore::of(&running) {
            Some(core) => Place::Arena(core.clone().unbind(), core.get().admit_future(py)?),
            None if self.definition.is_some() => Place::Elsewhere,
            None => {
                return Err(PyRuntimeError::new_err(format!(
                    "{} runs on a loop of aioxide, not on {}",
                    self.name,
                    running.repr()?
                )));
            }
        };
        Ok(())
    }

    /// Drops the future and leaves the arena. What it would have waited for is called off.
    fn discard(&mut self, py: Python<'_>) {
        drop(self.waits.take());
        if let Some(body) = self.body.take() {
            let core = match &self.place {
                Place::Arena(core, _) => Some(core.bind(py)),
                Place::Nowhere | Place::Elsewhere => None,
            };
            let dropped =
                turn::run(py, core, self.owner.as_ref(), &self.references, || drop_in_turn(body));
            if let Err(panic) = dropped {
                panicked(panic).write_unraisable(py, None);
            }
        }
        self.leave(py);
    }

    /// The future was dropped: leaves the arena.
    fn leave(&mut self, py: Python<'_>) {
        if let Place::Arena(core, key) = std::mem::replace(&mut self.place, Place::Nowhere) {
            let core = core.into_bound(py);
            drop(core.get().arena.remove(py, key));
            if let Err(error) = core.get().flush_woken(py) {
                error.write_unraisable(py, None);
            }
        }
        // What is left there has gone elsewhere with a part of the future. Ours find it empty; what
        // another module has handed on, a leaf, goes on.
        if self.definition.is_none() {
            self.references.clear(py);
        }
    }

    /// A step on a loop of aioxide. The first one has begun with its place.
    fn step(&mut self, core: &Bound<'_, LoopCore>, key: Key, is_first: bool) -> PyResult<Polled> {
        let py = core.py();
        let this = core.get();
        this.check_thread()?;
        let _polled = self.definition.and_then(|definition| this.announce_poll(py, definition));
        if !is_first {
            drop(this.arena.begin_now(py, key));
        }
        let Some(waker) = this.arena.waker(py, key) else {
            this.check_closed(py)?;
            return Err(PyRuntimeError::new_err(crate::name!("the Rust future has no loop")));
        };
        let Some(mut body) = self.body.take() else { return Err(has_ended()) };
        let place = &mut *self.body;
        let ((polled, dropped), waits) =
            turn::run_listening(py, Some(core), self.owner.as_ref(), &self.references, || {
                let polled = catch_unwind(AssertUnwindSafe(|| body.poll(py, &waker)));
                // What has ended is dropped in the same turn.
                if matches!(polled, Ok(Poll::Ready(_))) {
                    return (polled, drop_in_turn(body));
                }
                *place = Some(body);
                (polled, Ok(()))
            });
        drop(std::mem::replace(&mut self.waits, waits));
        if let Err(panic) = dropped {
            panicked(panic).write_unraisable(py, None);
        }
        match polled.map_err(panicked)? {
            Poll::Ready(result) => Ok(Polled::Ended(result)),
            Poll::Pending => Ok(Polled::Waits(match Self::suspend(core, key)? {
                Some(pulse) => {
                    if recorder::is_on() {
                        self.note_task(pulse.bind(py));
                    }
                    Step::Wait(pulse)
                }
                None => Step::Yield,
            })),
        }
    }

    /// The future waits. None if something has woken it already.
    fn suspend(core: &Bound<'_, LoopCore>, key: Key) -> PyResult<Option<Py<Future>>> {
        let py = core.py();
        let this = core.get();
        // The next step polls it again, so nothing waits for a pulse.
        if this.arena.is_woken(py, key) {
            this.flush_woken(py)?;
            return Ok(None);
        }
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

    /// Who waits for the pulse waits for a task, if that is what the future has said.
    #[cold]
    fn note_task(&self, pulse: &Bound<'_, Future>) {
        let py = pulse.py();
        let object = self.waits.as_ref().and_then(|waits| waits.object.as_ref());
        if let Some(task) = object.and_then(|object| object.bind(py).cast::<Task>().ok())
            && let Some(record) = task.get().record(py)
        {
            recorder::note_object(pulse, record.id());
        }
    }

    /// A step on another loop.
    fn step_elsewhere(&mut self, py: Python<'_>) -> PyResult<Polled> {
        let Some(Body::Foreign(body)) = self.body.as_mut() else { return Err(has_ended()) };
        let poll = || body.poll_elsewhere(py);
        Ok(match turn::run(py, None, self.owner.as_ref(), &self.references, poll)? {
            Answer::Ended(result) => Polled::Ended(Ok(result)),
            Answer::Waits(None) => Polled::Waits(Step::Yield),
            Answer::Waits(Some(awaitable)) => Polled::Waits(awaiting(awaitable.bind(py))?),
        })
    }
}

/// Drops a future in a turn. A panic of its destructor must not leave a slot of the interpreter.
fn drop_in_turn(body: Body) -> Result<(), Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| drop(body)))
}

/// What a step has come to.
enum Polled {
    Waits(Step),
    Ended(Output),
}

#[cold]
fn has_ended() -> PyErr {
    PyRuntimeError::new_err(crate::name!("the Rust future has ended"))
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
        let is_first = matches!(self.place, Place::Nowhere);
        if is_first {
            self.find_place(py)?;
        }
        let polled = match &self.place {
            Place::Arena(core, key) => {
                let (core, key) = (core.bind(py).clone(), *key);
                self.step(&core, key, is_first)
            }
            Place::Elsewhere => self.step_elsewhere(py),
            Place::Nowhere => Err(has_ended()),
        };
        match polled {
            Ok(Polled::Waits(step)) => Ok(step),
            Ok(Polled::Ended(result)) => {
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

    fn definition(&self) -> Option<&'static Definition> {
        self.definition
    }

    fn release(mut self, py: Python<'_>) {
        if self.body.is_some() || !matches!(self.place, Place::Nowhere) {
            self.discard(py);
        }
        if let Some(owner) = self.owner.take() {
            owner.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.owner)?;
        if let Some(waits) = &self.waits {
            visit.call(&waits.object)?;
        }
        if let Place::Arena(core, _) = &self.place {
            visit.call(core)?;
        }
        if let Some(Body::Foreign(body)) = &*self.body {
            body.traverse(visit)?;
        }
        self.references.traverse(visit)
    }
}
