//! One page that holds everything: markup, style, code and the data. The data is a JSON object of what is
//! small, and columns of numbers as base64: a span takes nine bytes.

use super::notes;
use crate::escape::{json_in_script, markup, visible};
use crate::lanes::Layout;
use crate::palette::{CALLBACK, Paint};
use crate::timeline::{Item, ItemWhat, LoopLane, Names, Other, Span, SpanState, Timeline};
use aioxide_trace::{ItemKind, WaitKind, WakerKind};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, Write};

const PAGE: &str = include_str!("../../assets/trace.html");
const STYLE: &str = include_str!("../../assets/trace.css");
const CODE: [&str; 4] = [
    include_str!("../../assets/trace_data.js"),
    include_str!("../../assets/trace_draw.js"),
    include_str!("../../assets/trace_details.js"),
    include_str!("../../assets/trace_page.js"),
];

/// A counter keeps so many samples: of those in one part of the time, the largest and the last.
const MOST_SAMPLES: usize = 1 << 16;

/// Writes `timeline`.
pub fn write(timeline: &Timeline, out: &mut impl Write) -> io::Result<()> {
    let mut data = Data::new(timeline.end);
    let small = data.fill(timeline).to_string();
    let title = timeline.meta.argv.join(" ");
    let title = if title.is_empty() { "trace" } else { &title };
    for part in PAGE.split_inclusive("-->") {
        let (text, slot) = match part.rsplit_once("<!--") {
            Some((text, slot)) => (text, slot),
            None => (part, ""),
        };
        out.write_all(text.as_bytes())?;
        match slot {
            "title-->" => out.write_all(markup(title).as_bytes())?,
            "style-->" => out.write_all(STYLE.as_bytes())?,
            "code-->" => CODE.iter().try_for_each(|code| out.write_all(code.as_bytes()))?,
            "small-->" => out.write_all(json_in_script(&small).as_bytes())?,
            "columns-->" => {
                // A multiple of three at a time: base64 then needs no padding between parts.
                for part in data.bytes.chunks(3 << 16) {
                    out.write_all(BASE64_STANDARD.encode(part).as_bytes())?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The columns, one behind the other, each at a multiple of eight bytes.
struct Data {
    bytes: Vec<u8>,
    columns: serde_json::Map<String, Value>,
    /// Nanoseconds per unit of time: times have to fit 32 bits.
    unit: u64,
    strings: Vec<String>,
    /// The place of each text in `strings`.
    string_index: HashMap<u32, u32>,
    /// The places in the source, by their numbers in the trace.
    locations: Vec<Value>,
    location_index: HashMap<u32, u32>,
}

impl Data {
    fn new(end: u64) -> Self {
        Data {
            bytes: Vec::new(),
            columns: serde_json::Map::new(),
            unit: end / u64::from(u32::MAX - 1) + 1,
            strings: vec![String::new()],
            string_index: HashMap::new(),
            locations: vec![json!(["", "", 0])],
            location_index: HashMap::new(),
        }
    }

    fn time(&self, ns: u64) -> u32 {
        u32::try_from(ns / self.unit).unwrap_or(u32::MAX)
    }

    fn column<const N: usize>(
        &mut self,
        name: &str,
        kind: &str,
        values: impl Iterator<Item = [u8; N]>,
    ) {
        while !self.bytes.len().is_multiple_of(8) {
            self.bytes.push(0);
        }
        let at = self.bytes.len();
        for value in values {
            self.bytes.extend_from_slice(&value);
        }
        let count = (self.bytes.len() - at) / N;
        self.columns.insert(name.to_owned(), json!([kind, at, count]));
    }

    fn u32s(&mut self, name: &str, values: impl Iterator<Item = u32>) {
        self.column(name, "u32", values.map(u32::to_le_bytes));
    }

    fn f64s(&mut self, name: &str, values: impl Iterator<Item = u64>) {
        self.column(name, "f64", values.map(|value| (value as f64).to_le_bytes()));
    }

    fn string(&mut self, names: &Names, id: u32) -> u32 {
        let text = names.string(id);
        if text.is_empty() {
            return 0;
        }
        *self.string_index.entry(id).or_insert_with(|| {
            self.strings.push(visible(text).into_owned());
            self.strings.len() as u32 - 1
        })
    }

    fn location(&mut self, names: &Names, id: u32) -> u32 {
        if id == 0 {
            return 0;
        }
        if let Some(index) = self.location_index.get(&id) {
            return *index;
        }
        let (file, line) = names.file_and_line(id);
        let index = self.locations.len() as u32;
        self.locations.push(json!([visible(file), visible(names.function(id)), line]));
        self.location_index.insert(id, index);
        index
    }

    /// Makes the columns, and returns what is small.
    fn fill(&mut self, timeline: &Timeline) -> Value {
        let layout = Layout::of(timeline);
        self.tasks(timeline, &layout);
        self.spans(timeline);
        let loops: Vec<Value> =
            timeline.loops.iter().map(|lane| self.loop_lane(timeline, lane)).collect();
        let groups: Vec<Value> = layout
            .groups
            .iter()
            .map(|group| {
                let coroutine = self.location(&timeline.names, group.coroutine);
                json!([
                    coroutine,
                    group.depth,
                    group.tasks,
                    group.first_lane,
                    group.lanes,
                    group.parent
                ])
            })
            .collect();
        let objects: Vec<String> = timeline
            .objects
            .iter()
            .map(|object| visible(&timeline.describe_object(object)).into_owned())
            .collect();
        let marks: Vec<Value> = timeline
            .marks
            .iter()
            .map(|(at, string)| json!([self.time(*at), visible(timeline.names.string(*string))]))
            .collect();
        let cancels: Vec<Value> = timeline
            .cancels
            .iter()
            .map(|(at, task, by)| json!([self.time(*at), task, by]))
            .collect();
        let stacks: Vec<Value> = timeline
            .stacks
            .iter()
            .map(|stack| {
                let at = self.time(stack.ticks);
                let frames =
                    stack.frames.iter().map(|frame| self.location(&timeline.names, *frame));
                json!([stack.task, at, frames.collect::<Vec<_>>()])
            })
            .collect();
        let meta = &timeline.meta;
        json!({
            "argv": visible(&meta.argv.join(" ")), "pid": meta.pid, "python": visible(&meta.python),
            "aioxide": visible(&meta.aioxide), "begin": timeline.begin_unix_ns / 1_000_000,
            "unit": self.unit, "end": self.time(timeline.end), "events": timeline.events,
            "dropped": timeline.dropped, "notes": notes(timeline), "lanes": layout.lanes,
            "groups": groups, "objects": objects, "loops": loops, "marks": marks, "cancels": cancels,
            "stacks": stacks, "failures": failures(timeline), "findings": self.findings(timeline),
            "waits": WaitKind::ALL.iter().map(|each| each.word()).collect::<Vec<_>>(),
            "wakers": WakerKind::ALL.iter().map(|each| each.word()).collect::<Vec<_>>(),
            "items": ItemKind::ALL.iter().map(|each| each.word()).collect::<Vec<_>>(),
            "paints": paints().collect::<Vec<_>>(),
            "waitPaints": WaitKind::ALL.iter().map(|each| Paint::of_wait(*each) as u8).collect::<Vec<_>>(),
            "strings": self.strings, "locations": self.locations, "columns": self.columns,
        })
    }

    fn tasks(&mut self, timeline: &Timeline, layout: &Layout) {
        let tasks = &timeline.tasks;
        let names: Vec<u32> =
            tasks.iter().map(|task| self.string(&timeline.names, task.name)).collect();
        self.u32s("name", names.into_iter());
        let places: Vec<u32> =
            tasks.iter().map(|task| self.location(&timeline.names, task.coroutine)).collect();
        self.u32s("coroutine", places.into_iter());
        let places: Vec<u32> =
            tasks.iter().map(|task| self.location(&timeline.names, task.created_at)).collect();
        self.u32s("createdAt", places.into_iter());
        self.u32s("parent", tasks.iter().map(|task| task.parent.unwrap_or(u32::MAX)));
        self.u32s("lane", layout.lane_of.iter().copied());
        self.u32s("taskLoop", tasks.iter().map(|task| task.loop_id));
        self.f64s("id", tasks.iter().map(|task| task.id));
        let ends = tasks.last().map(|task| task.spans.end);
        self.u32s(
            "firstSpan",
            tasks.iter().map(|task| task.spans.start).chain([ends.unwrap_or(0)]),
        );
    }

    fn spans(&mut self, timeline: &Timeline) {
        let unit = self.unit;
        let spans = &timeline.spans;
        let time = |ns: u64| u32::try_from(ns / unit).unwrap_or(u32::MAX);
        self.u32s("start", spans.iter().map(|span| time(span.start)));
        self.u32s("other", spans.iter().map(|span| other(span.other)));
        let reason = |span: &Span| match span.state {
            SpanState::Ready => span.waker as u8,
            _ => span.wait as u8,
        };
        self.column("state", "u8", spans.iter().map(|span| [span.state as u8 | reason(span) << 3]));
    }

    fn loop_lane(&mut self, timeline: &Timeline, lane: &LoopLane) -> Value {
        let key = |name: &str| format!("{name}{}", lane.id);
        let unit = self.unit;
        let time = |ns: u64| u32::try_from(ns / unit).unwrap_or(u32::MAX);
        self.u32s(&key("itemStart"), lane.items.iter().map(|item| time(item.start)));
        self.u32s(&key("itemEnd"), lane.items.iter().map(|item| time(item.end)));
        let whats: Vec<u32> = lane
            .items
            .iter()
            .map(|item| match item.what {
                ItemWhat::Step(task) => task & 0x7fff_ffff,
                ItemWhat::Callback(callback) => {
                    let location = self.location(&timeline.names, callback.location);
                    0x8000_0000 | (callback.kind as u32 & 0x7f) << 24 | location.min(0xff_ffff)
                }
            })
            .collect();
        self.u32s(&key("itemWhat"), whats.into_iter());
        let of = |item: &Item| match item.what {
            ItemWhat::Step(_) => 0,
            ItemWhat::Callback(callback) => other(callback.of),
        };
        self.u32s(&key("itemOf"), lane.items.iter().map(of));
        let samples = &lane.samples;
        let counters: [(&str, Vec<(u64, u64)>); 6] = [
            ("ready", samples.iter().map(|sample| (sample.at, sample.ready)).collect()),
            ("iteration", samples.iter().map(|sample| (sample.at, sample.busy)).collect()),
            ("timers", samples.iter().map(|sample| (sample.at, sample.timers.into())).collect()),
            (
                "transports",
                samples.iter().map(|sample| (sample.at, sample.transports.into())).collect(),
            ),
            ("received", lane.bytes.iter().map(|each| (each.0, each.1)).collect()),
            ("sent", lane.bytes.iter().map(|each| (each.0, each.2)).collect()),
        ];
        for (name, values) in counters {
            let values = largest(&values);
            self.u32s(&key(&format!("{name}At")), values.iter().map(|each| time(each.0)));
            self.f64s(&key(&format!("{name}Value")), values.iter().map(|each| each.1));
        }
        let gaps: Vec<Value> =
            lane.gaps.iter().map(|(at, count)| json!([time(*at), count])).collect();
        json!({ "id": lane.id, "gaps": gaps })
    }

    fn findings(&self, timeline: &Timeline) -> Vec<Value> {
        timeline
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "lint": visible(&finding.lint), "sentence": visible(&finding.sentence),
                    "place": visible(&finding.place), "created": visible(&finding.created),
                    "fix": visible(&finding.fix), "elapsed": finding.elapsed_ns,
                    "victims": finding.victims.iter().map(|each| visible(each)).collect::<Vec<_>>(),
                    "task": task_index(finding.task), "at": self.time(finding.ticks),
                })
            })
            .collect()
    }
}

fn failures(timeline: &Timeline) -> Vec<Value> {
    let lines =
        |text: &str| text.split('\n').map(|line| visible(line).into_owned()).collect::<Vec<_>>();
    timeline
        .failures
        .iter()
        .map(|failure| {
            json!({
                "task": task_index(failure.task), "type": visible(&failure.exception),
                "text": visible(&failure.text), "traceback": lines(&failure.traceback).join("\n"),
            })
        })
        .collect()
}

/// The colours in the order of their numbers, with their words.
fn paints() -> impl Iterator<Item = [&'static str; 2]> {
    Paint::ALL.iter().map(|paint| [paint.word(), paint.color()]).chain([CALLBACK])
}

fn task_index(task: u64) -> Option<u64> {
    (task != u64::MAX).then_some(task)
}

/// A reference: the kind in the upper two bits.
fn other(other: Other) -> u32 {
    match other {
        Other::None => 0,
        Other::Task(task) => 1 << 30 | task & 0x3fff_ffff,
        Other::Object(object) => 2 << 30 | object & 0x3fff_ffff,
    }
}

/// At most [`MOST_SAMPLES`] of `values`: of those that fall together, the largest and the last.
fn largest(values: &[(u64, u64)]) -> Vec<(u64, u64)> {
    if values.len() <= MOST_SAMPLES {
        return values.to_vec();
    }
    values
        .chunks(values.len().div_ceil(MOST_SAMPLES / 2))
        .filter_map(|chunk| {
            let most = chunk.iter().map(|each| each.1).max()?;
            Some([(chunk.first()?.0, most), *chunk.last()?])
        })
        .flatten()
        .collect()
}
