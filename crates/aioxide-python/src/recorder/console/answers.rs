//! The answers about loops and objects.

use std::collections::{HashMap, HashSet};

use aioxide_engine::recorder::{
    Calibration, LoopRecord, LoopStatus, ObjectRecord, Phase, TaskRecord, TaskView, loops as table,
    names, nanoseconds_between, objects as records, recent_task, tasks, ticks,
};
use aioxide_trace::wire::{LoopInfo, ObjectInfo, Running};
use aioxide_trace::{ItemKind, Kind, ObjectKind};

use super::task_list::names_of;

/// From when on an item is said to block its loop.
const BLOCKING_NS: u64 = 100_000_000;

/// Texts of locations, looked up once for each answer.
#[derive(Default)]
pub struct Places {
    found: HashMap<u32, (String, String)>,
}

impl Places {
    fn look_up(&mut self, location: u32) -> &(String, String) {
        self.found.entry(location).or_insert_with(|| {
            let names = names();
            let Some(place) = names.location_of(location) else { return Default::default() };
            let text = |number| names.text_of(number).map(|it| it.to_string()).unwrap_or_default();
            let file = text(place.file);
            let written = if place.line == 0 { file } else { format!("{file}:{}", place.line) };
            (written, text(place.function))
        })
    }

    /// As `app.py:12`; empty for none.
    pub fn place(&mut self, location: u32) -> String {
        self.look_up(location).0.clone()
    }

    /// The qualified name of the function; empty for none.
    pub fn function(&mut self, location: u32) -> String {
        self.look_up(location).1.clone()
    }
}

/// The loops that are open.
pub fn loops() -> Vec<LoopInfo> {
    let open: Vec<&'static LoopRecord> =
        table().all().into_iter().filter(|it| it.status() == LoopStatus::Open).collect();
    let mut places = Places::default();
    let mut unsent: HashMap<u32, u64> = HashMap::new();
    for transport in transports() {
        *unsent.entry(transport.loop_id()).or_default() += transport.length();
    }
    let unsent = |record: &LoopRecord| unsent.get(&record.id()).copied().unwrap_or(0);
    open.into_iter().map(|record| info_of(record, unsent(record), &mut places)).collect()
}

/// The transports that were recorded and are there still.
fn transports() -> impl Iterator<Item = &'static ObjectRecord> {
    living().filter(|record| record.kind() == ObjectKind::Transport as u8)
}

/// The objects that were recorded and are there still: those of loops that are open, and those that
/// no loop has used yet.
fn living() -> impl Iterator<Item = &'static ObjectRecord> {
    let open = table().numbers(true);
    records().filter(move |record| {
        let of_loop = record.loop_id();
        record.id() != 0 && !record.is_gone() && (of_loop == 0 || open.contains(&of_loop))
    })
}

/// How many bytes of each task wait to be sent.
pub fn unsent_by_task() -> HashMap<u64, u64> {
    let mut unsent = HashMap::new();
    for transport in transports().filter(|record| record.length() > 0) {
        for task in transport.holders().1.take(1) {
            *unsent.entry(task).or_default() += transport.length();
        }
    }
    unsent
}

fn info_of(record: &LoopRecord, unsent: u64, places: &mut Places) -> LoopInfo {
    let speed = Calibration::ticks_per_second();
    let (longest, item) = record.longest();
    let longest_item = longest_item(record, item, places).unwrap_or_default();
    let (received, sent) = record.bytes();
    let (busy, idle) = record.threads();
    let now = running(record, places);
    let blocked_by = now.as_ref().filter(|it| it.since_ns >= BLOCKING_NS).map(sentence);
    LoopInfo {
        id: record.id(),
        thread: record.thread(),
        running: record.thread() != 0,
        iterations: record.iterations(),
        ready: record.ready(),
        timers: record.timers(),
        transports: record.transports(),
        bytes_in: received,
        bytes_out: sent,
        unsent,
        delays: in_nanoseconds(&record.delays(), speed),
        longest_ns: nanoseconds_between(0, longest, speed),
        longest_task: longest_item.task,
        longest_name: longest_item.name,
        longest_coroutine: longest_item.coroutine,
        longest_location: longest_item.location,
        now,
        threads_busy: busy.into(),
        threads_idle: idle.into(),
        blocked_by,
    }
}

