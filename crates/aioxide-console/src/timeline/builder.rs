//! Making a timeline out of chunks, in one pass.

mod finishing;

use super::{
    Callback, Item, ItemWhat, LoopLane, Object, Other, Sample, Span, SpanState, Task, Timeline,
};
use aioxide_trace::file::{Calibration, Chunk, Events, TaskRecord};
use aioxide_trace::{Event, Kind, ObjectKind, Outcome, WaitKind, WakerKind, What};
use std::collections::{BTreeMap, HashMap};

/// Takes chunks in the order of the file.
#[derive(Default)]
pub struct Builder {
    made: Timeline,
    calibrations: Vec<Calibration>,
    /// Spans of all tasks as they came, in ticks.
    spans: Vec<(u32, Span)>,
    task_index: HashMap<u64, u32>,
    task_records: HashMap<u64, TaskRecord>,
    states: Vec<TaskState>,
    object_index: HashMap<u64, u32>,
    loops: BTreeMap<u32, LoopState>,
    /// The loop of the events that are being read.
    now: LoopState,
    first: Option<u64>,
    last: u64,
}

/// What a task is known to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TaskState {
    Unseen,
    Waiting,
    Ready,
    Ended,
}

/// How far the events of a loop have been read.
#[derive(Default)]
struct LoopState {
    lane: LoopLane,
    /// The end of the last item or poll: the beginning of the next one.
    since: Option<u64>,
    /// Events that happened inside the item whose end is the next timed event.
    untimed: Vec<Event>,
    /// When the items of this iteration began; none while the loop waits in a poll.
    iteration_began: Option<u64>,
    received: u64,
    sent: u64,
}

impl Builder {
    /// A builder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next chunk.
    pub fn chunk(&mut self, chunk: Chunk) {
        match chunk {
            Chunk::Meta(meta) => {
                self.calibrations.extend_from_slice(&meta.calibration);
                self.made.meta = meta;
            }
            Chunk::Calibration(pair) => self.calibrations.push(pair),
            Chunk::Events(events) => self.events(&events),
            Chunk::Strings(strings) => {
                strings.into_iter().for_each(|(id, text)| self.made.names.add_string(id, text));
            }
            Chunk::Locations(all) => {
                all.into_iter().for_each(|each| self.made.names.add_location(each))
            }
            Chunk::Tasks(tasks) => {
                for record in tasks.into_iter().filter(|record| record.id != 0) {
                    self.task(record.id);
                    self.task_records.insert(record.id, record);
                }
            }
            Chunk::Objects(objects) => {
                for record in objects.into_iter().filter(|record| record.id != 0) {
                    let index = self.object(record.id);
                    self.made.objects[index as usize] = Object {
                        id: record.id,
                        kind: record.kind,
                        location: record.location,
                        name: record.name,
                    };
                }
            }
            Chunk::Stacks(stacks) => self.made.stacks.extend(stacks),
            Chunk::Failures(failures) => self.made.failures.extend(failures),
            Chunk::Findings(findings) => self.made.findings.extend(findings),
        }
    }

    fn task(&mut self, id: u64) -> u32 {
        *self.task_index.entry(id).or_insert_with(|| {
            self.states.push(TaskState::Unseen);
            self.made.tasks.push(Task { id, ..Task::default() });
            self.made.tasks.len() as u32 - 1
        })
    }

    fn object(&mut self, id: u64) -> u32 {
        *self.object_index.entry(id).or_insert_with(|| {
            let object = Object { id, kind: ObjectKind::Other, location: 0, name: 0 };
            self.made.objects.push(object);
            self.made.objects.len() as u32 - 1
        })
    }

    fn events(&mut self, chunk: &Events) {
        self.now = self.loops.remove(&chunk.loop_id).unwrap_or_default();
        self.now.lane.id = chunk.loop_id;
        self.made.dropped = self.made.dropped.saturating_add(chunk.dropped);
        self.made.events += chunk.events.len() as u64;
        if chunk.dropped > 0 {
            // What was not timed has no item to belong to, and the next item no beginning.
            self.now.untimed.clear();
            self.now.since = None;
        }
        let mut dropped = chunk.dropped;
        for event in &chunk.events {
            if event.ticks == 0 {
                match self.now.since {
                    // An iteration whose poll was skipped begins where the item before ended.
                    Some(since) if event.kind() == Kind::Iteration => {
                        self.end_item(event, since, since)
                    }
                    _ => self.now.untimed.push(*event),
                }
                continue;
            }
            let ends_item = matches!(
                event.kind(),
                Kind::Iteration | Kind::Step | Kind::Callback | Kind::PollWait
            );
            let begin = self.now.since.unwrap_or(event.ticks);
            let end = event.ticks.max(begin);
            if self.first.is_none_or(|first| begin < first) {
                self.first = Some(begin);
            }
            self.last = self.last.max(end);
            if dropped > 0 {
                self.now.lane.gaps.push((begin, std::mem::take(&mut dropped)));
            }
            if !ends_item {
                // It has a time of its own, and does not end an item.
                self.inside(*event, end);
                continue;
            }
            self.end_item(event, begin, end);
        }
        self.loops.insert(chunk.loop_id, std::mem::take(&mut self.now));
    }

    /// What happened inside an item or a poll, and the event that ends it.
    fn end_item(&mut self, event: &Event, begin: u64, end: u64) {
        let mut untimed = std::mem::take(&mut self.now.untimed);
        for each in untimed.drain(..) {
            self.inside(each, end);
        }
        self.now.untimed = untimed;
        self.item(event, begin, end);
        self.now.since = Some(end);
    }

