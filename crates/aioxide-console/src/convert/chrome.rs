//! Chrome's trace events, the JSON that `chrome://tracing`, Perfetto and speedscope open. A lane is a
//! thread there.

use crate::escape::visible;
use crate::lanes::Layout;
use crate::timeline::{ItemWhat, LoopLane, Other, SpanState, Timeline};
use std::io::{self, Write};

/// Writes `timeline`.
pub fn write(timeline: &Timeline, out: &mut impl Write) -> io::Result<()> {
    let mut events = Events { out, first: true, pid: timeline.meta.pid };
    events.out.write_all(b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
    let layout = Layout::of(timeline);
    events.names(timeline, &layout)?;
    events.spans(timeline, &layout)?;
    for lane in &timeline.loops {
        events.loop_lane(timeline, lane)?;
    }
    for (at, mark) in &timeline.marks {
        let name = json(timeline.names.string(*mark));
        events.event(format_args!(
            "\"ph\":\"i\",\"s\":\"p\",\"tid\":0,\"ts\":{},\"name\":{name}",
            us(*at)
        ))?;
    }
    events.out.write_all(b"\n]}\n")
}

/// Microseconds, with the nanoseconds behind the point.
fn us(ns: u64) -> String {
    format!("{}.{:03}", ns / 1000, ns % 1000)
}

fn json(text: &str) -> String {
    serde_json::Value::from(visible(text)).to_string()
}

/// The threads of tasks have the numbers of their lanes, from this one on; those below are loops'.
const FIRST_LANE: u64 = 1 << 20;

struct Events<'a, W> {
    out: &'a mut W,
    first: bool,
    pid: u32,
}

impl<W: Write> Events<'_, W> {
    fn event(&mut self, fields: std::fmt::Arguments<'_>) -> io::Result<()> {
        let separator = if std::mem::take(&mut self.first) { "\n" } else { ",\n" };
        write!(self.out, "{separator}{{\"pid\":{},{fields}}}", self.pid)
    }

    fn thread(&mut self, tid: u64, name: &str) -> io::Result<()> {
        let name = json(name);
        self.event(format_args!(
            "\"ph\":\"M\",\"tid\":{tid},\"name\":\"thread_name\",\"args\":{{\"name\":{name}}}"
        ))?;
        self.event(format_args!(
            "\"ph\":\"M\",\"tid\":{tid},\"name\":\"thread_sort_index\",\"args\":{{\"sort_index\":{tid}}}"
        ))
    }

    fn names(&mut self, timeline: &Timeline, layout: &Layout) -> io::Result<()> {
        let name = json(&timeline.meta.argv.join(" "));
        self.event(format_args!(
            "\"ph\":\"M\",\"tid\":0,\"name\":\"process_name\",\"args\":{{\"name\":{name}}}"
        ))?;
        for lane in &timeline.loops {
            self.thread(lane.id.into(), &format!("loop {}", lane.id))?;
        }
        for group in &layout.groups {
            let name = match timeline.names.function(group.coroutine) {
                "" => "unknown coroutine",
                name => name,
            };
            for number in 0..group.lanes {
                let lane = FIRST_LANE + u64::from(group.first_lane + number);
                self.thread(lane, &format!("{name} {}", number + 1))?;
            }
        }
        Ok(())
    }

    fn spans(&mut self, timeline: &Timeline, layout: &Layout) -> io::Result<()> {
        for (index, task) in timeline.tasks.iter().enumerate() {
            let tid = FIRST_LANE + u64::from(layout.lane_of[index]);
            let name = json(&timeline.task_name(task));
            for (number, (span, end)) in timeline.extents_of(task).enumerate() {
                let (ts, dur) = (us(span.start), us(end - span.start));
                let state = span.state.word();
                match span.state {
                    SpanState::Waiting => {
                        let what = json(&timeline.describe_wait(&span));
                        self.event(format_args!(
                            "\"ph\":\"X\",\"tid\":{tid},\"ts\":{ts},\"dur\":{dur},\"name\":\"waiting: {}\",\
                             \"cat\":\"waiting\",\"args\":{{\"task\":{name},\"waits for\":{what}}}",
                            span.wait.word()
                        ))?;
                    }
                    SpanState::Ready | SpanState::Running => self.event(format_args!(
                        "\"ph\":\"X\",\"tid\":{tid},\"ts\":{ts},\"dur\":{dur},\"name\":\"{state}\",\
                         \"cat\":\"{state}\",\"args\":{{\"task\":{name}}}"
                    ))?,
                    _ => self.event(format_args!(
                        "\"ph\":\"i\",\"s\":\"t\",\"tid\":{tid},\"ts\":{ts},\"name\":\"{state}\",\
                         \"args\":{{\"task\":{name}}}"
                    ))?,
                }
                if let (SpanState::Ready, Other::Task(waker)) = (span.state, span.other) {
                    let id = task.spans.start as usize + number;
                    let from = FIRST_LANE + u64::from(layout.lane_of[waker as usize]);
                    self.event(format_args!(
                        "\"ph\":\"s\",\"tid\":{from},\"ts\":{ts},\"id\":{id},\"name\":\"wakes\",\"cat\":\"wake\""
                    ))?;
                    self.event(format_args!(
                        "\"ph\":\"f\",\"bp\":\"e\",\"tid\":{tid},\"ts\":{ts},\"id\":{id},\"name\":\"wakes\",\
                         \"cat\":\"wake\""
                    ))?;
                }
            }
        }
        Ok(())
    }

    fn loop_lane(&mut self, timeline: &Timeline, lane: &LoopLane) -> io::Result<()> {
        let id = lane.id;
        for item in &lane.items {
            let name = match item.what {
                ItemWhat::Step(task) => json(&timeline.task_name(&timeline.tasks[task as usize])),
                ItemWhat::Callback(kind, 0) => json(kind.word()),
                ItemWhat::Callback(_, location) => json(timeline.names.function(location)),
            };
            self.event(format_args!(
                "\"ph\":\"X\",\"tid\":{id},\"ts\":{},\"dur\":{},\"name\":{name},\"cat\":\"loop\"",
                us(item.start),
                us(item.end - item.start)
            ))?;
        }
        for sample in &lane.samples {
            self.event(format_args!(
                "\"ph\":\"C\",\"tid\":{id},\"ts\":{},\"name\":\"loop {id}\",\"args\":{{\"ready\":{},\
                 \"iteration µs\":{},\"timers\":{},\"transports\":{}}}",
                us(sample.at),
                sample.ready,
                us(sample.busy),
                sample.timers,
                sample.transports
            ))?;
        }
        for (at, received, sent) in &lane.bytes {
            self.event(format_args!(
                "\"ph\":\"C\",\"tid\":{id},\"ts\":{},\"name\":\"loop {id} bytes\",\
                 \"args\":{{\"received\":{received},\"sent\":{sent}}}",
                us(*at)
            ))?;
        }
        Ok(())
    }
}
