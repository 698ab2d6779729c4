//! Everything at once from many threads: nothing is lost, doubled or stuck.
#![cfg(not(miri))] // Miri interprets: what the unit tests show in small would take too long here.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use aioxide_engine::{
    AdaptiveSpin, BlockingPool, Cancellable, Clock, Engine, Events, Inbox, Interest, Poller,
    SubmitError, Trigger,
};

/// How long a test waits for what must come, before it fails.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn every_message_arrives_once_and_in_its_producers_order() {
    const PRODUCERS: usize = 8;
    const MESSAGES: usize = 50_000;
    let poller = Poller::new().unwrap();
    let inbox = Inbox::new(poller.waker());
    let mut next_expected = [0; PRODUCERS];
    thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let inbox = &inbox;
            scope.spawn(move || {
                for message in 0..MESSAGES {
                    inbox.push((producer, message)).unwrap();
                }
            });
        }
        let mut events = Events::with_capacity(4);
        let mut arrived = VecDeque::new();
        let mut count = 0;
        while count < PRODUCERS * MESSAGES {
            // A lost wake-up would leave this wait to its deadline.
            let start = Instant::now();
            poller.wait(&mut events, Some(DEADLINE)).unwrap();
            assert!(start.elapsed() < DEADLINE, "a wake-up was lost");
            inbox.drain_into(&mut arrived);
            for (producer, message) in arrived.drain(..) {
                assert_eq!(message, next_expected[producer]);
                next_expected[producer] += 1;
                count += 1;
            }
        }
    });
    assert!(inbox.is_empty());
    assert_eq!(next_expected, [MESSAGES; PRODUCERS]);
}

#[test]
fn who_looks_before_he_waits_misses_no_message() {
    const MESSAGES: usize = 20_000;
    let poller = Poller::new().unwrap();
    let inbox = Inbox::new(poller.waker());
    let received = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for message in 0..MESSAGES {
                // Each into an empty inbox, at any point of a look.
                while received.load(Ordering::Acquire) < message {
                    thread::yield_now();
                }
                inbox.push(message).unwrap();
            }
        });
        let mut events = Events::with_capacity(4);
        let mut arrived = VecDeque::new();
        let mut spin = AdaptiveSpin::default();
        for message in 0..MESSAGES {
            while arrived.is_empty() {
                if !inbox.spin(&mut spin) {
                    let start = Instant::now();
                    poller.wait(&mut events, Some(DEADLINE)).unwrap();
                    assert!(start.elapsed() < DEADLINE, "a wake-up was lost");
                }
                inbox.drain_into(&mut arrived);
            }
            assert_eq!(arrived.pop_front(), Some(message));
            received.store(message + 1, Ordering::Release);
        }
    });
    assert!(inbox.is_empty());
}

#[test]
fn every_job_runs_once_or_comes_back_when_the_pool_shuts_down_meanwhile() {
    const SUBMITTERS: usize = 4;
    for max_threads in [1, 3, 16] {
        let pool = BlockingPool::with_std_threads(max_threads, "stress");
        let ran = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = mpsc::channel();
        let accepted: usize = thread::scope(|scope| {
            let submitters: Vec<_> = (0..SUBMITTERS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut accepted = 0;
                        loop {
                            let ran = Arc::clone(&ran);
                            let job = move || _ = ran.fetch_add(1, Ordering::Relaxed);
                            match pool.submit(Box::new(job)) {
                                Ok(()) => accepted += 1,
                                Err(SubmitError::ShutDown(_)) => return accepted,
                                Err(error) => panic!("{error}"),
                            }
                            assert!(pool.threads() <= max_threads);
                        }
                    })
                })
                .collect();
            while ran.load(Ordering::Relaxed) < 20_000 {
                thread::yield_now();
            }
            let at_the_end = Arc::clone(&ran);
            pool.shutdown(move || sender.send(at_the_end.load(Ordering::Relaxed)).unwrap());
            submitters.into_iter().map(|s| s.join().unwrap()).sum()
        });
        assert_eq!(receiver.recv_timeout(DEADLINE), Ok(accepted));
        assert_eq!((pool.threads(), pool.queued()), (0, 0));
    }
}

enum Item {
    Readable(u64),
    Timeout,
    JobDone,
}

impl Cancellable for Item {
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// One loop with sockets that others write to, jobs that answer through the
/// inbox, and timers, until a fixed amount of each has been seen.
#[test]
fn a_loop_serves_sockets_timers_and_jobs_at_once() {
    const SOCKETS: usize = 16;
    const BYTES: usize = 4_000;
    const TIMEOUTS: usize = 500;
    const JOBS: usize = 2_000;

    let mut engine = Engine::new(Clock::real()).unwrap();
    let poller = Arc::clone(engine.poller());
    let pool = BlockingPool::with_std_threads(4, "stress");
    let (mut ours, theirs): (Vec<_>, Vec<_>) =
        (0..SOCKETS).map(|_| UnixStream::pair().unwrap()).unzip();
    for (token, socket) in ours.iter().enumerate() {
        // Half of them each way, for both have to hold under load.
        let trigger = [Trigger::Level, Trigger::Edge][token % 2];
        socket.set_nonblocking(true).unwrap();
        poller.add(socket.as_fd(), token as u64, Interest::READ, trigger).unwrap();
    }
    let writers: Vec<_> = theirs
        .into_iter()
        .map(|mut socket| {
            thread::spawn(move || {
                for byte in 0..BYTES {
                    socket.write_all(&[byte as u8]).unwrap();
                }
            })
        })
        .collect();
    for _ in 0..JOBS {
        let inbox = Arc::clone(engine.inbox());
        let job = move || assert!(inbox.push(Item::JobDone).is_ok());
        pool.submit(Box::new(job)).unwrap();
    }
    let start = engine.clock().now();
    for number in 0..TIMEOUTS {
        engine.schedule_at(start + number as f64 * 1e-4, Item::Timeout);
    }

    let (mut bytes, mut timeouts, mut jobs, mut open) = ([0; SOCKETS], 0, 0, SOCKETS);
    let mut events = Events::with_capacity(8);
    let mut deferred = Vec::new();
    while open > 0 || timeouts < TIMEOUTS || jobs < JOBS {
        assert!(engine.clock().now() - start < DEADLINE.as_secs_f64());
        let wait = engine.prepare(&mut deferred);
        poller.wait(&mut events, wait.timeout().or(Some(DEADLINE))).unwrap();
        for event in events.iter() {
            engine.schedule(Item::Readable(event.token));
        }
        for _ in 0..engine.collect(&mut deferred) {
            match engine.next_ready().unwrap() {
                Item::Timeout => timeouts += 1,
                Item::JobDone => jobs += 1,
                Item::Readable(token) => {
                    let token = token as usize;
                    if read_until_it_blocks(&mut ours[token], &mut bytes[token]) {
                        poller.remove(ours[token].as_fd()).unwrap();
                        open -= 1;
                    }
                }
            }
        }
    }
    assert_eq!(bytes, [BYTES; SOCKETS]);
    assert_eq!((timeouts, jobs), (TIMEOUTS, JOBS));
    assert!(deferred.is_empty() && !engine.has_work());
    for writer in writers {
        writer.join().unwrap();
    }
}

/// Checks and counts what there is. Returns whether the peer has closed.
fn read_until_it_blocks(socket: &mut UnixStream, count: &mut usize) -> bool {
    let mut buffer = [0; 64];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return true,
            Ok(read) => {
                for byte in &buffer[..read] {
                    assert_eq!(*byte, *count as u8);
                    *count += 1;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) => panic!("{error}"),
        }
    }
}
