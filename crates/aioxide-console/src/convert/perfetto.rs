//! Perfetto's protocol buffers: a track for each task below one for its coroutine, flows for wake-ups,
//! counters. The numbers of the fields are those of `perfetto_trace.proto`.

mod moments;

use super::proto::Message;
use super::texts::Reasons;
use crate::escape::visible;
use crate::lanes::Layout;
use crate::timeline::{LoopLane, Timeline};
use moments::Moment;
use std::collections::HashMap;
use std::io::{self, Write};

mod packet {
    pub const TIMESTAMP: u32 = 8;
    pub const SEQUENCE: u32 = 10;
    pub const TRACK_EVENT: u32 = 11;
    pub const INTERNED: u32 = 12;
    pub const SEQUENCE_FLAGS: u32 = 13;
    pub const TRACK: u32 = 60;
}

mod event {
    pub const ANNOTATION: u32 = 4;
    pub const TYPE: u32 = 9;
    pub const NAME_IID: u32 = 10;
    pub const TRACK: u32 = 11;
    pub const COUNTER_VALUE: u32 = 30;
    pub const FLOW: u32 = 47;
    pub const LAST_FLOW: u32 = 48;

    pub const BEGIN: u64 = 1;
    pub const END: u64 = 2;
    pub const INSTANT: u64 = 3;
    pub const COUNTER: u64 = 4;
}

/// Tracks have numbers: kind << 48 | index.
mod track {
    pub const PROCESS: u64 = 1 << 48;
    pub const GROUP: u64 = 2 << 48;
    pub const TASK: u64 = 3 << 48;
    pub const LOOP: u64 = 4 << 48;
    pub const COUNTER: u64 = 5 << 48;
}

/// Writes `timeline`.
pub fn write(timeline: &Timeline, out: &mut impl Write) -> io::Result<()> {
    let mut writer = Packets {
        out,
        packet: Message::default(),
        head: Message::default(),
        names: HashMap::new(),
        notes: Vec::new(),
        begun: false,
    };
    writer.process(timeline)?;
    writer.tracks(timeline)?;
    writer.events(timeline)
}

struct Packets<'a, W> {
    out: &'a mut W,
    packet: Message,
    /// The begin of the packet that is written.
    head: Message,
    /// The number of each name that was written.
    names: HashMap<String, u32>,
    /// What there is to say of callbacks besides their names.
    notes: Vec<Vec<Message>>,
    begun: bool,
}

