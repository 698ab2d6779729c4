//! The thread that looks whether loops get on, and what it shares with others.
//!
//! Nobody waits for the GIL while the lock is held.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Beat;
use super::beat::Ended;
use super::stack::{StackSource, write_to_standard_error};
use crate::ffi::at_fork::AtFork;
use crate::ffi::definition::Definition;

/// How long the reporting thread may take to get the GIL before native code is said to keep it.
/// An interpreter thread gives it up after 5 ms.
const GRACE: Duration = Duration::from_millis(60);
/// At most this long between two looks, so that reports are not late for a large threshold.
const LONGEST_PERIOD: Duration = Duration::from_millis(20);
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
/// Looks within a threshold.
const LOOKS: u32 = 10;
/// Reports that nobody has taken; the oldest are dropped beyond.
const MOST_REPORTS: usize = 64;
/// What the reporting thread waits at most, since it has other work as well.
const TICK: Duration = Duration::from_secs(1);

/// For new loops: nanoseconds from which an item is reported; 0 if none is.
static DEFAULT_THRESHOLD: AtomicU64 = AtomicU64::new(0);

static SHARED: Shared = Shared {
    state: Mutex::new(State {
        generation: 0,
        started: false,
        loops: Vec::new(),
        reports: VecDeque::new(),
        serial: 0,
        in_hand: None,
        held: None,
        stack: None,
    }),
    wake_detector: Condvar::new(),
    wake_reporter: Condvar::new(),
};

struct Shared {
    state: Mutex<State>,
    wake_detector: Condvar,
    wake_reporter: Condvar,
}

struct State {
    /// Counts starts and stops: threads of an earlier one end.
    generation: u64,
    started: bool,
    /// The loops that run now.
    loops: Vec<Watched>,
    reports: VecDeque<Report>,
    serial: u64,
    /// The report that the reporting thread has taken, and has no GIL for yet.
    in_hand: Option<InHand>,
    /// The report that was written to standard error, and the stack that came with it.
    held: Option<(u64, String)>,
    stack: Option<StackSource>,
}

struct Watched {
    beat: Arc<Beat>,
    item: u64,
    seen: Instant,
    reported: bool,
}

struct InHand {
    report: Report,
    since: Instant,
    told: bool,
}

/// What the reporting thread is told.
#[derive(Clone)]
pub struct Report {
    pub serial: u64,
    pub beat: Arc<Beat>,
    pub item: u64,
    pub duration: Duration,
    pub waiting: u64,
    /// Whether the item has ended.
    pub over: bool,
}

/// What the reporting thread gets.
pub enum Next {
    Report(Report),
    /// Nothing to report for a while.
    Tick,
    /// The watchdog was stopped.
    Stopped,
}

thread_local! {
    /// The lock, while this thread forks: the child must find the state consistent and free.
    static FORKING: RefCell<Option<MutexGuard<'static, State>>> = const { RefCell::new(None) };
}

fn state() -> MutexGuard<'static, State> {
    SHARED.state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From which duration items of new loops are reported. Zero means never.
pub fn default_threshold() -> Duration {
    Duration::from_nanos(DEFAULT_THRESHOLD.load(Ordering::Relaxed))
}

/// Changes it.
pub fn set_default_threshold(threshold: Duration) {
    let nanoseconds = u64::try_from(threshold.as_nanos()).unwrap_or(u64::MAX);
    DEFAULT_THRESHOLD.store(nanoseconds, Ordering::Relaxed);
}

/// Whether the threads run.
pub fn is_started() -> bool {
    state().started
}

/// Starts the detector, unless it runs; a new source of stacks replaces the old one.
///
/// Returns the number of this start, which the reporting thread names.
pub fn start(stack: Option<StackSource>) -> io::Result<u64> {
    let mut state = state();
    if stack.is_some() {
        state.stack = stack;
    }
    if state.started {
        return Ok(state.generation);
    }
    let generation = state.generation + 1;
    thread::Builder::new().name("aioxide-watchdog".into()).spawn(move || watch(generation))?;
    state.generation = generation;
    state.started = true;
    Ok(generation)
}

