//! Each task is dropped at each point where it can wait. Nothing may be lost by that: the other
//! tasks come to their end.

use std::cell::RefCell;
use std::rc::Rc;

use aioxide_sync::{Barrier, Condition, Event, Lock, Queue, Semaphore, mpsc, oneshot};

use crate::driving::{Executor, yield_now};

/// Runs `scenario` many times. Each time another one of its tasks below `victims` is dropped,
/// after another number of polls, in one of several orders. Then the others must end, and the
/// check that the scenario has returned must hold.
fn dropped_anywhere<C: FnOnce()>(victims: usize, scenario: impl Fn(&Executor) -> C) {
    for (victim, order) in (0..victims).flat_map(|victim| (0..8_usize).map(move |it| (victim, it)))
    {
        let mut polls = 0;
        loop {
            let executor = Executor::default();
            let check = scenario(&executor);
            let next = |number: usize| (number * order) % executor.ready().max(1);
            let ended = !(0..polls).all(|number| executor.step_at(next(number)));
            executor.cancel(victim);
            executor.run();
            for task in 0..executor.len() {
                assert!(
                    executor.has_ended(task),
                    "{task} waits for ever: {victim} was dropped after {polls} polls in order {order}"
                );
            }
            check();
            if ended {
                break;
            }
            polls += 1;
        }
    }
}

#[test]
fn of_a_lock() {
    dropped_anywhere(4, |executor| {
        let lock = Rc::new(Lock::new(()));
        for _ in 0..4 {
            let lock = Rc::clone(&lock);
            executor.spawn(async move {
                for _ in 0..2 {
                    let _guard = lock.acquire().await;
                    yield_now().await;
                }
            });
        }
        move || assert!(lock.try_acquire().is_some())
    });
}

#[test]
fn of_a_semaphore() {
    dropped_anywhere(5, |executor| {
        let semaphore = Rc::new(Semaphore::new(3));
        for count in [1, 3, 2, 1, 2] {
            let semaphore = Rc::clone(&semaphore);
            executor.spawn(async move {
                for _ in 0..2 {
                    let _permits = semaphore.acquire_many(count).await;
                    yield_now().await;
                }
            });
        }
        move || assert_eq!(semaphore.available(), 3)
    });
}

#[test]
fn of_a_condition() {
    dropped_anywhere(3, |executor| {
        let (lock, condition) = (Rc::new(Lock::new(0)), Rc::new(Condition::new()));
        for _ in 0..3 {
            let (lock, condition) = (Rc::clone(&lock), Rc::clone(&condition));
            executor.spawn(async move {
                let guard = lock.acquire().await;
                let mut tokens = condition.wait_for(guard, |tokens| *tokens > 0).await;
                yield_now().await;
                *tokens -= 1;
            });
        }
        let free = Rc::clone(&lock);
        executor.spawn(async move {
            for _ in 0..3 {
                *lock.acquire().await += 1;
                condition.notify(1);
                yield_now().await;
            }
        });
        move || assert!(free.try_acquire().is_some())
    });
}

#[test]
fn of_a_queue() {
    /// Shuts the queue down when the last producer has gone.
    struct Producer(Rc<Queue<u32>>);
    impl Drop for Producer {
        fn drop(&mut self) {
            self.0.shutdown();
        }
    }
    dropped_anywhere(5, |executor| {
        let queue = Rc::new(Queue::bounded(1));
        let (put, got) = (Rc::new(RefCell::new(Vec::new())), Rc::new(RefCell::new(Vec::new())));
        let producer = Rc::new(Producer(Rc::clone(&queue)));
        for first in [0, 10, 20] {
            let (producer, put) = (Rc::clone(&producer), Rc::clone(&put));
            executor.spawn(async move {
                for item in first..first + 2 {
                    producer.0.put(item).await.unwrap();
                    put.borrow_mut().push(item);
                }
            });
        }
        for _ in 0..2 {
            let (queue, got) = (Rc::clone(&queue), Rc::clone(&got));
            executor.spawn(async move {
                while let Ok(item) = queue.get().await {
                    got.borrow_mut().push(item);
                    queue.task_done();
                    yield_now().await;
                }
            });
        }
        executor.spawn(async move { queue.join().await });
        move || assert_eq!(got, put)
    });
}

#[test]
fn of_a_channel() {
    dropped_anywhere(3, |executor| {
        let (sender, mut receiver) = mpsc::channel(1);
        let (sent, received) =
            (Rc::new(RefCell::new(Vec::new())), Rc::new(RefCell::new(Vec::new())));
        for first in [0, 10, 20] {
            let (sender, sent) = (sender.clone(), Rc::clone(&sent));
            executor.spawn(async move {
                for value in first..first + 2 {
                    let permit = sender.reserve().await.unwrap();
                    yield_now().await;
                    permit.send(value).unwrap();
                    sent.borrow_mut().push(value);
                }
            });
        }
        let got = Rc::clone(&received);
        executor.spawn(async move {
            while let Some(value) = receiver.recv().await {
                got.borrow_mut().push(value);
            }
        });
        move || assert_eq!(received, sent)
    });
}

#[test]
fn of_a_oneshot_channel() {
    dropped_anywhere(2, |executor| {
        let (sender, receiver) = oneshot::channel();
        executor.spawn(async move {
            yield_now().await;
            let _refused = sender.send(7);
        });
        executor.spawn(async move {
            if let Ok(value) = receiver.await {
                assert_eq!(value, 7);
            }
        });
        || {}
    });
}

#[test]
fn of_an_event_and_a_barrier() {
    dropped_anywhere(3, |executor| {
        let (event, barrier) = (Rc::new(Event::new()), Rc::new(Barrier::new(2)));
        for _ in 0..3 {
            let (event, barrier) = (Rc::clone(&event), Rc::clone(&barrier));
            executor.spawn(async move {
                event.wait().await;
                let _place = barrier.wait().await;
            });
        }
        executor.spawn(async move {
            yield_now().await;
            event.set();
            yield_now().await;
            yield_now().await;
            barrier.abort();
        });
        || {}
    });
}
