//! Perfetto's protocol buffers: a track for each task below one for its coroutine, flows for wake-ups,
//! counters. The numbers of the fields are those of `perfetto_trace.proto`.

use super::proto::Message;
use crate::escape::visible;
use crate::lanes::Layout;
use crate::timeline::{ItemWhat, LoopLane, Other, Span, SpanState, Timeline};
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
    let mut writer =
        Packets { out, packet: Message::default(), names: HashMap::new(), begun: false };
    writer.process(timeline)?;
    writer.tracks(timeline)?;
    writer.events(timeline)
}

/// Something to write at a moment. The order of the variants is the order at one moment on one track.
enum Moment<'a> {
    End(u64),
    Begin { track: u64, name: u64, wait: Option<&'a Span>, flow: Option<u64> },
    Wakes { track: u64, name: u64, flow: u64 },
    Instant { track: u64, name: u64 },
    Counter { track: u64, value: u64 },
}

struct Packets<'a, W> {
    out: &'a mut W,
    packet: Message,
    /// The number of each name that was written.
    names: HashMap<String, u64>,
    begun: bool,
}

impl<W: Write> Packets<'_, W> {
    fn end(&mut self) -> io::Result<()> {
        // The first packet says that names begin here, the others that they need them.
        let flags = if std::mem::replace(&mut self.begun, true) { 2 } else { 1 };
        self.packet.uint(packet::SEQUENCE, 1);
        self.packet.uint(packet::SEQUENCE_FLAGS, flags);
        let mut trace = Message::default();
        trace.message(1, &self.packet);
        self.packet.clear();
        self.out.write_all(trace.bytes())
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
    fn name(&mut self, name: &str) -> io::Result<u64> {
        if let Some(number) = self.names.get(name) {
            return Ok(*number);
        }
        let number = self.names.len() as u64 + 1;
        self.names.insert(name.to_owned(), number);
        let mut entry = Message::default();
        entry.uint(1, number);
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
        moments.sort_by_key(|(at, _)| *at);
        let mut fields = Message::default();
        for (at, moment) in moments {
            fields.clear();
            match moment {
                Moment::End(track) => {
                    fields.uint(event::TYPE, event::END);
                    fields.uint(event::TRACK, track);
                }
                Moment::Begin { track, name, wait, flow } => {
                    fields.uint(event::TYPE, event::BEGIN);
                    fields.uint(event::TRACK, track);
                    fields.uint(event::NAME_IID, name);
                    if let Some(flow) = flow {
                        fields.fixed64(event::LAST_FLOW, flow);
                    }
                    if let Some(span) = wait {
                        let mut annotation = Message::default();
                        annotation.data(10, b"waits for");
                        annotation.data(6, visible(&timeline.describe_wait(span)).as_bytes());
                        fields.message(event::ANNOTATION, &annotation);
                    }
                }
                Moment::Wakes { track, name, flow } => {
                    fields.uint(event::TYPE, event::INSTANT);
                    fields.uint(event::TRACK, track);
                    fields.uint(event::NAME_IID, name);
                    fields.fixed64(event::FLOW, flow);
                }
                Moment::Instant { track, name } => {
                    fields.uint(event::TYPE, event::INSTANT);
                    fields.uint(event::TRACK, track);
                    fields.uint(event::NAME_IID, name);
                }
                Moment::Counter { track, value } => {
                    fields.uint(event::TYPE, event::COUNTER);
                    fields.uint(event::TRACK, track);
                    fields.uint(event::COUNTER_VALUE, value.min(i64::MAX as u64));
                }
            }
            self.packet.uint(packet::TIMESTAMP, begin.saturating_add(at));
            self.packet.message(packet::TRACK_EVENT, &fields);
            self.end()?;
        }
        Ok(())
    }

    fn moments<'a>(&mut self, timeline: &'a Timeline) -> io::Result<Vec<(u64, Moment<'a>)>> {
        let mut moments = Vec::with_capacity(timeline.spans.len() * 2);
        let (running, ready, wakes) =
            (self.name("running")?, self.name("ready")?, self.name("wakes")?);
        let ends = [self.name("done")?, self.name("failed")?, self.name("cancelled")?];
        for (index, task) in timeline.tasks.iter().enumerate() {
            let track = track::TASK | index as u64;
            for (number, (span, end)) in timeline.extents_of(task).enumerate() {
                let (name, wait) = match span.state {
                    SpanState::Running => (running, false),
                    SpanState::Ready => (ready, false),
                    SpanState::Waiting => {
                        (self.name(&format!("waiting: {}", span.wait.word()))?, true)
                    }
                    state => {
                        let name = ends[state as usize - SpanState::Done as usize];
                        moments.push((span.start, Moment::Instant { track, name }));
                        continue;
                    }
                };
                let number = task.spans.start as usize + number;
                let mut flow = None;
                if let (SpanState::Ready, Other::Task(waker)) = (span.state, span.other) {
                    flow = Some(number as u64 + 1);
                    let track = track::TASK | u64::from(waker);
                    moments.push((
                        span.start,
                        Moment::Wakes { track, name: wakes, flow: number as u64 + 1 },
                    ));
                }
                let wait = wait.then(|| &timeline.spans[number]);
                moments.push((span.start, Moment::Begin { track, name, wait, flow }));
                moments.push((end, Moment::End(track)));
            }
        }
        let cancel = self.name("cancel requested")?;
        for (at, task, _) in &timeline.cancels {
            moments.push((
                *at,
                Moment::Instant { track: track::TASK | u64::from(*task), name: cancel },
            ));
        }
        for (at, mark) in &timeline.marks {
            let name = self.name(timeline.names.string(*mark))?;
            moments.push((*at, Moment::Instant { track: track::PROCESS, name }));
        }
        for lane in &timeline.loops {
            self.loop_moments(timeline, lane, &mut moments)?;
        }
        Ok(moments)
    }

    fn loop_moments<'a>(
        &mut self,
        timeline: &'a Timeline,
        lane: &LoopLane,
        moments: &mut Vec<(u64, Moment<'a>)>,
    ) -> io::Result<()> {
        let track = track::LOOP | u64::from(lane.id);
        for item in &lane.items {
            let name = match item.what {
                ItemWhat::Step(task) => {
                    let coroutine = timeline.tasks[task as usize].coroutine;
                    self.name(timeline.names.function(coroutine))?
                }
                ItemWhat::Callback(kind, 0) => self.name(kind.word())?,
                ItemWhat::Callback(_, location) => self.name(timeline.names.function(location))?,
            };
            moments.push((item.start, Moment::Begin { track, name, wait: None, flow: None }));
            moments.push((item.end, Moment::End(track)));
        }
        for sample in &lane.samples {
            let values =
                [sample.ready, sample.busy, sample.timers.into(), sample.transports.into()];
            for (number, value) in values.into_iter().enumerate() {
                moments.push((
                    sample.at,
                    Moment::Counter { track: counter_track(lane, number), value },
                ));
            }
        }
        for (at, received, sent) in &lane.bytes {
            for (number, value) in [(4, *received), (5, *sent)] {
                moments.push((*at, Moment::Counter { track: counter_track(lane, number), value }));
            }
        }
        Ok(())
    }
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
