//! Who gets a connection, and which.

mod limits;
mod reuse;

use std::cell::Cell;
use std::rc::Rc;

use aioxide_http::client::{Config, Pool};

use crate::world::{Attempt, Error, Task, World};
use crate::{OK, counts, get, send, warm};

fn limited(limit: usize) -> Config {
    Config { limit: Some(limit), ..Config::default() }
}

fn served<T>(waiting: &[Task<T>]) -> Vec<bool> {
    waiting.iter().map(Task::is_done).collect()
}

/// Two connections to the origin are idle, the second one for a shorter time.
fn warm_two(world: &World, pool: &Pool<World>, origin: u32) {
    let first = send(world, pool, get(origin));
    let second = send(world, pool, get(origin));
    let made = world.made();
    for (task, number) in [(first, made - 2), (second, made - 1)] {
        world.wire(number).send(OK);
        assert!(task.result().unwrap().is_complete());
    }
}

mod leases {
    use super::*;
    use aioxide_http::client::Timeout;

    #[test]
    fn a_failed_attempt_keeps_the_place() {
        let (world, pool) = World::pool(limited(1));
        world.attempts(&[Attempt::Fails("refused"), Attempt::Hangs]);
        let mut lease = pool.try_acquire(1).unwrap();
        let task = world.spawn(async move {
            let refused = lease.connect(None).await;
            assert!(matches!(refused, Err(Error::Connect(_))));
            let late = lease.connect(Some(3.0)).await;
            assert!(matches!(late, Err(Error::Timeout(Timeout::Connect))));
            lease.connect(None).await.unwrap();
            lease.connect(None).await.unwrap();
            lease
        });
        assert_eq!((counts(&pool), world.connecting()), ((0, 1, 0), 1));
        world.pass(3.0);
        let lease = task.result();
        assert!(lease.is_connected() && !lease.is_reused());
        assert_eq!((world.made(), world.connecting(), world.timers()), (1, 0, 0));
        drop(lease);
        assert_eq!((counts(&pool), world.open()), ((1, 0, 0), 1));
    }

    #[test]
    fn giving_up_abandons_the_attempt() {
        let (world, pool) = World::pool(limited(1));
        world.attempts(&[Attempt::Hangs]);
        let mut lease = pool.try_acquire(1).unwrap();
        let task = world.spawn(async move { lease.connect(None).await });
        assert_eq!((counts(&pool), world.connecting()), ((0, 1, 0), 1));
        task.cancel();
        assert_eq!((counts(&pool), world.connecting()), ((0, 0, 0), 0));
    }
}

mod closing {
    use super::*;

    #[test]
    fn everybody_is_told() {
        let (world, pool) = World::pool(limited(4));
        warm(&world, &pool, 1);
        warm(&world, &pool, 2);
        let _receiving = pool.try_acquire(2).unwrap();
        world.attempts(&[Attempt::Hangs]);
        let connecting = send(&world, &pool, get(3));
        let sending = send(&world, &pool, get(4));
        let reading = send(&world, &pool, get(1));
        world.wire(0).send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        let response = reading.result().unwrap();
        let reading = world.spawn(async move { response.read_all().await });
        let waiting = world.spawn(pool.acquire(5));
        assert_eq!(counts(&pool), (0, 4, 1));
        pool.close();
        pool.close();
        assert!(pool.is_closed() && pool.try_acquire(1).is_none());
        assert!(matches!(connecting.result().err(), Some(Error::PoolClosed)));
        assert!(matches!(sending.result().err(), Some(Error::PoolClosed)));
        assert!(matches!(reading.result().err(), Some(Error::PoolClosed)));
        assert!(matches!(waiting.result().err(), Some(Error::PoolClosed)));
        assert!(matches!(world.spawn(pool.acquire(1)).result().err(), Some(Error::PoolClosed)));
        assert!(matches!(send(&world, &pool, get(1)).result().err(), Some(Error::PoolClosed)));
        assert_eq!((world.open(), world.connecting(), counts(&pool)), (0, 0, (0, 1, 0)));
    }

    #[test]
    fn a_lease_of_a_closed_pool_cannot_connect() {
        let (world, pool) = World::pool(Config::default());
        let mut lease = pool.try_acquire(1).unwrap();
        pool.close();
        let error = world.spawn(async move { lease.connect(None).await.err() }).result();
        assert!(matches!(error, Some(Error::PoolClosed)));
        assert_eq!((counts(&pool), world.made()), ((0, 0, 0), 0));
    }

    #[test]
    fn the_last_handle_closes_what_is_idle() {
        let (world, pool) = World::pool(Config::default());
        warm(&world, &pool, 1);
        let lease = pool.try_acquire(1).unwrap();
        warm(&world, &pool, 2);
        drop(pool);
        assert_eq!(world.open(), 2);
        drop(lease);
        assert_eq!(world.open(), 0);
    }

    #[test]
    fn streams_can_be_seen() {
        let (world, pool) = World::pool(Config::default());
        warm(&world, &pool, 1);
        warm(&world, &pool, 2);
        let _lease = pool.try_acquire(1).unwrap();
        let mut origins = Vec::new();
        pool.visit_streams(|stream| origins.push(stream.0.origin));
        assert_eq!(origins, [1, 2]);
    }
}

/// Streams may run foreign code, which may use the pool.
#[test]
fn a_stream_may_use_the_pool_while_it_writes_or_closes() {
    let (world, pool) = World::pool(limited(2));
    warm(&world, &pool, 1);
    warm(&world, &pool, 2);
    let calls = Rc::new(Cell::new(0));
    for number in 0..2 {
        let (pool, calls) = (pool.clone(), calls.clone());
        world.wire(number).on_change(move || {
            calls.set(calls.get() + 1);
            assert!(pool.in_use() + pool.idle() <= 2);
            drop(pool.try_acquire(3));
            drop(pool.try_acquire(1));
            pool.close_expired(0.0);
            pool.visit_streams(|_| ());
        });
    }
    let task = send(&world, &pool, get(1));
    let waiting = world.spawn(pool.acquire(9));
    world.wire(0).send(OK);
    drop(task.result());
    drop(waiting.result());
    pool.close_idle();
    assert_eq!(counts(&pool), (0, 0, 0));
    assert!(calls.get() >= 3, "{}", calls.get());
}

/// A stream that closes the pool when it is used.
#[test]
fn a_stream_may_close_the_pool_while_it_writes() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    let closing = pool.clone();
    world.wire(0).on_change(move || closing.close());
    let task = send(&world, &pool, get(1));
    assert!(matches!(task.result().err(), Some(Error::PoolClosed)));
    assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
}

/// A stream whose every method uses the pool.
#[test]
fn a_stream_may_use_the_pool_whenever_it_is_looked_at() {
    let (world, pool) = World::pool(limited(4));
    warm(&world, &pool, 1);
    warm(&world, &pool, 2);
    for number in 0..2 {
        let pool = pool.clone();
        world.wire(number).on_look(move || {
            drop(pool.try_acquire(2));
            pool.close_expired(0.0);
        });
    }
    assert_eq!(pool.close_expired(1.0), Some(15.0));
    world.wire(1).end();
    pool.close_expired(1.0);
    warm_again(&world, &pool);
    assert_eq!((counts(&pool), world.open()), ((1, 0, 0), 1));
}

/// A request over the first connection.
fn warm_again(world: &World, pool: &Pool<World>) {
    let task = send(world, pool, get(1));
    world.wire(0).send(OK);
    assert!(task.result().unwrap().is_complete());
}
