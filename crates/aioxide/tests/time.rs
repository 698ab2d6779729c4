//! The loop's time, real and virtual, and orders drawn from seeds.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use aioxide::testing::{Plan, check};
use aioxide::{
    Instant, Lock, Runner, TimedOut, sleep, sleep_until, spawn, timeout, timeout_at, to_thread,
    yield_now,
};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

#[aioxide::test]
async fn a_real_sleep_takes_its_time() {
    let begin = std::time::Instant::now();
    sleep(Duration::from_millis(20)).await;
    assert!(begin.elapsed() >= Duration::from_millis(20));
}

#[aioxide::test(virtual_time)]
async fn a_virtual_day_passes_at_once() {
    let real = std::time::Instant::now();
    let begin = Instant::now();
    assert_eq!(begin.as_secs_f64(), 0.0);
    sleep(SECOND * 86_400).await;
    assert_eq!(begin.elapsed(), SECOND * 86_400);
    assert!(real.elapsed() < SECOND * 10);
}

#[aioxide::test(virtual_time)]
async fn sleeping_for_no_time_lets_the_others_run() {
    let ran = Rc::new(Cell::new(false));
    let set = Rc::clone(&ran);
    spawn(async move { set.set(true) }).detach();
    sleep(Duration::ZERO).await;
    assert!(ran.get());
}

#[aioxide::test(virtual_time)]
async fn deadlines_are_points_of_the_loops_time() {
    let begin = Instant::now();
    sleep_until(begin + SECOND).await;
    sleep_until(begin).await;
    assert_eq!(begin.elapsed(), SECOND);
    assert_eq!(timeout_at(begin + SECOND * 3, pending::<()>()).await, Err(TimedOut));
    assert_eq!(begin.elapsed(), SECOND * 3);
    assert_eq!(timeout_at(begin, pending::<()>()).await, Err(TimedOut), "it has passed already");
    assert_eq!(timeout(Duration::ZERO, async { 1 }).await, Ok(1), "but one look is allowed");
}

#[aioxide::test(virtual_time)]
async fn a_sleep_can_be_set_anew() {
    let begin = Instant::now();
    let mut sleep = pin!(sleep(SECOND));
    assert_eq!(sleep.deadline(), None);
    let first = futures_lite::future::poll_once(sleep.as_mut()).await;
    assert!(first.is_none());
    sleep.reset(begin + SECOND * 5);
    assert_eq!(sleep.deadline(), Some(begin + SECOND * 5));
    sleep.await;
    assert_eq!(begin.elapsed(), SECOND * 5);
}

