//! What becomes of a response when sending has failed.

use super::*;

#[test]
fn do_not_hide_a_response() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    world.wire(0).break_writing("pipe");
    let task = send(&world, &pool, get(1));
    world.wire(0).send("HTTP/1.1 413 \r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
    let response = task.result().unwrap();
    assert_eq!(response.head().status(), 413);
    assert_eq!(response.try_read_all().unwrap().unwrap(), b"no");
    assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
}

#[test]
fn are_told_with_the_disconnection() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    world.wire(0).break_writing("pipe");
    let task = send(&world, &pool, get(1));
    world.wire(0).end();
    let error = task.result().err().unwrap();
    assert!(matches!(error, Error::Disconnected { sending: Some(Broken("pipe")), .. }));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "pipe");
}

#[test]
fn on_a_stale_connection_let_it_be_replaced() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    world.wire(0).break_writing("pipe");
    let task = send(&world, &pool, Request { may_retry: true, ..get(1) });
    world.wire(0).break_reading("reset");
    world.run();
    world.wire(1).send(OK);
    assert!(task.result().unwrap().is_complete());
}

/// The request is sent, but the server has not read it: the connection is not kept.
#[test]
fn what_is_still_queued_when_the_response_is_complete_is_given_up() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    let wire = world.wire(0);
    let server = std::rc::Rc::downgrade(&wire);
    wire.on_change(move || server.upgrade().unwrap().fill(true));
    let task = send(&world, &pool, post(1, &[b'x'; 100_000]));
    wire.send(OK);
    assert!(task.result().unwrap().is_complete());
    assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
}
