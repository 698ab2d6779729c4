//! The table of tasks.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::slots::Chunks;

/// How many bytes of a task's name are kept; a longer one is cut.
pub const NAME_BYTES: usize = 56;
const NAME_WORDS: usize = NAME_BYTES / 8;
/// The length of a name that is a number.
const NUMBERED: u8 = u8::MAX;

static TASKS: Chunks<TaskRecord> = Chunks::new();

pub(super) fn chunks() -> &'static Chunks<TaskRecord> {
    &TASKS
}

/// All records of tasks, used and free ones.
pub fn tasks() -> impl Iterator<Item = &'static TaskRecord> {
    TASKS.iter()
}

/// Where the records of the last tasks are, by the low bits of their ids.
static RECENT: [AtomicU32; 1 << 14] = [const { AtomicU32::new(0) }; 1 << 14];

/// The record of the task with this id, if it is one of the last that were recorded.
pub fn recent_task(id: u64) -> Option<&'static TaskRecord> {
    let index = RECENT[id as usize % RECENT.len()].load(Ordering::Relaxed);
    TASKS.get(index as usize).filter(|record| record.id() == id)
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// It waits for something.
    Waiting = 0,
    /// It is in the ready queue.
    Ready = 1,
    /// It has returned.
    Done = 2,
    /// It has raised.
    Failed = 3,
    /// It was cancelled.
    Cancelled = 4,
    /// A step runs.
    Running = 5,
}

impl Phase {
    fn of(byte: u8) -> Self {
        match byte {
            1 => Self::Ready,
            2 => Self::Done,
            3 => Self::Failed,
            4 => Self::Cancelled,
            5 => Self::Running,
            _ => Self::Waiting,
        }
    }

    /// Whether it has ended.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// A task's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskName<'a> {
    /// `Task-N`.
    Number(u64),
    /// A text.
    Text(&'a str),
}

/// What is known of one task. Written under the lock of the recorder, read by anybody.
#[repr(C, align(64))]
#[derive(Default)]
pub struct TaskRecord {
    /// 0 while the record is free, and while it is filled in.
    id: AtomicU64,
    /// What it does, in the form of a step's event: a [`Phase`], what kind of thing it waits for
    /// (8 bits), the id of that (48 bits).
    state: AtomicU64,
    /// Since when, in ticks.
    since: AtomicU64,
    busy: AtomicU64,
    idle: AtomicU64,
    scheduled: AtomicU64,
    steps: AtomicU64,
    longest: AtomicU64,

    parent: AtomicU64,
    created: AtomicU64,
    /// Where its coroutine is defined, and where it was created: two locations.
    places: AtomicU64,
    /// The loop's id (32 bits), the place of its record (24 bits), and the length of the name:
    /// that of a number is [`NUMBERED`].
    home: AtomicU64,
    /// Its place in the table.
    index: AtomicU32,
    /// Behind the rest: a record whose name is a number takes two lines of the processor's cache.
    name: [AtomicU64; NAME_WORDS],
}

/// A copy of a record.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "see `TaskRecord`")]
pub struct TaskView {
    pub id: u64,
    pub parent: u64,
    pub created: u64,
    pub coroutine: u32,
    pub created_at: u32,
    pub loop_id: u32,
    pub phase: Phase,
    pub wait_kind: u8,
    pub waits_for: u64,
    pub since: u64,
    pub busy: u64,
    pub idle: u64,
    pub scheduled: u64,
    pub steps: u64,
    pub longest: u64,
    pub name: String,
}

/// A copy of what a list of tasks is sorted by.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "see `TaskRecord`")]
pub struct TaskBrief {
    pub id: u64,
    pub created: u64,
    pub loop_id: u32,
    pub phase: Phase,
    pub waits_for: u64,
    pub since: u64,
    pub busy: u64,
    pub idle: u64,
    pub scheduled: u64,
    pub steps: u64,
    pub longest: u64,
}

impl TaskRecord {
    /// Begins a task's record.
    #[inline]
    #[expect(clippy::too_many_arguments, reason = "each is a field")]
    pub fn fill(
        &self,
        id: u64,
        parent: u64,
        created: u64,
        coroutine: u32,
        created_at: u32,
        (loop_id, place): (u32, usize),
        name: &TaskName<'_>,
    ) {
        let relaxed = Ordering::Relaxed;
        self.id.store(0, relaxed);
        fence(Ordering::Release);
        self.parent.store(parent, relaxed);
        self.created.store(created, relaxed);
        self.places.store(u64::from(coroutine) | u64::from(created_at) << 32, relaxed);
        self.state.store(Phase::Ready as u64, relaxed);
        self.since.store(created, relaxed);
        for counter in [&self.busy, &self.idle, &self.scheduled, &self.steps, &self.longest] {
            counter.store(0, relaxed);
        }
        self.write_name(u64::from(loop_id) | (place as u64) << 32, name);
        RECENT[id as usize % RECENT.len()].store(self.index.load(relaxed), relaxed);
        self.id.store(id, Ordering::Release);
    }

