//! Chrome's trace events, the JSON that `chrome://tracing`, Perfetto and speedscope open. A lane is a
//! thread there.

use super::json::{Line, string};
use super::texts::{Made, Reasons};
use crate::lanes::Layout;
use crate::timeline::{Callback, ItemWhat, LoopLane, Other, SpanState, Timeline};
use std::io::{self, Write};

/// Writes `timeline`.
pub fn write(timeline: &Timeline, out: &mut impl Write) -> io::Result<()> {
    let mut events = Events {
        out,
        is_first: true,
        begin: format!("{{\"pid\":{},", timeline.meta.pid),
        line: Line::default(),
        task_names: timeline.tasks.iter().map(|task| string(&timeline.task_name(task))).collect(),
    };
    events.out.write_all(b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
    let layout = Layout::of(timeline);
    events.names(timeline, &layout)?;
    events.spans(timeline, &layout)?;
    for lane in &timeline.loops {
        events.loop_lane(timeline, lane)?;
    }
    for (at, mark) in &timeline.marks {
        let name = string(timeline.names.string(*mark));
        events.event(|line| {
            line.raw("\"ph\":\"i\",\"s\":\"p\",\"tid\":0,\"ts\":").microseconds(*at);
            line.raw(",\"name\":").raw(&name);
        })?;
    }
    events.out.write_all(b"\n]}\n")
}

/// The threads of tasks have the numbers of their lanes, from this one on; those below are loops'.
const FIRST_LANE: u64 = 1 << 20;

struct Events<'a, W> {
    out: &'a mut W,
    is_first: bool,
    /// How every event begins.
    begin: String,
    line: Line,
    /// The names of the tasks, as JSON.
    task_names: Vec<String>,
}

