//! Running a loop: what is left at its end, nesting, threads, wakers that outlive it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use aioxide::{JoinError, Runner, current_task, finally, run, sleep, spawn, yield_now};

fn panic_message(action: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(action)).expect_err("it should have panicked");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("text")).to_owned(),
    }
}

#[test]
fn the_main_future_may_borrow() {
    let mut numbers = vec![1, 2];
    let last = run(async {
        yield_now().await;
        numbers.push(3);
        numbers.last().copied()
    });
    assert_eq!((last, numbers), (Some(3), vec![1, 2, 3]));
}

#[test]
fn tasks_that_are_left_are_cancelled_and_cleaned_up() {
    let log = Rc::new(RefCell::new(Vec::new()));
    Runner::new().virtual_time().run(async {
        for name in ["one", "two"] {
            let log = Rc::clone(&log);
            let clean_up = async move {
                sleep(Duration::from_secs(1)).await;
                log.borrow_mut().push(name);
            };
            spawn(finally(std::future::pending::<()>(), clean_up)).detach();
        }
        yield_now().await;
    });
    assert_eq!(*log.borrow(), ["one", "two"]);
}

#[test]
fn tasks_that_are_spawned_at_the_end_are_cancelled_too() {
    struct Spawns(Rc<RefCell<u32>>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            *self.0.borrow_mut() += 1;
            let again = Spawns(Rc::clone(&self.0));
            spawn(async move {
                let _again = again;
                std::future::pending::<()>().await;
            })
            .detach();
        }
    }
    let count = Rc::new(RefCell::new(0));
    let first = Spawns(Rc::clone(&count));
    run(async {
        spawn(async move {
            let _first = first;
            std::future::pending::<()>().await;
        })
        .detach();
    });
    // It could go on for ever.
    assert!((100..10_000).contains(&*count.borrow()), "{}", count.borrow());
}

#[test]
fn the_panic_of_the_main_future_comes_after_the_clean_up() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let cleaned = Rc::clone(&log);
    let message = panic_message(|| {
        run(async {
            spawn(finally(std::future::pending::<()>(), async move {
                yield_now().await;
                cleaned.borrow_mut().push("cleaned");
            }))
            .detach();
            yield_now().await;
            panic!("main");
        })
    });
    assert_eq!((message.as_str(), &log.borrow()[..]), ("main", &["cleaned"][..]));
    assert_eq!(run(async { 1 }), 1, "the thread can run another loop");
}

#[test]
fn the_main_future_can_be_cancelled() {
    let outcome = Runner::new().try_run(async {
        let main = current_task().unwrap();
        spawn(async move { main.cancel() }).detach();
        std::future::pending::<()>().await;
    });
    assert!(matches!(outcome.unwrap(), Err(JoinError::Cancelled(_))));
}

#[test]
fn a_nested_run_is_refused_and_the_outer_loop_goes_on() {
    let message = run(async {
        let message = panic_message(|| run(async {}));
        sleep(Duration::from_millis(1)).await;
        message
    });
    assert_eq!(
        message,
        "aioxide::run() cannot be called from a running loop: await the future, or spawn() it"
    );
}

#[test]
fn each_thread_runs_a_loop_of_its_own() {
    let numbers: Vec<u32> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|number| {
                scope.spawn(move || {
                    run(async move {
                        sleep(Duration::from_millis(2)).await;
                        spawn(async move { number * 2 }).await.unwrap()
                    })
                })
            })
            .collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert_eq!(numbers, [0, 2, 4, 6]);
}

#[test]
fn a_waker_works_on_another_thread() {
    run(async {
        let is_set = Arc::new(AtomicBool::new(false));
        poll_fn(|context| {
            if is_set.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            let (is_set, waker) = (Arc::clone(&is_set), context.waker().clone());
            thread::spawn(move || {
                is_set.store(true, Ordering::Release);
                waker.wake();
            });
            Poll::Pending
        })
        .await;
    });
}

/// A waker of the main future, which keeps the task's memory in no runtime but in ours.
fn waker_of_a_loop_that_has_ended() -> Waker {
    run(poll_fn(|context| Poll::Ready(context.waker().clone())))
}

#[test]
fn a_waker_that_outlives_its_loop_does_nothing() {
    let waker = waker_of_a_loop_that_has_ended();
    waker.wake_by_ref();
    run(async {
        waker.wake_by_ref();
        yield_now().await;
    });
    thread::spawn(move || waker.wake()).join().unwrap();
}

#[test]
fn sixteen_threads_may_wake_while_the_loop_closes() {
    for _ in 0..20 {
        let stop = Arc::new(AtomicBool::new(false));
        let wakes = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = run(async {
            let (sender, receiver) = mpsc::channel();
            for _ in 0..16 {
                let sender = sender.clone();
                spawn(poll_fn(move |context| {
                    let _ = sender.send(context.waker().clone());
                    Poll::<()>::Pending
                }))
                .detach();
            }
            yield_now().await;
            let wakers: Vec<Waker> = receiver.try_iter().collect();
            assert_eq!(wakers.len(), 16);
            let threads = (0..16)
                .map(|_| {
                    let (wakers, stop) = (wakers.clone(), Arc::clone(&stop));
                    let wakes = Arc::clone(&wakes);
                    thread::spawn(move || {
                        while !stop.load(Ordering::Relaxed) {
                            wakers.iter().for_each(Waker::wake_by_ref);
                            wakes.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            while wakes.load(Ordering::Relaxed) < 16 {
                yield_now().await;
            }
            threads
        });
        // The loop is closed and they are still waking.
        let before = wakes.load(Ordering::Relaxed);
        while wakes.load(Ordering::Relaxed) < before + 16 {
            thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|it| it.join().unwrap());
    }
}

#[test]
fn the_end_of_the_loop_waits_for_calls_in_threads() {
    let (sender, receiver) = mpsc::channel();
    run(async {
        let call = aioxide::to_thread(move || {
            thread::sleep(Duration::from_millis(30));
            sender.send("done").unwrap();
        });
        let _ = aioxide::timeout(Duration::from_millis(1), call).await;
    });
    assert_eq!(receiver.try_recv(), Ok("done"));
}
