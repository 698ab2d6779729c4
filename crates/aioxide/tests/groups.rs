//! Task groups.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use aioxide::{Failure, TaskGroup, finally, sleep, yield_now};

const SECOND: Duration = Duration::from_secs(1);

#[aioxide::test(virtual_time)]
async fn a_group_ends_when_all_its_tasks_have_ended() {
    let begin = aioxide::Instant::now();
    let result = TaskGroup::run(async |group: TaskGroup<()>| {
        for seconds in 1..=3 {
            group.spawn_infallible(sleep(SECOND * seconds)).detach();
        }
        assert_eq!(group.len(), 3);
        Ok("block")
    })
    .await;
    assert_eq!((result.unwrap(), begin.elapsed()), ("block", SECOND * 3));
}

#[aioxide::test(virtual_time)]
async fn a_failure_cancels_the_others_and_the_block() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let cleaned = Rc::clone(&log);
    let result = TaskGroup::run(async |group| {
        group
            .spawn_infallible(finally(pending::<()>(), async move {
                sleep(SECOND).await;
                cleaned.borrow_mut().push("cleaned");
            }))
            .detach();
        group
            .spawn(async {
                sleep(SECOND).await;
                Err::<(), _>("failed")
            })
            .detach();
        pending::<()>().await;
        Ok(())
    })
    .await;
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "1 failure in a task group: failed");
    assert!(matches!(error.failures(), [Failure::Error("failed")]));
    assert_eq!(*log.borrow(), ["cleaned"]);
}

#[aioxide::test(virtual_time)]
async fn all_failures_are_collected() {
    let result: Result<(), _> = TaskGroup::run(async |group| {
        for text in ["one", "two"] {
            group.spawn(async move { Err::<(), _>(text) }).detach();
        }
        group.spawn::<()>(async { panic!("three") }).detach();
        Err("the block")
    })
    .await;
    let error = result.unwrap_err();
    // The block has failed before the tasks had a turn: they were cancelled.
    assert_eq!(error.to_string(), "1 failure in a task group: the block");

    let result: Result<(), _> = TaskGroup::run(async |group| {
        for text in ["one", "two"] {
            group.spawn(async move { Err::<(), _>(text) }).detach();
        }
        pending().await
    })
    .await;
    assert_eq!(result.unwrap_err().to_string(), "1 failure in a task group: one");
}

#[aioxide::test(virtual_time)]
async fn failures_during_the_clean_up_are_collected_too() {
    let result: Result<(), _> = TaskGroup::run(async |group| {
        let state = group.clone();
        group
            .spawn(finally(pending::<Result<(), &str>>(), async move {
                state.spawn(async { Err::<(), _>("too late") }).detach();
            }))
            .detach();
        yield_now().await;
        Err("first")
    })
    .await;
    // What is spawned in a group that has failed is cancelled at once.
    assert_eq!(result.unwrap_err().to_string(), "1 failure in a task group: first");
}

#[aioxide::test(virtual_time)]
async fn a_panic_is_a_failure_of_the_group() {
    let result: Result<(), _> = TaskGroup::run(async |group: TaskGroup<String>| {
        group.spawn_infallible::<()>(async { panic!("boom") }).detach();
        pending().await
    })
    .await;
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "1 failure in a task group: it panicked: boom");
    let [Failure::Panicked(panicked)] = error.failures() else { panic!("{error:?}") };
    assert_eq!(panicked.message(), Some("boom"));
}

#[aioxide::test(virtual_time)]
async fn the_panic_of_the_block_comes_when_the_tasks_have_ended() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let cleaned = Rc::clone(&log);
    let task = aioxide::spawn(async move {
        TaskGroup::run(async |group: TaskGroup<()>| {
            group
                .spawn_infallible(finally(pending::<()>(), async move {
                    sleep(SECOND).await;
                    cleaned.borrow_mut().push("cleaned");
                }))
                .detach();
            yield_now().await;
            panic!("block")
        })
        .await
    });
    let error = task.await.map(|_: Result<(), _>| ()).unwrap_err();
    assert_eq!(error.to_string(), "it panicked: block");
    assert_eq!(*log.borrow(), ["cleaned"]);
}

#[aioxide::test(virtual_time)]
async fn a_handle_gives_the_value() {
    let sum = TaskGroup::run(async |group: TaskGroup<std::num::ParseIntError>| {
        let tasks = ["1", "2"].map(|text| group.spawn(async move { text.parse::<u32>() }));
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        Ok(sum)
    });
    assert_eq!(sum.await.unwrap(), 3);
}

#[aioxide::test(virtual_time)]
async fn a_task_of_the_group_may_be_cancelled_without_a_failure() {
    let result = TaskGroup::run(async |group: TaskGroup<()>| {
        let task = group.spawn_infallible(pending::<()>());
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        group.spawn_infallible(pending::<()>()).detach();
        group.cancel_tasks();
        Ok(1)
    });
    assert_eq!(result.await.unwrap(), 1);
}

#[aioxide::test(virtual_time)]
async fn tasks_may_spawn_in_their_group() {
    let count = Rc::new(RefCell::new(0));
    fn spread(group: &TaskGroup<()>, count: &Rc<RefCell<u32>>, depth: u32) {
        let (inner, counted) = (group.clone(), Rc::clone(count));
        group
            .spawn_infallible(async move {
                *counted.borrow_mut() += 1;
                if depth > 0 {
                    spread(&inner, &counted, depth - 1);
                    spread(&inner, &counted, depth - 1);
                }
            })
            .detach();
    }
    let counted = Rc::clone(&count);
    TaskGroup::run(async |group| {
        spread(&group, &counted, 9);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(*count.borrow(), 1023);
}

#[aioxide::test(virtual_time)]
#[should_panic = "the task group has ended: it takes no task"]
async fn a_group_that_has_ended_takes_no_task() {
    let group = TaskGroup::run(async |group: TaskGroup<()>| Ok(group)).await.unwrap();
    group.spawn_infallible(async {}).detach();
}
