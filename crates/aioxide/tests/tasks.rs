//! Tasks: their order, their results, and how they are cancelled.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use aioxide::{JoinError, all_tasks, current_task, sleep, spawn, yield_now};

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Says in the log that it was dropped.
struct Dropped(Log, &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}

#[aioxide::test]
async fn tasks_run_in_the_order_in_which_they_were_spawned() {
    let log = Log::default();
    for name in ["first", "second", "third"] {
        let log = log.clone();
        spawn(async move {
            log.borrow_mut().push(name);
            yield_now().await;
            log.borrow_mut().push(name);
        })
        .detach();
    }
    assert!(log.borrow().is_empty(), "spawn() polls nothing");
    yield_now().await;
    yield_now().await;
    assert_eq!(*log.borrow(), ["first", "second", "third", "first", "second", "third"]);
}

#[aioxide::test]
async fn a_handle_gives_the_result() {
    let task = spawn(async {
        yield_now().await;
        "done"
    });
    assert!(!task.is_done());
    assert_eq!(task.await.unwrap(), "done");
}

#[aioxide::test]
async fn the_result_of_a_task_that_has_ended_can_be_had_without_waiting() {
    let task = spawn(async { 7 }).try_result().unwrap_err();
    yield_now().await;
    assert_eq!(task.try_result().unwrap().unwrap(), 7);
}

#[aioxide::test]
async fn a_task_without_a_handle_runs_on() {
    let done = Rc::new(Cell::new(false));
    let set = Rc::clone(&done);
    drop(spawn(async move {
        yield_now().await;
        set.set(true);
    }));
    yield_now().await;
    yield_now().await;
    assert!(done.get());
}

#[aioxide::test]
async fn a_panic_stays_in_its_task() {
    let number = std::hint::black_box(7);
    let error = spawn(async move { panic!("number {number}") }).await.unwrap_err();
    assert_eq!(error.to_string(), "it panicked: number 7");
    let JoinError::Panicked(panicked) = error else { panic!("{error}") };
    assert_eq!(panicked.message(), Some("number 7"));
    assert!(panicked.into_payload().is::<String>());
}

#[aioxide::test]
async fn a_panic_of_a_destructor_stays_in_its_task() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("bad destructor");
        }
    }
    let task = spawn(async {
        let _bad = Bad;
        std::future::pending::<()>().await;
    });
    yield_now().await;
    task.cancel();
    assert_eq!(task.await.unwrap_err().to_string(), "it panicked: bad destructor");
}

#[aioxide::test]
async fn a_result_that_nobody_wants_may_panic_when_it_is_dropped() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("bad result");
        }
    }
    spawn(async { Bad }).detach();
    let other = spawn(async {
        yield_now().await;
        1
    });
    yield_now().await;
    assert_eq!(other.await.unwrap(), 1);
}

#[aioxide::test]
async fn a_cancelled_task_is_dropped_in_its_next_turn() {
    let log = Log::default();
    let dropped = Dropped(log.clone(), "dropped");
    let task = spawn(async move {
        let _dropped = dropped;
        std::future::pending::<()>().await;
    });
    yield_now().await;
    assert!(task.cancel());
    assert!(log.borrow().is_empty(), "not within cancel()");
    assert_eq!(task.cancelling(), 1);
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(*log.borrow(), ["dropped"]);
}

#[aioxide::test]
async fn a_task_that_is_cancelled_before_its_first_turn_never_runs() {
    let task = spawn(async { unreachable!() });
    task.cancel();
    assert!(task.await.unwrap_err().is_cancelled());
}

#[aioxide::test]
async fn a_request_that_is_taken_back_in_time_cancels_nothing() {
    let task = spawn(async { 1 });
    task.cancel();
    task.cancel();
    assert_eq!(task.uncancel(), 1);
    assert_eq!(task.uncancel(), 0);
    assert_eq!(task.uncancel(), 0);
    assert_eq!(task.await.unwrap(), 1);
}

