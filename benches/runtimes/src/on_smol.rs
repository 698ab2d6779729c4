//! The rows on smol, with its executor for one thread.

use std::time::Duration;

use smol::{LocalExecutor, channel};

use crate::measuring::{Row, SLEEPING, WAITING, YIELDING, memory, nap, per_operation, processor};

pub fn measure(row: Row) -> f64 {
    match row {
        Row::SpawnJoin => per_operation(
            |count| run(async |executor| spawn_join(executor, count).await),
            processor,
        ),
        Row::PingPong => {
            per_operation(|count| run(async |executor| ping_pong(executor, count).await), processor)
        }
        Row::Yield => {
            per_operation(|count| run(async |executor| yields(executor, count).await), processor)
        }
        Row::Timers => {
            per_operation(|count| run(async |executor| timers(executor, count).await), processor)
        }
        Row::Memory => run(async |executor| waiting(executor).await),
    }
}

async fn spawn_join(executor: &LocalExecutor<'static>, count: u64) {
    for _ in 0..count {
        executor.spawn(async {}).await;
    }
}

async fn ping_pong(executor: &LocalExecutor<'static>, count: u64) {
    let (to, from_here) = channel::bounded::<u64>(1);
    let (back, from_there) = channel::bounded::<u64>(1);
    let other = executor.spawn(async move {
        while let Ok(number) = from_here.recv().await {
            back.send(number).await.unwrap();
        }
    });
    let this = executor.spawn(async move {
        for number in 0..count {
            to.send(number).await.unwrap();
            assert_eq!(from_there.recv().await, Ok(number));
        }
    });
    this.await;
    other.await;
}

async fn yields(executor: &LocalExecutor<'static>, count: u64) {
    async fn task(turns: u64) {
        for _ in 0..turns {
            smol::future::yield_now().await;
        }
    }
    let tasks: Vec<_> = (0..YIELDING).map(|_| executor.spawn(task(count / YIELDING))).collect();
    for task in tasks {
        task.await;
    }
}

async fn timers(executor: &LocalExecutor<'static>, count: u64) {
    for _ in 0..count.div_ceil(SLEEPING) {
        let sleep = async |index| {
            smol::Timer::after(Duration::from_micros(nap(index))).await;
        };
        let tasks: Vec<_> = (0..SLEEPING).map(|index| executor.spawn(sleep(index))).collect();
        for task in tasks {
            task.await;
        }
    }
}

async fn waiting(executor: &LocalExecutor<'static>) -> f64 {
    let before = memory();
    for _ in 0..WAITING {
        executor.spawn(std::future::pending::<()>()).detach();
    }
    smol::future::yield_now().await;
    smol::future::yield_now().await;
    (memory() - before) / WAITING as f64
}

fn run<T>(main: impl AsyncFnOnce(&LocalExecutor<'static>) -> T) -> T {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(main(&executor)))
}
