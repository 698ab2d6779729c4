//! Writes a trace of a program that never ran, for tests and measurements:
//! `cargo run --example simulate -- workers|callbacks|million|hostile OUT.aiotrace`.

use aioxide_trace::file::{
    Failure, Finding, Location, Meta, ObjectRecord, Stack, TaskRecord, Writer,
};
use aioxide_trace::{Event, ItemKind, ObjectKind, Outcome, WaitKind, WakerKind};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};

const MS: u64 = 1_000_000;
const MAIN: u32 = 1;
const WORKER: u32 = 2;
const CREATED: u32 = 3;
const SEMAPHORE_MADE: u32 = 4;
const INSIDE: u32 = 5;
const CALLBACK: u32 = 6;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: simulate workers|callbacks|million|hostile OUT.aiotrace";
    let (Some(what), Some(out)) = (args.next(), args.next()) else {
        return Err(io::Error::other(usage));
    };
    let out = BufWriter::new(File::create(out)?);
    match &what[..] {
        "workers" => workers(out, 50, 5),
        "callbacks" => callbacks(out),
        "million" => million(out),
        "hostile" => hostile(out),
        _ => Err(io::Error::other(usage)),
    }
}

fn begin<W: Write>(out: W, argv: &[&str]) -> io::Result<Writer<W>> {
    let meta = Meta {
        pid: 4242,
        argv: argv.iter().map(|each| (*each).to_owned()).collect(),
        python: "3.13.1".to_owned(),
        aioxide: env!("CARGO_PKG_VERSION").to_owned(),
        clock: "monotonic".to_owned(),
        calibration: vec![aioxide_trace::file::Calibration {
            ticks: 0,
            unix_ns: 1_700_000_000_000_000_000,
        }],
        ..Meta::default()
    };
    Writer::new(out, &meta)
}

fn places<W: Write>(
    writer: &mut Writer<W>,
    file: &str,
    main: &str,
    worker: &str,
) -> io::Result<()> {
    writer.strings([
        (1, file),
        (2, main),
        (3, worker),
        (4, "main"),
        (5, "places"),
        (6, "worker.<locals>.fetch"),
        (7, "on_timer"),
    ])?;
    let location = |id, function, line| Location { id, file: 1, function, line };
    writer.locations([
        location(MAIN, 2, 10),
        location(WORKER, 3, 4),
        location(CREATED, 2, 13),
        location(SEMAPHORE_MADE, 2, 11),
        location(INSIDE, 6, 6),
        location(CALLBACK, 7, 20),
    ])
}

