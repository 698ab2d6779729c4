use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::{Barrier, mpsc};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use super::*;

/// How long a test waits for what must come, before it fails.
const DEADLINE: Duration = Duration::from_secs(20);

type Threads = Arc<Mutex<Vec<JoinHandle<()>>>>;

/// A pool whose threads are joined at the end: none may be left over.
struct JoinedPool {
    pool: BlockingPool,
    threads: Threads,
}

impl JoinedPool {
    fn new(max_threads: usize) -> Self {
        Self::refusing(max_threads, |_| None)
    }

    /// The threads for which `refusal` gives an error are not started.
    fn refusing(
        max_threads: usize,
        refusal: impl Fn(usize) -> Option<io::Error> + Send + Sync + 'static,
    ) -> Self {
        let threads = Threads::default();
        let started = Arc::clone(&threads);
        let pool = BlockingPool::new(max_threads, move |worker| {
            if let Some(error) = refusal(worker.index()) {
                return Err(error);
            }
            let thread = thread::Builder::new().spawn(move || worker.run(|wait| wait()))?;
            started.lock().unwrap().push(thread);
            Ok(())
        });
        Self { pool, threads }
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.pool.submit(Box::new(job)).unwrap();
    }

    /// Runs `job` and waits until its worker is idle again.
    fn run_and_settle<R: Send + 'static>(&self, job: impl FnOnce() -> R + Send + 'static) -> R {
        let (sender, receiver) = mpsc::channel();
        self.submit(move || sender.send(job()).unwrap());
        let result = receiver.recv_timeout(DEADLINE).unwrap();
        self.settle();
        result
    }

    /// Waits until every worker is idle.
    fn settle(&self) {
        let start = Instant::now();
        loop {
            let state = self.pool.owner.shared.lock();
            if state.idle == state.threads && state.queue.is_empty() {
                return;
            }
            drop(state);
            assert!(start.elapsed() < DEADLINE, "a worker does not become idle");
            thread::yield_now();
        }
    }
}

impl Drop for JoinedPool {
    fn drop(&mut self) {
        self.pool.shutdown(|| ());
        if !thread::panicking() {
            join_all(&self.threads);
        }
    }
}

fn join_all(threads: &Threads) {
    let start = Instant::now();
    for thread in threads.lock().unwrap().drain(..) {
        while !thread.is_finished() {
            assert!(start.elapsed() < DEADLINE, "a thread does not end");
            thread::yield_now();
        }
        thread.join().unwrap();
    }
}

#[test]
fn no_thread_starts_before_the_first_job() {
    let joined = JoinedPool::new(4);
    assert_eq!((joined.pool.threads(), joined.pool.queued()), (0, 0));
    joined.run_and_settle(|| ());
    assert_eq!((joined.pool.threads(), joined.pool.queued()), (1, 0));
}

#[test]
fn an_idle_thread_takes_the_next_job() {
    let joined = JoinedPool::new(4);
    let threads: Vec<ThreadId> =
        (0..10).map(|_| joined.run_and_settle(|| thread::current().id())).collect();
    assert!(threads.iter().all(|thread| *thread == threads[0]));
    assert_eq!(joined.pool.threads(), 1);
}

#[test]
fn two_jobs_at_once_get_two_threads_though_one_is_idle() {
    // Many times, because the idle thread may wake up between the two.
    for _ in 0..if cfg!(miri) { 2 } else { 100 } {
        let joined = JoinedPool::new(4);
        joined.run_and_settle(|| ());
        let gate = Arc::new(Barrier::new(3));
        for _ in 0..2 {
            let gate = Arc::clone(&gate);
            joined.submit(move || _ = gate.wait());
        }
        assert_eq!(joined.pool.threads(), 2);
        gate.wait();
    }
}

#[test]
fn there_are_never_more_threads_than_the_maximum() {
    let joined = JoinedPool::new(2);
    let (started, starts) = mpsc::channel();
    let gate = Arc::new(Barrier::new(3));
    for _ in 0..6 {
        let (started, gate) = (started.clone(), Arc::clone(&gate));
        joined.submit(move || {
            started.send(()).unwrap();
            gate.wait();
        });
    }
    for still_queued in [4, 2, 0] {
        starts.recv_timeout(DEADLINE).unwrap();
        starts.recv_timeout(DEADLINE).unwrap();
        assert_eq!(joined.pool.threads(), 2);
        assert_eq!(joined.pool.queued(), still_queued);
        assert!(starts.try_recv().is_err());
        gate.wait();
    }
}

