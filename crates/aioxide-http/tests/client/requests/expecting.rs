//! `Expect: 100-continue`.

use super::*;

fn upload(size: usize) -> Request<Vec<u8>> {
    let headers = [("Content-Length", &size.to_string()[..]), ("Expect", "100-continue")];
    let head = head_of("PUT", &headers);
    Request { head, body: Some(vec![b'x'; size]), expect_continue: true, ..get(1) }
}

#[test]
fn the_body_waits_for_the_servers_answer() {
    for size in [5, 100_000] {
        let (world, pool) = World::pool(Config::default());
        let task = send(&world, &pool, upload(size));
        assert!(world.wire(0).sent().ends_with("100-continue\r\n\r\n"));
        world.wire(0).send("HTTP/1.1 103 \r\n\r\n");
        world.run();
        assert_eq!(world.wire(0).sent(), "");
        world.wire(0).send("HTTP/1.1 100 Continue\r\n\r\n");
        world.run();
        assert_eq!(world.wire(0).sent(), "x".repeat(size));
        world.wire(0).send(OK);
        assert!(task.result().unwrap().is_complete());
        assert_eq!(counts(&pool), (1, 0, 0));
    }
}

#[test]
fn a_final_response_makes_the_body_unnecessary() {
    let (world, pool) = World::pool(Config::default());
    let task = send(&world, &pool, upload(5));
    world.wire(0).sent();
    world.wire(0).send("HTTP/1.1 417 \r\nContent-Length: 2\r\n\r\nno");
    let response = task.result().unwrap();
    assert_eq!(response.head().status(), 417);
    assert_eq!(response.try_read_all().unwrap().unwrap(), b"no");
    assert_eq!(world.wire(0).sent(), "");
    // The server may still expect the body.
    assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
}

#[test]
fn a_server_that_says_nothing_gets_the_body_after_a_second() {
    let (world, pool) = World::pool(Config::default());
    let task = send(&world, &pool, upload(5));
    world.wire(0).sent();
    world.pass(0.9);
    assert_eq!(world.wire(0).sent(), "");
    world.pass(0.2);
    assert_eq!(world.wire(0).sent(), "xxxxx");
    world.wire(0).send(["HTTP/1.1 100 \r\n\r\n", OK].concat());
    assert!(task.result().unwrap().is_complete());
    assert_eq!(counts(&pool), (1, 0, 0));
}

#[test]
fn the_whole_may_end_earlier() {
    let (world, pool) = World::pool(Config::default());
    let timeouts = Timeouts { deadline: Some(0.5), ..Timeouts::default() };
    let task = send(&world, &pool, Request { timeouts, ..upload(5) });
    world.pass(0.6);
    assert!(matches!(task.result(), Err(Error::Timeout(Timeout::Total))));
    assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
}

#[test]
fn a_stale_connection_is_replaced() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    let task = send(&world, &pool, Request { may_retry: true, ..upload(5) });
    world.wire(0).end();
    world.run();
    world.wire(1).send("HTTP/1.1 100 \r\n\r\n");
    world.run();
    assert!(world.wire(1).sent().ends_with("\r\n\r\nxxxxx"));
    world.wire(1).send(OK);
    assert!(task.result().unwrap().is_complete());
}
