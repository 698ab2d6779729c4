//! Sleeping.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Instant;
use crate::runtime::{AlarmKey, current, no_loop};

/// Returns when `duration` has passed on the loop's clock: asyncio's `sleep`. With a duration of
/// zero, the other tasks have a turn first, as with [`yield_now`].
///
/// # Cancellation
///
/// Dropped, its timer is removed.
///
/// # Panics
///
/// When it is polled on a thread where no loop runs.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { end: End::After(duration), alarm: Alarm::None }
}

/// Returns when the loop's clock has reached `deadline`.
///
/// # Panics
///
/// When it is polled on a thread where no loop runs.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { end: End::At(deadline), alarm: Alarm::None }
}

/// See [`sleep`] and [`sleep_until`]. The time of [`sleep`] begins when it is first polled.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Sleep {
    end: End,
    alarm: Alarm,
}

#[derive(Clone, Copy, Debug)]
enum End {
    After(Duration),
    At(Instant),
}

#[derive(Clone, Copy, Debug)]
enum Alarm {
    None,
    /// It has given way once, having nothing to wait for.
    Yielded,
    Set {
        alarm: AlarmKey,
        home: u64,
    },
}

impl Sleep {
    /// When it ends. None while it is not known, before the first poll of [`sleep`].
    pub fn deadline(&self) -> Option<Instant> {
        match self.end {
            End::After(_) => None,
            End::At(deadline) => Some(deadline),
        }
    }

    /// Sleeps until `deadline` from now on.
    pub fn reset(&mut self, deadline: Instant) {
        self.cancel();
        self.end = End::At(deadline);
    }

    fn cancel(&mut self) {
        if let Alarm::Set { alarm, home } = std::mem::replace(&mut self.alarm, Alarm::None)
            && let Some(running) = current()
            && running.number() == home
        {
            running.cancel_alarm(alarm);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(running) = current() else { no_loop("sleep()") };
        let home = running.number();
        match self.alarm {
            Alarm::Yielded => return Poll::Ready(()),
            Alarm::Set { alarm, home: its_home } => {
                assert!(its_home == home, "sleep() was polled on another loop before");
                if running.renew_alarm(alarm, context.waker()) {
                    return Poll::Pending;
                }
                self.alarm = Alarm::None;
                return Poll::Ready(());
            }
            Alarm::None => {}
        }
        let deadline = match self.end {
            End::After(Duration::ZERO) => {
                self.alarm = Alarm::Yielded;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            End::After(duration) => running.now() + duration.as_secs_f64(),
            End::At(deadline) if deadline.seconds() <= running.now() => return Poll::Ready(()),
            End::At(deadline) => deadline.seconds(),
        };
        let alarm = running.set_alarm(deadline, context.waker().clone());
        self.alarm = Alarm::Set { alarm, home };
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Gives every other task that is ready a turn first: asyncio's `sleep(0)`.
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// See [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    /// # Panics
    ///
    /// When it is polled on a thread where no loop runs.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
