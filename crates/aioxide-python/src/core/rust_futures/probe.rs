//! Rust futures for tests and measurements, as Python sees them.

use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use aioxide_sync::{Semaphore, mpsc};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::blocking::blocking;
use super::readiness::ready;
use super::{coroutine, sleep_until, turn};
use crate::core::coroutines::Coroutine;
use crate::core::event_loop::Direction;
use crate::ffi::allocate;
use crate::ffi::held::Held;

/// Coroutines whose bodies are Rust futures: what the tests of the mechanism await, and its rows
/// among the benchmarks. Not for programs.
#[pyclass(frozen, module = "aioxide")]
pub struct RustFutures;

/// None.
#[expect(clippy::unnecessary_wraps, reason = "what a body ends with")]
fn none() -> PyResult<Py<PyAny>> {
    Ok(turn::with(|turn| turn.py().None()))
}

/// Calls `function` when it is dropped.
struct OnDrop(Option<Held<PyAny>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        turn::with(|turn| {
            if let Some(function) = self.0.take().and_then(|held| held.get(turn.py()))
                && let Err(error) = function.call0()
            {
                error.write_unraisable(turn.py(), Some(&function));
            }
        });
    }
}

/// Keeps the coroutine's owner.
fn hold() -> Held<PyAny> {
    turn::with(|turn| turn.hold(turn.owner::<PyAny>()))
}

/// Calls the coroutine's owner with a number and a word.
fn tell(number: u32, word: &'static str) -> PyResult<()> {
    turn::with(|turn| turn.owner::<PyAny>().call1((number, word)).map(drop))
}

