//! Who gets a connection, and which.

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

mod reuse {
    use super::*;

    #[test]
    fn the_connection_that_was_used_last_is_used_next() {
        let (world, pool) = World::pool(Config::default());
        warm_two(&world, &pool, 1);
        let _task = send(&world, &pool, get(1));
        assert!(world.wire(0).sent().len() == world.wire(1).sent().len() / 2);
    }

    #[test]
    fn a_connection_serves_its_own_origin_only() {
        let (world, pool) = World::pool(Config::default());
        warm(&world, &pool, 1);
        assert!(!pool.try_acquire(2).unwrap().is_connected());
        assert!(pool.try_acquire(1).unwrap().is_reused());
    }

    #[test]
    fn an_unused_lease_goes_back() {
        let (world, pool) = World::pool(Config::default());
        warm(&world, &pool, 1);
        let lease = pool.try_acquire(1).unwrap();
        assert_eq!(counts(&pool), (0, 1, 0));
        lease.release();
        assert_eq!((counts(&pool), world.open()), ((1, 0, 0), 1));
        pool.try_acquire(1).unwrap().close();
        assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
    }

    #[test]
    fn what_the_server_closed_or_wrote_to_is_dropped_when_looked_at() {
        let (world, pool) = World::pool(Config::default());
        warm_two(&world, &pool, 1);
        world.wire(0).send("HTTP/1.1 408 \r\n\r\n");
        world.wire(1).end();
        assert_eq!(pool.idle(), 2);
        let lease = pool.try_acquire(1).unwrap();
        assert!(!lease.is_connected() && !lease.is_reused());
        assert_eq!((counts(&pool), world.open()), ((0, 1, 0), 0));
    }

    #[test]
    fn what_has_expired_is_dropped_when_looked_at() {
        let (world, pool) = World::pool(Config::default());
        warm(&world, &pool, 1);
        world.pass(14.9);
        drop(pool.try_acquire(1).filter(|lease| lease.is_reused()).unwrap());
        world.pass(15.0);
        assert!(!pool.try_acquire(1).unwrap().is_connected());
        assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
    }

    #[test]
    fn without_an_expiry_a_connection_is_kept() {
        let (world, pool) = World::pool(Config { keepalive_expiry: None, ..Config::default() });
        warm(&world, &pool, 1);
        world.pass(1e9);
        assert_eq!(
            (pool.next_expiry(), pool.close_expired(1e9), world.expiry()),
            (None, None, None)
        );
        assert!(pool.try_acquire(1).unwrap().is_reused());
    }

    #[test]
    fn the_program_is_told_when_to_close_what_expires() {
        let (world, pool) = World::pool(Config::default());
        assert_eq!((world.expiry(), pool.next_expiry()), (None, None));
        warm(&world, &pool, 1);
        assert_eq!((world.expiry(), pool.next_expiry()), (Some(15.0), Some(15.0)));
        world.pass(5.0);
        warm(&world, &pool, 2);
        // One call is outstanding at a time.
        assert_eq!((world.expiry(), pool.next_expiry()), (Some(15.0), Some(15.0)));
        world.pass(10.0);
        assert_eq!(pool.close_expired(15.0), Some(20.0));
        assert_eq!((counts(&pool), world.open()), ((1, 0, 0), 1));
        world.pass(5.0);
        assert_eq!(pool.close_expired(20.0), None);
        assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
        // Nothing is outstanding, so the next one is announced again.
        warm(&world, &pool, 1);
        assert_eq!(world.expiry(), Some(35.0));
    }

    #[test]
    fn closing_what_has_expired_closes_what_is_broken_too() {
        let (world, pool) = World::pool(Config::default());
        warm(&world, &pool, 1);
        warm(&world, &pool, 2);
        world.wire(0).end();
        assert_eq!(pool.close_expired(1.0), Some(15.0));
        assert_eq!((counts(&pool), world.open()), ((1, 0, 0), 1));
    }

    #[test]
    fn beyond_max_idle_the_oldest_is_closed() {
        let (world, pool) = World::pool(Config { max_idle: Some(2), ..Config::default() });
        for origin in 1..=3 {
            warm(&world, &pool, origin);
        }
        assert!(world.wire(0).is_closed() && !world.wire(1).is_closed());
        assert_eq!(counts(&pool), (2, 0, 0));
        let (world, pool) = World::pool(Config { max_idle: Some(0), ..Config::default() });
        warm(&world, &pool, 1);
        assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
    }

    #[test]
    fn idle_connections_are_closed_on_demand() {
        let (world, pool) = World::pool(Config::default());
        warm_two(&world, &pool, 1);
        warm(&world, &pool, 2);
        let lease = pool.try_acquire(2).unwrap();
        pool.close_idle();
        assert_eq!((counts(&pool), world.open()), ((0, 1, 0), 1));
        assert!(lease.is_connected());
    }
}

mod limits {
    use super::*;

    #[test]
    fn callers_are_served_in_the_order_in_which_they_came() {
        let (world, pool) = World::pool(limited(1));
        let first = pool.try_acquire(1).unwrap();
        let waiting: Vec<_> = (0..3).map(|origin| world.spawn(pool.acquire(origin))).collect();
        assert_eq!(counts(&pool), (0, 1, 3));
        drop(first);
        // The place is given at that moment: who comes now is behind.
        assert!(pool.try_acquire(1).is_none());
        world.run();
        assert_eq!(served(&waiting), [true, false, false]);
        drop(waiting[0].result());
        world.run();
        assert_eq!(served(&waiting[1..]), [true, false]);
        drop(waiting[1].result());
        drop(waiting[2].result());
        assert_eq!(counts(&pool), (0, 0, 0));
    }

