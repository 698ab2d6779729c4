//! Waiting for a time, or for a single event of the loop.

use std::future::Future as RustFutureTrait;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use aioxide_trace::WaitKind;
use pyo3::prelude::*;

use super::turn;
use crate::core::dispatch::Ready;
use crate::core::event_loop::LoopCore;
use crate::ffi::gil_cell::GilCell;

/// What the loop rings once: a timer, or the readiness of a descriptor. Touched under the GIL.
#[derive(Default)]
pub struct Alarm {
    waker: GilCell<Option<Waker>>,
    state: GilCell<State>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Set,
    Rung,
    CalledOff,
}

impl Alarm {
    /// Whether nobody waits for it any more.
    pub fn is_called_off(&self, py: Python<'_>) -> bool {
        self.state.get(py) == State::CalledOff
    }

    /// Whether it has rung.
    pub fn has_rung(&self, py: Python<'_>) -> bool {
        self.state.get(py) == State::Rung
    }

    /// It rings: wakes the future that waits.
    pub fn ring(&self, core: &Bound<'_, LoopCore>) -> PyResult<()> {
        let py = core.py();
        if self.state.get(py) != State::Set {
            return Ok(());
        }
        self.state.set(py, State::Rung);
        if let Some(waker) = self.waker.take(py) {
            waker.wake();
        }
        core.get().flush_woken(py)
    }

    /// Nobody waits any more. False if it has rung.
    pub fn call_off(&self, py: Python<'_>) -> bool {
        drop(self.waker.take(py));
        let was_set = self.state.get(py) == State::Set;
        if was_set {
            self.state.set(py, State::CalledOff);
        }
        was_set
    }

    /// Ready once it has rung; until then `waker` is kept.
    pub fn poll(&self, py: Python<'_>, waker: &Waker) -> Poll<()> {
        if self.has_rung(py) {
            return Poll::Ready(());
        }
        let is_same = self.waker.take(py).filter(|kept| kept.will_wake(waker));
        drop(self.waker.replace(py, Some(is_same.unwrap_or_else(|| waker.clone()))));
        Poll::Pending
    }
}

/// Waits until the loop's clock shows `deadline`, in seconds. The timer is set when it is first
/// polled, and called off when it is dropped.
pub fn sleep_until(deadline: f64) -> Sleep {
    Sleep { deadline, alarm: None }
}

/// See [`sleep_until`].
pub struct Sleep {
    deadline: f64,
    alarm: Option<Arc<Alarm>>,
}

impl RustFutureTrait for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        turn::with(|turn| {
            let py = turn.py();
            let deadline = self.deadline;
            let alarm = self.alarm.get_or_insert_with(|| {
                let alarm = Arc::new(Alarm::default());
                turn.core().get().schedule_at(py, deadline, Ready::Ring(Arc::clone(&alarm)));
                alarm
            });
            let polled = alarm.poll(py, context.waker());
            if polled.is_pending() {
                turn.waits_for(WaitKind::Sleep, None);
            }
            polled
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(alarm) = self.alarm.take() {
            turn::with(|turn| {
                if alarm.call_off(turn.py())
                    && let Some(core) = turn.core_if_begun()
                {
                    core.get().timer_cancelled(turn.py());
                }
            });
        }
    }
}