/// A histogram over powers of two of ticks as one over powers of two of nanoseconds.
fn in_nanoseconds(delays: &[u64], ticks_per_second: f64) -> Vec<u64> {
    let mut converted = vec![0; 64];
    for (bucket, count) in delays.iter().enumerate() {
        // The bucket counts delays below 2ⁿ: the middle of them stands for all.
        let middle = if bucket == 0 { 0.0 } else { 0.75 * 2f64.powi(bucket as i32) };
        let nanoseconds = (middle * 1e9 / ticks_per_second).max(1.0);
        converted[(nanoseconds.log2() as usize).min(63)] += count;
    }
    while converted.last() == Some(&0) {
        converted.pop();
    }
    converted
}

/// An item of a loop, in texts.
#[derive(Default)]
struct Item {
    /// 0 for a callback.
    task: u64,
    name: String,
    /// Empty for a callback.
    coroutine: String,
    location: String,
}

impl Item {
    fn step(view: TaskView, places: &mut Places) -> Self {
        let (coroutine, location) = (places.function(view.coroutine), places.place(view.coroutine));
        Self { task: view.id, name: view.name, coroutine, location }
    }

    fn callback(item: u64, places: &mut Places) -> Self {
        let location = (item >> 16) as u32;
        let name = match places.function(location) {
            empty if empty.is_empty() => ItemKind::from_byte((item >> 8) as u8).word().into(),
            function => function,
        };
        Self { name, location: places.place(location), ..Self::default() }
    }
}

/// What is known of the task with this id.
fn task_view(id: u64) -> Option<TaskView> {
    let recent = recent_task(id).and_then(TaskRecord::view);
    recent.or_else(|| tasks().find(|record| record.id() == id)?.view())
}

/// The item that took longest. Of a task that has ended, what was known then is told.
fn longest_item(record: &LoopRecord, item: u64, places: &mut Places) -> Option<Item> {
    match Kind::from_byte(item as u8) {
        Kind::Step => {
            let kept = record.longest_task().filter(|view| view.id == item >> 8)?;
            // It may have another name by now.
            Some(Item::step(task_view(kept.id).unwrap_or(kept), places))
        }
        Kind::Callback => Some(Item::callback(item, places)),
        _ => None,
    }
}

/// What a loop runs now.
fn running(record: &LoopRecord, places: &mut Places) -> Option<Running> {
    let speed = Calibration::ticks_per_second();
    let item = record.running();
    let since_ns = nanoseconds_between(record.last(), ticks(), speed);
    match Kind::from_byte(item as u8) {
        Kind::Step => {
            let task = item >> 8;
            let Item { name, location, .. } = Item::step(task_view(task)?, places);
            Some(Running { task, name, location, since_ns })
        }
        Kind::Callback => {
            let Item { mut name, location, .. } = Item::callback(item, places);
            let concern = record.concern();
            // Unless the loop has gone on between the two.
            if record.running() == item
                && let Some(whose) = name_of(concern)
            {
                name = format!("{name} of {whose}");
            }
            Some(Running { task: 0, name, location, since_ns })
        }
        _ => None,
    }
}

/// What the task or object with this id is called.
fn name_of(id: u64) -> Option<String> {
    let task = names_of([id]).remove(&id).filter(|name| !name.is_empty());
    task.or_else(|| object_names(&[id]).remove(&id))
}

fn sentence(item: &Running) -> String {
    let kind = if item.task == 0 { "the callback" } else { "a step of task" };
    let at = if item.location.is_empty() { String::new() } else { format!(" ({})", item.location) };
    let seconds = item.since_ns as f64 / 1e9;
    format!("{kind} {}{at} has run for {seconds:.2} s", item.name)
}

