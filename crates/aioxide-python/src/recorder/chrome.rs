//! The same as Chrome trace events (JSON), which `chrome://tracing` and Perfetto open: a lane for
//! each loop with its callbacks, and one for each task with its steps and what it waited for.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use aioxide_engine::recorder::{Calibration, LoopRecord, Names, TaskView, loops, names};
use aioxide_trace::file::{Meta, ObjectRecord};
use aioxide_trace::{Event, Outcome, What};
use serde_json::{Value, json};

use super::dump::{event_of, object_records, task_views};

/// Ticks as microseconds since the first calibration.
struct Timeline {
    begin: u64,
    ticks_per_microsecond: f64,
}

impl Timeline {
    fn at(&self, ticks: u64) -> f64 {
        (ticks as i128 - self.begin as i128) as f64 / self.ticks_per_microsecond
    }
}

/// What a task does since when.
#[derive(Clone, Copy)]
struct Since {
    ticks: u64,
    outcome: Outcome,
    wait: &'static str,
}

/// What events may name.
struct Known {
    tasks: HashMap<u64, TaskView>,
    objects: HashMap<u64, String>,
}

impl Known {
    /// What the task or object with this id is called.
    fn name(&self, id: u64) -> Option<&str> {
        let task = self.tasks.get(&id).map(|view| view.name.as_str());
        task.or_else(|| self.objects.get(&id).map(String::as_str))
    }
}

struct Output<W> {
    into: W,
    is_first: bool,
    pid: u32,
    timeline: Timeline,
}

impl<W: Write> Output<W> {
    fn put(&mut self, value: &Value) -> io::Result<()> {
        let begin: &[u8] = if self.is_first { b"\n" } else { b",\n" };
        self.is_first = false;
        self.into.write_all(begin)?;
        serde_json::to_writer(&mut self.into, value).map_err(io::Error::from)
    }

    fn lane(&mut self, lane: u64, name: &str) -> io::Result<()> {
        let (pid, args) = (self.pid, json!({ "name": name }));
        self.put(&json!({"ph": "M", "name": "thread_name", "pid": pid, "tid": lane, "args": args}))
    }

    fn slice(
        &mut self,
        lane: u64,
        name: &str,
        category: &str,
        (begin, end): (u64, u64),
        args: Value,
    ) -> io::Result<()> {
        let (ts, to) = (self.timeline.at(begin), self.timeline.at(end));
        self.put(&json!({
            "ph": "X", "name": name, "cat": category, "pid": self.pid, "tid": lane,
            "ts": ts, "dur": (to - ts).max(0.0), "args": args,
        }))
    }
}

/// Lanes of loops are numbered from here on: tasks have their ids.
const LOOP_LANES: u64 = 1 << 52;

/// Writes the rings and the tables as they are now.
pub fn write(into: impl Write, meta: &Meta) -> io::Result<u64> {
    let rings: Vec<_> = loops().all().into_iter().map(|it| (it, it.ring().copy(0))).collect();
    let known = Known {
        tasks: task_views().into_iter().map(|view| (view.id, view)).collect(),
        objects: object_records(0).into_iter().map(described).collect(),
    };
    let timeline = Timeline {
        begin: Calibration::first().ticks,
        ticks_per_microsecond: Calibration::ticks_per_second() / 1e6,
    };
    let mut output = Output { into, is_first: true, pid: meta.pid, timeline };
    output.into.write_all(b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
    let name = meta.argv.join(" ");
    let pid = meta.pid;
    output.put(&json!({"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}}))?;
    let mut named = BTreeSet::new();
    let mut count = 0;
    for (record, copied) in rings {
        count += copied.events.len() as u64;
        let lane = LOOP_LANES + u64::from(record.id());
        output.lane(lane, &format!("loop {}", record.id()))?;
        write_loop(&mut output, record, copied.events, &known, &mut named)?;
    }
    for id in named {
        output.lane(id, known.tasks.get(&id).map_or("task", |view| &view.name))?;
    }
    output.into.write_all(b"\n]}\n")?;
    output.into.flush()?;
    Ok(count)
}

fn write_loop<W: Write>(
    output: &mut Output<W>,
    record: &LoopRecord,
    events: Vec<[u64; 3]>,
    known: &Known,
    named: &mut BTreeSet<u64>,
) -> io::Result<()> {
    let lane = LOOP_LANES + u64::from(record.id());
    let mut last = 0;
    let mut states: HashMap<u64, Since> = HashMap::new();
    for event in events.into_iter().map(event_of) {
        let begin = last;
        if event.ticks != 0 {
            last = event.ticks;
        }
        if begin == 0 {
            continue; // When the first item began is not known.
        }
        match event.decode() {
            What::Step { task, outcome, wait, .. } if event.ticks != 0 => {
                named.insert(task);
                if let Some(since) = states.get(&task) {
                    write_pause(output, task, *since, begin)?;
                }
                let name = known.tasks.get(&task).map(|view| function_of(view.coroutine));
                output.slice(task, &name.unwrap_or_default(), "step", (begin, last), json!({}))?;
                states.insert(task, Since { ticks: last, outcome, wait: wait.word() });
            }
            What::Woken { task, .. } => {
                if let Some(since) = states.get_mut(&task)
                    && since.outcome == Outcome::Waiting
                {
                    write_pause(output, task, *since, begin)?;
                    *since = Since { ticks: begin, outcome: Outcome::Yielded, wait: "" };
                }
            }
            What::Callback { location, item, object } => {
                let name = if location == 0 { item.word().into() } else { function_of(location) };
                let args = known.name(object).map_or(json!({}), |name| json!({"of": name}));
                output.slice(lane, &name, item.word(), (begin, last), args)?;
            }
            What::Iteration { ready, timers, transports } => {
                let ts = output.timeline.at(last);
                let args = json!({"ready": ready, "timers": timers, "transports": transports});
                let name = format!("loop {}", record.id());
                let pid = output.pid;
                output
                    .put(&json!({"ph": "C", "name": name, "pid": pid, "ts": ts, "args": args}))?;
            }
            What::Mark { string } => {
                let ts = output.timeline.at(last);
                let name = names().text_of(string).map(|it| it.to_string()).unwrap_or_default();
                let pid = output.pid;
                output.put(
                    &json!({"ph": "i", "s": "t", "name": name, "pid": pid, "tid": lane, "ts": ts}),
                )?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The time between two steps, or between a step and a wake-up.
fn write_pause<W: Write>(
    output: &mut Output<W>,
    task: u64,
    since: Since,
    end: u64,
) -> io::Result<()> {
    let name = match since.outcome {
        Outcome::Waiting => format!("waits: {}", since.wait),
        Outcome::Yielded => "ready".to_owned(),
        _ => return Ok(()),
    };
    let category = if since.outcome == Outcome::Waiting { "wait" } else { "ready" };
    output.slice(task, &name, category, (since.ticks, end), json!({}))
}

/// An object by its id, and what it is called.
fn described((record, name): (ObjectRecord, String)) -> (u64, String) {
    let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
    (record.id, format!("{} {}{name}", record.kind.word(), record.id))
}

fn function_of(location: u32) -> String {
    let names: &Names = &names();
    let function = names.location_of(location).and_then(|it| names.text_of(it.function));
    function.map(|text| text.to_string()).unwrap_or_default()
}

const _: () = assert!(Event::MAX_ID < LOOP_LANES);
