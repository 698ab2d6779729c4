//! What the threads of the watchdog share: who is watched, and what is to be reported.
//!
//! Nobody waits for the GIL while the lock is held.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::beat::Ended;
use super::stack::StackSource;
use super::{Beat, debug_mode, detector};
use crate::ffi::definition::Definition;

/// Reports that nobody has taken; the oldest are dropped beyond.
const MOST_REPORTS: usize = 64;
/// What the reporting thread waits at most, since it has other work as well.
const TICK: Duration = Duration::from_secs(1);

/// For new loops: nanoseconds from which an item is reported; 0 if none is.
static DEFAULT_THRESHOLD: AtomicU64 = AtomicU64::new(0);

pub(super) static SHARED: Shared = Shared {
    state: Mutex::new(State {
        generation: 0,
        wanted: Wanted::No,
        detector: None,
        detector_number: 0,
        loops: Vec::new(),
        reports: VecDeque::new(),
        serial: 0,
        is_prepared: false,
        has_reporter: false,
        in_hand: None,
        held: None,
        stack: None,
    }),
    wake_detector: Condvar::new(),
    wake_reporter: Condvar::new(),
};

pub(super) struct Shared {
    state: Mutex<State>,
    pub wake_detector: Condvar,
    pub wake_reporter: Condvar,
}

/// Who wants loops to be watched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nobody: no thread runs.
    No,
    /// Loops in debug mode: see [`debug_mode`].
    InDebugMode,
    /// The program, by `aioxide.watch()`.
    Always,
}

/// What was seen while the GIL was kept.
pub(super) struct Held {
    /// The report that it is about.
    pub serial: u64,
    /// The loop's stack, as the fault handler writes it.
    pub frames: String,
    /// The function whose future was polled.
    pub polled: Option<&'static Definition>,
}

pub(super) struct State {
    /// Counts starts and stops: threads of an earlier one end.
    pub generation: u64,
    pub wanted: Wanted,
    /// The detector's thread, if it is there for debug mode alone.
    pub detector: Option<JoinHandle<()>>,
    /// The kernel's number of it; 0 if it has not begun, or on systems other than Linux.
    pub detector_number: i32,
    /// The loops that run now.
    pub loops: Vec<Watched>,
    pub reports: VecDeque<Report>,
    serial: u64,
    /// In debug mode: what reports is imported, or is being imported.
    pub is_prepared: bool,
    /// In debug mode: a thread takes the reports, or was asked to.
    pub has_reporter: bool,
    /// The report that the reporting thread has taken, and has no GIL for yet.
    pub in_hand: Option<InHand>,
    /// The report that was written to standard error.
    pub held: Option<Held>,
    pub stack: Option<StackSource>,
}

impl State {
    /// Ends the threads that run, as soon as they look.
    pub fn end(&mut self) {
        self.generation += 1;
        self.wanted = Wanted::No;
        self.reports.clear();
        self.has_reporter = false;
        self.in_hand = None;
        self.held = None;
    }

    pub fn spawn_detector(&mut self) -> io::Result<()> {
        let generation = self.generation + 1;
        let thread = thread::Builder::new().name("aioxide-watchdog".into());
        self.detector = Some(thread.spawn(move || detector::watch(generation))?);
        self.detector_number = 0;
        self.generation = generation;
        Ok(())
    }
}

pub(super) struct Watched {
    pub beat: Arc<Beat>,
    pub item: u64,
    pub seen: Instant,
    pub reported: bool,
}

pub(super) struct InHand {
    pub report: Report,
    pub since: Instant,
    pub told: bool,
}

/// What the reporting thread is told.
#[derive(Clone)]
pub struct Report {
    pub serial: u64,
    pub beat: Arc<Beat>,
    pub item: u64,
    /// How long it had lasted, at the time [`Report::at`].
    pub duration: Duration,
    pub at: Instant,
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

pub(super) fn state() -> MutexGuard<'static, State> {
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

/// Whether the threads run that `aioxide.watch()` starts.
pub fn is_started() -> bool {
    state().wanted == Wanted::Always
}

/// Starts the detector, unless it runs; a new source of stacks replaces the old one.
///
/// Returns the number of this start, which the reporting thread names.
pub fn start(stack: Option<StackSource>) -> io::Result<u64> {
    let mut state = state();
    if stack.is_some() {
        state.stack = stack;
    }
    if state.wanted == Wanted::No {
        state.spawn_detector()?;
    }
    state.wanted = Wanted::Always;
    // It is not waited for.
    drop(state.detector.take());
    Ok(state.generation)
}

/// Stops the detector, and makes the reporting thread end when it has told what is over by now: a
/// program may end together with what has blocked it.
pub fn stop() {
    let mut state = state();
    let left = std::mem::take(&mut state.reports);
    state.end();
    state.reports = left;
    drop(state.detector.take());
    let stack = state.stack.take();
    drop(state);
    drop(stack);
    SHARED.wake_detector.notify_all();
    SHARED.wake_reporter.notify_all();
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
    push(&mut state(), beat, ended, true);
}

pub(super) fn push(state: &mut State, beat: &Arc<Beat>, ended: Ended, over: bool) {
    if state.wanted == Wanted::No {
        return;
    }
    state.serial += 1;
    state.reports.push_back(Report {
        serial: state.serial,
        beat: Arc::clone(beat),
        item: ended.item,
        duration: ended.duration,
        at: Instant::now(),
        waiting: ended.waiting,
        over,
    });
    if state.reports.len() > MOST_REPORTS {
        state.reports.pop_front();
    }
    if state.wanted == Wanted::InDebugMode && !state.has_reporter {
        state.has_reporter = debug_mode::start_reporter(state.generation);
    }
    SHARED.wake_reporter.notify_all();
}

/// Waits for the next report, without the GIL.
pub fn next(generation: u64) -> Next {
    let until = Instant::now() + TICK;
    let mut state = state();
    loop {
        if state.generation != generation {
            // What is left is told now, unless there is a next start, which does.
            let left = (state.wanted == Wanted::No).then(|| state.reports.pop_front()).flatten();
            return left.map_or(Next::Stopped, Next::Report);
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

/// The reporting thread has the GIL for report `serial`. Returns what was written to standard error
/// meanwhile.
pub fn taken(serial: u64) -> Option<Held> {
    let mut state = state();
    state.in_hand = None;
    state.held.take().filter(|held| held.serial == serial)
}
