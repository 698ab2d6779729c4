//! Cancellation: what is dropped, what is cleaned up, and who awaits it.

use std::cell::RefCell;
use std::future::{Future, pending};
use std::rc::Rc;
use std::time::Duration;

use aioxide::{
    CancelScope, Cancelled, Instant, TaskGroup, TimedOut, finally, shield, sleep, spawn, timeout,
    try_gather, yield_now,
};

type Log = Rc<RefCell<Vec<String>>>;

const SECOND: Duration = Duration::from_secs(1);

/// Takes a second, and says so.
fn clean_up(log: &Log, name: &str) -> impl Future<Output = ()> + use<> {
    let (log, name) = (log.clone(), name.to_owned());
    async move {
        sleep(SECOND).await;
        log.borrow_mut().push(name);
    }
}

#[aioxide::test(virtual_time)]
async fn whoever_awaits_a_cancelled_task_awaits_its_clean_up() {
    let log = Log::default();
    let task = spawn(finally(pending::<()>(), clean_up(&log, "cleaned")));
    yield_now().await;
    let begin = Instant::now();
    task.cancel();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!((begin.elapsed(), &log.borrow()[..]), (SECOND, &["cleaned".to_owned()][..]));
}

#[aioxide::test(virtual_time)]
async fn clean_up_runs_after_a_result_too() {
    let log = Log::default();
    assert_eq!(finally(async { 5 }, clean_up(&log, "cleaned")).await, 5);
    assert_eq!(*log.borrow(), ["cleaned"]);
}

#[aioxide::test(virtual_time)]
async fn the_innermost_clean_up_runs_first() {
    let log = Log::default();
    let inner = finally(pending::<()>(), clean_up(&log, "inner"));
    let outer = finally(inner, clean_up(&log, "outer"));
    assert_eq!(timeout(SECOND, outer).await, Err(TimedOut));
    assert_eq!(*log.borrow(), ["inner", "outer"]);
}

#[aioxide::test(virtual_time)]
async fn what_was_never_polled_is_not_cleaned_up() {
    let log = Log::default();
    drop(finally(pending::<()>(), clean_up(&log, "cleaned")));
    let task = spawn(finally(pending::<()>(), clean_up(&log, "cleaned")));
    task.cancel();
    assert!(task.await.is_err());
    assert!(log.borrow().is_empty());
}

#[aioxide::test(virtual_time)]
async fn further_requests_do_not_disturb_the_clean_up() {
    let log = Log::default();
    let task = spawn(finally(pending::<()>(), clean_up(&log, "cleaned")));
    yield_now().await;
    task.cancel();
    yield_now().await;
    assert!(task.cancel(), "it has not ended");
    assert_eq!(task.cancelling(), 2);
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(*log.borrow(), ["cleaned"]);
}

#[aioxide::test(virtual_time)]
async fn a_panic_in_the_clean_up_is_the_tasks_and_the_rest_runs() {
    let log = Log::default();
    let inner = finally(pending::<()>(), async { panic!("in the clean-up") });
    let task = spawn(finally(inner, clean_up(&log, "outer")));
    yield_now().await;
    task.cancel();
    assert_eq!(task.await.unwrap_err().to_string(), "it panicked: in the clean-up");
    assert_eq!(*log.borrow(), ["outer"]);
}

#[aioxide::test(virtual_time)]
async fn a_body_that_panics_is_cleaned_up() {
    let log = Log::default();
    let body = async {
        yield_now().await;
        panic!("in the body")
    };
    let task = spawn(finally(body, clean_up(&log, "cleaned")));
    let outcome: Result<(), _> = task.await;
    assert_eq!(outcome.unwrap_err().to_string(), "it panicked: in the body");
    assert_eq!(*log.borrow(), ["cleaned"]);
}

