//! Answers that come before the request is complete.

use super::*;

#[test]
fn both_directions_may_go_on_at_once() {
    let (world, pool, exchange) = open(&[CHUNKED]);
    let answered = respond(&world, &exchange);
    assert!(write(&world, &exchange, b"a").result().unwrap());
    world.wire(0).send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n");
    let response = Rc::new(answered.result().unwrap());
    let reader = response.clone();
    let read = world.spawn(async move { reader.read_all().await });
    for (data, echo) in [(b"b", "1\r\nB\r\n"), (b"c", "1\r\nC\r\n")] {
        world.wire(0).fill(true);
        let written = write(&world, &exchange, data);
        world.wire(0).send(echo);
        world.run();
        assert!(!written.is_done() && !read.is_done());
        world.wire(0).fill(false);
        assert!(written.result().unwrap());
    }
    assert!(end(&world, &exchange).result().unwrap());
    world.wire(0).send("0\r\n\r\n");
    assert_eq!(read.result().unwrap(), b"ABC");
    assert_eq!(counts(&pool), (1, 0, 0));
}

#[test]
fn a_complete_response_before_the_end_of_the_request_costs_the_connection() {
    let (world, pool, exchange) = open(&[CHUNKED]);
    let answered = respond(&world, &exchange);
    world.wire(0).send(OK);
    assert!(answered.result().unwrap().is_complete());
    nothing_is_left(&world, &pool);
    assert!(!write(&world, &exchange, b"a").result().unwrap());
    assert!(!end(&world, &exchange).result().unwrap());
    assert!(exchange.stream().is_none());
}

#[test]
fn a_refusal_ends_the_wait_of_the_writer() {
    for by_receiver in [false, true] {
        let (world, pool, exchange) = open(&[CHUNKED]);
        world.wire(0).fill(true);
        let written = write(&world, &exchange, b"a");
        let early = by_receiver.then(|| respond(&world, &exchange));
        world.wire(0).sent();
        world.wire(0).send("HTTP/1.1 413 \r\nContent-Length: 4\r\n\r\n");
        assert!(!written.result().unwrap());
        assert!(!write(&world, &exchange, b"b").result().unwrap());
        assert!(!end(&world, &exchange).result().unwrap());
        assert_eq!(world.wire(0).sent(), "");
        let response = early.unwrap_or_else(|| respond(&world, &exchange)).result().unwrap();
        world.wire(0).send("long");
        assert_eq!(response.try_read_all().unwrap().unwrap(), b"long");
        nothing_is_left(&world, &pool);
    }
}

#[test]
fn a_success_does_not_end_the_wait_of_the_writer() {
    let (world, _pool, exchange) = open(&[CHUNKED]);
    world.wire(0).fill(true);
    let written = write(&world, &exchange, b"a");
    world.wire(0).send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    world.run();
    assert!(!written.is_done());
    world.wire(0).fill(false);
    assert!(written.result().unwrap());
    assert_eq!(respond(&world, &exchange).result().unwrap().head().status(), 200);
}

/// The stream keeps one waker: whoever has taken the other's place gives it back.
#[test]
fn the_receiver_is_woken_when_the_sender_waits_no_longer() {
    for cancels in [false, true] {
        let (world, _pool, exchange) = open(&[CHUNKED]);
        let answered = respond(&world, &exchange);
        world.wire(0).fill(true);
        let written = write(&world, &exchange, b"a");
        if cancels {
            written.cancel();
        } else {
            world.wire(0).fill(false);
            assert!(written.result().unwrap());
        }
        world.wire(0).send(OK);
        assert!(answered.result().unwrap().is_complete());
    }
}

#[test]
fn and_when_the_sender_has_found_what_arrived() {
    let (world, _pool, exchange) = open(&[CHUNKED]);
    let answered = respond(&world, &exchange);
    world.wire(0).fill(true);
    let _written = write(&world, &exchange, b"a");
    world.wire(0).send("HTTP/1.1 103 \r\n\r\nHTTP/1.1 200 OK\r\nConte");
    world.run();
    world.wire(0).send("nt-Length: 0\r\n\r\n");
    assert!(answered.result().unwrap().is_complete());
}

#[test]
fn a_disconnection_is_told_to_the_receiver_not_to_the_writer() {
    let (world, pool, exchange) = open(&[CHUNKED]);
    world.wire(0).fill(true);
    let written = write(&world, &exchange, b"a");
    world.wire(0).end();
    world.run();
    assert!(!written.is_done());
    let error = respond(&world, &exchange).result().err();
    assert!(matches!(error, Some(Error::Disconnected { has_begun: false, .. })));
    assert!(!written.result().unwrap());
    nothing_is_left(&world, &pool);
}
