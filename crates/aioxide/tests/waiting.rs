//! Waiting for several futures or tasks.

use std::future::{pending, ready};
use std::time::Duration;

use aioxide::{
    Instant, JoinError, Task, Until, as_completed, gather, sleep, spawn, timeout, try_gather, wait,
};

const SECOND: Duration = Duration::from_secs(1);

async fn after(seconds: u32) -> u32 {
    sleep(SECOND * seconds).await;
    seconds
}

#[aioxide::test(virtual_time)]
async fn gather_gives_results_in_the_order_of_the_futures() {
    let begin = Instant::now();
    assert_eq!(gather([3, 1, 2].map(after)).await, [3, 1, 2]);
    assert_eq!(begin.elapsed(), SECOND * 3);
    assert_eq!(gather(Vec::<std::future::Ready<()>>::new()).await, []);
    let many = gather((0..1_000).map(|number| async move { number })).await;
    assert!(many.into_iter().eq(0..1_000));
}

#[aioxide::test(virtual_time)]
async fn gather_takes_futures_of_different_types() {
    let text = String::from("borrowed");
    let length = async {
        sleep(SECOND).await;
        text.len()
    };
    assert_eq!(aioxide::gather!(length, after(2), async { 'c' }).await, (8, 2, 'c'));
    assert_eq!(aioxide::gather!(after(1)).await, (1,));
}

#[aioxide::test(virtual_time)]
async fn gather_of_results_keeps_errors_as_values() {
    let results = gather([Ok(1), Err("two")].map(|it| async move { it })).await;
    assert_eq!(results, [Ok(1), Err("two")]);
}

#[aioxide::test(virtual_time)]
async fn try_gather_gives_the_first_error_at_once() {
    let begin = Instant::now();
    let fails_after = async |seconds| Err::<(), _>(after(seconds).await);
    assert_eq!(try_gather([3, 1, 2].map(fails_after)).await, Err(1));
    assert_eq!(begin.elapsed(), SECOND);
    let result = aioxide::try_gather!(async { Ok::<_, ()>(1) }, async { Ok("two") });
    assert_eq!(result.await, Ok((1, "two")));
}

#[aioxide::test(virtual_time)]
async fn as_completed_gives_results_as_they_come() {
    let mut results = as_completed([3, 1, 2].map(after));
    let mut order = Vec::new();
    while let Some(result) = results.next().await {
        order.push((result, results.len()));
    }
    assert_eq!(order, [(1, 2), (2, 1), (3, 0)]);
    assert!(results.is_empty() && results.next().await.is_none());
}

#[aioxide::test(virtual_time)]
async fn a_next_that_is_dropped_loses_no_result() {
    let mut results = as_completed([1, 3].map(after));
    assert!(timeout(SECOND / 2, results.next()).await.is_err());
    assert_eq!(results.next().await, Some(1));
    assert_eq!(results.next().await, Some(3));
}

fn tasks(seconds: impl IntoIterator<Item = u32>) -> Vec<Task<u32>> {
    seconds.into_iter().map(|it| spawn(after(it))).collect()
}

#[aioxide::test(virtual_time)]
async fn wait_for_all() {
    let waited = wait(tasks([2, 1]), Until::AllDone).await;
    assert!(waited.pending.is_empty());
    let results = gather(waited.done).await;
    assert_eq!(results.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [2, 1]);
    assert!(wait(Vec::<Task<()>>::new(), Until::AllDone).await.done.is_empty());
}

#[aioxide::test(virtual_time)]
async fn wait_for_the_first() {
    let waited = wait(tasks([2, 1, 3]), Until::FirstDone).await;
    assert_eq!((waited.done.len(), waited.pending.len()), (1, 2));
    let waited = wait(waited.pending, Until::FirstDone).await;
    assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
}

#[aioxide::test(virtual_time)]
async fn wait_for_the_first_error() {
    let begin = Instant::now();
    let fails = |seconds, fails| {
        spawn(async move {
            after(seconds).await;
            if fails { Err("failed") } else { Ok(()) }
        })
    };
    let all = [fails(1, false), fails(2, true), fails(3, false)];
    let waited = wait(all, Until::first_error()).await;
    assert_eq!((waited.done.len(), waited.pending.len(), begin.elapsed()), (2, 1, SECOND * 2));
    let none = wait(waited.pending, Until::first_error()).await;
    assert_eq!((none.done.len(), begin.elapsed()), (1, SECOND * 3));
}

#[aioxide::test(virtual_time)]
async fn wait_for_the_first_panic() {
    let panics = spawn(async {
        after(1).await;
        panic!("one");
    });
    let cancelled = spawn(pending::<()>());
    cancelled.cancel();
    let waited = wait([panics, cancelled, spawn(pending())], Until::first_panic()).await;
    assert_eq!((waited.done.len(), waited.pending.len()), (2, 1));
}

#[aioxide::test(virtual_time)]
async fn wait_for_what_a_function_says() {
    let even = |outcome: &Result<u32, JoinError>| outcome.as_ref().is_ok_and(|it| it % 2 == 0);
    let waited = wait(tasks([1, 3, 4, 5]), Until::FirstWhere(even)).await;
    assert_eq!((waited.done.len(), waited.pending.len()), (3, 1));
}

#[aioxide::test(virtual_time)]
async fn wait_for_some_time() {
    let begin = Instant::now();
    let waited = wait(tasks([1, 5]), Until::AllDone).at_most(SECOND * 2).await;
    assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
    assert_eq!(begin.elapsed(), SECOND * 2);
}

#[aioxide::test(virtual_time)]
async fn a_wait_that_is_given_up_gives_the_handles_back() {
    let mut waits = wait(tasks([1, 2]), Until::AllDone);
    assert!(timeout(SECOND / 2, &mut waits).await.is_err());
    let tasks = waits.into_tasks();
    let results = gather(tasks).await;
    assert_eq!(results.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 2]);
}

#[aioxide::test(virtual_time)]
async fn waiting_for_ten_thousand_tasks_looks_at_each_once() {
    let begin = std::time::Instant::now();
    let waited = wait(tasks((0..10_000).map(|it| it % 7)), Until::AllDone).await;
    assert_eq!(waited.done.len(), 10_000);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[aioxide::test(virtual_time)]
async fn what_is_awaited_can_be_shown() {
    let waits = wait([spawn(ready(1)).named("one")], Until::AllDone);
    let shown = format!("{waits:?}");
    assert!(shown.contains("\"one\"") && shown.contains("AllDone"), "{shown}");
    waits.await;
    let shown = format!("{:?}", timeout(7 * SECOND, ready(())));
    assert!(shown.contains("7s"), "{shown}");
    assert_eq!(format!("{:?}", as_completed([ready(())])), "AsCompleted { left: 1, .. }");
    assert_eq!(format!("{:?}", gather([ready(())])), "Gather { .. }");
}
