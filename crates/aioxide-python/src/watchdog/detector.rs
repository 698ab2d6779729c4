//! The thread that looks whether loops get on.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Beat;
use super::beat::Ended;
use super::debug_mode::prepare;
use super::shared::{Held, SHARED, State, Wanted, Watched, push, state};
use super::stack::{StackSource, write_to_standard_error};
use crate::ffi::definition::Definition;

/// How long the reporting thread may take to get the GIL before native code is said to keep it.
/// An interpreter thread gives it up after 5 ms.
const GRACE: Duration = Duration::from_millis(60);
/// At most this long between two looks, so that reports are not late for a large threshold.
const LONGEST_PERIOD: Duration = Duration::from_millis(20);
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
/// Looks within a threshold.
const LOOKS: u32 = 10;
/// How long the thread stays in debug mode when no loop runs: the next one need not start it.
const LINGER: Duration = Duration::from_millis(100);

/// The detector's thread.
pub fn watch(generation: u64) {
    let mut state = state();
    #[cfg(target_os = "linux")]
    if state.generation == generation {
        state.detector_number = rustix::thread::gettid().as_raw_nonzero().get();
    }
    // It may have been stopped before it began.
    while state.generation == generation {
        let period = period(&state);
        let (again, waited) = SHARED
            .wake_detector
            .wait_timeout(state, period)
            .unwrap_or_else(PoisonError::into_inner);
        state = again;
        if state.generation != generation {
            return;
        }
        if waited.timed_out() && is_idle_in_debug_mode(&state) {
            state.end();
            drop(state.detector.take());
            return;
        }
        let now = Instant::now();
        let mut found = Vec::new();
        for watched in &mut state.loops {
            found.extend(examine(watched, now));
        }
        if state.wanted == Wanted::InDebugMode && !state.is_prepared {
            state.is_prepared = state.loops.iter().any(|it| is_long(it, now)) && prepare();
        }
        for (beat, ended) in found {
            push(&mut state, &beat, ended, false);
        }
        state = tell_if_held(state, now);
    }
}

/// Whether the detector is there for loops in debug mode, and none of them runs.
fn is_idle_in_debug_mode(state: &State) -> bool {
    state.wanted == Wanted::InDebugMode && state.loops.is_empty()
}

/// How long to wait for the next look. Nothing has to be seen while no loop runs.
fn period(state: &State) -> Duration {
    if is_idle_in_debug_mode(state) {
        return LINGER;
    }
    let shortest =
        state.loops.iter().map(|it| it.beat.threshold()).filter(|it| !it.is_zero()).min();
    match shortest {
        Some(threshold) => (threshold / LOOKS).clamp(SHORTEST_PERIOD, LONGEST_PERIOD),
        None => Duration::from_secs(3600),
    }
}

/// Looks at one loop. Returns the item that has to be reported.
fn examine(watched: &mut Watched, now: Instant) -> Option<(Arc<Beat>, Ended)> {
    let beat = &watched.beat;
    let item = beat.current();
    if item != watched.item {
        watched.item = item;
        watched.seen = now;
        watched.reported = false;
        return None;
    }
    let duration = now.saturating_duration_since(watched.seen);
    let threshold = beat.threshold();
    if item.is_multiple_of(2) || watched.reported || threshold.is_zero() || duration < threshold {
        return None;
    }
    watched.reported = true;
    beat.mark_overdue(item, watched.seen);
    if beat.current() != item {
        // It ended just now, and its thread may have looked at the mark before it was set.
        beat.end_overdue();
        return None;
    }
    Some((Arc::clone(beat), Ended { item, duration, waiting: beat.waiting(item) }))
}

/// Whether the item may have to be reported.
fn is_long(watched: &Watched, now: Instant) -> bool {
    let duration = now.saturating_duration_since(watched.seen);
    !watched.item.is_multiple_of(2) && duration >= watched.beat.threshold() / 4
}

/// Writes to standard error if the reporting thread waits for the GIL for too long.
fn tell_if_held(mut state: MutexGuard<'static, State>, now: Instant) -> MutexGuard<'static, State> {
    let Some(in_hand) = &mut state.in_hand else { return state };
    let kept = now.saturating_duration_since(in_hand.since);
    if in_hand.told || in_hand.report.over || kept < GRACE {
        return state;
    }
    in_hand.told = true;
    let report = in_hand.report.clone();
    // First, since the signal that asks for the stack may end what it interrupts.
    let polled = report.beat.polled();
    let stack = state.stack.take();
    // Asking for a stack takes time, in which the loop may want the lock.
    drop(state);
    let mut frames =
        stack.as_ref().map(|stack| stack.ask(report.beat.threads().0)).unwrap_or_default();
    let blocked = report.duration + now.elapsed() + kept;
    let caller = (stack.as_ref(), polled);
    write_to_standard_error(&told(&frames, caller, blocked, kept, report.waiting));
    if let Some(stack) = &stack
        && frames.is_empty()
    {
        frames = stack.late();
        if let Some(frame) = stack.own_frame(&frames) {
            write_to_standard_error(&format!("aioxide: it was called at {frame}\n{frames}"));
        }
    }
    let mut state = self::state();
    if state.wanted == Wanted::Always && state.stack.is_none() {
        state.stack = stack;
    }
    state.held = Some(Held { serial: report.serial, frames, polled });
    state
}

fn told(
    frames: &str,
    (source, polled): (Option<&StackSource>, Option<&Definition>),
    blocked: Duration,
    kept: Duration,
    waiting: u64,
) -> String {
    let caller = match source.and_then(|source| source.own_frame(frames)) {
        Some(frame) => format!("called at {frame}"),
        None => "whose Python caller is not known yet".to_string(),
    };
    let polled = polled.map_or_else(String::new, |function| {
        format!(", while {} ({}:{}) is polled", function.path(), function.file(), function.line())
    });
    let waiting = match waiting {
        0 => String::new(),
        1 => "; 1 ready task or callback waits".to_string(),
        more => format!("; {more} ready tasks and callbacks wait"),
    };
    format!(
        "aioxide: the event loop has been blocked for {:.2} s by code that has kept the GIL for \
         {:.2} s, {caller}{polled}{waiting}\n{frames}",
        blocked.as_secs_f64(),
        kept.as_secs_f64(),
    )
}
