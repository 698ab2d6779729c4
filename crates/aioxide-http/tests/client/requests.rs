//! A whole request in one call.

mod expecting;
mod failures_of_sending;
mod repeating;
mod time;

use aioxide_http::client::{Config, Request, Timeout, Timeouts};

use crate::world::{Attempt, Broken, Error, World};
use crate::{OK, counts, get, head_of, post, send, warm};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn limited(limit: usize) -> Config {
    Config { limit: Some(limit), ..Config::default() }
}

#[test]
fn a_small_response_is_complete_at_once_and_its_connection_idle() {
    let (world, pool) = World::pool(Config::default());
    let task = send(&world, &pool, get(1));
    assert_eq!(world.wire(0).sent(), GET);
    assert_eq!(counts(&pool), (0, 1, 0));
    world.wire(0).send(OK);
    let response = task.result().unwrap();
    assert!(response.is_complete() && !response.is_reused() && response.stream().is_none());
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
fn a_body_is_framed_as_the_headers_say() {
    let (world, pool) = World::pool(Config::default());
    let chunked = head_of("POST", &[("Transfer-Encoding", "chunked")]);
    let small = Request { head: chunked.clone(), body: Some(b"hello".to_vec()), ..get(1) };
    let large = Request { head: chunked.clone(), body: Some(vec![b'x'; 100_000]), ..get(1) };
    let empty = Request { head: chunked, body: Some(Vec::new()), ..get(1) };
    let framed = [
        (small, "5\r\nhello\r\n0\r\n\r\n".to_string()),
        (large, format!("186a0\r\n{}\r\n0\r\n\r\n", "x".repeat(100_000))),
        (empty, "0\r\n\r\n".to_string()),
        (post(1, &[b'x'; 100_000]), "x".repeat(100_000)),
    ];
    for (what, body) in framed {
        let task = send(&world, &pool, what);
        let sent = world.wire(0).sent();
        assert_eq!(sent.split_once("\r\n\r\n").unwrap().1, body);
        world.wire(0).send(OK);
        assert!(task.result().unwrap().is_complete());
    }
    assert_eq!(world.made(), 1);
}

#[test]
fn a_request_that_cannot_be_sent_changes_nothing() {
    let (world, pool) = World::pool(Config::default());
    let bodies = [Some(b"hell".to_vec()), Some(b"hello!".to_vec()), None];
    for body in bodies {
        for expect_continue in [false, true] {
            let head = head_of("PUT", &[("Content-Length", "5"), ("Expect", "100-continue")]);
            let wrong = Request { body: body.clone(), head, expect_continue, ..get(1) };
            assert!(matches!(send(&world, &pool, wrong).result(), Err(Error::Request(_))));
        }
    }
    let wrong = Request { body: Some(b"x".to_vec()), ..get(1) };
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
fn interim_responses_are_skipped() {
    let (world, pool) = World::pool(Config::default());
    let task = send(&world, &pool, get(1));
    world.wire(0).send("HTTP/1.1 103 \r\nLink: x\r\n\r\nHTTP/1.1 102 \r\n\r\n");
    world.run();
    assert!(!task.is_done());
    world.wire(0).send(["HTTP/1.1 100 \r\n\r\n", OK].concat());
    let response = task.result().unwrap();
    assert_eq!((response.head().status(), response.is_complete()), (200, true));
    assert_eq!(counts(&pool), (1, 0, 0));
}

#[test]
fn a_response_without_a_body_is_complete_with_its_head() {
    for (method, head) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", "HTTP/1.1 204 \r\n\r\n"),
        ("GET", "HTTP/1.1 304 \r\nContent-Length: 100\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ] {
        let (world, pool) = World::pool(Config::default());
        let task = send(&world, &pool, Request { head: head_of(method, &[]), ..get(1) });
        world.wire(0).send(head);
        let response = task.result().unwrap();
        assert!(response.is_complete() && response.try_read_all().unwrap().unwrap().is_empty());
        assert_eq!(counts(&pool), (1, 0, 0), "{method} {head}");
    }
}

#[test]
fn a_connection_is_kept_only_if_both_sides_want_it() {
    for (request, response, is_kept) in [
        ("keep-alive", "HTTP/1.1 204 \r\nConnection: close\r\n\r\n", false),
        ("close", "HTTP/1.1 204 \r\n\r\n", false),
        ("keep-alive", "HTTP/1.0 204 \r\n\r\n", false),
        ("keep-alive", "HTTP/1.0 204 \r\nConnection: keep-alive\r\n\r\n", true),
        ("keep-alive", "HTTP/1.1 204 \r\n\r\nmore", false),
    ] {
        let (world, pool) = World::pool(Config::default());
        let head = head_of("GET", &[("Connection", request)]);
        let task = send(&world, &pool, Request { head, ..get(1) });
        world.wire(0).send(response);
        assert!(task.result().unwrap().is_complete());
        assert_eq!((pool.idle(), world.open()), (is_kept.into(), is_kept.into()), "{response}");
    }
}

#[test]
fn nonsense_closes_the_connection() {
    for nonsense in ["hello\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 101 \r\n\r\n"] {
        let (world, pool) = World::pool(Config::default());
        let task = send(&world, &pool, Request { may_retry: true, ..get(1) });
        world.wire(0).send(nonsense);
        assert!(matches!(task.result(), Err(Error::Response(_))));
        assert_eq!((counts(&pool), world.open(), world.made()), ((0, 0, 0), 0, 1));
    }
}

/// A request is given up at each point where it waits. Nothing is left behind.
#[test]
fn a_request_can_be_dropped_wherever_it_waits() {
    let head = head_of("PUT", &[("Content-Length", "5"), ("Expect", "100-continue")]);
    let timeouts = Timeouts {
        pool: Some(9.0),
        connect: Some(9.0),
        acquire: Some(9.0),
        read: Some(9.0),
        write: Some(9.0),
        deadline: Some(99.0),
    };
    let upload = Request {
        head,
        body: Some(b"hello".to_vec()),
        expect_continue: true,
        timeouts,
        may_retry: true,
        ..get(1)
    };
    for last in 0..=5 {
        let (world, pool) = World::pool(limited(1));
        let mut lease = pool.try_acquire(2);
        if last == 1 {
            world.attempts(&[Attempt::Hangs]);
        }
        let task = send(&world, &pool, upload.clone());
        for step in 1..=last {
            match step {
                1 => drop(lease.take()),
                2 => assert_eq!(world.made(), 1),
                3 => world.wire(0).send("HTTP/1.1 103 \r\n\r\nHT"),
                4 => world.wire(0).send("TP/1.1 100 \r\n\r\n"),
                _ => world.wire(0).send("HTTP/1.1 200 OK\r\nContent-Le"),
            }
            world.run();
        }
        assert!(!task.is_done(), "{last}");
        task.cancel();
        drop(lease);
        let left = (counts(&pool), world.open(), world.connecting(), world.timers());
        assert_eq!(left, ((0, 0, 0), 0, 0, 0), "{last}");
    }
}
