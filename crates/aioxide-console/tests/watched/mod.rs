//! A process that can be watched, or something that pretends to be one: a console's socket whose other
//! side is a thread here.

#![allow(dead_code, reason = "each test uses a part")]

use aioxide_trace::file::{Finding, Location, Meta, TaskRecord, Writer};
use aioxide_trace::wire::{
    CancelAnswer, Decoder, DumpAnswer, Frame, Greeting, LoopInfo, MAX_REQUEST, ObjectInfo, Refusal,
    Request, Running, Sort, StackAnswer, StackFrame, State, TaskInfo, TasksAnswer, WaitsFor,
    write_message,
};
use aioxide_trace::{Event, Outcome, WaitKind, WakerKind};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What the process has.
#[derive(Default)]
pub struct Program {
    pub greeting: Option<Greeting>,
    pub loops: Vec<LoopInfo>,
    pub tasks: Vec<TaskInfo>,
    pub objects: Vec<ObjectInfo>,
    pub findings: Vec<Finding>,
    pub stack: StackAnswer,
    /// What it was asked to cancel.
    pub cancelled: Vec<u64>,
    /// Bytes that it sends instead of an answer.
    pub garbage: Option<Vec<u8>>,
    pub connections: Vec<UnixStream>,
}

/// The console of a process, at `FOLDER/aioxide/PID.sock`.
pub struct Watched {
    pub program: Arc<Mutex<Program>>,
    path: PathBuf,
}

impl Watched {
    /// Opens the console of the process `pid` below `runtime`, which stands for `XDG_RUNTIME_DIR`.
    pub fn new(runtime: &Path, pid: u32, program: Program) -> Self {
        let folder = runtime.join("aioxide");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{pid}.sock"));
        let listener = UnixListener::bind(&path).unwrap();
        let program = Arc::new(Mutex::new(program));
        let shared = Arc::clone(&program);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let program = Arc::clone(&shared);
                program.lock().unwrap().connections.push(stream.try_clone().unwrap());
                std::thread::spawn(move || serve(pid, stream, &program));
            }
        });
        Watched { program, path }
    }

    /// Ends as a process does: the connections close, and nobody listens.
    pub fn end(&self) {
        let _ = std::fs::remove_file(&self.path);
        for stream in self.program.lock().unwrap().connections.drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Changes what the process has.
    pub fn change(&self, change: impl FnOnce(&mut Program)) {
        change(&mut self.program.lock().unwrap());
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.end();
    }
}

fn serve(pid: u32, mut stream: UnixStream, program: &Mutex<Program>) {
    let greeting = program.lock().unwrap().greeting.clone().unwrap_or_else(|| Greeting {
        aioxide: "0.1.0".to_owned(),
        wire: 1,
        pid,
        argv: vec!["shop.py".to_owned()],
        python: "3.13.1".to_owned(),
    });
    if write_message(&stream, &greeting).is_err() {
        return;
    }
    let mut decoder = Decoder::new(MAX_REQUEST);
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 {
            return;
        }
        decoder.push(&buffer[..count]);
        while let Ok(Some(Frame::Json(bytes))) = decoder.next_frame() {
            let mut program = program.lock().unwrap();
            if let Some(garbage) = &program.garbage {
                let _ = stream.write_all(garbage);
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return;
            }
            if answer(&bytes, &mut program, &stream).is_err() {
                return;
            }
        }
    }
}

fn answer(request: &[u8], program: &mut Program, stream: &UnixStream) -> std::io::Result<()> {
    let request = match Request::from_json(request) {
        Ok(request) => request,
        Err(error) => return write_message(stream, &Refusal { error: error.to_string() }),
    };
    match request {
        Request::Loops => {
            program.loops.iter_mut().for_each(|each| each.iterations += 500);
            write_message(stream, &program.loops)
        }
        Request::Tasks { sort, descending, filter, offset, limit } => {
            let mut tasks: Vec<TaskInfo> =
                program.tasks.iter().filter(|task| task.name.contains(&filter)).cloned().collect();
            tasks.sort_by_key(|task| match sort {
                Sort::Busy => task.busy_ns,
                Sort::Steps => task.steps,
                _ => task.id,
            });
            if descending {
                tasks.reverse();
            }
            let total = tasks.len() as u64;
            let tasks = tasks.into_iter().skip(offset as usize).take(limit as usize).collect();
            write_message(stream, &TasksAnswer { total, tasks })
        }
        Request::Tree { .. } => write_message(stream, &program.tasks),
        Request::Objects => write_message(stream, &program.objects),
        Request::Findings => write_message(stream, &program.findings),
        Request::Stack { .. } => write_message(stream, &program.stack),
        Request::Cancel { task } if program.tasks.iter().any(|each| each.id == task) => {
            program.cancelled.push(task);
            write_message(stream, &CancelAnswer { ok: true, refused: None })
        }
        Request::Cancel { task } => {
            write_message(stream, &Refusal { error: format!("there is no task {task}") })
        }
        Request::Dump { path } => {
            dump(Path::new(&path))?;
            write_message(stream, &DumpAnswer { path, events: 5 })
        }
        Request::Events(_) => {
            write_message(stream, &Refusal { error: "there is no loop".to_owned() })
        }
    }
}

