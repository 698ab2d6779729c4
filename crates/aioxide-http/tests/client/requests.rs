//! A whole request in one call.

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

mod time {
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
        let task =
            send(&world, &pool, with(Timeouts { acquire: Some(5.0), ..Timeouts::default() }));
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
}

mod repeating {
    use super::*;

    fn again(what: Request<Vec<u8>>) -> Request<Vec<u8>> {
        Request { may_retry: true, ..what }
    }

    #[test]
    fn a_stale_connection_is_replaced_once() {
        let (world, pool) = World::pool(limited(1));
        warm(&world, &pool, 1);
        let task = send(&world, &pool, again(post(1, b"hello")));
        // The place is kept: nobody comes in between.
        let waiting = world.spawn(pool.acquire(2));
        world.wire(0).end();
        world.run();
        assert!(!waiting.is_done() && world.wire(0).is_closed());
        assert!(world.wire(1).sent().ends_with("hello"));
        world.wire(1).end();
        let error = task.result().err();
        assert!(
            matches!(error, Some(Error::Disconnected { is_reused: false, has_begun: false, .. })),
            "{error:?}"
        );
        assert!(waiting.is_done());
        assert_eq!(world.open(), 0);
    }

    #[test]
    fn so_is_one_that_fails() {
        let (world, pool) = World::pool(Config::default());
        warm(&world, &pool, 1);
        let task = send(&world, &pool, again(get(1)));
        world.wire(0).break_reading("reset");
        world.run();
        world.wire(1).send(OK);
        assert!(!task.result().unwrap().is_reused());
        assert_eq!((counts(&pool), world.open()), ((1, 0, 0), 1));
    }

    #[test]
    fn another_idle_connection_is_not_tried() {
        let (world, pool) = World::pool(Config::default());
        let both = [send(&world, &pool, get(1)), send(&world, &pool, get(1))];
        world.wire(0).send(OK);
        world.wire(1).send(OK);
        assert!(both.iter().all(|task| task.result().is_ok()));
        let task = send(&world, &pool, again(get(1)));
        world.wire(1).end();
        world.run();
        assert_eq!((world.made(), world.wire(2).sent()), (3, GET.to_string()));
        world.wire(2).send(OK);
        assert!(task.result().unwrap().is_complete());
    }

    #[test]
    fn not_unless_the_caller_allows_it() {
        let (world, pool) = World::pool(Config::default());
        warm(&world, &pool, 1);
        let task = send(&world, &pool, get(1));
        world.wire(0).end();
        let error = task.result().err();
        assert!(matches!(
            error,
            Some(Error::Disconnected { is_reused: true, has_begun: false, sending: None })
        ));
        assert_eq!((counts(&pool), world.made()), ((0, 0, 0), 1));
    }

    #[test]
    fn not_on_a_new_connection() {
        let (world, pool) = World::pool(Config::default());
        let task = send(&world, &pool, again(get(1)));
        world.wire(0).end();
        assert!(matches!(task.result(), Err(Error::Disconnected { is_reused: false, .. })));
        assert_eq!(world.made(), 1);
    }

    #[test]
    fn not_if_something_of_a_response_has_arrived() {
        for (beginning, is_read_error) in [("H", false), ("HTTP/1.1 100 \r\n\r\n", true)] {
            let (world, pool) = World::pool(Config::default());
            warm(&world, &pool, 1);
            let task = send(&world, &pool, again(get(1)));
            world.wire(0).send(beginning);
            world.run();
            if is_read_error {
                world.wire(0).break_reading("reset");
                assert!(matches!(task.result(), Err(Error::Read(Broken("reset")))));
            } else {
                world.wire(0).end();
                let error = task.result().err();
                assert!(matches!(error, Some(Error::Disconnected { has_begun: true, .. })));
            }
            assert_eq!((counts(&pool), world.made()), ((0, 0, 0), 1));
        }
    }

    #[test]
    fn not_after_a_time_limit() {
        let (world, pool) = World::pool(Config::default());
        warm(&world, &pool, 1);
        let timeouts = Timeouts { read: Some(1.0), ..Timeouts::default() };
        let task = send(&world, &pool, again(Request { timeouts, ..get(1) }));
        world.pass(2.0);
        assert!(matches!(task.result(), Err(Error::Timeout(Timeout::Read))));
        assert_eq!(world.made(), 1);
    }
}

mod failures_of_sending {
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
}

mod expecting {
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