    #[test]
    fn a_host_at_its_limit_does_not_hold_up_others() {
        let config = Config { limit: Some(3), limit_per_host: Some(1), ..Config::default() };
        let (world, pool) = World::pool(config);
        let first = pool.try_acquire(1).unwrap();
        let same: Vec<_> = (0..2).map(|_| world.spawn(pool.acquire(1))).collect();
        let others: Vec<_> = [2, 3, 4].map(|origin| world.spawn(pool.acquire(origin))).into();
        assert_eq!((served(&same), served(&others)), (vec![false; 2], vec![true, true, false]));
        // The first of its host came before the third of the others.
        drop(first);
        world.run();
        assert_eq!((served(&same), served(&others)), (vec![true, false], vec![true, true, false]));
        drop(others[0].result());
        world.run();
        // The second of the host is the older one, but its host is at its limit.
        assert_eq!((served(&same), others[2].is_done()), (vec![true, false], true));
        assert_eq!(counts(&pool), (0, 3, 1));
    }

    #[test]
    fn idle_connections_count_for_the_limit_of_their_host() {
        let config = Config { limit_per_host: Some(2), ..Config::default() };
        let (world, pool) = World::pool(config);
        warm_two(&world, &pool, 1);
        let leases = [pool.try_acquire(1).unwrap(), pool.try_acquire(1).unwrap()];
        assert!(leases.iter().all(|lease| lease.is_reused()) && pool.try_acquire(1).is_none());
        let [first, _second] = leases;
        first.close();
        let third = pool.try_acquire(1).unwrap();
        assert!(!third.is_connected() && pool.try_acquire(1).is_none());
    }

    #[test]
    fn the_oldest_idle_connection_of_another_origin_makes_room() {
        let (world, pool) = World::pool(limited(2));
        warm(&world, &pool, 1);
        warm(&world, &pool, 2);
        let lease = pool.try_acquire(3).unwrap();
        assert!(world.wire(0).is_closed() && !world.wire(1).is_closed());
        assert_eq!(counts(&pool), (1, 1, 0));
        assert!(!lease.is_connected());
    }

    #[test]
    fn whoever_waits_longest_gets_the_place_even_if_a_connection_has_to_go() {
        let (world, pool) = World::pool(limited(1));
        warm(&world, &pool, 1);
        let lease = pool.try_acquire(1).unwrap();
        let other = world.spawn(pool.acquire(2));
        let same = world.spawn(pool.acquire(1));
        lease.release();
        world.run();
        assert!(other.is_done() && !same.is_done() && world.wire(0).is_closed());
        assert_eq!(counts(&pool), (0, 1, 1));
    }

    #[test]
    fn a_connection_that_becomes_idle_goes_to_the_next_of_its_origin() {
        let (world, pool) = World::pool(limited(1));
        warm(&world, &pool, 1);
        let lease = pool.try_acquire(1).unwrap();
        let next = world.spawn(pool.acquire(1));
        lease.release();
        assert!(next.result().unwrap().is_reused());
        assert_eq!(world.open(), 1);
    }

    #[test]
    fn a_connection_that_breaks_on_its_way_to_a_waiter_is_replaced() {
        let (world, pool) = World::pool(limited(1));
        warm(&world, &pool, 1);
        let lease = pool.try_acquire(1).unwrap();
        let next = world.spawn(pool.acquire(1));
        lease.release();
        world.wire(0).end();
        let lease = next.result().unwrap();
        assert!(!lease.is_connected() && !lease.is_reused() && world.open() == 0);
        drop(lease);
        assert_eq!(counts(&pool), (0, 0, 0));
    }

    #[test]
    fn whoever_gives_up_leaves_the_queue() {
        let (world, pool) = World::pool(limited(1));
        let lease = pool.try_acquire(1).unwrap();
        let waiting: Vec<_> = (0..3).map(|_| world.spawn(pool.acquire(1))).collect();
        let [first, second, third] = <[_; 3]>::try_from(waiting).ok().unwrap();
        second.cancel();
        assert_eq!(counts(&pool), (0, 1, 2));
        // The place is given to the first, which is gone before it has looked.
        drop(lease);
        first.cancel();
        drop(third.result().unwrap());
        assert_eq!(counts(&pool), (0, 0, 0));
    }

    #[test]
    fn without_limits_nobody_waits() {
        let (_world, pool) = World::pool(Config { limit: None, ..Config::default() });
        let leases: Vec<_> = (0..1000).map(|number| pool.try_acquire(number % 7)).collect();
        assert!(leases.iter().all(Option::is_some));
        assert_eq!(counts(&pool), (0, 1000, 0));
    }

    #[test]
    fn a_limit_of_zero_is_one() {
        let config = Config { limit: Some(0), limit_per_host: Some(0), ..Config::default() };
        let (_world, pool) = World::pool(config);
        let _lease = pool.try_acquire(1).unwrap();
        assert!(pool.try_acquire(1).is_none());
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
