//! Who waits, for how long, and who is next.

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