/// `count` workers that each hold one of `permits` permits for 10 ms: batches of `permits`.
fn workers(out: impl Write, count: u64, permits: u64) -> io::Result<()> {
    let mut writer = begin(out, &["workers.py"])?;
    places(&mut writer, "/home/me/workers.py", "main", "worker")?;
    let main = 1;
    let semaphore = 2;
    let first = 10;
    let task = |index: u64| first + index;
    writer.objects([ObjectRecord {
        id: semaphore,
        kind: ObjectKind::Semaphore,
        location: SEMAPHORE_MADE,
        name: 5,
    }])?;
    let step = 20_000;
    let mut now = MS;
    let mut events = vec![
        Event::iteration(now, 1, 0, 0),
        Event::task_created(0, main, 0),
        Event::object_created(0, semaphore, ObjectKind::Semaphore, SEMAPHORE_MADE),
    ];
    events.extend((0..count).map(|index| Event::task_created(0, task(index), main)));
    now += step;
    let created = now;
    events.push(Event::step(now, main, Outcome::Waiting, WaitKind::TaskGroup, 0));
    let mut queue: VecDeque<u64> = (0..count).collect();
    let mut holders = VecDeque::new();
    events.push(Event::iteration(now + 1000, count, 0, 0));
    for index in 0..count {
        now += step;
        if index < permits {
            queue.pop_front();
            holders.push_back((index, now));
            events.push(Event::step(now, task(index), Outcome::Waiting, WaitKind::Sleep, 0));
        } else {
            events.push(Event::step(
                now,
                task(index),
                Outcome::Waiting,
                WaitKind::Semaphore,
                semaphore,
            ));
        }
    }
    let mut stacks = Vec::new();
    while let Some((index, since)) = holders.pop_front() {
        // Its sleep is over.
        let due = (since + 10 * MS).max(now);
        if due > now {
            events.push(Event::poll_wait(now + 1000, 0, holders.len() as u32 + 1, 0));
            events.push(Event::woken(0, task(index), WakerKind::Timer, 0));
            events.push(Event::iteration(due, 1, holders.len() as u32, 0));
            now = due;
        } else {
            events.push(Event::woken(0, task(index), WakerKind::Timer, 0));
            now += 2_000;
            events.push(Event::iteration(now, 1, holders.len() as u32, 0));
        }
        stacks.push(Stack { task: task(index), ticks: since, frames: vec![WORKER, INSIDE] });
        let next = queue.pop_front();
        if let Some(next) = next {
            events.push(Event::woken(0, task(next), WakerKind::Task, task(index)));
        }
        now += step;
        events.push(Event::step(now, task(index), Outcome::Done, WaitKind::Unknown, 0));
        if let Some(next) = next {
            now += 2_000;
            events.push(Event::iteration(now, 1, holders.len() as u32, 0));
            now += step;
            events.push(Event::step(now, task(next), Outcome::Waiting, WaitKind::Sleep, 0));
            holders.push_back((next, now));
        }
    }
    events.push(Event::woken(0, main, WakerKind::Task, task(count - 1)));
    events.push(Event::iteration(now + 1000, 1, 0, 0));
    now += step;
    events.push(Event::step(now, main, Outcome::Done, WaitKind::Unknown, 0));
    writer.events(1, 0, &events)?;
    let names: Vec<(u32, String)> =
        (0..count as u32).map(|index| (100 + index, format!("worker {index}"))).collect();
    writer.strings(names.iter().map(|(id, name)| (*id, &name[..])))?;
    let record = |id, parent, created, coroutine, name| TaskRecord {
        id,
        parent,
        created,
        coroutine,
        created_at: CREATED,
        name,
        loop_id: 1,
    };
    writer.tasks([record(main, 0, 1, MAIN, 4)])?;
    writer.tasks(
        (0..count).map(|index| record(task(index), main, created, WORKER, 100 + index as u32)),
    )?;
    writer.stacks(&stacks)?;
    writer.flush()
}

/// A connection that is read, a done-callback, and a timer.
fn callbacks(out: impl Write) -> io::Result<()> {
    let mut writer = begin(out, &["client.py"])?;
    places(&mut writer, "/home/me/client.py", "main", "reader")?;
    writer.strings([(8, "127.0.0.1:80"), (9, "reader")])?;
    let (main, reader, transport) = (1, 2, 12);
    let kind = ObjectKind::Transport;
    writer.objects([ObjectRecord { id: transport, kind, location: 0, name: 8 }])?;
    let record = |id, parent, coroutine, name| TaskRecord {
        id,
        parent,
        created: MS,
        coroutine,
        created_at: CREATED,
        name,
        loop_id: 1,
    };
    writer.tasks([record(main, 0, MAIN, 4), record(reader, main, WORKER, 9)])?;
    writer.events(
        1,
        0,
        &[
            Event::iteration(MS, 1, 0, 1),
            Event::task_created(0, reader, main),
            Event::step(2 * MS, main, Outcome::Waiting, WaitKind::TaskGroup, 0),
            Event::step(3 * MS, reader, Outcome::Waiting, WaitKind::Read, transport),
            Event::poll_wait(4 * MS, 0, 1, 1),
            Event::iteration(10 * MS, 2, 1, 1),
            Event::woken(0, reader, WakerKind::Descriptor, transport),
            Event::callback(12 * MS, 0, ItemKind::SocketEvent, transport),
            Event::callback(13 * MS, 0, ItemKind::Timer, main),
            Event::step(15 * MS, reader, Outcome::Done, WaitKind::Unknown, 0),
            Event::iteration(16 * MS, 1, 0, 0),
            Event::woken(0, main, WakerKind::Callback, reader),
            Event::callback(18 * MS, CALLBACK, ItemKind::FutureCallback, reader),
            Event::callback(19 * MS, CALLBACK, ItemKind::Handle, 0),
            Event::step(20 * MS, main, Outcome::Done, WaitKind::Unknown, 0),
        ],
    )?;
    writer.flush()
}

