//! Waiting until a descriptor is ready.

use std::future::Future as RustFutureTrait;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aioxide_trace::WaitKind;
use pyo3::prelude::*;

use super::{Alarm, turn};
use crate::core::dispatch::Watcher;
use crate::core::event_loop::Direction;

/// Waits until the descriptor `fd` can be read from or written to without blocking, or has an
/// error. It stays open until then, and belongs to no transport. Whoever watched it in that
/// direction before, as `add_reader` does, no longer does.
///
/// # Errors
///
/// `OSError` of the system for what cannot be watched.
pub fn ready(fd: RawFd, direction: Direction) -> Readiness {
    Readiness { fd, direction, alarm: None }
}

/// See [`ready`].
pub struct Readiness {
    fd: RawFd,
    direction: Direction,
    alarm: Option<Arc<Alarm>>,
}

impl Readiness {
    fn leave(&mut self) {
        if let Some(alarm) = self.alarm.take() {
            turn::with(|turn| {
                alarm.call_off(turn.py());
                if let Some(core) = turn.core_if_begun() {
                    core.get().clear_alarm(turn.py(), self.fd, self.direction, &alarm);
                }
            });
        }
    }
}

impl RustFutureTrait for Readiness {
    type Output = PyResult<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<PyResult<()>> {
        let this = &mut *self;
        let polled = turn::with(|turn| {
            let py = turn.py();
            let alarm = match &this.alarm {
                Some(alarm) => alarm,
                None => {
                    let alarm = Arc::new(Alarm::default());
                    let watcher = Watcher::Alarm(Arc::clone(&alarm));
                    turn.core().get().set_watcher(py, this.fd, this.direction, watcher)?;
                    this.alarm.insert(alarm)
                }
            };
            let polled = alarm.poll(py, context.waker());
            if polled.is_pending() {
                let kind = match this.direction {
                    Direction::Read => WaitKind::Read,
                    Direction::Write => WaitKind::Write,
                };
                turn.waits_for(kind, None);
            }
            Ok(polled)
        });
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => {
                this.leave();
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        self.leave();
    }
}
