//! Waiting for some time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pyo3::prelude::*;

use crate::leaf::{self, Leaf};
use crate::turn::{self, World};
use crate::{elsewhere, leaf::fetched};

/// The time of the loop's clock in seconds: `loop.time()`. It may be a virtual clock.
///
/// # Errors
///
/// `RuntimeError` in a destructor of a coroutine that was never awaited. What the loop raises.
///
/// # Panics
///
/// Outside of a coroutine of this crate.
pub fn time() -> PyResult<f64> {
    turn::with(|py, turn| match turn.world {
        World::Native(table) => {
            let mut seconds = 0.0;
            // SAFETY: this is a turn of a loop of aioxide's, with the GIL held.
            match unsafe { (table.time)(&mut seconds) } {
                aioxide_abi::READY => Ok(seconds),
                _ => Err(fetched(py)),
            }
        }
        World::Elsewhere(driver) => driver.time(py),
        World::Nowhere => Err(leaf::nowhere()),
    })
}

/// Waits for `duration`: `asyncio.sleep`. With a duration of zero, everything else that is ready
/// runs first.
///
/// # Panics
///
/// When it is polled outside of a coroutine of this crate, or the loop cannot set a timer because
/// it is closed.
///
/// # Cancellation
///
/// The timer is called off.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { until: Until::Passed(duration), leaf: None, yielded: false }
}

/// Waits until the loop's clock shows `deadline`, in seconds as from [`time`].
///
/// # Panics
///
/// As [`sleep`]; and if `deadline` is NaN, which no clock will show.
///
/// # Cancellation
///
/// The timer is called off.
#[track_caller]
pub fn sleep_until(deadline: f64) -> Sleep {
    assert!(!deadline.is_nan(), "a deadline that is no number");
    Sleep { until: Until::Clock(deadline), leaf: None, yielded: false }
}

#[derive(Debug)]
enum Until {
    /// From the first poll on.
    Passed(Duration),
    Clock(f64),
}

/// See [`sleep`] and [`sleep_until`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Sleep {
    until: Until,
    leaf: Option<Leaf>,
    yielded: bool,
}

impl Sleep {
    fn begin(&mut self) -> PyResult<()> {
        if self.leaf.is_some() {
            return Ok(());
        }
        let deadline = match self.until {
            Until::Passed(duration) => time()? + duration.as_secs_f64(),
            Until::Clock(deadline) => deadline,
        };
        leaf::begin(
            &mut self.leaf,
            // SAFETY: this is a turn of a loop of aioxide's, with the GIL held.
            |table| unsafe { (table.sleep_until)(deadline) },
            |py, turn, driver| elsewhere::Wait::until(py, turn, driver, deadline),
        )
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if matches!(this.until, Until::Passed(Duration::ZERO)) {
            if this.yielded {
                return Poll::Ready(());
            }
            this.yielded = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = match this.begin() {
            Ok(()) => this.leaf.as_mut().map_or(Poll::Pending, |leaf| leaf.poll(context)),
            Err(error) => Poll::Ready(Err(error)),
        };
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(_)) => {
                this.leaf = None;
                Poll::Ready(())
            }
            Poll::Ready(Err(error)) => panic!("cannot sleep: {error}"),
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sleep").field("until", &self.until).finish_non_exhaustive()
    }
}
