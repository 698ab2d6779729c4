//! Writing what is recorded to a file, and reading the tables out for it.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;

use aioxide_engine::recorder::{
    self, Calibration, LoopRecord, Phase, TaskView, loops, names, objects, tasks,
};
use aioxide_trace::file::{self, Location, Meta, ObjectRecord, Stack, TaskRecord, Writer};
use aioxide_trace::{Event, Kind, ObjectKind, Outcome, WaitKind};

use super::failure_log::{FAILURES, FINDINGS};

/// How many texts and places a file has got so far.
#[derive(Default)]
pub struct Written {
    texts: usize,
    locations: usize,
}

impl Written {
    /// Writes the texts and places that the file does not have yet.
    pub fn catch_up<W: Write>(&mut self, writer: &mut Writer<W>) -> io::Result<()> {
        let (texts, locations) = {
            let names = names();
            (names.texts_from(self.texts), names.locations_from(self.locations))
        };
        self.texts += texts.len();
        self.locations += locations.len();
        writer.strings(texts.iter().map(|(id, text): &(u32, Arc<str>)| (*id, &**text)))?;
        writer.locations(locations.into_iter().map(|(id, place)| Location {
            id,
            file: place.file,
            function: place.function,
            line: place.line,
        }))
    }
}

/// Writes tasks, with their names.
pub fn write_tasks<W: Write>(writer: &mut Writer<W>, views: &[TaskView]) -> io::Result<()> {
    writer.strings(views.iter().map(|view| (name_number(view.id), view.name.as_str())))?;
    writer.tasks(views.iter().map(record_of))
}

/// Writes the objects with ids from `first` on, with their names; returns the largest id of them.
pub fn write_objects<W: Write>(writer: &mut Writer<W>, first: u64) -> io::Result<u64> {
    let found = object_records(first);
    let named = || found.iter().filter(|(_, name)| !name.is_empty());
    writer.strings(named().map(|(record, name)| (record.name, name.as_str())))?;
    writer.objects(found.iter().map(|(record, _)| *record))?;
    Ok(found.iter().map(|(record, _)| record.id).max().unwrap_or(0))
}

/// The number of the text with the name of a task or object, which is no part of the table of texts.
pub fn name_number(id: u64) -> u32 {
    1 << 31 | id as u32
}

/// A task as the file stores it.
pub fn record_of(view: &TaskView) -> TaskRecord {
    TaskRecord {
        id: view.id,
        parent: view.parent,
        created: view.created,
        coroutine: view.coroutine,
        created_at: view.created_at,
        name: name_number(view.id),
        loop_id: view.loop_id,
    }
}

/// An event as the file stores it.
pub fn event_of([ticks, what, detail]: [u64; 3]) -> Event {
    Event { ticks, what, detail }
}

/// What the clock shows now, in the file's form.
pub fn calibration_of(it: Calibration) -> file::Calibration {
    file::Calibration { ticks: it.ticks, unix_ns: it.unix_ns }
}

/// The objects with ids from `first` on, as the file stores them, and their names.
pub fn object_records(first: u64) -> Vec<(ObjectRecord, String)> {
    let stored = |record: &'static recorder::ObjectRecord| {
        let id = record.id();
        let kind = ObjectKind::from_byte(record.kind());
        let address = record.address();
        let name = if address.is_empty() { 0 } else { name_number(id) };
        let stored = ObjectRecord { id, kind, location: record.location(), name };
        (id != 0 && record.id() == id).then_some((stored, address))
    };
    objects().filter(|record| record.id() >= first).filter_map(stored).collect()
}

/// The tasks of loops whose events are kept.
pub fn task_views() -> Vec<TaskView> {
    let known = loops().numbers(false);
    let views = tasks().filter_map(|record| record.view());
    views.filter(|view| known.contains(&view.loop_id)).collect()
}

/// Writes the rings and the tables as they are now, and stacks that were read; returns how many
/// events.
pub fn write(into: impl Write, meta: &Meta, stacks: &[Stack]) -> io::Result<u64> {
    let mut writer = Writer::new(into, meta)?;
    // The events first, so that the tables have whatever the events name.
    let rings: Vec<_> = loops().all().into_iter().map(|it| (it, it.ring().copy(0))).collect();
    let views = task_views();
    let mut written = Written::default();
    written.catch_up(&mut writer)?;
    write_tasks(&mut writer, &views)?;
    write_objects(&mut writer, 0)?;
    let mut count = 0;
    for (record, copied) in rings {
        let recorded: Vec<Event> = copied.events.into_iter().map(event_of).collect();
        let mut events = states_before(record, &views, &recorded);
        events.extend(recorded);
        writer.events(record.id(), copied.first, &events)?;
        count += events.len() as u64;
    }
    writer.stacks(stacks)?;
    writer.failures(&FAILURES.all())?;
    writer.findings(&FINDINGS.all())?;
    writer.calibration(calibration_of(Calibration::now()))?;
    writer.flush()?;
    Ok(count)
}

/// Of each live task whose last step the ring does not have any more: what it waits for, as a step
/// that was not timed.
fn states_before(record: &LoopRecord, views: &[TaskView], recorded: &[Event]) -> Vec<Event> {
    let stepped: HashSet<u64> = recorded
        .iter()
        .filter(|event| event.kind() == Kind::Step)
        .map(|event| event.what >> 8)
        .collect();
    views
        .iter()
        .filter(|view| view.loop_id == record.id() && view.phase == Phase::Waiting)
        .filter(|view| !stepped.contains(&view.id))
        .map(|view| {
            let wait = WaitKind::from_byte(view.wait_kind);
            Event::step(0, view.id, Outcome::Waiting, wait, view.waits_for)
        })
        .collect()
}