#[aioxide::test]
async fn a_task_that_has_ended_cannot_be_cancelled() {
    let task = spawn(async { 1 });
    yield_now().await;
    assert!(!task.cancel());
    assert_eq!((task.cancelling(), task.await.unwrap()), (0, 1));
}

/// As in asyncio, where a task that returns with a request to cancel is cancelled.
#[aioxide::test]
async fn a_request_wins_over_a_result_of_the_same_turn() {
    let task = spawn(async {
        current_task().unwrap().cancel();
        1
    });
    assert!(task.await.unwrap_err().is_cancelled());
}

#[aioxide::test]
async fn a_task_can_cancel_itself() {
    let task = spawn(async {
        current_task().unwrap().cancel();
        yield_now().await;
        unreachable!()
    });
    let outcome: Result<(), JoinError> = task.await;
    assert!(outcome.unwrap_err().is_cancelled());
}

#[aioxide::test]
async fn a_task_that_awaits_itself_is_told() {
    let own: Rc<RefCell<Option<aioxide::Task<()>>>> = Rc::default();
    let handle = Rc::clone(&own);
    let task = spawn(async move {
        yield_now().await;
        let own = handle.borrow_mut().take().unwrap();
        own.await.unwrap();
    });
    let seen = task.task_ref();
    task.set_name("ouroboros");
    *own.borrow_mut() = Some(task);
    while !seen.is_done() {
        yield_now().await;
    }
}

#[aioxide::test]
async fn tasks_have_names() {
    let task = spawn(async { current_task().unwrap().name() });
    assert_eq!(task.name(), "Task-2");
    assert_eq!(current_task().unwrap().name(), "Task-1");
    let task = task.named("reader");
    assert_eq!(format!("{task:?}"), "Task { name: \"reader\", state: Running, cancelling: 0 }");
    assert_eq!(task.await.unwrap(), "reader");
}

#[aioxide::test]
async fn all_tasks_are_those_that_have_not_ended() {
    let task = spawn(std::future::pending::<()>()).named("waits");
    spawn(async {}).detach();
    let names = || all_tasks().iter().map(|it| it.name()).collect::<Vec<_>>();
    assert_eq!(names(), ["Task-1", "waits", "Task-3"]);
    yield_now().await;
    assert_eq!(names(), ["Task-1", "waits"]);
    assert!(all_tasks().contains(&task.task_ref()));
    task.cancel();
    yield_now().await;
    assert_eq!(names(), ["Task-1"]);
}

#[aioxide::test]
async fn a_handle_can_be_awaited_again_after_a_timeout() {
    let mut task = spawn(async {
        sleep(Duration::from_millis(20)).await;
        5
    });
    assert!(aioxide::timeout(Duration::from_millis(1), &mut task).await.is_err());
    assert_eq!(task.await.unwrap(), 5);
}

#[test]
fn outside_of_a_loop_there_is_no_task() {
    assert!(current_task().is_none());
    assert!(all_tasks().is_empty());
}

#[test]
#[should_panic = "spawn() needs a running loop: call it inside aioxide::run() on the same thread"]
fn spawning_without_a_loop_is_refused() {
    spawn(async {}).detach();
}

#[test]
fn ten_thousand_tasks_end_in_order() {
    let ended = aioxide::run(async {
        let ended = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..10_000)
            .map(|number| {
                let ended = Rc::clone(&ended);
                spawn(async move {
                    yield_now().await;
                    ended.borrow_mut().push(number);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        ended.take()
    });
    assert!(ended.into_iter().eq(0..10_000));
}

#[aioxide::test]
async fn the_end_of_a_task_is_an_error_of_io() {
    async fn ends() -> std::io::Result<()> {
        let task = spawn(async { panic!("out of order") });
        task.await?
    }
    assert_eq!(ends().await.unwrap_err().to_string(), "it panicked: out of order");
}