    /// The event that ends an item or a poll.
    fn item(&mut self, event: &Event, begin: u64, end: u64) {
        match event.decode() {
            What::Iteration { ready, timers, transports } => {
                self.end_iteration(begin);
                self.now.lane.samples.push(Sample { at: end, ready, busy: 0, timers, transports });
                self.now.iteration_began = Some(end);
            }
            What::PollWait { ready, timers, transports } => {
                self.end_iteration(begin);
                self.now.lane.samples.push(Sample { at: end, ready, busy: 0, timers, transports });
            }
            What::Step { task, outcome, wait, waits_for } => {
                let task = self.task(task);
                self.now.lane.items.push(Item { start: begin, end, what: ItemWhat::Step(task) });
                self.span(task, Span::new(begin, SpanState::Running));
                let (state, known) = match outcome {
                    Outcome::Waiting => (SpanState::Waiting, TaskState::Waiting),
                    Outcome::Yielded => (SpanState::Ready, TaskState::Ready),
                    Outcome::Done => (SpanState::Done, TaskState::Ended),
                    Outcome::Failed => (SpanState::Failed, TaskState::Ended),
                    Outcome::Cancelled => (SpanState::Cancelled, TaskState::Ended),
                };
                let (wait, other) = match outcome {
                    Outcome::Waiting => (wait, self.waited_for(wait, waits_for)),
                    _ => (WaitKind::Unknown, Other::None),
                };
                self.span(task, Span { wait, other, ..Span::new(end, state) });
                self.states[task as usize] = known;
            }
            What::Callback { location, item, object } => {
                let of = self.named(object);
                let what = ItemWhat::Callback(Callback { kind: item, location, of });
                self.now.lane.items.push(Item { start: begin, end, what });
            }
            _ => {}
        }
    }

    /// The items of the iteration ended at `end`.
    fn end_iteration(&mut self, end: u64) {
        if let Some(began) = self.now.iteration_began.take()
            && let Some(sample) = self.now.lane.samples.last_mut()
        {
            sample.busy = end.saturating_sub(began);
        }
    }

    /// An event that happened inside an item, at `at` at the latest.
    fn inside(&mut self, event: Event, at: u64) {
        match event.decode() {
            What::TaskCreated { task, parent } => {
                if task == 0 {
                    return;
                }
                let index = self.task(task);
                let parent = self.known(parent);
                self.made.tasks[index as usize].parent = parent;
                if self.states[index as usize] == TaskState::Unseen {
                    let other = parent.map_or(Other::None, Other::Task);
                    self.ready(index, at, WakerKind::Task, other);
                    self.states[index as usize] = TaskState::Ready;
                }
            }
            What::Woken { task, waker, by } => {
                let index = self.task(task);
                if matches!(self.states[index as usize], TaskState::Waiting | TaskState::Unseen) {
                    let other = match waker {
                        WakerKind::Task => self.known(by).map_or(Other::None, Other::Task),
                        _ => self.named(by),
                    };
                    self.ready(index, at, waker, other);
                    self.states[index as usize] = TaskState::Ready;
                }
            }
            What::CancelRequested { task, by } => {
                let (task, by) = (self.task(task), self.known(by));
                self.made.cancels.push((at, task, by));
            }
            What::Bytes { received, sent, .. } => {
                self.now.received = self.now.received.saturating_add(received.into());
                self.now.sent = self.now.sent.saturating_add(sent.into());
                self.now.lane.bytes.push((at, self.now.received, self.now.sent));
            }
            What::Mark { string } => self.made.marks.push((at, string)),
            What::Step { task, outcome: Outcome::Waiting, wait, waits_for } => {
                // A step without a time says what the task has waited for since before these events.
                let index = self.task(task);
                if self.states[index as usize] == TaskState::Unseen {
                    let since = self.task_records.get(&task).map_or(0, |record| record.created);
                    let other = self.waited_for(wait, waits_for);
                    self.span(index, Span { wait, other, ..Span::new(since, SpanState::Waiting) });
                    self.states[index as usize] = TaskState::Waiting;
                }
            }
            What::ObjectCreated { object, kind, location } => {
                let index = self.object(object) as usize;
                let object = &mut self.made.objects[index];
                (object.kind, object.location) = (kind, location);
            }
            _ => {}
        }
    }

    fn known(&mut self, task: u64) -> Option<u32> {
        (task != 0).then(|| self.task(task))
    }

    fn waited_for(&mut self, wait: WaitKind, id: u64) -> Other {
        match wait {
            WaitKind::Task => self.known(id).map_or(Other::None, Other::Task),
            _ => self.named(id),
        }
    }

    /// The task or object with this id. One that the tables have not named yet is an object until
    /// [`Self::resolve`].
    fn named(&mut self, id: u64) -> Other {
        match (id, self.task_index.get(&id)) {
            (0, _) => Other::None,
            (_, Some(task)) => Other::Task(*task),
            (id, None) => Other::Object(self.object(id)),
        }
    }

    fn span(&mut self, task: u32, span: Span) {
        self.spans.push((task, span));
    }

    fn ready(&mut self, task: u32, start: u64, waker: WakerKind, other: Other) {
        self.span(task, Span { waker, other, ..Span::new(start, SpanState::Ready) });
    }
}