/// Stops the detector, and makes the reporting thread end.
pub fn stop() {
    let mut state = state();
    state.generation += 1;
    state.started = false;
    state.reports.clear();
    state.in_hand = None;
    state.held = None;
    let stack = state.stack.take();
    drop(state);
    drop(stack);
    SHARED.wake_detector.notify_all();
    SHARED.wake_reporter.notify_all();
}

inventory::submit! { AtFork { before: before_fork, in_parent, in_child } }

fn before_fork() {
    let state = state();
    // Without thread-local storage, at the end of a thread, it is given back at once.
    let _ = FORKING.try_with(|kept| kept.replace(Some(state)));
}

fn take_kept() -> Option<MutexGuard<'static, State>> {
    FORKING.try_with(RefCell::take).ok().flatten()
}

fn in_parent() {
    drop(take_kept());
}

/// No thread of the parent runs, and nothing is watched.
fn in_child() {
    let Some(mut state) = take_kept() else { return };
    state.generation += 1;
    state.started = false;
    state.loops.clear();
    state.reports.clear();
    state.in_hand = None;
    state.held = None;
    state.stack = None;
}

/// A loop that runs and is watched; not any more when it is dropped.
pub struct Running(Arc<Beat>);

impl Running {
    /// Begins to watch.
    pub fn new(beat: Arc<Beat>) -> Self {
        let watched =
            Watched { beat: Arc::clone(&beat), item: 0, seen: Instant::now(), reported: false };
        state().loops.push(watched);
        SHARED.wake_detector.notify_all();
        Self(beat)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = state();
        if let Some(index) = state.loops.iter().position(|it| Arc::ptr_eq(&it.beat, &self.0)) {
            state.loops.swap_remove(index);
        }
    }
}

/// Reports the end of an item that was reported before.
#[cold]
pub fn report_end(beat: &Arc<Beat>, ended: Ended) {
    push(&mut state(), beat, ended.item, ended.duration, ended.waiting, true);
}

fn push(
    state: &mut State,
    beat: &Arc<Beat>,
    item: u64,
    duration: Duration,
    waiting: u64,
    over: bool,
) {
    if !state.started {
        return;
    }
    state.serial += 1;
    let serial = state.serial;
    let beat = Arc::clone(beat);
    state.reports.push_back(Report { serial, beat, item, duration, waiting, over });
    if state.reports.len() > MOST_REPORTS {
        state.reports.pop_front();
    }
    SHARED.wake_reporter.notify_all();
}

/// The detector's thread.
fn watch(generation: u64) {
    let mut state = state();
    // It may have been stopped before it began.
    while state.generation == generation {
        let period = period(&state.loops);
        state = SHARED
            .wake_detector
            .wait_timeout(state, period)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        if state.generation != generation {
            return;
        }
        let now = Instant::now();
        let mut found = Vec::new();
        for watched in &mut state.loops {
            found.extend(examine(watched, now));
        }
        for (beat, ended) in found {
            push(&mut state, &beat, ended.item, ended.duration, ended.waiting, false);
        }
        state = tell_if_held(state, now);
    }
}

/// How long to wait for the next look. Nothing has to be seen while no loop runs.
fn period(loops: &[Watched]) -> Duration {
    let shortest = loops.iter().map(|it| it.beat.threshold()).filter(|it| !it.is_zero()).min();
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
    if state.started && state.stack.is_none() {
        state.stack = stack;
    }
    state.held = Some((report.serial, frames));
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

/// Waits for the next report, without the GIL.
pub fn next(generation: u64) -> Next {
    let until = Instant::now() + TICK;
    let mut state = state();
    loop {
        if state.generation != generation {
            return Next::Stopped;
        }
        if let Some(report) = state.reports.pop_front() {
            let since = Instant::now();
            state.in_hand = Some(InHand { report: report.clone(), since, told: false });
            return Next::Report(report);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Next::Tick;
        }
        state = SHARED
            .wake_reporter
            .wait_timeout(state, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}

/// The reporting thread has the GIL for report `serial`. Returns how long that took, and the stack
/// that was written to standard error meanwhile.
pub fn taken(serial: u64) -> (Duration, Option<String>) {
    let mut state = state();
    let took = state.in_hand.take().map_or(Duration::ZERO, |in_hand| in_hand.since.elapsed());
    match state.held.take() {
        Some((told, frames)) if told == serial => (took, Some(frames)),
        _ => (took, None),
    }
}
