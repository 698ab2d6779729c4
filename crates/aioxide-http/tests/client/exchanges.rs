//! Requests whose body is sent piece by piece.

use std::rc::Rc;

use aioxide_http::client::{Config, Exchange, Pool, Response, Timeout, Timeouts};

use crate::world::{Broken, Error, Task, World};
use crate::{OK, counts, get, head_of, send};

const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

type Shared = Rc<Exchange<World>>;

fn open_with(headers: &[(&str, &str)], timeouts: Timeouts) -> (World, Pool<World>, Shared) {
    let (world, pool) = World::pool(Config::default());
    let mut lease = pool.try_acquire(1).unwrap();
    let connected = world.spawn(async move { lease.connect(None).await.map(|()| lease) });
    let lease = connected.result().unwrap();
    let exchange = lease.open(head_of("POST", headers), timeouts).unwrap();
    world.wire(0).sent();
    (world, pool, Rc::new(exchange))
}

fn open(headers: &[(&str, &str)]) -> (World, Pool<World>, Shared) {
    open_with(headers, Timeouts::default())
}

fn write(world: &World, exchange: &Shared, data: &'static [u8]) -> Task<Result<bool, Error>> {
    let exchange = exchange.clone();
    world.spawn(async move { exchange.write(data).await })
}

fn end(world: &World, exchange: &Shared) -> Task<Result<bool, Error>> {
    let exchange = exchange.clone();
    world.spawn(async move { exchange.end(&[]).await })
}

fn respond(world: &World, exchange: &Shared) -> Task<Result<Response<World>, Error>> {
    let exchange = exchange.clone();
    world.spawn(async move { exchange.response().await })
}

fn nothing_is_left(world: &World, pool: &Pool<World>) {
    assert_eq!((counts(pool), world.open(), world.timers()), ((0, 0, 0), 0, 0));
}

mod sending {
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
}

mod answering_early {
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
}

mod receiving {
    use super::*;

    #[test]
    fn the_limit_for_reading_does_not_run_while_the_request_is_sent() {
        let timeouts = Timeouts { read: Some(2.0), ..Timeouts::default() };
        let (world, pool, exchange) = open_with(&[CHUNKED], timeouts);
        let answered = respond(&world, &exchange);
        world.pass(100.0);
        assert!(!answered.is_done() && world.timers_made() == 0);
        assert!(end(&world, &exchange).result().unwrap());
        world.pass(1.9);
        assert!(!answered.is_done());
        world.pass(0.2);
        assert!(matches!(answered.result(), Err(Error::Timeout(Timeout::Read))));
        nothing_is_left(&world, &pool);
    }

    #[test]
    fn the_whole_may_take_too_long() {
        let timeouts = Timeouts { deadline: Some(2.0), ..Timeouts::default() };
        let (world, pool, exchange) = open_with(&[CHUNKED], timeouts);
        let answered = respond(&world, &exchange);
        world.pass(2.1);
        assert!(matches!(answered.result(), Err(Error::Timeout(Timeout::Total))));
        nothing_is_left(&world, &pool);
    }

    #[test]
    fn a_response_is_taken_once() {
        let (world, _pool, exchange) = open(&[]);
        let first = respond(&world, &exchange);
        assert!(matches!(respond(&world, &exchange).result(), Err(Error::Busy)));
        world.wire(0).send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
        let response = first.result().unwrap();
        assert!(matches!(respond(&world, &exchange).result(), Err(Error::Ended)));
        world.wire(0).send("body");
        assert_eq!(response.try_read_all().unwrap().unwrap(), b"body");
    }

    #[test]
    fn a_wait_that_is_dropped_can_be_repeated() {
        let (world, pool, exchange) = open(&[]);
        let first = respond(&world, &exchange);
        world.wire(0).send("HTTP/1.1 200 OK\r\nContent-");
        world.run();
        first.cancel();
        world.wire(0).send("Length: 0\r\n\r\n");
        assert!(respond(&world, &exchange).result().unwrap().is_complete());
        assert_eq!(counts(&pool), (1, 0, 0));
    }

    /// The body is cut, so the connection cannot be kept; the response can be read.
    #[test]
    fn a_sender_that_gives_up_leaves_the_response_alone() {
        let timeouts = Timeouts { read: Some(2.0), ..Timeouts::default() };
        let (world, pool, exchange) = open_with(&[CHUNKED], timeouts);
        let answered = respond(&world, &exchange);
        world.wire(0).send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
        let response = Rc::new(answered.result().unwrap());
        let reader = response.clone();
        let read = world.spawn(async move { reader.read_all().await });
        world.pass(100.0);
        drop(exchange);
        // Now the server has to go on.
        world.pass(1.0);
        world.wire(0).send("body");
        assert_eq!(read.result().unwrap(), b"body");
        nothing_is_left(&world, &pool);
    }
}

mod expecting {
    use super::*;

    const EXPECT: (&str, &str) = ("Expect", "100-continue");