/// Writes what one worker did that waited for a lock.
fn dump(path: &Path) -> std::io::Result<()> {
    let meta = Meta {
        pid: 7,
        argv: vec!["shop.py".to_owned()],
        clock: "monotonic".to_owned(),
        ..Meta::default()
    };
    let mut writer = Writer::new(std::fs::File::create(path)?, &meta)?;
    writer.strings([(1, "/shop.py"), (2, "serve"), (3, "cashier")])?;
    writer.locations([Location { id: 1, file: 1, function: 2, line: 3 }])?;
    writer.tasks([TaskRecord {
        id: 1,
        coroutine: 1,
        created_at: 1,
        name: 3,
        loop_id: 1,
        ..TaskRecord::default()
    }])?;
    let events = [
        Event::iteration(1_000_000, 1, 0, 0),
        Event::step(2_000_000, 1, Outcome::Waiting, WaitKind::Lock, 0),
        Event::woken(0, 1, WakerKind::Timer, 0),
        Event::iteration(9_000_000, 1, 0, 0),
        Event::step(9_500_000, 1, Outcome::Done, WaitKind::Unknown, 0),
    ];
    writer.events(1, 0, &events)
}

/// A program with a loop, six tasks, a lock that one of them waits for, and a finding.
pub fn shop() -> Program {
    let task = |id, name: &str, state, busy_ns| TaskInfo {
        id,
        name: name.to_owned(),
        coroutine: "serve".to_owned(),
        created: "shop.py:12".to_owned(),
        parent: u64::from(id > 1),
        loop_id: 1,
        state,
        busy_ns,
        steps: id * 10,
        longest_ns: 2_000_000,
        age_ns: 5_000_000_000,
        ..TaskInfo::default()
    };
    let mut tasks = vec![
        task(1, "main", State::Waiting, 1_000),
        task(2, "cashier", State::Waiting, 2_000),
        task(3, "cleaner", State::Ready, 900_000_000),
        task(4, "baker", State::Running, 4_000),
        task(5, "guard", State::Waiting, 5_000),
        task(6, "driver", State::Waiting, 6_000),
    ];
    tasks[1].waits_for = Some(WaitsFor {
        kind: "lock".to_owned(),
        id: 20,
        text: "lock till (shop.py:4)".to_owned(),
    });
    tasks[1].waiting_ns = 1_500_000_000;
    let mut delays = vec![0; 32];
    (delays[12], delays[13]) = (100, 50);
    Program {
        loops: vec![LoopInfo {
            id: 1,
            thread: 4321,
            running: true,
            ready: 3,
            timers: 2,
            transports: 4,
            bytes_in: 4096,
            delays,
            longest_ns: 250_000_000,
            longest_task: 17,
            longest_name: "night shift".to_owned(),
            longest_coroutine: "clean".to_owned(),
            longest_location: "shop.py:40".to_owned(),
            now: Some(Running {
                task: 4,
                name: "baker".to_owned(),
                location: "shop.py:30".to_owned(),
                since_ns: 1_000,
            }),
            ..LoopInfo::default()
        }],
        tasks,
        objects: vec![ObjectInfo {
            id: 20,
            kind: "lock".to_owned(),
            name: "till".to_owned(),
            created: "shop.py:4".to_owned(),
            owner: 3,
            // Not among the tasks that fit on the screen.
            waiters: vec![42],
            waiter_names: vec!["cashier".to_owned()],
            length: 1,
            ..ObjectInfo::default()
        }],
        findings: vec![Finding {
            lint: "blocking".to_owned(),
            sentence: "cleaner held the loop for 250 ms".to_owned(),
            place: "shop.py:44".to_owned(),
            fix: "use asyncio.sleep instead of time.sleep".to_owned(),
            task: 3,
            ..Finding::default()
        }],
        stack: StackAnswer {
            frames: vec![
                StackFrame { file: "shop.py".to_owned(), line: 12, function: "serve".to_owned() },
                StackFrame {
                    file: "shop.py".to_owned(),
                    line: 31,
                    function: "Till.open".to_owned(),
                },
            ],
            unavailable: None,
        },
        ..Program::default()
    }
}
