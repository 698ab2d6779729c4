//! The questions that need the GIL: the await stack of a task, its cancellation, and details of what tasks
//! wait for.
//!
//! A thread of its own asks for the GIL, and whoever put the question waits for a moment only:
//! code that keeps the GIL delays the answer, not the console.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use aioxide_trace::wire::{CancelAnswer, StackAnswer, StackFrame};
use pyo3::prelude::*;

use super::answers::suspect;
use super::explained::Explained;
use crate::ffi::allocate::{self, Made};
use crate::stdlib;

/// How long a question waits for the GIL.
const PATIENCE: Duration = Duration::from_millis(500);

/// The same for what an answer can do without.
const SHORT_PATIENCE: Duration = Duration::from_millis(50);

/// What a task waits for: a kind and a text.
pub type Explanation = (String, String);

const OPEN: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

enum Question {
    Stack(u64),
    Cancel(u64),
    Explain(Vec<u64>),
}

/// An answer in the form of its question.
enum Answer {
    Stack(StackAnswer),
    Cancel(CancelAnswer),
    Explain(HashMap<u64, Explanation>),
}

struct Job {
    question: Question,
    /// Whether it was begun, or given up: never both.
    state: Arc<AtomicU8>,
    answer: SyncSender<Answer>,
}

/// Where questions are put.
#[derive(Default)]
pub struct Desk {
    /// What was asked before.
    pub explained: Explained,
    jobs: Mutex<Option<Sender<Job>>>,
}

impl Desk {
    /// The await stack of a task.
    pub fn stack(&self, task: u64) -> StackAnswer {
        match self.ask(Question::Stack(task), PATIENCE) {
            Some(Answer::Stack(answer)) => answer,
            _ => StackAnswer { unavailable: Some(unavailable()), ..StackAnswer::default() },
        }
    }

    /// Has a task cancelled.
    pub fn cancel(&self, task: u64) -> CancelAnswer {
        match self.ask(Question::Cancel(task), PATIENCE) {
            Some(Answer::Cancel(answer)) => answer,
            _ => CancelAnswer { ok: false, refused: Some(unavailable()) },
        }
    }

    /// What these tasks wait for, as far as Python knows more; nothing without the GIL.
    pub fn explanations(&self, tasks: Vec<u64>) -> HashMap<u64, Explanation> {
        match self.ask(Question::Explain(tasks), SHORT_PATIENCE) {
            Some(Answer::Explain(found)) => found,
            _ => HashMap::new(),
        }
    }

    fn ask(&self, question: Question, patience: Duration) -> Option<Answer> {
        let (answer, answers) = sync_channel(1);
        let state = Arc::new(AtomicU8::new(OPEN));
        let job = Job { question, state: Arc::clone(&state), answer };
        self.sender()?.send(job).ok()?;
        if let Ok(answer) = answers.recv_timeout(patience) {
            return Some(answer);
        }
        let withdrawn =
            state.compare_exchange(OPEN, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire);
        match withdrawn {
            Ok(_) => None,
            // It was begun at this moment, so that the GIL is had.
            Err(_) => answers.recv_timeout(PATIENCE).ok(),
        }
    }

    /// The way to the thread, which is started by the first question.
    fn sender(&self) -> Option<Sender<Job>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.is_none() {
            let (sender, receiver) = channel();
            let named = thread::Builder::new().name("aioxide-console-gil".to_owned());
            named.spawn(move || work(&receiver)).ok()?;
            *jobs = Some(sender);
        }
        jobs.clone()
    }
}

fn unavailable() -> String {
    format!("unavailable while {} holds the GIL", suspect())
}

/// Runs until the console is gone.
fn work(jobs: &Receiver<Job>) {
    crate::ffi::exiting::arm();
    for job in jobs {
        #[expect(clippy::disallowed_methods, reason = "a thread that is not Python's has no token")]
        let answered = Python::try_attach(|py| {
            let taken =
                job.state.compare_exchange(OPEN, TAKEN, Ordering::AcqRel, Ordering::Acquire);
            taken.is_ok().then(|| answer(py, &job.question))
        });
        match answered {
            Some(Some(answer)) => drop(job.answer.send(answer)),
            Some(None) => {}
            None => return, // The interpreter exits.
        }
    }
}

fn answer(py: Python<'_>, question: &Question) -> Answer {
    match question {
        Question::Stack(task) => Answer::Stack(stack(py, *task).unwrap_or_else(|error| {
            StackAnswer { unavailable: Some(error.to_string()), ..StackAnswer::default() }
        })),
        Question::Cancel(task) => {
            Answer::Cancel(cancel(py, *task).unwrap_or_else(|error| CancelAnswer {
                ok: false,
                refused: Some(error.to_string()),
            }))
        }
        Question::Explain(tasks) => Answer::Explain(explain(py, tasks).unwrap_or_default()),
    }
}

fn explain(py: Python<'_>, tasks: &[u64]) -> PyResult<HashMap<u64, Explanation>> {
    let numbers = tasks.iter().map(|task| Ok(allocate::int(py, *task as i64)?.into_any()));
    let numbers = allocate::list(py, numbers.collect::<PyResult<Vec<_>>>()?)?;
    let found: Vec<(u64, String, String)> =
        stdlib::console_explain(py)?.call1((numbers,))?.extract()?;
    Ok(found.into_iter().map(|(task, kind, text)| (task, (kind, text))).collect())
}

fn stack(py: Python<'_>, task: u64) -> PyResult<StackAnswer> {
    let found = stdlib::console_stack(py)?.call1((Made(task),))?;
    if found.is_none() {
        let unavailable = Some(format!("there is no task {task}"));
        return Ok(StackAnswer { unavailable, ..StackAnswer::default() });
    }
    let frames: Vec<(String, u32, String)> = found.extract()?;
    let frames =
        frames.into_iter().map(|(file, line, function)| StackFrame { file, line, function });
    Ok(StackAnswer { frames: frames.collect(), unavailable: None })
}

fn cancel(py: Python<'_>, task: u64) -> PyResult<CancelAnswer> {
    let refused: Option<String> = stdlib::console_cancel(py)?.call1((Made(task),))?.extract()?;
    Ok(CancelAnswer { ok: refused.is_none(), refused })
}