    /// Makes this a copy of another record, which is no part of the table.
    pub(super) fn copy_from(&self, other: &TaskRecord) {
        let relaxed = Ordering::Relaxed;
        self.id.store(0, relaxed);
        fence(Ordering::Release);
        for (field, its) in
            self.fields().into_iter().zip(other.fields()).chain(self.name.iter().zip(&other.name))
        {
            field.store(its.load(relaxed), relaxed);
        }
        self.id.store(other.id(), Ordering::Release);
    }

    /// All of its words but the id and the name.
    fn fields(&self) -> [&AtomicU64; 11] {
        [
            &self.state,
            &self.since,
            &self.busy,
            &self.idle,
            &self.scheduled,
            &self.steps,
            &self.longest,
            &self.parent,
            &self.created,
            &self.places,
            &self.home,
        ]
    }

    /// Sets its place in the table, once.
    pub(super) fn set_index(&self, index: usize) {
        self.index.store(index as u32, Ordering::Relaxed);
    }

    #[inline]
    fn write_name(&self, home: u64, name: &TaskName<'_>) {
        let relaxed = Ordering::Relaxed;
        let length = match name {
            TaskName::Number(number) => {
                self.name[0].store(*number, relaxed);
                NUMBERED
            }
            TaskName::Text(text) => {
                let kept = cut(text);
                let mut bytes = [0; NAME_BYTES];
                bytes[..kept.len()].copy_from_slice(kept.as_bytes());
                for (word, bytes) in self.name.iter().zip(bytes.as_chunks::<8>().0) {
                    word.store(u64::from_ne_bytes(*bytes), relaxed);
                }
                kept.len() as u8
            }
        };
        self.home.store((home & ((1 << 56) - 1)) | (u64::from(length) << 56), relaxed);
    }

    /// The task has another name now.
    pub fn rename(&self, name: &TaskName<'_>) {
        let id = self.id();
        let home = self.home.load(Ordering::Relaxed);
        self.id.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        self.write_name(home, name);
        self.id.store(id, Ordering::Release);
    }

    /// The record is free.
    pub fn vacate(&self) {
        self.id.store(0, Ordering::Release);
    }

    /// The task's id; 0 if the record is free.
    #[inline(always)]
    pub fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    /// The task that created it; 0 if none did.
    pub fn parent(&self) -> u64 {
        self.parent.load(Ordering::Relaxed)
    }

    /// The id of the loop that it was recorded on.
    #[inline]
    pub fn loop_id(&self) -> u32 {
        self.home.load(Ordering::Relaxed) as u32
    }

    /// The place of that loop's record.
    #[inline]
    pub fn place(&self) -> usize {
        (self.home.load(Ordering::Relaxed) >> 32) as usize & 0xff_ffff
    }

    /// What it does, as written by [`end_step`](Self::end_step).
    #[inline]
    pub fn phase(&self) -> Phase {
        Phase::of(self.state.load(Ordering::Relaxed) as u8)
    }

    /// It was put into the ready queue at `now`.
    #[inline]
    pub fn wake(&self, now: u64) {
        if self.phase() == Phase::Waiting {
            let since = self.since.swap_relaxed(now);
            self.idle.add_relaxed(now.saturating_sub(since));
            self.state.store(Phase::Ready as u64, Ordering::Relaxed);
        }
    }

    /// A step begins at `now`. Returns for how many ticks the task was ready.
    #[inline(always)]
    pub fn begin_step(&self, now: u64) -> u64 {
        let waited = now.saturating_sub(self.since.load(Ordering::Relaxed));
        if self.phase() == Phase::Ready {
            self.scheduled.add_relaxed(waited);
        } else {
            self.idle.add_relaxed(waited);
        }
        self.state.store(Phase::Running as u64, Ordering::Relaxed);
        waited
    }

