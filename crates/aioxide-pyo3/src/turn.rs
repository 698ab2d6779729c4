//! The stretch of time in which a body is polled or dropped.

use std::cell::Cell;
use std::ptr::NonNull;

use aioxide_abi::Table;
use pyo3::prelude::*;

use crate::body::Common;
use crate::elsewhere::Driver;

/// On what loop a body runs.
#[derive(Clone, Copy)]
pub(crate) enum World<'a> {
    /// One of aioxide's.
    Native(&'static Table),
    /// Another one.
    Elsewhere(&'a Driver),
    /// None: it was never polled, and is being dropped.
    Nowhere,
}

/// What leaves see of the body that polls them.
pub(crate) struct Turn<'a> {
    pub(crate) world: World<'a>,
    pub(crate) common: &'a Common,
}

thread_local! {
    /// The innermost turn of this thread, with its lifetimes erased.
    ///
    /// Its address stands for the thread.
    static CURRENT: Cell<Option<NonNull<()>>> = const { Cell::new(None) };
}

/// A number of this thread. One that has ended may have had the same.
pub(crate) fn this_thread() -> usize {
    CURRENT.with(|it| std::ptr::from_ref(it) as usize)
}

/// Puts the turn before back, also after a panic.
struct Restore(Option<NonNull<()>>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Runs `body`, in which [`with`] works.
pub(crate) fn run<R>(turn: &Turn<'_>, body: impl FnOnce() -> R) -> R {
    let _restore = Restore(CURRENT.replace(Some(NonNull::from(turn).cast())));
    body()
}

/// Calls `look` with the turn that the calling future runs in. None outside of one.
pub(crate) fn try_with<R>(look: impl FnOnce(Python<'_>, Option<&Turn<'_>>) -> R) -> R {
    // It is attached unless the future is polled inside of `Python::detach`.
    Python::attach(|py| {
        // SAFETY: `run` has put it there, whose caller's stack frame holds the turn and is below
        // this one: it takes the pointer away before it returns. The closure takes any lifetime,
        // so it can keep nothing.
        look(py, CURRENT.get().map(|turn| unsafe { turn.cast::<Turn<'_>>().as_ref() }))
    })
}

/// Calls `look` with the turn that the calling future runs in.
///
/// # Panics
///
/// Outside of one.
#[track_caller]
pub(crate) fn with<R>(look: impl FnOnce(Python<'_>, &Turn<'_>) -> R) -> R {
    if CURRENT.get().is_none() {
        panic!(
            "this future has to be polled by a coroutine of aioxide_pyo3, on the thread of its \
             event loop"
        );
    }
    try_with(|py, turn| match turn {
        Some(turn) => look(py, turn),
        None => unreachable!("it is there"),
    })
}

/// Calls `look` with a token of the interpreter: for code of a coroutine, which runs with the GIL.
///
/// ```
/// # async fn example(names: pyo3::Py<pyo3::types::PyList>) -> usize {
/// use pyo3::prelude::*;
///
/// aioxide_pyo3::with_python(|py| names.bind(py).len())
/// # }
/// ```
///
/// It is [`Python::attach`], which costs next to nothing where the thread has the GIL already.
/// Futures of [`tokio_scope`](crate::tokio_scope) and closures of [`in_thread`](crate::in_thread)
/// run without it; there this waits for the GIL.
pub fn with_python<R>(look: impl FnOnce(Python<'_>) -> R) -> R {
    Python::attach(look)
}
