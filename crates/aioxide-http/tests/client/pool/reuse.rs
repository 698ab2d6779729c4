//! Which idle connection is used, and for how long it is kept.

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
    assert_eq!((pool.next_expiry(), pool.close_expired(1e9), world.expiry()), (None, None, None));
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
