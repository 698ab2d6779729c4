//! Calls that block, in threads.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::handoff::Handoff;
use crate::runtime::{OutsideWait, expect_current};

/// Calls `function` in a thread, and gives what it returns: asyncio's `to_thread`.
///
/// The loop has as many threads as the machine has processors, and four more, 32 at most. They
/// are started when they are needed. Further calls wait for a thread, first come first served.
///
/// Do not use it for what does not block: a hop to a thread and back takes longer than most
/// computations.
///
/// ```
/// let answer = aioxide::run(aioxide::to_thread(|| 6 * 7));
/// assert_eq!(answer, 42);
/// ```
///
/// # Cancellation
///
/// A call that has begun cannot be interrupted: it goes on, its result is dropped, and the end of
/// the loop waits for it. One that waits for a thread runs too.
///
/// # Panics
///
/// With the panic of `function`; if no loop runs on this thread, when it is polled; and if the
/// system gives no thread at all.
pub async fn to_thread<T, F>(function: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let running = expect_current("to_thread()");
    let result = Handoff::new();
    let (place, reporter) = (result.clone(), running.pool().finish_reporter());
    let job = move || {
        let returned = catch_unwind(AssertUnwindSafe(function));
        reporter.report(|| place.give(returned));
    };
    if let Err(error) = running.pool().submit(Box::new(job)) {
        panic!("to_thread(): {error}");
    }
    let waits = OutsideWait::new(running);
    let returned = poll_fn(|context| result.poll_take(context)).await;
    drop(waits);
    returned.unwrap_or_else(|payload| resume_unwind(payload))
}