    /// The step that began at `begin` ends at `now`, with this state: the detail of its event.
    #[inline(always)]
    pub fn end_step(&self, begin: u64, now: u64, state: u64) {
        let took = now.saturating_sub(begin);
        self.busy.add_relaxed(took);
        self.steps.add_relaxed(1);
        if took > self.longest.load(Ordering::Relaxed) {
            self.longest.store(took, Ordering::Relaxed);
        }
        self.since.store(now, Ordering::Relaxed);
        self.state.store(state, Ordering::Relaxed);
    }

    /// Sets what it does, outside of a step.
    pub fn set_state(&self, now: u64, state: u64) {
        self.since.store(now, Ordering::Relaxed);
        self.state.store(state, Ordering::Relaxed);
    }

    /// The task is recorded with another loop's record from now on.
    pub fn move_to(&self, loop_id: u32, place: usize) {
        let length = self.home.load(Ordering::Relaxed) >> 56 << 56;
        let home = length | (place as u64) << 32 | u64::from(loop_id);
        self.home.store(home, Ordering::Relaxed);
    }

    /// A consistent copy of the numbers; None if the record is free, or is being used for another
    /// task.
    pub fn brief(&self) -> Option<TaskBrief> {
        let relaxed = Ordering::Relaxed;
        let id = self.id.load(Ordering::Acquire);
        if id == 0 {
            return None;
        }
        let state = self.state.load(relaxed);
        let brief = TaskBrief {
            id,
            created: self.created.load(relaxed),
            loop_id: self.home.load(relaxed) as u32,
            phase: Phase::of(state as u8),
            waits_for: state >> 16,
            since: self.since.load(relaxed),
            busy: self.busy.load(relaxed),
            idle: self.idle.load(relaxed),
            scheduled: self.scheduled.load(relaxed),
            steps: self.steps.load(relaxed),
            longest: self.longest.load(relaxed),
        };
        fence(Ordering::Acquire);
        (self.id.load(relaxed) == id).then_some(brief)
    }

    /// Where it was created, as the number of a place; 0 if that is not known.
    pub fn created_at(&self) -> u32 {
        (self.places.load(Ordering::Relaxed) >> 32) as u32
    }

    /// A consistent copy; None if the record is free, or is being used for another task.
    pub fn view(&self) -> Option<TaskView> {
        let relaxed = Ordering::Relaxed;
        let id = self.id.load(Ordering::Acquire);
        if id == 0 {
            return None;
        }
        let state = self.state.load(relaxed);
        let places = self.places.load(relaxed);
        let home = self.home.load(relaxed);
        let length = (home >> 56) as u8;
        let mut bytes = [0; NAME_BYTES];
        for (word, bytes) in self.name.iter().zip(bytes.as_chunks_mut::<8>().0) {
            *bytes = word.load(relaxed).to_ne_bytes();
        }
        let name = if length == NUMBERED {
            format!("Task-{}", self.name[0].load(relaxed))
        } else {
            String::from_utf8_lossy(&bytes[..usize::from(length).min(NAME_BYTES)]).into_owned()
        };
        let view = TaskView {
            id,
            parent: self.parent.load(relaxed),
            created: self.created.load(relaxed),
            coroutine: places as u32,
            created_at: (places >> 32) as u32,
            loop_id: home as u32,
            phase: Phase::of(state as u8),
            wait_kind: (state >> 8) as u8,
            waits_for: state >> 16,
            since: self.since.load(relaxed),
            busy: self.busy.load(relaxed),
            idle: self.idle.load(relaxed),
            scheduled: self.scheduled.load(relaxed),
            steps: self.steps.load(relaxed),
            longest: self.longest.load(relaxed),
            name,
        };
        fence(Ordering::Acquire);
        (self.id.load(relaxed) == id).then_some(view)
    }
}

/// The beginning of a name that fits, with an ellipsis if there is more.
fn cut(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= NAME_BYTES {
        return text.into();
    }
    let end = (0..=NAME_BYTES - '…'.len_utf8()).rev().find(|at| text.is_char_boundary(*at));
    format!("{}…", &text[..end.unwrap_or(0)]).into()
}

/// Additions by the one thread that writes: a load and a store.
pub(super) trait Counter {
    fn add_relaxed(&self, amount: u64);
    fn swap_relaxed(&self, value: u64) -> u64;
}

impl Counter for AtomicU64 {
    #[inline(always)]
    fn add_relaxed(&self, amount: u64) {
        self.store(self.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    #[inline(always)]
    fn swap_relaxed(&self, value: u64) -> u64 {
        let before = self.load(Ordering::Relaxed);
        self.store(value, Ordering::Relaxed);
        before
    }
}
