//! Time limits, with one timer for a whole request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Runtime;
use super::error::Timeout;
use super::link::Link;

/// How long each part of a request may take, in seconds. None: as long as it takes.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Timeouts {
    /// Waiting for a place in the pool.
    pub pool: Option<f64>,
    /// Making one connection.
    pub connect: Option<f64>,
    /// Both together, which is what aiohttp calls `connect`.
    pub acquire: Option<f64>,
    /// From the end of the request to the first bytes of the response, and from each arrival of
    /// bytes to the next one. Time in which nobody waits for them does not count.
    pub read: Option<f64>,
    /// Until the connection takes more of the request.
    pub write: Option<f64>,
    /// The point in time, by [`Runtime::now`], at which everything ends, the body included.
    pub deadline: Option<f64>,
}

/// When a wait ends without success, and what that is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: f64,
    timeout: Timeout,
}

impl Deadline {
    pub fn at(at: Option<f64>, timeout: Timeout) -> Option<Self> {
        // What is infinite needs no timer; what is not a number has no order.
        at.filter(|at| *at < f64::INFINITY).map(|at| Self { at, timeout })
    }

    pub fn after(runtime: &impl Runtime, seconds: Option<f64>, timeout: Timeout) -> Option<Self> {
        seconds.and_then(|seconds| Self::at(Some(runtime.now() + seconds), timeout))
    }

    /// The earlier of both; of two at the same time, the first.
    pub fn earliest(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        match (first, second) {
            (Some(first), Some(second)) if second.at < first.at => Some(second),
            (first, second) => first.or(second),
        }
    }
}

/// One timer for all the waits of a request.
///
/// It is made at the first wait that is not over at once, and left alone when the time limit
/// moves back: when it fires, the limit of that moment is compared with.
pub(super) struct Alarm<'a, R: Runtime> {
    runtime: &'a R,
    sleep: Pin<&'a mut Option<R::Sleep>>,
    /// When `sleep` ends.
    set_for: f64,
}

impl<'a, R: Runtime> Alarm<'a, R> {
    pub fn new(runtime: &'a R, sleep: Pin<&'a mut Option<R::Sleep>>) -> Self {
        Self { runtime, sleep, set_for: f64::INFINITY }
    }

    /// Ready when the deadline has passed. To be called behind a wait that is pending.
    pub fn poll(&mut self, cx: &mut Context<'_>, deadline: Option<Deadline>) -> Poll<Timeout> {
        let Some(Deadline { at, timeout }) = deadline else { return Poll::Pending };
        loop {
            if self.sleep.is_none() || self.set_for > at {
                self.sleep.set(Some(self.runtime.sleep_until(at)));
                self.set_for = at;
            }
            let fired = match self.sleep.as_mut().as_pin_mut() {
                Some(sleep) => sleep.poll(cx).is_ready(),
                None => true,
            };
            if !fired {
                return Poll::Pending;
            }
            self.sleep.set(None);
            // A timer may be early by the resolution of the clock.
            if self.set_for >= at || self.runtime.now() >= at {
                return Poll::Ready(timeout);
            }
        }
    }
}

/// The time limit of a wait for bytes: it begins anew whenever some arrive, and does not run
/// while the request is being sent.
pub(super) struct ReadDeadline {
    seconds: Option<f64>,
    total: Option<Deadline>,
    current: Option<Deadline>,
    /// What had arrived when `current` was set.
    seen: Option<u32>,
}

impl ReadDeadline {
    pub fn new(timeouts: &Timeouts) -> Self {
        let total = Deadline::at(timeouts.deadline, Timeout::Total);
        Self { seconds: timeouts.read, total, current: None, seen: None }
    }

    /// For HTTP/1.1, where all that arrives is for this request.
    pub fn of_link<R: Runtime>(&mut self, runtime: &R, link: &Link<R>) -> Option<Deadline> {
        self.get(runtime, link.is_sending_over(), link.progress())
    }

    /// `progress` rises with each arrival.
    pub fn get<R: Runtime>(
        &mut self,
        runtime: &R,
        is_sending_over: bool,
        progress: u32,
    ) -> Option<Deadline> {
        if !is_sending_over {
            self.seen = None;
            return self.total;
        }
        if self.seen != Some(progress) {
            self.seen = Some(progress);
            let read = Deadline::after(runtime, self.seconds, Timeout::Read);
            self.current = Deadline::earliest(read, self.total);
        }
        self.current
    }
}
