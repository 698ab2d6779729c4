//! Who gets a connection, and which.

use aioxide_http::client::Config;

use crate::world::{Error, World};
use crate::{counts, warm};

#[test]
fn callers_are_served_in_the_order_in_which_they_came() {
    let (world, pool) = World::pool(Config { limit: Some(1), ..Config::default() });
    let first = pool.try_acquire(1).unwrap();
    let waiting: Vec<_> = (0..3).map(|_| world.spawn(pool.acquire(1))).collect();
    assert_eq!(counts(&pool), (0, 1, 3));
    drop(first);
    world.run();
    assert_eq!(waiting.iter().map(|task| task.is_done()).collect::<Vec<_>>(), [true, false, false]);
    assert!(pool.try_acquire(1).is_none());
    for task in waiting {
        drop(task.result());
    }
    assert_eq!(counts(&pool), (0, 0, 0));
}

#[test]
fn a_host_at_its_limit_does_not_hold_up_others() {
    let config = Config { limit_per_host: Some(1), ..Config::default() };
    let (world, pool) = World::pool(config);
    let _first = pool.try_acquire(1).unwrap();
    let same = world.spawn(pool.acquire(1));
    let other = world.spawn(pool.acquire(2));
    assert!(!same.is_done() && other.is_done());
}

#[test]
fn an_idle_connection_of_another_origin_makes_room() {
    let (world, pool) = World::pool(Config { limit: Some(2), ..Config::default() });
    warm(&world, &pool, 1);
    warm(&world, &pool, 2);
    let lease = pool.try_acquire(3).unwrap();
    assert!(world.wire(0).is_closed() && !world.wire(1).is_closed());
    assert_eq!(counts(&pool), (1, 1, 0));
    assert!(!lease.is_connected());
}

#[test]
fn closing_tells_everybody() {
    let (world, pool) = World::pool(Config { limit: Some(1), ..Config::default() });
    let lease = pool.try_acquire(1).unwrap();
    let waiting = world.spawn(pool.acquire(1));
    pool.close();
    assert!(matches!(waiting.result().err(), Some(Error::PoolClosed)));
    assert!(pool.try_acquire(1).is_none());
    drop(lease);
    assert_eq!(counts(&pool), (0, 0, 0));
}