#[aioxide::test(virtual_time)]
async fn sleepers_wake_in_the_order_of_their_deadlines() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let tasks: Vec<_> = [5, 1, 4, 1, 3]
        .into_iter()
        .enumerate()
        .map(|(index, seconds)| {
            let order = Rc::clone(&order);
            spawn(async move {
                sleep(SECOND * seconds).await;
                order.borrow_mut().push((seconds, index));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.borrow(), [(1, 1), (1, 3), (3, 4), (4, 2), (5, 0)]);
}

#[aioxide::test(virtual_time)]
async fn the_clock_stands_still_while_a_thread_works() {
    let begin = Instant::now();
    let work = to_thread(|| std::thread::sleep(Duration::from_millis(50)));
    timeout(SECOND * 3600, work).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[test]
fn a_deadlock_on_virtual_time_names_the_tasks() {
    let run = || {
        Runner::new().virtual_time().run(async {
            let lock = Rc::new(Lock::new(()));
            let guard = lock.acquire().await;
            let waits = Rc::clone(&lock);
            let task = spawn(async move { drop(waits.acquire().await) }).named("waits for a lock");
            let _ = task.await;
            drop(guard);
        });
    };
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
    assert_eq!(
        *panic.downcast::<String>().unwrap(),
        "no task can ever go on: nothing is ready, no timer is set, and no descriptor, thread or \
         process is waited for. Waiting: Task-1, waits for a lock"
    );
}

/// A counter that two tasks read and write with an `await` in between.
async fn lost_update() -> u32 {
    let count = Rc::new(Cell::new(0));
    let add = |count: Rc<Cell<u32>>| async move {
        yield_now().await;
        let before = count.get();
        if before == 1 {
            yield_now().await;
        }
        count.set(before + 1);
    };
    let tasks = [0; 3].map(|_| spawn(add(Rc::clone(&count))));
    for task in tasks {
        task.await.unwrap();
    }
    count.get()
}

#[test]
fn seeds_find_orders_and_repeat_them() {
    let results: Vec<u32> =
        (0..50).map(|seed| Runner::new().virtual_time().seed(seed).run(lost_update())).collect();
    let again: Vec<u32> =
        (0..50).map(|seed| Runner::new().virtual_time().seed(seed).run(lost_update())).collect();
    assert_eq!(results, again);

    let orders: HashSet<Vec<u32>> = (0..200)
        .map(|seed| {
            Runner::new().virtual_time().seed(seed).run(async {
                let order = Rc::new(RefCell::new(Vec::new()));
                for number in 0..3 {
                    let order = Rc::clone(&order);
                    spawn(async move { order.borrow_mut().push(number) }).detach();
                }
                sleep(SECOND).await;
                order.take()
            })
        })
        .collect();
    assert_eq!(orders.len(), 6, "every order of three tasks comes");
}

#[test]
fn a_failing_seed_is_reported_by_the_panic_of_its_test() {
    let ran = Cell::new(0);
    let failing = || {
        let number = ran.get();
        ran.set(number + 1);
        async move { if number == 3 { Err("seed 3") } else { Ok(()) } }
    };
    let run = || check(Plan::new().virtual_time().seeds(10), failing);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
    assert_eq!(*panic.downcast::<String>().unwrap(), "the test returned an error: \"seed 3\"");
    assert_eq!(ran.get(), 4);
}

#[aioxide::test(virtual_time, seeds = 200)]
async fn a_queue_loses_nothing_in_any_order() -> Result<(), aioxide::JoinError> {
    let queue = Rc::new(aioxide::Queue::bounded(2));
    let put = |first: u32| {
        let queue = Rc::clone(&queue);
        spawn(async move {
            for number in first..first + 5 {
                queue.put(number).await.unwrap();
                if number % 2 == 0 {
                    yield_now().await;
                }
            }
        })
    };
    let get = || {
        let queue = Rc::clone(&queue);
        spawn(async move {
            let mut got = Vec::new();
            while let Ok(number) = queue.get().await {
                got.push(number);
                queue.task_done();
                yield_now().await;
            }
            got
        })
    };
    let (puts, gets) = ([put(0), put(5)], [get(), get()]);
    for task in puts {
        task.await?;
    }
    queue.join().await;
    queue.shutdown();
    let mut all = Vec::new();
    for task in gets {
        all.extend(task.await?);
    }
    all.sort_unstable();
    assert!(all.into_iter().eq(0..10));
    Ok(())
}

/// What one task of a random program does.
#[derive(Clone, Debug)]
enum Step {
    Sleep(u8),
    Yield,
    Timeout(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..9u8).prop_map(Step::Sleep),
        Just(Step::Yield),
        (0..9u8, 0..9u8).prop_map(|(limit, body)| Step::Timeout(limit, body)),
    ]
}

fn program() -> impl Strategy<Value = Vec<Vec<Step>>> {
    prop::collection::vec(prop::collection::vec(step(), 0..6), 1..6)
}

async fn play(steps: Vec<Step>) -> u64 {
    for step in steps {
        match step {
            Step::Sleep(seconds) => sleep(SECOND * seconds.into()).await,
            Step::Yield => yield_now().await,
            Step::Timeout(limit, body) => {
                let slept = timeout(SECOND * limit.into(), sleep(SECOND * body.into())).await;
                // Of equal times the body wins, being polled first; no time at all still lets
                // the others run, and then the timeout is over.
                assert_eq!(slept.is_ok(), body <= limit, "{body} s in {limit} s");
            }
        }
    }
    Instant::now().as_secs_f64() as u64
}

fn expected(steps: &[Step]) -> u64 {
    let seconds = |step: &Step| match step {
        Step::Sleep(seconds) => u64::from(*seconds),
        Step::Yield => 0,
        Step::Timeout(limit, body) => u64::from(*limit.min(body)),
    };
    steps.iter().map(seconds).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// On virtual time, in any order, a program's end is the sum of its sleeps.
    #[test]
    fn random_programs_end_when_their_sleeps_do(programs in program(), seed in any::<u64>()) {
        let ends: Vec<u64> = programs.iter().map(|steps| expected(steps)).collect();
        let run = async {
            let tasks: Vec<_> = programs.into_iter().map(|steps| spawn(play(steps))).collect();
            let outcomes = aioxide::gather(tasks).await;
            outcomes.into_iter().collect::<Result<Vec<u64>, _>>()
        };
        prop_assert_eq!(Runner::new().virtual_time().seed(seed).run(run).unwrap(), ends);
    }

    /// Tasks that are cancelled at any moment are dropped once, and leave nothing in the loop.
    #[test]
    fn random_cancellations_leave_nothing(
        programs in program(),
        moments in prop::collection::vec(0..20u8, 6),
        seed in any::<u64>(),
    ) {
        let left = Runner::new().virtual_time().seed(seed).run(async {
            let drops = Rc::new(Cell::new(0));
            struct Counted(Rc<Cell<u32>>);
            impl Drop for Counted {
                fn drop(&mut self) {
                    self.0.set(self.0.get() + 1);
                }
            }
            let number = programs.len() as u32;
            let tasks: Vec<_> = programs
                .into_iter()
                .map(|steps| {
                    let counted = Counted(Rc::clone(&drops));
                    spawn(async move {
                        let _counted = counted;
                        play(steps).await
                    })
                })
                .collect();
            let cancels = tasks.iter().zip(moments).map(|(task, moment)| async move {
                sleep(SECOND * moment.into()).await;
                task.cancel();
            });
            aioxide::gather(cancels).await;
            let mut ended: u32 = 0;
            for task in tasks {
                match task.await {
                    Ok(_) => ended += 1,
                    Err(error) => assert!(error.is_cancelled(), "{error}"),
                }
            }
            assert!(ended <= number);
            (drops.get(), number, aioxide::all_tasks().len())
        });
        prop_assert_eq!(left.0, left.1);
        prop_assert_eq!(left.2, 1);
    }
}

#[aioxide::test(virtual_time)]
async fn points_of_time_can_be_sorted_and_be_keys() {
    let now = Instant::now();
    let mut later = now + Duration::from_secs(2);
    later -= Duration::from_secs(1);
    assert_eq!([later, now].iter().min(), Some(&now));
    let plan = std::collections::BTreeMap::from([(later, "later"), (now, "now")]);
    assert_eq!(plan.into_values().collect::<Vec<_>>(), ["now", "later"]);
    let set = std::collections::HashSet::from([now, now]);
    assert_eq!(set.len(), 1);
}