/// A million events: ten tasks at a time of 100,000, each with several steps.
fn million(out: impl Write) -> io::Result<()> {
    let mut writer = begin(out, &["server.py", "--port", "8080"])?;
    places(&mut writer, "/home/me/server.py", "serve", "handle")?;
    let mut now = MS;
    let mut random = 1_u64;
    let mut next_random = move || {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random >> 33
    };
    let mut events = vec![Event::iteration(now, 1, 0, 0), Event::task_created(0, 1, 0)];
    now += 50_000;
    events.push(Event::step(now, 1, Outcome::Waiting, WaitKind::Accept, 0));
    let mut live: VecDeque<(u64, u32)> = VecDeque::new();
    let mut created = 1;
    let mut records = vec![TaskRecord {
        id: 1,
        coroutine: MAIN,
        created_at: CREATED,
        name: 4,
        loop_id: 1,
        ..TaskRecord::default()
    }];
    while events.len() < 1_000_000 {
        while live.len() < 10 {
            created += 1;
            events.push(Event::task_created(0, created, 1));
            live.push_back((created, 0));
            records.push(TaskRecord {
                id: created,
                parent: 1,
                created: now,
                coroutine: WORKER,
                created_at: CREATED,
                name: 0,
                loop_id: 1,
            });
        }
        now += 500 + next_random() % 4_000;
        events.push(Event::callback(now, CALLBACK, ItemKind::SocketEvent, 0));
        now += 1_000;
        events.push(Event::iteration(now, live.len() as u64, live.len() as u32, 10));
        for _ in 0..live.len() {
            let Some((task, steps)) = live.pop_front() else { break };
            now += 1_000 + next_random() % 9_000;
            let outcome = match (steps, next_random() % 500) {
                (3.., 0) => Outcome::Failed,
                (3.., 1) => Outcome::Cancelled,
                (3.., _) => Outcome::Done,
                _ => Outcome::Waiting,
            };
            let wait = if steps % 2 == 0 { WaitKind::Read } else { WaitKind::Write };
            events.push(Event::step(now, task, outcome, wait, 0));
            if outcome == Outcome::Waiting {
                events.push(Event::woken(0, task, WakerKind::Descriptor, 0));
                live.push_back((task, steps + 1));
            }
        }
    }
    events.truncate(1_000_000);
    writer.events(1, 0, &events)?;
    writer.tasks(records)?;
    writer.flush()
}

/// Names that try to be markup and control sequences, and ids that name nothing.
fn hostile(out: impl Write) -> io::Result<()> {
    let evil = "</script><img src=x onerror=alert(1)>\x1b[31m\"'&\u{202e}";
    let mut writer = begin(out, &[evil, "\0\n"])?;
    places(&mut writer, evil, evil, evil)?;
    writer.strings([(7, evil), (50, evil)])?;
    writer.objects([ObjectRecord {
        id: 3,
        kind: ObjectKind::Lock,
        location: SEMAPHORE_MADE,
        name: 50,
    }])?;
    writer.tasks([
        // Each is the other's parent, and one its own.
        TaskRecord {
            id: 1,
            parent: 2,
            coroutine: MAIN,
            name: 50,
            created_at: 99,
            ..TaskRecord::default()
        },
        TaskRecord { id: 2, parent: 1, coroutine: WORKER, name: 50, ..TaskRecord::default() },
        TaskRecord {
            id: 4,
            parent: 4,
            coroutine: 77,
            name: 88,
            created: u64::MAX,
            ..TaskRecord::default()
        },
    ])?;
    writer.events(
        1,
        7,
        &[
            Event::step(5_000, 1, Outcome::Waiting, WaitKind::Lock, 3),
            Event::step(4_000, 2, Outcome::Failed, WaitKind::Unknown, 0),
            Event::woken(0, 1, WakerKind::Task, 2),
            Event::callback(5_500, CALLBACK, ItemKind::SocketEvent, 3),
            Event::callback(5_600, CALLBACK, ItemKind::FutureCallback, 1),
            Event::mark(0, 50),
            Event::cancel_requested(0, 900, 901),
            Event { ticks: 6_000, what: 250, detail: u64::MAX },
            Event::step(9_000, 1, Outcome::Cancelled, WaitKind::Unknown, 0),
        ],
    )?;
    writer.failures([&Failure {
        task: 2,
        exception: evil.to_owned(),
        text: evil.to_owned(),
        traceback: format!("{evil}\n{evil}"),
    }])?;
    writer.findings([&Finding {
        lint: "deadlock".to_owned(),
        sentence: evil.to_owned(),
        victims: vec![evil.to_owned()],
        task: 1,
        ..Finding::default()
    }])?;
    writer.stacks(&[Stack { task: 2, ticks: 1, frames: vec![MAIN, 500] }])?;
    writer.flush()
}