/// What has the GIL, as far as the loops tell: the item that has run longest.
pub fn suspect() -> String {
    let longest = loops().into_iter().filter_map(|it| it.now).max_by_key(|it| it.since_ns);
    match longest {
        Some(item) if item.location.is_empty() => item.name,
        Some(item) => format!("{} ({})", item.name, item.location),
        None => "code outside of any loop".to_owned(),
    }
}

/// What the objects with these ids are called.
pub fn object_names(ids: &[u64]) -> HashMap<u64, String> {
    let wanted: HashSet<u64> = ids.iter().copied().filter(|id| *id != 0).collect();
    if wanted.is_empty() {
        return HashMap::new();
    }
    let mut places = Places::default();
    living()
        .filter(|record| wanted.contains(&record.id()))
        .map(|record| {
            let kind = ObjectKind::from_byte(record.kind()).word();
            let name = match (record.address(), places.place(record.location())) {
                (address, _) if !address.is_empty() => {
                    format!("{kind} {} ({address})", record.id())
                }
                (_, place) if !place.is_empty() => format!("{kind} made at {place}"),
                _ => format!("{kind} {}", record.id()),
            };
            (record.id(), name)
        })
        .collect()
}

/// How many of the tasks that wait for an object are named.
const NAMED: usize = 5;

/// The objects that tasks wait for, with those tasks and those that have them.
pub fn objects() -> Vec<ObjectInfo> {
    let mut waiters: HashMap<u64, Vec<(u64, u64)>> = HashMap::new();
    for view in tasks().filter_map(|record| record.brief()) {
        if view.phase == Phase::Waiting && view.waits_for != 0 {
            waiters.entry(view.waits_for).or_default().push((view.since, view.id));
        }
    }
    let mut places = Places::default();
    let mut found: Vec<(ObjectInfo, Vec<u64>)> = living()
        .map(|record| {
            let mut waiting = waiters.remove(&record.id()).unwrap_or_default();
            waiting.sort_unstable();
            let (held, holders) = record.holders();
            let holders: Vec<u64> = holders.collect();
            let (bytes_in, bytes_out) = record.bytes();
            let info = ObjectInfo {
                id: record.id(),
                kind: ObjectKind::from_byte(record.kind()).word().to_owned(),
                name: record.address(),
                created: places.place(record.location()),
                loop_id: record.loop_id(),
                owner: holders.first().copied().unwrap_or(0),
                held: held.into(),
                held_by: Vec::new(),
                waiters: waiting.into_iter().map(|(_, task)| task).collect(),
                waiter_names: Vec::new(),
                length: record.length(),
                bytes_in,
                bytes_out,
            };
            (info, holders)
        })
        .collect();
    found.sort_unstable_by_key(|(object, _)| object.id);
    let first_waiters = |object: &ObjectInfo| object.waiters.iter().take(NAMED).copied().collect();
    let tasks = found.iter().flat_map(|(object, holders)| {
        let waiters: Vec<u64> = first_waiters(object);
        waiters.into_iter().chain(holders.iter().copied())
    });
    let names = names_of(tasks);
    let name = |task: &u64| names.get(task).filter(|name| !name.is_empty()).cloned();
    let named = |(mut object, holders): (ObjectInfo, Vec<u64>)| {
        let waiters: Vec<u64> = first_waiters(&object);
        let unknown = |task: &u64| format!("task {task}");
        object.waiter_names =
            waiters.iter().map(|task| name(task).unwrap_or_else(|| unknown(task))).collect();
        object.held_by = holders.iter().filter_map(name).collect();
        if !object.held_by.is_empty() {
            let more = object.held.saturating_sub(object.held_by.len() as u64);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let has = if object.kind == ObjectKind::Transport.word() { "written" } else { "held" };
            let before = if object.name.is_empty() { "" } else { ", " };
            object.name += &format!("{before}{has} by {}{more}", object.held_by.join(", "));
        }
        object
    };
    found.into_iter().map(named).collect()
}
