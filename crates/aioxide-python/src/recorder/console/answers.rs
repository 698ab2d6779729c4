//! The answers about loops and objects.

use std::collections::HashMap;

use aioxide_engine::recorder::{
    Calibration, LoopRecord, LoopStatus, Phase, loops as table, names, nanoseconds_between,
    objects as records, tasks, ticks,
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
    open.into_iter().map(|record| info_of(record, &mut places)).collect()
}

fn info_of(record: &LoopRecord, places: &mut Places) -> LoopInfo {
    let speed = Calibration::ticks_per_second();
    let (longest, longest_task) = record.longest();
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
        unsent: 0,
        delays: in_nanoseconds(&record.delays(), speed),
        longest_ns: nanoseconds_between(0, longest, speed),
        longest_task,
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

/// What a loop runs now.
fn running(record: &LoopRecord, places: &mut Places) -> Option<Running> {
    let speed = Calibration::ticks_per_second();
    let item = record.running();
    let since_ns = nanoseconds_between(record.last(), ticks(), speed);
    match Kind::from_byte(item as u8) {
        Kind::Step => {
            let task = item >> 8;
            let view = tasks().find(|it| it.id() == task)?.view()?;
            let location = places.place(view.coroutine);
            Some(Running { task, name: view.name, location, since_ns })
        }
        Kind::Callback => {
            let location = (item >> 16) as u32;
            let name = match places.function(location) {
                empty if empty.is_empty() => ItemKind::from_byte((item >> 8) as u8).word().into(),
                function => function,
            };
            Some(Running { task: 0, name, location: places.place(location), since_ns })
        }
        _ => None,
    }
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

/// What objects are called, by id.
pub fn object_names() -> HashMap<u64, String> {
    let mut places = Places::default();
    records()
        .filter(|record| record.id() != 0 && !record.is_gone())
        .map(|record| {
            let kind = ObjectKind::from_byte(record.kind()).word();
            let name = match places.place(record.location()) {
                place if place.is_empty() => format!("{kind} {}", record.id()),
                place => format!("{kind} made at {place}"),
            };
            (record.id(), name)
        })
        .collect()
}

/// The objects that tasks wait for, with those tasks.
pub fn objects() -> Vec<ObjectInfo> {
    let mut waiters: HashMap<u64, Vec<(u64, u64)>> = HashMap::new();
    for view in tasks().filter_map(|record| record.brief()) {
        if view.phase == Phase::Waiting && view.waits_for != 0 {
            waiters.entry(view.waits_for).or_default().push((view.since, view.id));
        }
    }
    let mut places = Places::default();
    let mut found: Vec<ObjectInfo> = records()
        .filter(|record| record.id() != 0 && !record.is_gone())
        .map(|record| {
            let mut waiting = waiters.remove(&record.id()).unwrap_or_default();
            waiting.sort_unstable();
            ObjectInfo {
                id: record.id(),
                kind: ObjectKind::from_byte(record.kind()).word().to_owned(),
                name: String::new(),
                created: places.place(record.location()),
                owner: record.owner(),
                waiters: waiting.into_iter().map(|(_, task)| task).collect(),
                length: record.length(),
            }
        })
        .collect();
    found.sort_unstable_by_key(|object| object.id);
    let owners = names_of(found.iter().map(|object| object.owner));
    for object in &mut found {
        if let Some(owner) = owners.get(&object.owner).filter(|name| !name.is_empty()) {
            object.name = format!("held by {owner}");
        }
    }
    found
}
