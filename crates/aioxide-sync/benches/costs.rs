//! What each primitive costs where nobody waits, and where two tasks hand something to and fro:
//! `cargo bench --package aioxide-sync`.

use std::cell::RefCell;
use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use aioxide_sync::{Barrier, Condition, Event, Lock, PriorityQueue, Queue, Semaphore};
use aioxide_sync::{mpsc, oneshot, watch};
use divan::Bencher;

fn main() {
    divan::main();
}

/// How many times a pair hands something over in one measurement.
const ROUNDS: usize = 1_000;

/// The result of a future that does not wait.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("nobody holds it up"),
    }
}

/// Polls two tasks in turn until both have ended: what an executor would add is not measured.
fn alternate(first: impl Future<Output = ()>, second: impl Future<Output = ()>) {
    let (first, second) = (pin!(first), pin!(second));
    let mut tasks: [Option<Pin<&mut dyn Future<Output = ()>>>; 2] = [Some(first), Some(second)];
    let mut context = Context::from_waker(Waker::noop());
    while tasks.iter().any(Option::is_some) {
        for task in &mut tasks {
            if let Some(future) = task
                && future.as_mut().poll(&mut context).is_ready()
            {
                *task = None;
            }
        }
    }
}

#[divan::bench(sample_size = 1000)]
fn uncontended_lock(bencher: Bencher) {
    let lock = Lock::new(0_u64);
    bencher.bench_local(|| *at_once(lock.acquire()) += 1);
}

#[divan::bench(sample_size = 1000)]
fn uncontended_owned_lock(bencher: Bencher) {
    let lock = Rc::new(Lock::new(0_u64));
    bencher.bench_local(|| *at_once(Rc::clone(&lock).acquire_owned()) += 1);
}

#[divan::bench(sample_size = 1000)]
fn uncontended_semaphore(bencher: Bencher) {
    let semaphore = Semaphore::new(5);
    bencher.bench_local(|| drop(black_box(at_once(semaphore.acquire()))));
}

#[divan::bench(sample_size = 1000)]
fn set_event(bencher: Bencher) {
    let event = Event::new();
    event.set();
    bencher.bench_local(|| at_once(black_box(&event).wait()));
}

#[divan::bench(sample_size = 1000)]
fn uncontended_queue(bencher: Bencher) {
    let queue = Queue::bounded(10);
    bencher.bench_local(|| {
        at_once(queue.put(black_box(1_u64))).unwrap();
        at_once(queue.get()).unwrap()
    });
}

#[divan::bench(sample_size = 1000)]
fn uncontended_priority_queue(bencher: Bencher) {
    let queue = PriorityQueue::new();
    for item in 0..100_u64 {
        queue.put_nowait(item).unwrap();
    }
    bencher.bench_local(|| {
        at_once(queue.put(black_box(50))).unwrap();
        at_once(queue.get()).unwrap()
    });
}

#[divan::bench(sample_size = 1000)]
fn uncontended_mpsc(bencher: Bencher) {
    let (sender, mut receiver) = mpsc::channel(10);
    bencher.bench_local(|| {
        at_once(sender.send(black_box(1_u64))).unwrap();
        at_once(receiver.recv()).unwrap()
    });
}

#[divan::bench(sample_size = 1000)]
fn oneshot_with_its_making(bencher: Bencher) {
    bencher.bench_local(|| {
        let (sender, receiver) = oneshot::channel();
        sender.send(black_box(1_u64)).unwrap();
        at_once(receiver).unwrap()
    });
}

#[divan::bench(sample_size = 1000)]
fn watch_that_has_changed(bencher: Bencher) {
    let (sender, mut receiver) = watch::channel(0_u64);
    bencher.bench_local(|| {
        sender.send(black_box(1));
        at_once(receiver.changed()).unwrap();
        *receiver.read()
    });
}

/// A thousand hand-overs each way.
#[divan::bench]
fn ping_pong_lock(bencher: Bencher) {
    let lock = Lock::new(0_usize);
    let take = async || {
        for _ in 0..ROUNDS {
            let mut guard = lock.acquire().await;
            yield_now().await;
            *guard += 1;
        }
    };
    bencher.bench_local(|| alternate(take(), take()));
}

#[divan::bench]
fn ping_pong_queue(bencher: Bencher) {
    let queue = Queue::bounded(1);
    bencher.bench_local(|| {
        alternate(
            async {
                for number in 0..ROUNDS {
                    queue.put(number).await.unwrap();
                }
            },
            async {
                for _ in 0..ROUNDS {
                    black_box(queue.get().await.unwrap());
                }
            },
        );
    });
}

#[divan::bench]
fn ping_pong_mpsc(bencher: Bencher) {
    bencher.bench_local(|| {
        let ((to, mut from), (back, mut answers)) = (mpsc::channel(1), mpsc::channel(1));
        alternate(
            async {
                for number in 0..ROUNDS {
                    to.send(number).await.unwrap();
                    black_box(answers.recv().await);
                }
            },
            async {
                for _ in 0..ROUNDS {
                    back.send(from.recv().await.unwrap()).await.unwrap();
                }
            },
        );
    });
}

#[divan::bench]
fn ping_pong_condition(bencher: Bencher) {
    let (lock, condition) = (Lock::new(0_usize), Condition::new());
    let play = async |side: usize| {
        for _ in 0..ROUNDS {
            let guard = lock.acquire().await;
            let mut turn = condition.wait_for(guard, |turn| *turn % 2 == side).await;
            *turn += 1;
            condition.notify(1);
        }
    };
    bencher.bench_local(|| alternate(play(0), play(1)));
}

#[divan::bench]
fn ping_pong_barrier(bencher: Bencher) {
    let barrier = Barrier::new(2);
    let pass = async || {
        for _ in 0..ROUNDS {
            barrier.wait().await.unwrap();
        }
    };
    bencher.bench_local(|| alternate(pass(), pass()));
}

/// What a thousand tasks cost that wait for one permit, from the first to the last.
#[divan::bench]
fn a_thousand_in_the_line(bencher: Bencher) {
    let semaphore = Semaphore::new(1);
    bencher.bench_local(|| {
        let done = RefCell::new(0);
        let mut tasks: Vec<_> = (0..ROUNDS)
            .map(|_| {
                Box::pin(async {
                    let _permit = semaphore.acquire().await;
                    yield_now().await;
                    *done.borrow_mut() += 1;
                })
            })
            .collect();
        let mut context = Context::from_waker(Waker::noop());
        for task in &mut tasks {
            assert!(task.as_mut().poll(&mut context).is_pending());
        }
        for task in &mut tasks {
            while task.as_mut().poll(&mut context).is_pending() {}
        }
        assert_eq!(*done.borrow(), ROUNDS);
    });
}

/// Lets the other one run.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|_| match std::mem::replace(&mut yielded, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
