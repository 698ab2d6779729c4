//! Time limits, and how few timers they need.

use super::*;

fn with(timeouts: Timeouts) -> Request<Vec<u8>> {
    Request { timeouts, ..get(1) }
}

#[test]
fn each_limit_has_its_own_error() {
    let none = Timeouts::default();
    let (world, pool) = World::pool(limited(1));
    world.attempts(&[Attempt::Hangs]);
    let tasks = [
        Timeouts { connect: Some(5.0), ..none },
        Timeouts { pool: Some(1.0), acquire: Some(9.0), ..none },
        Timeouts { acquire: Some(2.0), pool: Some(9.0), ..none },
        Timeouts { deadline: Some(3.0), pool: Some(9.0), ..none },
        Timeouts { read: Some(7.0), ..none },
    ]
    .map(|timeouts| send(&world, &pool, with(timeouts)));
    world.pass(20.0);
    let seen = tasks.map(|task| match task.result() {
        Err(Error::Timeout(timeout)) => timeout,
        other => panic!("{:?}", other.err()),
    });
    use Timeout::{Acquire, Connect, Pool, Read, Total};
    assert_eq!(seen, [Connect, Pool, Acquire, Total, Read]);
    assert_eq!((counts(&pool), world.open(), world.timers()), ((0, 0, 0), 0, 0));
}

#[test]
fn acquiring_is_waiting_and_connecting_together() {
    let (world, pool) = World::pool(limited(1));
    world.attempts(&[Attempt::Hangs]);
    let lease = pool.try_acquire(2).unwrap();
    let task = send(&world, &pool, with(Timeouts { acquire: Some(5.0), ..Timeouts::default() }));
    world.pass(3.0);
    drop(lease);
    world.pass(1.9);
    assert!(!task.is_done() && world.connecting() == 1);
    world.pass(0.2);
    assert!(matches!(task.result(), Err(Error::Timeout(Timeout::Acquire))));
    assert_eq!((counts(&pool), world.connecting()), ((0, 0, 0), 0));
}

#[test]
fn without_limits_there_are_no_timers() {
    let (world, pool) = World::pool(limited(1));
    let first = send(&world, &pool, get(1));
    let second = send(&world, &pool, get(1));
    world.wire(0).send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
    let response = first.result().unwrap();
    let read = world.spawn(async move { response.read_all().await });
    world.wire(0).send("x");
    assert_eq!(read.result().unwrap(), b"x");
    world.wire(0).send(OK);
    assert!(second.result().is_ok());
    assert_eq!(world.timers_made(), 0);
}

#[test]
fn a_request_that_need_not_wait_makes_no_timer() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    let wire = world.wire(0);
    let server = std::rc::Rc::downgrade(&wire);
    wire.on_change(move || server.upgrade().unwrap().send(OK));
    let timeouts = Timeouts { read: Some(5.0), deadline: Some(300.0), ..Timeouts::default() };
    assert!(send(&world, &pool, with(timeouts)).result().unwrap().is_complete());
    assert_eq!(world.timers_made(), 0);
}

/// The limit for reading is between bytes. One timer is left alone until it fires.
#[test]
fn a_timer_is_set_again_only_when_it_fires() {
    let (world, pool) = World::pool(Config::default());
    let timeouts = Timeouts { read: Some(5.0), deadline: Some(300.0), ..Timeouts::default() };
    let task = send(&world, &pool, with(timeouts));
    for piece in ["HTTP/1.1 200 OK\r\n", "Content-", "Length: 2\r\n", "X: y\r\n"] {
        world.pass(4.0);
        world.wire(0).send(piece);
    }
    world.pass(4.9);
    assert!(!task.is_done());
    assert!(world.timers_made() <= 6, "{}", world.timers_made());
    world.pass(0.2);
    assert!(matches!(task.result(), Err(Error::Timeout(Timeout::Read))));
    assert_eq!((counts(&pool), world.open(), world.timers()), ((0, 0, 0), 0, 0));
}

#[test]
fn the_limit_for_writing_is_for_the_server_to_read_the_request() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    let wire = world.wire(0);
    let server = std::rc::Rc::downgrade(&wire);
    wire.on_change(move || server.upgrade().unwrap().fill(true));
    let timeouts = Timeouts { write: Some(5.0), read: Some(1.0), ..Timeouts::default() };
    let task = send(&world, &pool, Request { timeouts, ..post(1, &[b'x'; 100_000]) });
    world.pass(4.0);
    assert!(!task.is_done());
    world.pass(2.0);
    assert!(matches!(task.result(), Err(Error::Timeout(Timeout::Write))));
    assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
}

#[test]
fn the_limit_for_reading_begins_when_the_server_has_read_the_request() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    let wire = world.wire(0);
    let server = std::rc::Rc::downgrade(&wire);
    wire.on_change(move || server.upgrade().unwrap().fill(true));
    let timeouts = Timeouts { write: Some(5.0), read: Some(2.0), ..Timeouts::default() };
    let task = send(&world, &pool, Request { timeouts, ..post(1, &[b'x'; 100_000]) });
    world.pass(4.0);
    wire.fill(false);
    world.pass(1.9);
    assert!(!task.is_done());
    world.pass(0.2);
    assert!(matches!(task.result(), Err(Error::Timeout(Timeout::Read))));
}

#[test]
fn infinite_limits_are_none() {
    let (world, pool) = World::pool(Config::default());
    let (read, deadline) = (Some(f64::INFINITY), Some(f64::NAN));
    let task = send(&world, &pool, with(Timeouts { read, deadline, ..Timeouts::default() }));
    world.wire(0).send(OK);
    assert!(task.result().is_ok() && world.timers_made() == 0);
}