impl<W: Write> Events<'_, W> {
    fn event(&mut self, fields: impl FnOnce(&mut Line)) -> io::Result<()> {
        self.line.clear();
        let separator = if std::mem::take(&mut self.is_first) { "\n" } else { ",\n" };
        self.line.raw(separator).raw(&self.begin);
        fields(&mut self.line);
        self.line.raw("}");
        self.out.write_all(self.line.bytes())
    }

    fn thread(&mut self, tid: u64, name: &str) -> io::Result<()> {
        let name = string(name);
        self.event(|line| {
            line.raw("\"ph\":\"M\",\"tid\":").number(tid);
            line.raw(",\"name\":\"thread_name\",\"args\":{\"name\":").raw(&name).raw("}");
        })?;
        self.event(|line| {
            line.raw("\"ph\":\"M\",\"tid\":").number(tid);
            line.raw(",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":").number(tid);
            line.raw("}");
        })
    }

    fn names(&mut self, timeline: &Timeline, layout: &Layout) -> io::Result<()> {
        let name = string(&timeline.meta.argv.join(" "));
        self.event(|line| {
            line.raw("\"ph\":\"M\",\"tid\":0,\"name\":\"process_name\",\"args\":{\"name\":");
            line.raw(&name).raw("}");
        })?;
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
        let mut reasons = Reasons::new();
        let names = std::mem::take(&mut self.task_names);
        for (index, (task, name)) in timeline.tasks.iter().zip(&names).enumerate() {
            let tid = FIRST_LANE + u64::from(layout.lane_of[index]);
            for (number, (span, end)) in timeline.extents_of(task).enumerate() {
                let state = span.state.word();
                match span.state {
                    SpanState::Waiting => {
                        let what = reasons.of(timeline, &span, string);
                        self.event(|line| {
                            extent(line, tid, span.start, end);
                            line.raw(",\"name\":\"waiting: ").raw(span.wait.word());
                            line.raw("\",\"cat\":\"waiting\",\"args\":{\"task\":").raw(name);
                            line.raw(",\"waits for\":").raw(what).raw("}");
                        })?;
                    }
                    SpanState::Ready | SpanState::Running => {
                        let woken = span.was_woken().then(|| reasons.of(timeline, &span, string));
                        self.event(|line| {
                            extent(line, tid, span.start, end);
                            line.raw(",\"name\":\"").raw(state).raw("\",\"cat\":\"").raw(state);
                            line.raw("\",\"args\":{\"task\":").raw(name);
                            if let Some(waker) = woken {
                                line.raw(",\"woken by\":").raw(waker);
                            }
                            line.raw("}");
                        })?;
                    }
                    _ => self.event(|line| {
                        line.raw("\"ph\":\"i\",\"s\":\"t\",\"tid\":").number(tid);
                        line.raw(",\"ts\":").microseconds(span.start);
                        line.raw(",\"name\":\"").raw(state);
                        line.raw("\",\"args\":{\"task\":").raw(name).raw("}");
                    })?,
                }
                let from = match span.other {
                    _ if span.state != SpanState::Ready => None,
                    Other::Task(waker) => {
                        Some(FIRST_LANE + u64::from(layout.lane_of[waker as usize]))
                    }
                    // An object has no lane: the loop ran its callback.
                    Other::Object(_) => timeline.loop_of(task).map(|lane| lane.id.into()),
                    Other::None => None,
                };
                if let Some(from) = from {
                    let id = u64::from(task.spans.start) + number as u64;
                    self.arrow("\"ph\":\"s\",\"tid\":", from, span.start, id)?;
                    self.arrow("\"ph\":\"f\",\"bp\":\"e\",\"tid\":", tid, span.start, id)?;
                }
            }
        }
        self.task_names = names;
        Ok(())
    }

    /// The beginning or the end of an arrow.
    fn arrow(&mut self, begin: &str, tid: u64, at: u64, id: u64) -> io::Result<()> {
        self.event(|line| {
            line.raw(begin).number(tid).raw(",\"ts\":").microseconds(at);
            line.raw(",\"id\":").number(id).raw(",\"name\":\"wakes\",\"cat\":\"wake\"");
        })
    }

    fn loop_lane(&mut self, timeline: &Timeline, lane: &LoopLane) -> io::Result<()> {
        let tid = u64::from(lane.id);
        let mut callbacks = Made::new();
        let names = std::mem::take(&mut self.task_names);
        for item in &lane.items {
            let (name, args) = match item.what {
                ItemWhat::Step(task) => (&names[task as usize], None),
                ItemWhat::Callback(callback) => {
                    let (name, args) =
                        callbacks.of(callback, || callback_fields(timeline, &callback));
                    (name, Some(args))
                }
            };
            self.event(|line| {
                extent(line, tid, item.start, item.end);
                line.raw(",\"name\":").raw(name).raw(",\"cat\":\"loop\"");
                if let Some(args) = args {
                    line.raw(",\"args\":").raw(args);
                }
            })?;
        }
        self.task_names = names;
        for sample in &lane.samples {
            self.event(|line| {
                counter(line, tid, sample.at);
                line.raw("\",\"args\":{\"ready\":").number(sample.ready);
                line.raw(",\"iteration µs\":").microseconds(sample.busy);
                line.raw(",\"timers\":").number(sample.timers.into());
                line.raw(",\"transports\":").number(sample.transports.into()).raw("}");
            })?;
        }
        for (at, received, sent) in &lane.bytes {
            self.event(|line| {
                counter(line, tid, *at);
                line.raw(" bytes\",\"args\":{\"received\":").number(*received);
                line.raw(",\"sent\":").number(*sent).raw("}");
            })?;
        }
        Ok(())
    }
}

/// The name of a callback, and what else there is to say of it, as JSON.
fn callback_fields(timeline: &Timeline, callback: &Callback) -> (String, String) {
    let kind = callback.kind.word();
    let name = match timeline.names.function(callback.location) {
        "" => kind,
        function => function,
    };
    let mut args = format!("{{\"kind\":{}", string(kind));
    let place = timeline.names.place(callback.location);
    let of = timeline.describe_other(callback.of);
    for (key, value) in [("at", Some(place).filter(|it| !it.is_empty())), ("of", of)] {
        if let Some(value) = value {
            args += &format!(",\"{key}\":{}", string(&value));
        }
    }
    (string(name), args + "}")
}

/// The fields of an event that lasts.
fn extent(line: &mut Line, tid: u64, start: u64, end: u64) {
    line.raw("\"ph\":\"X\",\"tid\":").number(tid);
    line.raw(",\"ts\":").microseconds(start).raw(",\"dur\":").microseconds(end - start);
}

/// The fields of a counter of a loop up to its name, which is left open.
fn counter(line: &mut Line, tid: u64, at: u64) {
    line.raw("\"ph\":\"C\",\"tid\":").number(tid).raw(",\"ts\":").microseconds(at);
    line.raw(",\"name\":\"loop ").number(tid);
}
