//! One piece after the other.

use super::*;

#[test]
fn a_chunked_body_is_framed_and_ended() {
    let (world, pool, exchange) = open(&[CHUNKED]);
    let sender = exchange.clone();
    let sent = world.spawn(async move {
        assert!(sender.write(b"hello").await.unwrap());
        assert!(sender.write(b"").await.unwrap());
        sender.end(&[(b"X-Sum", b"5")]).await.unwrap()
    });
    assert!(sent.result());
    assert_eq!(world.wire(0).sent(), "5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n");
    assert_eq!(world.wire(0).writes.get(), 3);
    world.wire(0).send(OK);
    assert!(respond(&world, &exchange).result().unwrap().is_complete());
    assert_eq!(counts(&pool), (1, 0, 0));
}

#[test]
fn large_pieces_are_framed_alike() {
    let (world, _pool, exchange) = open(&[CHUNKED]);
    assert!(exchange.send(&[b'x'; 300_000]).unwrap());
    assert_eq!(world.wire(0).sent(), format!("493e0\r\n{}\r\n", "x".repeat(300_000)));
}

#[test]
fn a_body_must_have_the_announced_length() {
    let (world, pool, exchange) = open(&[("Content-Length", "5")]);
    assert!(write(&world, &exchange, b"hel").result().unwrap());
    assert!(matches!(write(&world, &exchange, b"lo!").result(), Err(Error::Request(_))));
    assert!(matches!(end(&world, &exchange).result(), Err(Error::Request(_))));
    assert!(write(&world, &exchange, b"lo").result().unwrap());
    assert!(end(&world, &exchange).result().unwrap());
    assert_eq!(world.wire(0).sent(), "hello");
    world.wire(0).send(OK);
    assert!(respond(&world, &exchange).result().unwrap().is_complete());
    assert_eq!(counts(&pool), (1, 0, 0));
}

#[test]
fn trailers_that_are_not_allowed_change_nothing() {
    let (world, _pool, exchange) = open(&[CHUNKED]);
    let sender = exchange.clone();
    let ended = world.spawn(async move {
        let refused = sender.end(&[(b"Content-Length", b"5")]).await;
        assert!(matches!(refused, Err(Error::Request(_))));
        sender.end(&[]).await
    });
    assert!(ended.result().unwrap());
    assert_eq!(world.wire(0).sent(), "0\r\n\r\n");
}

#[test]
fn a_writer_waits_while_the_server_does_not_read() {
    let (world, _pool, exchange) = open(&[CHUNKED]);
    world.wire(0).fill(true);
    let first = write(&world, &exchange, b"a");
    assert!(!first.is_done() && exchange.stream().is_some());
    assert!(matches!(write(&world, &exchange, b"b").result(), Err(Error::Busy)));
    world.wire(0).fill(false);
    assert!(first.result().unwrap());
    // What the second one had to send was sent all the same.
    assert_eq!(world.wire(0).sent(), "1\r\na\r\n1\r\nb\r\n");
}

#[test]
fn the_time_limits_hold_for_each_wait() {
    for (write_limit, deadline, expected) in
        [(Some(2.0), None, Timeout::Write), (Some(9.0), Some(5.0), Timeout::Total)]
    {
        let timeouts = Timeouts { write: write_limit, deadline, ..Timeouts::default() };
        let (world, pool, exchange) = open_with(&[CHUNKED], timeouts);
        for _ in 0..2 {
            world.wire(0).fill(true);
            let written = write(&world, &exchange, b"a");
            world.pass(1.5);
            world.wire(0).fill(false);
            assert!(written.result().unwrap());
        }
        world.wire(0).fill(true);
        let written = write(&world, &exchange, b"a");
        world.pass(2.1);
        let Err(Error::Timeout(timeout)) = written.result() else { panic!() };
        assert_eq!(timeout, expected);
        nothing_is_left(&world, &pool);
    }
}

#[test]
fn a_failure_is_told_and_does_not_hide_a_response() {
    let (world, pool, exchange) = open(&[CHUNKED]);
    world.wire(0).break_writing("pipe");
    let written = write(&world, &exchange, b"a").result();
    assert!(matches!(written, Err(Error::Write(Broken("pipe")))));
    world.wire(0).send("HTTP/1.1 413 \r\nContent-Length: 2\r\n\r\nno");
    let response = respond(&world, &exchange).result().unwrap();
    assert_eq!(response.head().status(), 413);
    assert_eq!(response.try_read_all().unwrap().unwrap(), b"no");
    nothing_is_left(&world, &pool);
}

#[test]
fn a_failure_while_waiting_is_told() {
    let (world, pool, exchange) = open(&[CHUNKED]);
    world.wire(0).fill(true);
    let written = write(&world, &exchange, b"a");
    world.wire(0).break_writing("pipe");
    assert!(matches!(written.result(), Err(Error::Write(Broken("pipe")))));
    world.wire(0).end();
    let error = respond(&world, &exchange).result().err();
    assert!(matches!(error, Some(Error::Disconnected { sending: None, .. })));
    nothing_is_left(&world, &pool);
}