    fn wait(world: &World, exchange: &Shared) -> Task<Result<bool, Error>> {
        let exchange = exchange.clone();
        world.spawn(async move { exchange.wait_continue().await })
    }

    #[test]
    fn it_is_true_at_100() {
        for with_receiver in [false, true] {
            let (world, pool, exchange) = open(&[CHUNKED, EXPECT]);
            let receiver = with_receiver.then(|| respond(&world, &exchange));
            let waiting = wait(&world, &exchange);
            world.wire(0).send("HTTP/1.1 103 \r\n\r\n");
            world.run();
            assert!(!waiting.is_done());
            world.wire(0).send("HTTP/1.1 100 \r\n\r\n");
            assert!(waiting.result().unwrap());
            assert!(end(&world, &exchange).result().unwrap());
            world.wire(0).send(OK);
            let answered = receiver.unwrap_or_else(|| respond(&world, &exchange));
            assert!(answered.result().unwrap().is_complete());
            assert_eq!(counts(&pool), (1, 0, 0));
        }
    }

    #[test]
    fn whoever_looks_first_tells_the_other() {
        let (world, _pool, exchange) = open(&[CHUNKED, EXPECT]);
        let waiting = wait(&world, &exchange);
        let _receiver = respond(&world, &exchange);
        world.wire(0).send("HTTP/1.1 100 \r\n\r\n");
        assert!(waiting.result().unwrap());
        assert!(wait(&world, &exchange).result().unwrap());
    }

    #[test]
    fn it_is_false_at_anything_else() {
        for end in ["HTTP/1.1 417 \r\nContent-Length: 0\r\n\r\n", "nonsense", ""] {
            let (world, pool, exchange) = open(&[CHUNKED, EXPECT]);
            let waiting = wait(&world, &exchange);
            world.wire(0).send(end);
            world.wire(0).end();
            assert!(!waiting.result().unwrap());
            match respond(&world, &exchange).result() {
                Ok(response) => assert!(response.is_complete()),
                Err(Error::Response(_) | Error::Disconnected { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            nothing_is_left(&world, &pool);
        }
    }

    #[test]
    fn the_wait_can_be_given_up() {
        let (world, _pool, exchange) = open(&[CHUNKED, EXPECT]);
        wait(&world, &exchange).cancel();
        assert!(write(&world, &exchange, b"a").result().unwrap());
        assert!(end(&world, &exchange).result().unwrap());
        world.wire(0).send(["HTTP/1.1 100 \r\n\r\n", OK].concat());
        assert!(respond(&world, &exchange).result().unwrap().is_complete());
    }

    #[test]
    fn the_whole_may_take_too_long() {
        let timeouts = Timeouts { deadline: Some(2.0), ..Timeouts::default() };
        let (world, _pool, exchange) = open_with(&[CHUNKED, EXPECT], timeouts);
        let waiting = wait(&world, &exchange);
        world.pass(2.1);
        assert!(matches!(waiting.result(), Err(Error::Timeout(Timeout::Total))));
    }
}

mod ending {
    use super::*;

    #[test]
    fn a_dropped_exchange_closes_its_connection() {
        let (world, pool, exchange) = open(&[CHUNKED]);
        drop(exchange);
        nothing_is_left(&world, &pool);
    }

    #[test]
    fn closing_ends_every_wait() {
        let (world, pool, exchange) = open(&[CHUNKED]);
        world.wire(0).fill(true);
        let (written, answered) = (write(&world, &exchange, b"a"), respond(&world, &exchange));
        exchange.close();
        assert!(!written.result().unwrap());
        assert!(matches!(answered.result(), Err(Error::Ended)));
        nothing_is_left(&world, &pool);
    }

    #[test]
    fn an_exchange_that_is_over_does_not_touch_the_next_one() {
        let (world, pool, exchange) = open(&[]);
        world.wire(0).send(OK);
        assert!(respond(&world, &exchange).result().unwrap().is_complete());
        let next = send(&world, &pool, get(1));
        world.wire(0).sent();
        assert!(!exchange.send(b"x").unwrap() && !end(&world, &exchange).result().unwrap());
        assert!(matches!(respond(&world, &exchange).result(), Err(Error::Ended)));
        let wait = exchange.clone();
        assert!(!world.spawn(async move { wait.wait_continue().await }).result().unwrap());
        assert!(exchange.stream().is_none());
        exchange.close();
        drop(exchange);
        assert_eq!(world.wire(0).sent(), "");
        world.wire(0).send(OK);
        assert!(next.result().unwrap().is_reused());
    }

    #[test]
    fn a_lease_without_a_connection_cannot_be_opened() {
        let (_world, pool) = World::pool(Config::default());
        let lease = pool.try_acquire(1).unwrap();
        let opened = lease.open(head_of("GET", &[]), Timeouts::default());
        assert!(matches!(opened.err(), Some(Error::Ended)));
        assert_eq!(counts(&pool), (0, 0, 0));
    }
}