impl<W: Write> Packets<'_, W> {
    fn end(&mut self) -> io::Result<()> {
        // The first packet says that names begin here, the others that they need them.
        let flags = if std::mem::replace(&mut self.begun, true) { 2 } else { 1 };
        self.packet.uint(packet::SEQUENCE, 1);
        self.packet.uint(packet::SEQUENCE_FLAGS, flags);
        self.head.clear();
        self.head.head(1, self.packet.bytes().len());
        self.out.write_all(self.head.bytes())?;
        self.out.write_all(self.packet.bytes())?;
        self.packet.clear();
        Ok(())
    }

    fn track(
        &mut self,
        uuid: u64,
        parent: u64,
        name: &str,
        more: Option<(u32, &Message)>,
    ) -> io::Result<()> {
        let mut descriptor = Message::default();
        descriptor.uint(1, uuid);
        if parent != 0 {
            descriptor.uint(5, parent);
        }
        if !name.is_empty() {
            descriptor.data(2, visible(name).as_bytes());
        }
        if let Some((field, message)) = more {
            descriptor.message(field, message);
        }
        self.packet.message(packet::TRACK, &descriptor);
        self.end()
    }

    /// The number of `name`, which is written when it is first used.
    fn name(&mut self, name: &str) -> io::Result<u32> {
        if let Some(number) = self.names.get(name) {
            return Ok(*number);
        }
        let number = self.names.len() as u32 + 1;
        self.names.insert(name.to_owned(), number);
        let mut entry = Message::default();
        entry.uint(1, number.into());
        entry.data(2, visible(name).as_bytes());
        let mut interned = Message::default();
        interned.message(2, &entry);
        self.packet.message(packet::INTERNED, &interned);
        self.end()?;
        Ok(number)
    }

    fn process(&mut self, timeline: &Timeline) -> io::Result<()> {
        let mut process = Message::default();
        process.uint(1, timeline.meta.pid.into());
        for argument in &timeline.meta.argv {
            process.data(2, visible(argument).as_bytes());
        }
        let name = timeline.meta.argv.first().map_or("aioxide", String::as_str);
        process.data(6, visible(name).as_bytes());
        self.track(track::PROCESS, 0, "", Some((3, &process)))
    }

    fn tracks(&mut self, timeline: &Timeline) -> io::Result<()> {
        for lane in &timeline.loops {
            let name = format!("loop {}", lane.id);
            self.track(track::LOOP | u64::from(lane.id), track::PROCESS, &name, None)?;
            for (number, (name, unit)) in COUNTERS.into_iter().enumerate() {
                let mut counter = Message::default();
                counter.uint(3, unit);
                let name = format!("loop {}: {name}", lane.id);
                self.track(
                    counter_track(lane, number),
                    track::PROCESS,
                    &name,
                    Some((8, &counter)),
                )?;
            }
        }
        let layout = Layout::of(timeline);
        for (index, group) in layout.groups.iter().enumerate() {
            let name = timeline.names.function(group.coroutine);
            let name = if name.is_empty() { "unknown coroutine" } else { name };
            let parent =
                group.parent.map_or(track::PROCESS, |parent| track::GROUP | u64::from(parent));
            self.track(track::GROUP | index as u64, parent, name, None)?;
        }
        let ends: Vec<u32> =
            layout.groups.iter().map(|group| group.first_lane + group.lanes).collect();
        for (index, task) in timeline.tasks.iter().enumerate() {
            let group = ends.partition_point(|end| *end <= layout.lane_of[index]) as u64;
            let name = timeline.task_name(task);
            self.track(track::TASK | index as u64, track::GROUP | group, &name, None)?;
        }
        Ok(())
    }

    fn events(&mut self, timeline: &Timeline) -> io::Result<()> {
        let begin = timeline.begin_unix_ns;
        let mut moments = self.moments(timeline)?;
        // At one moment, what was put in first comes first: a span ends before the next one begins.
        moments.sort_by_key(|(at, _)| *at);
        let mut reasons = Reasons::new();
        let mut fields = Message::default();
        for (at, moment) in moments {
            fields.clear();
            let (kind, track) = match &moment {
                Moment::End { track } => (event::END, track),
                Moment::Begin { track, .. }
                | Moment::BeginWait { track, .. }
                | Moment::BeginWoken { track, .. }
                | Moment::BeginCallback { track, .. } => (event::BEGIN, track),
                Moment::Wakes { track, .. } | Moment::Instant { track, .. } => {
                    (event::INSTANT, track)
                }
                Moment::Counter { track, .. } => (event::COUNTER, track),
            };
            fields.uint(event::TYPE, kind);
            fields.uint(event::TRACK, *track);
            match moment {
                Moment::End { .. } => {}
                Moment::Begin { name, .. } | Moment::Instant { name, .. } => {
                    fields.uint(event::NAME_IID, name.into());
                }
                Moment::BeginWait { name, span, .. } => {
                    fields.uint(event::NAME_IID, name.into());
                    let span = &timeline.spans[span as usize];
                    let note = |text: &str| annotation("waits for", text);
                    fields.message(event::ANNOTATION, reasons.of(timeline, span, note));
                }
                Moment::BeginWoken { name, span, arrow, .. } => {
                    fields.uint(event::NAME_IID, name.into());
                    if arrow {
                        fields.fixed64(event::LAST_FLOW, flow(span));
                    }
                    let span = &timeline.spans[span as usize];
                    let note = |text: &str| annotation("woken by", text);
                    fields.message(event::ANNOTATION, reasons.of(timeline, span, note));
                }
                Moment::BeginCallback { name, notes, .. } => {
                    fields.uint(event::NAME_IID, name.into());
                    for note in &self.notes[notes as usize] {
                        fields.message(event::ANNOTATION, note);
                    }
                }
                Moment::Wakes { name, span, .. } => {
                    fields.uint(event::NAME_IID, name.into());
                    fields.fixed64(event::FLOW, flow(span));
                }
                Moment::Counter { value, .. } => {
                    fields.uint(event::COUNTER_VALUE, value.min(i64::MAX as u64));
                }
            }
            self.packet.uint(packet::TIMESTAMP, begin.saturating_add(at));
            self.packet.message(packet::TRACK_EVENT, &fields);
            self.end()?;
        }
        Ok(())
    }
}

/// The number of the arrow that ends at a span.
fn flow(span: u32) -> u64 {
    u64::from(span) + 1
}

/// A note at a slice.
fn annotation(name: &str, text: &str) -> Message {
    let mut annotation = Message::default();
    annotation.data(10, name.as_bytes());
    annotation.data(6, visible(text).as_bytes());
    annotation
}

/// The counters of a loop, with their units: 1 nanoseconds, 2 a count, 3 bytes.
const COUNTERS: [(&str, u64); 6] = [
    ("ready", 2),
    ("iteration time", 1),
    ("timers", 2),
    ("open transports", 2),
    ("bytes received", 3),
    ("bytes sent", 3),
];

fn counter_track(lane: &LoopLane, number: usize) -> u64 {
    track::COUNTER | u64::from(lane.id) << 8 | number as u64
}
