//! Running a loop: `run`, and `Runner` for what can be set.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::rc::Rc;

use super::iteration::Iterations;
use super::main_future::MainFuture;
use super::{CURRENT, Loop, Settings, current};
use crate::task::{Header, JoinError, Outcome, Runnable, Stage};

/// Runs `main` on a new loop of this thread until it has ended, and gives its result: asyncio's
/// `run`.
///
/// Tasks that are left are cancelled then, and their clean-up is awaited. Calls of
/// [`to_thread`](crate::to_thread) that are still running are waited for.
///
/// `main` may borrow what is around the call. Signals are left alone; see
/// [`Runner::run_until_interrupted`].
///
/// ```
/// use std::time::Duration;
///
/// let greeting = String::from("hello");
/// let length = aioxide::run(async {
///     aioxide::sleep(Duration::from_millis(1)).await;
///     greeting.len()
/// });
/// assert_eq!(length, 5);
/// ```
///
/// # Panics
///
/// If a loop runs on this thread already, if the process is out of file descriptors, and with
/// the panic of `main`, when all tasks have ended.
#[track_caller]
pub fn run<F: Future>(main: F) -> F::Output {
    Runner::new().run(main)
}

/// Runs a loop with other settings than [`run`]: asyncio's `Runner`.
///
/// ```
/// use std::time::Duration;
///
/// // A day passes at once.
/// let slept = aioxide::Runner::new().virtual_time().run(async {
///     let begin = aioxide::Instant::now();
///     aioxide::sleep(Duration::from_secs(86_400)).await;
///     begin.elapsed()
/// });
/// assert_eq!(slept, Duration::from_secs(86_400));
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "it runs nothing until run() is called"]
pub struct Runner {
    virtual_time: Option<f64>,
    seed: Option<u64>,
}

/// Ctrl-C has cancelled the main future: asyncio's `KeyboardInterrupt`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("interrupted by Ctrl-C")
    }
}

impl std::error::Error for Interrupted {}

/// How many real seconds a test on virtual time waits for a silent descriptor.
const PATIENCE: f64 = 0.05;

impl Runner {
    /// The settings of [`run`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses a clock that starts at 0 and jumps to the next deadline when all tasks wait: for
    /// tests.
    ///
    /// While a call runs in a thread or a child process is waited for, the clock stands still
    /// until the deadline has come in real time too. While a descriptor is watched, that is so
    /// for 50 milliseconds without an event; see [`Runner::patience`]. A thread of the program
    /// itself is unknown to the loop: use [`to_thread`](crate::to_thread).
    pub fn virtual_time(mut self) -> Self {
        self.virtual_time = Some(PATIENCE);
        self
    }

    /// The same; silent descriptors are waited for as long as `patience` says, in real time.
    pub fn patience(mut self, patience: std::time::Duration) -> Self {
        self.virtual_time = Some(patience.as_secs_f64());
        self
    }

    /// Runs what is ready in an order that is drawn from `seed`: one that a program has to
    /// expect. The same seed and the same program give the same order. For tests.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Runs `main` as [`run`] does.
    ///
    /// # Panics
    ///
    /// As [`run`]; and if the main future cancels itself by its
    /// [`current_task`](crate::current_task), since there is no result then.
    #[track_caller]
    pub fn run<F: Future>(self, main: F) -> F::Output {
        match self.try_run(main) {
            Ok(Ok(result)) => result,
            Ok(Err(JoinError::Panicked(panicked))) => resume_unwind(panicked.into_payload()),
            Ok(Err(JoinError::Cancelled(_))) => panic!("the main future was cancelled"),
            Err(error) => panic!("cannot make a loop: {error}"),
        }
    }

    /// Runs `main`, and returns what a task would: also for a main future that panics or is
    /// cancelled by its [`current_task`](crate::current_task).
    ///
    /// # Errors
    ///
    /// When the process is out of file descriptors.
    ///
    /// # Panics
    ///
    /// If a loop runs on this thread already.
    #[track_caller]
    pub fn try_run<F: Future>(self, main: F) -> io::Result<Outcome<F::Output>> {
        refuse_nesting();
        let new = Loop::new(Settings { virtual_time: self.virtual_time, seed: self.seed })?;
        let new = Rc::new(new);
        let entered = Entered::new(Rc::clone(&new));
        // A panic of the loop itself: the tasks are ended before it goes on.
        let ended = catch_unwind(AssertUnwindSafe(|| new.run_main(main)));
        new.close();
        drop(entered);
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Runs `main` as [`run`] does. Ctrl-C cancels it, with its clean-up, and the tasks that are
    /// left; a second Ctrl-C ends the process at once. `#[aioxide::main]` is this.
    ///
    /// # Errors
    ///
    /// [`Interrupted`] if Ctrl-C has cancelled `main`.
    ///
    /// # Panics
    ///
    /// As [`Runner::run`].
    #[track_caller]
    pub fn run_until_interrupted<F: Future>(self, main: F) -> Result<F::Output, Interrupted> {
        let main = async {
            let mut interrupts = match crate::Signal::new(crate::signal::SIGINT) {
                Ok(interrupts) => interrupts,
                Err(error) => panic!("cannot listen for Ctrl-C: {error}"),
            };
            let main_task = crate::current_task().expect("the main future is a task");
            let watcher = crate::spawn(async move {
                interrupts.recv().await;
                main_task.cancel();
                interrupts.recv().await;
                crate::signal::end_process(crate::signal::SIGINT);
            });
            watcher.set_name("Ctrl-C");
            let result = main.await;
            watcher.cancel();
            result
        };
        match self.try_run(main) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(JoinError::Cancelled(_))) => Err(Interrupted),
            Ok(Err(JoinError::Panicked(panicked))) => resume_unwind(panicked.into_payload()),
            Err(error) => panic!("cannot make a loop: {error}"),
        }
    }
}

/// A thread runs one loop at a time. What a fork has left of a loop does not count.
#[track_caller]
fn refuse_nesting() {
    if let Some(running) = current() {
        assert!(
            running.is_inherited(),
            "aioxide::run() cannot be called from a running loop: await the future, or spawn() it"
        );
        running.renew_after_fork();
    }
}

/// This thread runs a loop, as long as the value lives.
struct Entered {
    before: Option<Rc<Loop>>,
    wakes: Option<aioxide_engine::futures::Entered>,
}

impl Entered {
    fn new(new: Rc<Loop>) -> Self {
        let wakes = Some(new.tasks.borrow().enter());
        Self { before: CURRENT.replace(Some(new)), wakes }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let ended = CURRENT.replace(self.before.take());
        drop(self.wakes.take());
        drop(ended);
    }
}

impl Loop {
    fn run_main<F: Future>(self: &Rc<Self>, main: F) -> io::Result<Outcome<F::Output>> {
        let task = MainFuture::new(Header::new(self.next_task()));
        let mut stage = pin!(Stage::new(main));
        let mut iterations = Iterations::new();
        self.insert(Rc::clone(&task) as Rc<dyn Runnable>);
        let mut poll_main = |context: &mut std::task::Context<'_>| {
            let has_ended = stage.as_mut().step(task.header(), context);
            if has_ended {
                task.header().end();
            }
            has_ended
        };
        let mut run = || {
            while !task.header().is_done() {
                self.iterate(&mut iterations, &mut poll_main)?;
            }
            self.end_tasks(&mut iterations)
        };
        run()?;
        Ok(stage.take_outcome().expect("the main future has ended"))
    }
}