#[test]
fn jobs_are_first_in_first_out() {
    let joined = JoinedPool::new(1);
    let (sender, order) = mpsc::channel();
    for number in 0..50 {
        let sender = sender.clone();
        joined.submit(move || sender.send(number).unwrap());
    }
    drop(sender);
    assert_eq!(order.iter().collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
}

#[test]
fn a_job_that_panics_does_not_end_its_worker() {
    let joined = JoinedPool::new(1);
    let before = joined.run_and_settle(|| thread::current().id());
    joined.submit(|| resume_unwind(Box::new("the job has failed")));
    let after = joined.run_and_settle(|| thread::current().id());
    assert_eq!(before, after);
    assert_eq!(joined.pool.threads(), 1);
}

#[test]
fn a_job_may_submit_another() {
    let joined = JoinedPool::new(1);
    let (sender, receiver) = mpsc::channel();
    let pool = joined.pool.clone();
    joined.submit(move || {
        pool.submit(Box::new(move || sender.send("inner").unwrap())).unwrap();
    });
    assert_eq!(receiver.recv_timeout(DEADLINE), Ok("inner"));
}

#[test]
fn std_threads_are_named_by_prefix_and_number() {
    let pool = BlockingPool::with_std_threads(2, "blocking");
    let (sender, names) = mpsc::channel();
    let meeting = Arc::new(Barrier::new(2));
    for _ in 0..2 {
        let (sender, meeting) = (sender.clone(), Arc::clone(&meeting));
        let job = move || {
            let name = thread::current().name().unwrap_or("none").to_owned();
            sender.send(name).unwrap();
            meeting.wait();
        };
        pool.submit(Box::new(job)).unwrap();
    }
    let mut names = [names.recv_timeout(DEADLINE).unwrap(), names.recv_timeout(DEADLINE).unwrap()];
    names.sort();
    assert_eq!(names, ["blocking-0", "blocking-1"]);
    let (sender, ended) = mpsc::channel();
    pool.shutdown(move || sender.send(()).unwrap());
    assert_eq!(ended.recv_timeout(DEADLINE), Ok(()));
}

#[test]
fn shutdown_without_threads_calls_back_here_at_once() {
    let joined = JoinedPool::new(1);
    let (sender, receiver) = mpsc::channel();
    joined.pool.shutdown(move || sender.send(thread::current().id()).unwrap());
    assert_eq!(receiver.try_recv(), Ok(thread::current().id()));
}

#[test]
fn shutdown_ends_idle_threads_and_calls_back_on_one_of_them() {
    let joined = JoinedPool::new(1);
    let worker = joined.run_and_settle(|| thread::current().id());
    let (sender, receiver) = mpsc::channel();
    let pool = joined.pool.clone();
    joined.pool.shutdown(move || {
        let threads_left = pool.threads();
        sender.send((thread::current().id(), threads_left)).unwrap();
    });
    assert_eq!(receiver.recv_timeout(DEADLINE), Ok((worker, 0)));
    // The callback is gone, and its sender with it: it was called once.
    assert_eq!(receiver.recv_timeout(DEADLINE), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn queued_jobs_still_run_after_shutdown_and_before_the_callback() {
    let joined = JoinedPool::new(1);
    let (sender, order) = mpsc::channel();
    let gate = Arc::new(Barrier::new(2));
    for number in 0..4 {
        let (sender, gate) = (sender.clone(), Arc::clone(&gate));
        joined.submit(move || {
            if number == 0 {
                gate.wait();
            }
            sender.send(number).unwrap();
        });
    }
    joined.pool.shutdown(move || sender.send(99).unwrap());
    assert!(order.try_recv().is_err());
    gate.wait();
    assert_eq!(order.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 99]);
}

#[test]
fn jobs_after_shutdown_are_handed_back() {
    let joined = JoinedPool::new(1);
    joined.pool.shutdown(|| ());
    let (sender, receiver) = mpsc::channel();
    let refused = joined.pool.submit(Box::new(move || sender.send("ran").unwrap())).unwrap_err();
    assert!(matches!(refused, SubmitError::ShutDown(_)));
    assert_eq!(refused.to_string(), "the pool is shut down");
    refused.into_job()();
    assert_eq!(receiver.try_recv(), Ok("ran"));
}

#[test]
fn every_shutdown_is_answered_even_if_a_callback_panics() {
    let joined = JoinedPool::new(1);
    let gate = Arc::new(Barrier::new(2));
    let at_gate = Arc::clone(&gate);
    joined.submit(move || _ = at_gate.wait());
    let (sender, receiver) = mpsc::channel();
    joined.pool.shutdown(|| resume_unwind(Box::new("the callback has failed")));
    joined.pool.shutdown(move || sender.send(()).unwrap());
    gate.wait();
    assert_eq!(receiver.recv_timeout(DEADLINE), Ok(()));
}

#[test]
fn dropping_the_last_handle_ends_the_threads() {
    let threads = Threads::default();
    let started = Arc::clone(&threads);
    let first_handle = BlockingPool::new(2, move |worker| {
        let thread = thread::spawn(move || worker.run(|wait| wait()));
        started.lock().unwrap().push(thread);
        Ok(())
    });
    let last_handle = first_handle.clone();
    drop(first_handle);
    let (sender, receiver) = mpsc::channel();
    last_handle.submit(Box::new(move || sender.send("still at work").unwrap())).unwrap();
    assert_eq!(receiver.recv_timeout(DEADLINE), Ok("still at work"));
    drop(last_handle);
    join_all(&threads);
}

#[test]
fn a_thread_that_cannot_be_started_gives_its_job_back() {
    let joined = JoinedPool::refusing(2, |index| {
        (index == 0).then(|| io::Error::from(io::ErrorKind::WouldBlock))
    });
    let (sender, receiver) = mpsc::channel();
    let refused = joined.pool.submit(Box::new(move || sender.send("ran").unwrap())).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("cannot start a thread: {}", io::Error::from(io::ErrorKind::WouldBlock))
    );
    assert_eq!((joined.pool.threads(), joined.pool.queued()), (0, 0));

    // The next attempt starts a thread, which runs its job and no other.
    assert_eq!(joined.run_and_settle(|| "next"), "next");
    assert_eq!(joined.pool.threads(), 1);
    assert!(receiver.try_recv().is_err());
    refused.into_job()();
    assert_eq!(receiver.try_recv(), Ok("ran"));
}

#[test]
fn a_running_thread_gets_round_to_the_job_of_one_that_cannot_be_started() {
    let joined = JoinedPool::refusing(2, |index| {
        (index == 1).then(|| io::Error::from(io::ErrorKind::WouldBlock))
    });
    let gate = Arc::new(Barrier::new(2));
    let (sender, receiver) = mpsc::channel();
    let at_gate = Arc::clone(&gate);
    let started = sender.clone();
    joined.submit(move || {
        started.send("first").unwrap();
        at_gate.wait();
    });
    assert_eq!(receiver.recv_timeout(DEADLINE), Ok("first"));
    joined.submit(move || sender.send("second").unwrap());
    assert_eq!((joined.pool.threads(), joined.pool.queued()), (1, 1));
    gate.wait();
    assert_eq!(receiver.recv_timeout(DEADLINE), Ok("second"));
}

#[test]
fn a_thread_that_has_not_begun_is_not_relied_upon() {
    // The pool submits a second job while the first thread is being started,
    // as two threads that submit at once would.
    let inner_outcome = Arc::new(Mutex::new(None));
    let pool_slot: Arc<Mutex<Option<BlockingPool>>> = Arc::default();
    let (slot, outcome) = (Arc::clone(&pool_slot), Arc::clone(&inner_outcome));
    let joined = JoinedPool::refusing(2, move |index| {
        if index == 0 {
            let pool = slot.lock().unwrap().take().unwrap();
            *outcome.lock().unwrap() = Some(pool.submit(Box::new(|| ())));
        }
        Some(io::Error::from(io::ErrorKind::WouldBlock))
    });
    *pool_slot.lock().unwrap() = Some(joined.pool.clone());
    let outer_outcome = joined.pool.submit(Box::new(|| ()));
    assert!(matches!(outer_outcome, Err(SubmitError::Spawn(..))));
    let inner_outcome = inner_outcome.lock().unwrap().take().unwrap();
    assert!(matches!(inner_outcome, Err(SubmitError::Spawn(..))));
    assert_eq!((joined.pool.threads(), joined.pool.queued()), (0, 0));
}

#[test]
fn a_lock_let_go_in_park_cannot_deadlock_with_one_who_submits() {
    // What the interpreter's lock is to the binding: held by whoever runs jobs
    // or submits them.
    let big_lock = Arc::new(Mutex::new(()));
    let threads = Threads::default();
    let (lock, started) = (Arc::clone(&big_lock), Arc::clone(&threads));
    let pool = BlockingPool::new(2, move |worker| {
        let lock = Arc::clone(&lock);
        let thread = thread::spawn(move || {
            let held = Cell::new(Some(lock.lock().unwrap()));
            worker.run(|wait| {
                drop(held.take());
                wait();
                held.set(Some(lock.lock().unwrap()));
            });
        });
        started.lock().unwrap().push(thread);
        Ok(())
    });
    let jobs = if cfg!(miri) { 20 } else { 2_000 };
    let (sender, receiver) = mpsc::channel();
    for number in 0..jobs {
        let _held = big_lock.lock().unwrap();
        let sender = sender.clone();
        pool.submit(Box::new(move || sender.send(number).unwrap())).unwrap();
    }
    for _ in 0..jobs {
        receiver.recv_timeout(DEADLINE).unwrap();
    }
    pool.shutdown(|| ());
    join_all(&threads);
}

#[test]
#[should_panic(expected = "a pool has at least 1 thread, got 0")]
fn a_pool_without_threads_is_refused() {
    let _pool = BlockingPool::with_std_threads(0, "none");
}

#[test]
fn a_job_submitted_after_a_report_gets_the_same_thread() {
    let joined = JoinedPool::new(4);
    let mut threads = Vec::new();
    for _ in 0..200 {
        let (sender, receiver) = mpsc::channel();
        let reporter = joined.pool.finish_reporter();
        joined.submit(move || {
            let thread = thread::current().id();
            reporter.report(|| sender.send(thread).unwrap());
        });
        threads.push(receiver.recv_timeout(DEADLINE).unwrap());
    }
    assert_eq!(joined.pool.threads(), 1);
    assert!(threads.iter().all(|thread| *thread == threads[0]));
}

#[test]
fn a_report_that_panics_leaves_the_pool_as_it_was() {
    let joined = JoinedPool::new(1);
    let reporter = joined.pool.finish_reporter();
    joined.submit(move || reporter.report(|| resume_unwind(Box::new("the job has failed"))));
    joined.run_and_settle(|| ());
    assert!(joined.pool.owner.shared.lock().finishing.is_empty());
}

#[test]
fn two_jobs_for_one_thread_that_finishes_take_two_threads() {
    let joined = JoinedPool::new(2);
    let reporter = joined.pool.finish_reporter();
    let (sender, receiver) = mpsc::channel();
    let meeting = Arc::new(Barrier::new(2));
    let pool = joined.pool.clone();
    let parties = [Arc::clone(&meeting), meeting];
    joined.submit(move || {
        reporter.report(|| {
            for party in parties {
                pool.submit(Box::new(move || _ = party.wait())).unwrap();
            }
            sender.send(()).unwrap();
        });
    });
    receiver.recv_timeout(DEADLINE).unwrap();
    joined.settle();
    assert_eq!(joined.pool.threads(), 2);
}

#[test]
fn a_spinning_thread_takes_a_job_without_a_wake_up() {
    let joined = JoinedPool::new(2);
    let shared = &joined.pool.owner.shared;
    joined.run_and_settle(|| ());
    // As if the only thread had finished its job and were spinning.
    let spinning = thread::current().id();
    shared.lock().finishing.push(spinning);
    let (sender, receiver) = mpsc::channel();
    joined.submit(move || sender.send("ran").unwrap());
    assert_eq!((joined.pool.threads(), joined.pool.queued()), (1, 1));
    assert!(shared.has_work.load(Ordering::Acquire));

    shared.lock().finishing.clear();
    joined.run_and_settle(|| ());
    assert_eq!(receiver.recv_timeout(DEADLINE), Ok("ran"));
}

#[test]
fn one_thread_spins_at_a_time() {
    let joined = JoinedPool::new(2);
    joined.pool.owner.shared.lock().spinning = true;
    let before = joined.pool.owner.shared.lock().spin;
    joined.run_and_settle(|| ());
    let state = joined.pool.owner.shared.lock();
    assert!(state.spinning, "only the thread that spins resets it");
    assert_eq!(state.spin, before);
}