/// Has woken itself, and lets others run.
async fn yield_now() {
    let mut first = true;
    poll_fn(|context| {
        if std::mem::replace(&mut first, false) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

#[pymethods]
impl RustFutures {
    /// Is ready at once, with None.
    #[staticmethod]
    fn ready(py: Python<'_>) -> PyResult<Py<Coroutine>> {
        coroutine(py, "RustFutures.ready", None, async { none() })
    }

    /// Suspends `times` times, and has woken itself each time.
    #[staticmethod]
    fn suspend(py: Python<'_>, times: u32) -> PyResult<Py<Coroutine>> {
        coroutine(py, "RustFutures.suspend", None, async move {
            for _ in 0..times {
                yield_now().await;
            }
            none()
        })
    }

    /// Sleeps until the loop's clock shows `deadline`, in seconds.
    #[staticmethod]
    fn sleep_until(py: Python<'_>, deadline: f64) -> PyResult<Py<Coroutine>> {
        coroutine(py, "RustFutures.sleep_until", None, async move {
            sleep_until(deadline).await;
            none()
        })
    }

    /// Awaits `awaitable` and returns its result.
    #[staticmethod]
    fn wait_for(py: Python<'_>, awaitable: Py<PyAny>) -> PyResult<Py<Coroutine>> {
        coroutine(py, "RustFutures.wait_for", Some(awaitable), async move {
            turn::with(|turn| turn.wait_for(&turn.owner::<PyAny>()))?.await
        })
    }

    /// Waits for ever; calls `dropped` when it is dropped.
    #[staticmethod]
    fn wait_for_ever(py: Python<'_>, dropped: Py<PyAny>) -> PyResult<Py<Coroutine>> {
        coroutine(py, "RustFutures.wait_for_ever", Some(dropped), async move {
            let _on_drop = OnDrop(Some(hold()));
            pending::<PyResult<Py<PyAny>>>().await
        })
    }

    /// Is woken `times` times by a thread that never has the GIL, each time after `pause`
    /// seconds; a waker is cloned, woken twice and kept until the thread ends.
    #[staticmethod]
    fn wake_from_thread(py: Python<'_>, times: u32, pause: f64) -> PyResult<Py<Coroutine>> {
        let pause = Duration::from_secs_f64(pause);
        coroutine(py, "RustFutures.wake_from_thread", None, async move {
            for _ in 0..times {
                let done = Arc::new(AtomicBool::new(false));
                let mut started = None;
                poll_fn(|context| {
                    if done.load(Ordering::Acquire) {
                        return Poll::Ready(());
                    }
                    started.get_or_insert_with(|| {
                        let (done, waker) = (Arc::clone(&done), context.waker().clone());
                        thread::spawn(move || {
                            thread::sleep(pause);
                            done.store(true, Ordering::Release);
                            waker.wake_by_ref();
                            waker.wake_by_ref();
                        })
                    });
                    Poll::Pending
                })
                .await;
                if let Some(thread) = started {
                    let _ended = thread.join();
                }
            }
            none()
        })
    }

    /// Waits until the descriptor `fd` can be read from, or written to.
    #[staticmethod]
    fn until_ready(py: Python<'_>, fd: i32, writing: bool) -> PyResult<Py<Coroutine>> {
        let direction = if writing { Direction::Write } else { Direction::Read };
        coroutine(py, "RustFutures.until_ready", None, async move {
            ready(fd, direction).await?;
            none()
        })
    }

    /// Sleeps for `seconds` on a thread of the loop's pool, or panics there.
    #[staticmethod]
    fn block(py: Python<'_>, seconds: f64, panics: bool) -> PyResult<Py<Coroutine>> {
        coroutine(py, "RustFutures.block", None, async move {
            blocking(move || {
                thread::sleep(Duration::from_secs_f64(seconds));
                assert!(!panics, "in a thread");
            })?
            .await;
            none()
        })
    }

    /// Panics with `message`.
    #[staticmethod]
    fn panic(py: Python<'_>, message: String) -> PyResult<Py<Coroutine>> {
        coroutine(py, "RustFutures.panic", None, async move { panic!("{message}") })
    }

    /// Makes a task of a coroutine, which outlives this one, and returns it.
    #[staticmethod]
    fn spawn(py: Python<'_>, body: Py<PyAny>) -> PyResult<Py<Coroutine>> {
        coroutine(py, "RustFutures.spawn", Some(body), async move {
            turn::with(|turn| turn.spawn(turn.owner::<PyAny>()).map(Bound::unbind))
        })
    }

    /// Two coroutines: the first sends the numbers below `count` over a channel that holds
    /// `capacity`; the second calls `tell(number, "received")` for each.
    #[staticmethod]
    fn channel<'py>(
        py: Python<'py>,
        capacity: usize,
        count: u32,
        tell: Py<PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let (sender, mut receiver) = mpsc::channel(capacity.max(1));
        let sending = coroutine(py, "RustFutures.channel", None, async move {
            for number in 0..count {
                if sender.send(number).await.is_err() {
                    break;
                }
            }
            none()
        })?;
        let receiving = coroutine(py, "RustFutures.channel", Some(tell), async move {
            while let Some(number) = receiver.recv().await {
                self::tell(number, "received")?;
            }
            none()
        })?;
        allocate::tuple(py, [sending, receiving].map(|it| it.into_bound(py)))
    }

    /// `count` coroutines under a semaphore of `permits`. Each takes a permit, lets others run,
    /// and gives it back; it calls `tell(number, word)` when it has it and when it has it no more.
    #[staticmethod]
    fn contend<'py>(
        py: Python<'py>,
        permits: usize,
        count: u32,
        tell: Py<PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let semaphore = Rc::new(Semaphore::new(permits));
        let worker = |number| {
            let semaphore = Rc::clone(&semaphore);
            let tell = Some(tell.clone_ref(py));
            coroutine(py, "RustFutures.contend", tell, async move {
                let permit = semaphore.acquire().await;
                self::tell(number, "acquired")?;
                yield_now().await;
                drop(permit);
                self::tell(number, "released")?;
                none()
            })
            .map(|made| made.into_bound(py))
        };
        allocate::tuple_of(py, (0..count).map(worker).collect::<PyResult<Vec<_>>>()?)
    }
}
