//! A whole request in one call.

use aioxide_http::client::{Config, Timeout, Timeouts};

use crate::world::{Attempt, Broken, Error, World};
use crate::{OK, counts, get, post, send, warm};

#[test]
fn a_small_response_is_complete_at_once_and_its_connection_idle() {
    let (world, pool) = World::pool(Config::default());
    let task = send(&world, &pool, get(1));
    assert_eq!(world.wire(0).sent(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(counts(&pool), (0, 1, 0));
    world.wire(0).send(OK);
    let response = task.result().unwrap();
    assert!(response.is_complete() && !response.is_reused());
    assert_eq!(counts(&pool), (1, 0, 0));
    assert_eq!(response.try_read_all().unwrap().unwrap(), b"ok");
    assert_eq!((response.head().status(), response.length()), (200, Some(2)));

    let task = send(&world, &pool, get(1));
    assert_eq!(counts(&pool), (0, 1, 0));
    world.wire(0).send(OK);
    assert!(task.result().unwrap().is_reused());
    assert_eq!((world.made(), world.open()), (1, 1));
}

#[test]
fn a_small_body_goes_with_the_head() {
    let (world, pool) = World::pool(Config::default());
    let task = send(&world, &pool, post(1, b"hello"));
    assert!(world.wire(0).sent().ends_with("Content-Length: 5\r\n\r\nhello"));
    assert_eq!(world.wire(0).writes.get(), 1);
    world.wire(0).send(OK);
    assert!(task.result().unwrap().is_complete());
}

#[test]
fn a_request_that_cannot_be_sent_changes_nothing() {
    let (world, pool) = World::pool(Config::default());
    let mut wrong = post(1, b"hello");
    wrong.body = Some(b"hell".to_vec());
    assert!(matches!(send(&world, &pool, wrong).result(), Err(Error::Request(_))));
    assert_eq!((world.made(), counts(&pool)), (0, (0, 0, 0)));
}

#[test]
fn a_failed_attempt_to_connect_gives_the_place_back() {
    let (world, pool) = World::pool(Config::default());
    world.attempts(&[Attempt::Fails("refused")]);
    let error = send(&world, &pool, get(1)).result().err();
    assert!(matches!(error, Some(Error::Connect(Broken("refused")))));
    assert_eq!(counts(&pool), (0, 0, 0));
}

#[test]
fn each_time_limit_has_its_own_error() {
    let (world, pool) = World::pool(Config { limit: Some(1), ..Config::default() });
    let with = |timeouts| crate::Request { timeouts, ..get(1) };
    world.attempts(&[Attempt::Hangs]);
    let slow = send(&world, &pool, with(Timeouts { connect: Some(5.0), ..Timeouts::default() }));
    let pooled = send(&world, &pool, with(Timeouts { pool: Some(1.0), ..Timeouts::default() }));
    let acquired =
        send(&world, &pool, with(Timeouts { acquire: Some(2.0), ..Timeouts::default() }));
    let total = send(&world, &pool, with(Timeouts { deadline: Some(3.0), ..Timeouts::default() }));
    let reading = Timeouts { read: Some(7.0), ..Timeouts::default() };
    let read = send(&world, &pool, with(reading));
    world.pass(20.0);
    let seen = [slow, pooled, acquired, total, read].map(|task| match task.result() {
        Err(Error::Timeout(timeout)) => timeout,
        other => panic!("{:?}", other.err()),
    });
    use Timeout::{Acquire, Connect, Pool, Read, Total};
    assert_eq!(seen, [Connect, Pool, Acquire, Total, Read]);
    assert_eq!((counts(&pool), world.open(), world.timers()), ((0, 0, 0), 0, 0));
}

#[test]
fn a_stale_connection_is_replaced_once() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    let task = send(&world, &pool, crate::Request { may_retry: true, ..get(1) });
    world.wire(0).end();
    world.run();
    assert_eq!(world.wire(1).sent(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    world.wire(1).end();
    let error = task.result().err();
    assert!(matches!(error, Some(Error::Disconnected { is_reused: false, .. })), "{error:?}");
    assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
}
