//! The rows on aioxide.

use std::time::Duration;

use aioxide::mpsc;

use crate::measuring::{Row, SLEEPING, WAITING, YIELDING, memory, nap, per_operation, processor};

pub fn measure(row: Row) -> f64 {
    match row {
        Row::SpawnJoin => per_operation(|count| aioxide::run(spawn_join(count)), processor),
        Row::PingPong => per_operation(|count| aioxide::run(ping_pong(count)), processor),
        Row::Yield => per_operation(|count| aioxide::run(yields(count)), processor),
        Row::Timers => per_operation(|count| aioxide::run(timers(count)), processor),
        Row::Memory => aioxide::run(waiting()),
    }
}

async fn spawn_join(count: u64) {
    for _ in 0..count {
        aioxide::spawn(async {}).await.unwrap();
    }
}

async fn ping_pong(count: u64) {
    let (to, mut from_here) = mpsc::channel::<u64>(1);
    let (back, mut from_there) = mpsc::channel::<u64>(1);
    let other = aioxide::spawn(async move {
        while let Some(number) = from_here.recv().await {
            back.send(number).await.unwrap();
        }
    });
    let this = aioxide::spawn(async move {
        for number in 0..count {
            to.send(number).await.unwrap();
            assert_eq!(from_there.recv().await, Some(number));
        }
    });
    this.await.unwrap();
    other.await.unwrap();
}

async fn yields(count: u64) {
    async fn task(turns: u64) {
        for _ in 0..turns {
            aioxide::yield_now().await;
        }
    }
    let tasks: Vec<_> = (0..YIELDING).map(|_| aioxide::spawn(task(count / YIELDING))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn timers(count: u64) {
    for _ in 0..count.div_ceil(SLEEPING) {
        let sleep = async |index| aioxide::sleep(Duration::from_micros(nap(index))).await;
        let tasks: Vec<_> = (0..SLEEPING).map(|index| aioxide::spawn(sleep(index))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}

async fn waiting() -> f64 {
    let before = memory();
    for _ in 0..WAITING {
        aioxide::spawn(std::future::pending::<()>()).detach();
    }
    aioxide::yield_now().await;
    aioxide::yield_now().await;
    (memory() - before) / WAITING as f64
}
