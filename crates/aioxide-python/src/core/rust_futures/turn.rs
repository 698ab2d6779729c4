//! The stretch of time in which Rust futures run: with the GIL, on a loop.

use std::cell::Cell;
use std::ptr::NonNull;

use aioxide_trace::WaitKind;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::awaited::{Awaited, wait_for};
use crate::core::event_loop::LoopCore;
use crate::core::tasks::{Task, TaskOptions};
use crate::ffi::held::{Held, References};

/// What a Rust future sees of Python while it is polled or dropped.
pub struct Turn<'a, 'py> {
    py: Python<'py>,
    core: Option<&'a Bound<'py, LoopCore>>,
    owner: Option<&'a Py<PyAny>>,
    references: &'a References,
    waits: Cell<Option<Waits>>,
}

/// What the future of a turn has said that it waits for.
pub struct Waits {
    /// The kind, as the recorder has it.
    pub kind: WaitKind,
    /// The Python object, if it is one.
    pub object: Option<Py<PyAny>>,
}

/// The same with its lifetimes erased, on the stack of [`run`].
#[derive(Clone, Copy)]
struct Frame {
    turn: NonNull<()>,
}

thread_local! {
    /// The innermost turn of this thread.
    static CURRENT: Cell<Option<Frame>> = const { Cell::new(None) };
}

/// Puts the turn before back, also after a panic.
struct Restore(Option<Frame>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Runs `body`, in which [`with`] works. `core` is absent if the future has not begun, `owner` if
/// its coroutine has none.
pub fn run<R>(
    py: Python<'_>,
    core: Option<&Bound<'_, LoopCore>>,
    owner: Option<&Py<PyAny>>,
    references: &References,
    body: impl FnOnce() -> R,
) -> R {
    run_listening(py, core, owner, references, body).0
}

/// The same. Also returns what the future waits for, if it has said so.
pub fn run_listening<R>(
    py: Python<'_>,
    core: Option<&Bound<'_, LoopCore>>,
    owner: Option<&Py<PyAny>>,
    references: &References,
    body: impl FnOnce() -> R,
) -> (R, Option<Waits>) {
    let turn = Turn { py, core, owner, references, waits: Cell::new(None) };
    let frame = Frame { turn: NonNull::from(&turn).cast() };
    let restore = Restore(CURRENT.replace(Some(frame)));
    let result = body();
    drop(restore);
    (result, turn.waits.take())
}

/// Runs `body` in a turn without a loop, in which futures that were never polled are dropped.
pub fn run_without_loop<R>(py: Python<'_>, body: impl FnOnce() -> R) -> R {
    run(py, None, None, &References::default(), body)
}

/// Calls `look` with the turn that the calling future runs in.
///
/// # Panics
///
/// Outside of a turn.
pub fn with<R>(look: impl for<'a, 'py> FnOnce(&Turn<'a, 'py>) -> R) -> R {
    try_with(look).expect("Rust futures are polled and dropped inside a turn")
}

/// The same; None outside of a turn, where `look` is not called.
pub fn try_with<R>(look: impl for<'a, 'py> FnOnce(&Turn<'a, 'py>) -> R) -> Option<R> {
    // A destructor of the thread may ask when `CURRENT` has gone.
    let frame = CURRENT.try_with(Cell::get).ok().flatten()?;
    // SAFETY: `run` has put it there, whose stack frame holds the turn and is below this one: it
    // takes the pointer away before it returns. The thread has the GIL: what releases it (the
    // loop's poll, a worker of the pool) runs no future, and Python code that runs meanwhile on
    // other threads has a `CURRENT` of its own. The closure takes any lifetimes, so it can keep
    // neither.
    Some(look(unsafe { frame.turn.cast::<Turn<'_, '_>>().as_ref() }))
}

impl<'a, 'py> Turn<'a, 'py> {
    /// The token.
    pub fn py(&self) -> Python<'py> {
        self.py
    }

    /// The loop that polls the future.
    ///
    /// # Panics
    ///
    /// If the future was never polled: it has nothing of a loop then.
    pub fn core(&self) -> &'a Bound<'py, LoopCore> {
        self.core.expect("a future that was polled has a loop")
    }

    /// The loop, for what `name` does.
    ///
    /// # Errors
    ///
    /// `RuntimeError` in the turn of a future that was not polled on a loop of aioxide.
    pub fn loop_of(&self, name: &'static str) -> PyResult<&'a Bound<'py, LoopCore>> {
        self.core.ok_or_else(|| {
            PyRuntimeError::new_err(format!(
                "{name} needs a loop of aioxide, which this turn has not"
            ))
        })
    }

    /// The loop, unless the future was never polled.
    pub fn core_if_begun(&self) -> Option<&'a Bound<'py, LoopCore>> {
        self.core
    }

    /// The object that owns the future's coroutine, as the class that it is of.
    ///
    /// # Panics
    ///
    /// If the coroutine has no owner, or one of another class.
    pub fn owner<T: pyo3::PyTypeCheck>(&self) -> Bound<'py, T> {
        let owner = self.owner.expect("the coroutine has an owner").bind(self.py);
        owner.cast::<T>().expect("the class of the owner is known").clone()
    }

    /// Keeps a reference for the future.
    pub fn hold<T>(&self, object: Bound<'py, T>) -> Held<T> {
        self.references.hold(object)
    }

    /// The future waits for this, at least. Beside something else a deadline does not count; of two
    /// others neither does.
    pub fn waits_for(&self, kind: WaitKind, object: Option<&Bound<'_, PyAny>>) {
        let new = |kind| Waits { kind, object: object.map(|it| it.clone().unbind()) };
        self.waits.set(Some(match self.waits.take() {
            None => new(kind),
            Some(before) if before.kind == WaitKind::Sleep => new(kind),
            Some(before) if kind == WaitKind::Sleep => before,
            Some(_) => Waits { kind: WaitKind::RustFuture, object: None },
        }));
    }

    /// Whether it is this future for which a reference is kept.
    pub fn holds<T>(&self, held: &Held<T>) -> bool {
        self.references.has(held)
    }

    /// Waits for a Python awaitable: a future in place, a coroutine as a task of the loop.
    /// Dropping what is returned cancels it.
    ///
    /// # Errors
    ///
    /// `TypeError` for what cannot be awaited.
    pub fn wait_for(&self, awaitable: &Bound<'py, PyAny>) -> PyResult<Awaited> {
        wait_for(self, awaitable)
    }

    /// Makes a task of a coroutine, as `loop.create_task` does.
    pub fn spawn(&self, coroutine: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.task(coroutine, false)
    }

    /// Makes a task of a coroutine that is awaited, which takes its first step here and now, as
    /// `await` does. A loop whose `create_task` is another one, or that has a task factory, decides
    /// that itself.
    pub fn begin(&self, coroutine: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.task(coroutine, true)
    }

    fn task(&self, coroutine: Bound<'py, PyAny>, eager_start: bool) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core();
        if core.get().creates_natively(self.py) {
            core.get().check_closed(self.py)?;
            let options = TaskOptions { eager_start, ..TaskOptions::default() };
            let task: Py<Task> = Task::spawn(core, coroutine, options)?;
            return Ok(task.into_bound(self.py).into_any());
        }
        core.call_method1(crate::intern!(self.py, "create_task"), (coroutine,))
    }
}