#[aioxide::test(virtual_time)]
async fn what_other_code_drops_is_cleaned_up_by_a_task() {
    let log = Log::default();
    let quick = async {
        yield_now().await;
        "quick"
    };
    let slow = async {
        finally(pending::<()>(), clean_up(&log, "cleaned")).await;
        "slow"
    };
    assert_eq!(futures_lite::future::or(quick, slow).await, "quick");
    assert!(log.borrow().is_empty());
    let clean_up = aioxide::all_tasks().pop().unwrap();
    assert!(clean_up.cancel(), "a request that has no effect");
    sleep(SECOND * 2).await;
    assert_eq!(*log.borrow(), ["cleaned"]);
}

#[aioxide::test(virtual_time)]
async fn a_timeout_awaits_the_clean_up() {
    let log = Log::default();
    let begin = Instant::now();
    let body = finally(pending::<()>(), clean_up(&log, "cleaned"));
    assert_eq!(timeout(SECOND, body).await, Err(TimedOut));
    assert_eq!((begin.elapsed(), log.borrow().len()), (SECOND * 2, 1));
}

#[aioxide::test(virtual_time)]
async fn a_timeout_that_is_cancelled_while_it_cleans_up_hands_the_rest_on() {
    let log = Log::default();
    let body = finally(pending::<()>(), clean_up(&log, "cleaned"));
    let task = spawn(timeout(SECOND, body));
    sleep(SECOND + SECOND / 2).await;
    task.cancel();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(*log.borrow(), ["cleaned"]);
}

#[aioxide::test(virtual_time)]
async fn a_result_of_the_last_moment_counts() {
    let body = async {
        sleep(SECOND).await;
        "in time"
    };
    assert_eq!(timeout(SECOND, body).await, Ok("in time"));
}

#[aioxide::test(virtual_time)]
async fn a_scope_cancels_what_runs_in_it_and_nothing_else() {
    let (log, scope) = (Log::default(), CancelScope::new());
    let task = spawn({
        let (log, scope) = (log.clone(), scope.clone());
        async move {
            let body = finally(pending::<()>(), clean_up(&log, "cleaned"));
            assert_eq!(scope.run(body).await, Err(Cancelled));
            "goes on"
        }
    });
    assert_eq!(scope.run(async { 1 }).await, Ok(1));
    sleep(SECOND).await;
    scope.cancel();
    assert!(scope.is_cancelled());
    assert_eq!(task.await.unwrap(), "goes on");
    assert_eq!(*log.borrow(), ["cleaned"]);
    assert_eq!(scope.run(async { unreachable!() }).await, Err::<(), _>(Cancelled));
}

#[aioxide::test(virtual_time)]
async fn a_failure_in_a_gather_awaits_the_clean_up_of_the_others() {
    let log = Log::default();
    let waits = async {
        finally(pending::<()>(), clean_up(&log, "cleaned")).await;
        Ok::<(), &str>(())
    };
    let fails = async {
        yield_now().await;
        Err::<(), &str>("failed")
    };
    assert_eq!(try_gather!(waits, fails).await, Err("failed"));
    assert_eq!(*log.borrow(), ["cleaned"]);
}

#[aioxide::test(virtual_time)]
async fn a_shielded_future_goes_on() {
    let log = Log::default();
    let task = spawn(timeout(SECOND / 2, shield(clean_up(&log, "saved"))));
    assert!(matches!(task.await.unwrap(), Err(TimedOut)));
    assert!(log.borrow().is_empty());
    sleep(SECOND).await;
    assert_eq!(*log.borrow(), ["saved"]);
}

#[aioxide::test(virtual_time)]
async fn cancelling_a_task_with_a_group_awaits_the_groups_tasks() {
    let log = Log::default();
    let in_task = log.clone();
    let task = spawn(async move {
        TaskGroup::run(async |group: TaskGroup<()>| {
            for name in ["one", "two"] {
                let body = finally(pending::<()>(), clean_up(&in_task, name));
                group.spawn_infallible(body).detach();
            }
            pending::<()>().await;
            Ok(())
        })
        .await
    });
    yield_now().await;
    yield_now().await;
    let begin = Instant::now();
    task.cancel();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!((begin.elapsed(), &log.borrow()[..]), (SECOND, &["one".into(), "two".into()][..]));
}
