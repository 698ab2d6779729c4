//! Connections of HTTP/2, against the server half of h2.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;

use aioxide_http::client::{Config, Pool, Response, Timeout, Timeouts};
use aioxide_http::{Limits, Version};
use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;

use crate::world::{Attempt, Error, FarEnd, Task, World};
use crate::{counts, get, head_of, post, send};

type Call = (Request<RecvStream>, SendResponse<Bytes>);

/// A server that has the calls it received in a row.
#[derive(Clone, Default)]
struct Server {
    calls: Rc<RefCell<VecDeque<Call>>>,
    is_leaving: Rc<RefCell<Option<bool>>>,
}

impl Server {
    /// Answers the connection that was made as the n-th.
    fn on(world: &World, number: usize, builder: &Builder) -> Self {
        let server = Self::default();
        let handshake = builder.handshake::<_, Bytes>(FarEnd(world.wire(number)));
        let this = server.clone();
        world.add(Box::pin(async move {
            let Ok(mut connection) = handshake.await else { return };
            poll_fn(|cx| {
                match this.is_leaving.take() {
                    Some(true) => connection.abrupt_shutdown(Reason::NO_ERROR),
                    Some(false) => connection.graceful_shutdown(),
                    None => {}
                }
                loop {
                    match connection.poll_accept(cx) {
                        std::task::Poll::Ready(Some(Ok(call))) => {
                            this.calls.borrow_mut().push_back(call);
                        }
                        std::task::Poll::Ready(_) => return std::task::Poll::Ready(()),
                        std::task::Poll::Pending => return std::task::Poll::Pending,
                    }
                }
            })
            .await;
        }));
        world.run();
        server
    }

    fn waiting(&self) -> usize {
        self.calls.borrow().len()
    }

    #[track_caller]
    fn call(&self) -> Call {
        self.calls.borrow_mut().pop_front().expect("a request")
    }

    /// Answers the next call with this body.
    #[track_caller]
    fn answer(&self, world: &World, body: &'static str) {
        let (_, mut respond) = self.call();
        let mut send = respond.send_response(http::Response::new(()), false).unwrap();
        send.send_data(Bytes::from_static(body.as_bytes()), true).unwrap();
        drop((send, respond));
        world.run();
    }
}

fn world() -> (World, Pool<World>) {
    let (world, pool) = World::pool(Config { http2: true, ..Config::default() });
    world.speak_http2(true);
    (world, pool)
}

fn text(world: &World, response: Response<World>) -> Result<String, Error> {
    let read = world.spawn(async move { response.read_all().await }).result();
    read.map(|body| String::from_utf8(body).unwrap())
}

/// A request whose response has arrived.
#[track_caller]
fn arrived(task: Task<Result<Response<World>, Error>>) -> Response<World> {
    task.result().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn requests_at_the_same_time_share_one_connection() {
    let (world, pool) = world();
    let tasks: Vec<_> = (0..3).map(|_| send(&world, &pool, get(1))).collect();
    // The others wait for what becomes of the first one's connection.
    assert_eq!((world.made(), pool.waiting()), (1, 2));
    let server = Server::on(&world, 0, &Builder::new());
    assert_eq!((server.waiting(), counts(&pool)), (3, (0, 1, 0)));
    for body in ["one", "two", "three"] {
        server.answer(&world, body);
    }
    for (task, body) in tasks.into_iter().zip(["one", "two", "three"]) {
        let response = arrived(task);
        assert_eq!((response.head().version(), response.head().status()), (Version::Http2, 200));
        assert!(response.is_complete());
        assert_eq!(text(&world, response).unwrap(), body);
    }
    assert_eq!((world.made(), counts(&pool)), (1, (1, 0, 0)));
    let again = send(&world, &pool, get(1));
    server.answer(&world, "four");
    assert!(arrived(again).is_reused());
    assert_eq!((world.made(), counts(&pool)), (1, (1, 0, 0)));
}

#[test]
fn requests_beyond_the_limit_of_streams_wait_in_order() {
    let (world, pool) = world();
    let tasks: Vec<_> = (0..4).map(|_| send(&world, &pool, get(1))).collect();
    let server = Server::on(&world, 0, Builder::new().max_concurrent_streams(2));
    assert_eq!((server.waiting(), pool.waiting()), (2, 2));
    server.answer(&world, "one");
    assert_eq!((server.waiting(), pool.waiting()), (2, 1));
    server.answer(&world, "two");
    server.answer(&world, "three");
    server.answer(&world, "four");
    for (task, body) in tasks.into_iter().zip(["one", "two", "three", "four"]) {
        assert_eq!(text(&world, arrived(task)).unwrap(), body);
    }
    assert_eq!((world.made(), counts(&pool)), (1, (1, 0, 0)));
}

#[test]
fn a_caller_that_gives_up_leaves_its_turn_to_the_next() {
    let (world, pool) = world();
    let first = send(&world, &pool, get(1));
    let second = send(&world, &pool, get(1));
    let third = send(&world, &pool, get(1));
    let server = Server::on(&world, 0, Builder::new().max_concurrent_streams(1));
    second.cancel();
    server.answer(&world, "one");
    server.answer(&world, "three");
    drop(first);
    assert_eq!(text(&world, arrived(third)).unwrap(), "three");
}

#[test]
fn an_origin_of_http_1_gets_a_connection_for_each_request() {
    let (world, pool) = world();
    world.speak_http2(false);
    let tasks: Vec<_> = (0..3).map(|_| send(&world, &pool, get(1))).collect();
    world.run();
    assert_eq!((world.made(), pool.waiting()), (3, 0));
    for (number, task) in tasks.into_iter().enumerate() {
        world.wire(number).send(crate::OK);
        assert_eq!(arrived(task).head().version(), Version::Http11);
    }
}

#[test]
fn an_attempt_that_fails_holds_up_nobody() {
    let (world, pool) = world();
    world.attempts(&[Attempt::Fails("no"), Attempt::Succeeds]);
    let first = send(&world, &pool, get(1));
    let second = send(&world, &pool, get(1));
    assert!(matches!(first.result(), Err(Error::Connect(_))));
    let server = Server::on(&world, 0, &Builder::new());
    server.answer(&world, "two");
    assert_eq!(text(&world, arrived(second)).unwrap(), "two");
    // Nor does one that is given up.
    world.attempts(&[Attempt::Hangs, Attempt::Succeeds]);
    let first = send(&world, &pool, get(2));
    let second = send(&world, &pool, get(2));
    first.cancel();
    let server = Server::on(&world, 1, &Builder::new());
    server.answer(&world, "two");
    assert_eq!(text(&world, arrived(second)).unwrap(), "two");
}

#[test]
fn heads_are_mapped() {
    let (world, pool) = world();
    let head = head_of("POST", &[("Content-Length", "2"), ("Connection", "close"), ("X-A", "b")]);
    let task = send(&world, &pool, aioxide_http::client::Request { head, ..post(1, b"hi") });
    let server = Server::on(&world, 0, &Builder::new());
    let (request, mut respond) = server.call();
    assert_eq!(
        (request.method().as_str(), request.uri()),
        ("POST", &"https://a/".parse().unwrap())
    );
    let names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["content-length", "x-a"]);
    let response = http::Response::builder()
        .status(404)
        .header("X-B", "c")
        .header("x-b", "d")
        .body(())
        .unwrap();
    respond.send_response(response, true).unwrap();
    world.run();
    let response = arrived(task);
    assert!(response.is_complete());
    assert_eq!((response.head().status(), response.head().reason()), (404, &b""[..]));
    let fields: Vec<_> = response.head().headers().iter().collect();
    assert_eq!(fields, [(&b"x-b"[..], &b"c"[..]), (b"x-b", b"d")]);
}

#[test]
fn too_many_headers_are_refused() {
    let limits = Limits { header_count: 3, ..Limits::default() };
    let (world, pool) = World::pool(Config { http2: true, limits, ..Config::default() });
    world.speak_http2(true);
    let task = send(&world, &pool, get(1));
    let server = Server::on(&world, 0, &Builder::new());
    let mut response = http::Response::builder();
    for name in ["a", "b", "c", "d"] {
        response = response.header(name, "1");
    }
    let (_, mut respond) = server.call();
    respond.send_response(response.body(()).unwrap(), true).unwrap();
    world.run();
    assert!(matches!(task.result(), Err(Error::Response(aioxide_http::Error::TooLarge { .. }))));
}

#[test]
fn a_body_is_sent_as_the_server_takes_it() {
    let (world, pool) = world();
    let body = vec![b'x'; 300_000];
    let task = send(&world, &pool, post(1, &body));
    let server = Server::on(&world, 0, &Builder::new());
    let (mut request, mut respond) = server.call();
    let receive = world.spawn(async move {
        let mut count = 0;
        while let Some(data) = request.body_mut().data().await {
            let data = data.unwrap();
            count += data.len();
            request.body_mut().flow_control().release_capacity(data.len()).unwrap();
        }
        respond.send_response(http::Response::new(()), true).unwrap();
        count
    });
    assert_eq!(receive.result(), body.len());
    assert!(arrived(task).is_complete());
}

#[test]
fn a_server_that_takes_nothing_runs_into_the_time_limit_of_writing() {
    let (world, pool) = world();
    let timeouts = Timeouts { write: Some(5.0), ..Timeouts::default() };
    let large = aioxide_http::client::Request { timeouts, ..post(1, &vec![b'x'; 300_000]) };
    let task = send(&world, &pool, large);
    let server = Server::on(&world, 0, &Builder::new());
    let _call = server.call();
    world.pass(4.9);
    assert!(!task.is_done());
    world.pass(0.2);
    assert!(matches!(task.result(), Err(Error::Timeout(Timeout::Write))));
    // The connection goes on.
    let next = send(&world, &pool, get(1));
    server.answer(&world, "next");
    assert_eq!(text(&world, arrived(next)).unwrap(), "next");
    assert_eq!(world.made(), 1);
}

#[test]
fn a_response_that_nobody_reads_is_bounded_and_holds_up_no_other() {
    let (world, pool) = world();
    let task = send(&world, &pool, get(1));
    let other = send(&world, &pool, get(1));
    let server = Server::on(&world, 0, &Builder::new());
    let (_, mut respond) = server.call();
    let mut send = respond.send_response(http::Response::new(()), false).unwrap();
    send.send_data(Bytes::from(vec![b'x'; 1 << 20]), true).unwrap();
    world.run();
    let response = arrived(task);
    assert!(!response.is_complete());
    server.answer(&world, "other");
    assert_eq!(text(&world, arrived(other)).unwrap(), "other");
    // What the server could not send yet is still there.
    assert!(send.capacity() == 0);
    assert_eq!(text(&world, response).unwrap().len(), 1 << 20);
    assert_eq!(counts(&pool), (1, 0, 0));
}

#[test]
fn trailers_are_received() {
    let (world, pool) = world();
    let task = send(&world, &pool, get(1));
    let server = Server::on(&world, 0, &Builder::new());
    let (_, mut respond) = server.call();
    let mut send = respond.send_response(http::Response::new(()), false).unwrap();
    send.send_data(Bytes::from_static(b"body"), false).unwrap();
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-sum", "1".parse().unwrap());
    send.send_trailers(trailers).unwrap();
    world.run();
    let response = arrived(task);
    assert!(response.is_complete());
    assert_eq!(response.trailers().get("x-sum"), Some(&b"1"[..]));
    assert_eq!(text(&world, response).unwrap(), "body");
}

#[test]
fn a_reset_ends_one_stream() {
    let (world, pool) = world();
    let tasks = [send(&world, &pool, get(1)), send(&world, &pool, get(1))];
    let server = Server::on(&world, 0, &Builder::new());
    let (_, mut respond) = server.call();
    respond.send_reset(Reason::INTERNAL_ERROR);
    world.run();
    let [first, second] = tasks;
    let error = first.result().err().unwrap();
    assert_eq!(error.to_string(), "the server reset the stream: INTERNAL_ERROR");
    server.answer(&world, "second");
    assert_eq!(text(&world, arrived(second)).unwrap(), "second");
}

#[test]
fn a_refused_request_is_sent_again() {
    let (world, pool) = world();
    let task = send(&world, &pool, post(1, b"body"));
    let server = Server::on(&world, 0, &Builder::new());
    let (_, mut respond) = server.call();
    respond.send_reset(Reason::REFUSED_STREAM);
    drop(respond);
    world.run();
    server.answer(&world, "again");
    assert_eq!(text(&world, arrived(task)).unwrap(), "again");
}

#[test]
fn a_request_that_needs_http_1_is_sent_again_over_it() {
    let (world, pool) = world();
    let task = send(&world, &pool, post(1, b"body"));
    let other = send(&world, &pool, get(1));
    let server = Server::on(&world, 0, &Builder::new());
    let (_, mut respond) = server.call();
    respond.send_reset(Reason::HTTP_1_1_REQUIRED);
    drop(respond);
    world.run();
    assert_eq!(world.made(), 2);
    assert!(world.wire(1).sent().ends_with("\r\n\r\nbody"));
    world.wire(1).send(crate::OK);
    let response = arrived(task);
    assert_eq!(response.head().version(), Version::Http11);
    // What is under way on the other connection goes on, and nothing is added to it.
    server.answer(&world, "other");
    assert_eq!(text(&world, arrived(other)).unwrap(), "other");
    drop(response);
    let next: Vec<_> = (0..2).map(|_| send(&world, &pool, get(1))).collect();
    assert_eq!((server.waiting(), pool.waiting()), (0, 0));
    let last = world.made() - 1;
    for number in [1, last] {
        if !world.wire(number).is_closed() {
            world.wire(number).send(crate::OK);
        }
    }
    for task in next {
        assert_eq!(arrived(task).head().version(), Version::Http11);
    }
    assert!(world.wire(0).is_closed());
    // Other origins are asked as before.
    let elsewhere = send(&world, &pool, get(2));
    Server::on(&world, world.made() - 1, &Builder::new()).answer(&world, "two");
    assert_eq!(arrived(elsewhere).head().version(), Version::Http2);
}

#[test]
fn requests_that_wait_for_a_stream_fall_back_too() {
    let (world, pool) = world();
    let first = send(&world, &pool, get(1));
    let second = send(&world, &pool, get(1));
    let server = Server::on(&world, 0, Builder::new().max_concurrent_streams(1));
    assert_eq!(pool.waiting(), 1);
    server.call().1.send_reset(Reason::HTTP_1_1_REQUIRED);
    world.run();
    for number in 1..world.made() {
        world.wire(number).send(crate::OK);
    }
    for task in [first, second] {
        assert_eq!(arrived(task).head().version(), Version::Http11);
    }
    assert_eq!((server.waiting(), pool.waiting()), (0, 0));
}

#[test]
fn a_connection_that_is_ended_for_http_1_falls_back() {
    let (world, pool) = world();
    let task = send(&world, &pool, post(1, b"body"));
    let _server = Server::on(&world, 0, &Builder::new());
    // GOAWAY with last stream 0 and HTTP_1_1_REQUIRED.
    world.wire(0).send(b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0d");
    world.run();
    assert!(world.wire(1).sent().ends_with("\r\n\r\nbody"));
    world.wire(1).send(crate::OK);
    assert_eq!(arrived(task).head().version(), Version::Http11);
}

#[test]
fn a_streamed_request_that_needs_http_1_fails_and_the_next_one_uses_it() {
    let (world, pool) = world();
    let lease = pool.try_acquire(1).unwrap();
    let lease = world.spawn(async move {
        let mut lease = lease;
        lease.connect(None).await.unwrap();
        lease
    });
    let head = head_of("POST", &[("Transfer-Encoding", "chunked")]);
    let exchange = lease.result().open(head, Timeouts::default()).unwrap();
    let server = Server::on(&world, 0, &Builder::new());
    server.call().1.send_reset(Reason::HTTP_1_1_REQUIRED);
    world.run();
    let error = world.spawn(async move { exchange.response().await }).result().err().unwrap();
    assert_eq!(error.to_string(), "the server reset the stream: HTTP_1_1_REQUIRED");
    let next = send(&world, &pool, get(1));
    world.wire(1).send(crate::OK);
    assert_eq!(arrived(next).head().version(), Version::Http11);
}

#[test]
fn a_request_above_the_last_one_that_the_server_saw_goes_to_a_new_connection() {
    let (world, pool) = world();
    let first = send(&world, &pool, get(1));
    let server = Server::on(&world, 0, &Builder::new());
    let second = send(&world, &pool, post(1, b"body"));
    assert_eq!(server.waiting(), 2);
    // GOAWAY with last stream 1: flags, then code 0.
    world.wire(0).send(b"\0\0\x08\x07\0\0\0\0\0\0\0\0\x01\0\0\0\0");
    world.run();
    assert_eq!(world.made(), 2);
    let other = Server::on(&world, 1, &Builder::new());
    other.answer(&world, "second");
    assert_eq!(text(&world, arrived(second)).unwrap(), "second");
    // What the server has seen goes on.
    server.answer(&world, "first");
    assert_eq!(text(&world, arrived(first)).unwrap(), "first");
    assert!(world.wire(0).is_closed() && !world.wire(1).is_closed());
}

#[test]
fn giving_up_resets_the_stream_only() {
    let (world, pool) = world();
    let tasks = [send(&world, &pool, get(1)), send(&world, &pool, get(1))];
    let server = Server::on(&world, 0, &Builder::new());
    let [first, second] = tasks;
    first.cancel();
    let (_, mut respond) = server.call();
    let reset = world.spawn(async move { poll_fn(|cx| respond.poll_reset(cx)).await });
    assert_eq!(reset.result().unwrap(), Reason::CANCEL);
    server.answer(&world, "second");
    assert_eq!(text(&world, arrived(second)).unwrap(), "second");
    // So does dropping a response that was not read.
    let third = send(&world, &pool, get(1));
    let (_, mut respond) = server.call();
    let mut send_ = respond.send_response(http::Response::new(()), false).unwrap();
    world.run();
    drop(arrived(third));
    let reset = world.spawn(async move { poll_fn(|cx| send_.poll_reset(cx)).await });
    assert_eq!(reset.result().unwrap(), Reason::CANCEL);
    assert_eq!((world.open(), counts(&pool)), (1, (1, 0, 0)));
}

#[test]
fn silence_runs_into_the_time_limit_of_reading() {
    let (world, pool) = world();
    let timeouts = Timeouts { read: Some(5.0), ..Timeouts::default() };
    let limited = |origin| aioxide_http::client::Request { timeouts, ..get(origin) };
    let task = send(&world, &pool, limited(1));
    let server = Server::on(&world, 0, &Builder::new());
    let _call = server.call();
    world.pass(5.1);
    assert!(matches!(task.result(), Err(Error::Timeout(Timeout::Read))));
    let task = send(&world, &pool, limited(1));
    let (_, mut respond) = server.call();
    let _send = respond.send_response(http::Response::new(()), false).unwrap();
    world.run();
    let response = arrived(task);
    let read = world.spawn(async move { response.read_all().await });
    world.pass(5.1);
    assert!(matches!(read.result(), Err(Error::Timeout(Timeout::Read))));
    assert_eq!((world.open(), counts(&pool)), (1, (1, 0, 0)));
}

#[test]
fn a_connection_that_is_lost_fails_its_streams() {
    let (world, pool) = world();
    let head = send(&world, &pool, get(1));
    let body = send(&world, &pool, get(1));
    let server = Server::on(&world, 0, &Builder::new());
    let _unanswered = server.call();
    let (_, mut respond) = server.call();
    let _send = respond.send_response(http::Response::new(()), false).unwrap();
    world.run();
    let response = arrived(body);
    world.wire(0).end();
    world.run();
    assert!(matches!(head.result(), Err(Error::Disconnected { .. })));
    let read = text(&world, response);
    assert!(matches!(read, Err(Error::IncompleteBody { received: 0, expected: None })));
    assert_eq!((world.open(), counts(&pool)), (0, (0, 0, 0)));
}

#[test]
fn an_error_of_the_connection_reaches_each_stream() {
    let (world, pool) = world();
    let tasks = [send(&world, &pool, get(1)), send(&world, &pool, get(1))];
    let _server = Server::on(&world, 0, &Builder::new());
    world.wire(0).break_reading("reset");
    world.run();
    for task in tasks {
        assert!(matches!(task.result(), Err(Error::Read(_))));
    }
}

#[test]
fn a_stale_connection_is_replaced_if_the_request_may_be_repeated() {
    let (world, pool) = world();
    let first = send(&world, &pool, get(1));
    let server = Server::on(&world, 0, &Builder::new());
    server.answer(&world, "first");
    drop(arrived(first));
    let again = aioxide_http::client::Request { may_retry: true, ..get(1) };
    let task = send(&world, &pool, again);
    world.wire(0).end();
    world.run();
    let server = Server::on(&world, 1, &Builder::new());
    server.answer(&world, "second");
    assert_eq!(text(&world, arrived(task)).unwrap(), "second");
}

#[test]
fn closing_the_pool_ends_all() {
    let (world, pool) = world();
    let tasks = [send(&world, &pool, get(1)), send(&world, &pool, get(1))];
    let _server = Server::on(&world, 0, Builder::new().max_concurrent_streams(1));
    pool.close();
    world.run();
    for task in tasks {
        assert!(matches!(task.result(), Err(Error::PoolClosed)));
    }
    assert_eq!((world.open(), counts(&pool)), (0, (0, 0, 0)));
}

#[test]
fn an_idle_connection_expires() {
    let (world, pool) = world();
    let first = send(&world, &pool, get(1));
    Server::on(&world, 0, &Builder::new()).answer(&world, "first");
    drop(arrived(first));
    assert_eq!(world.expiry(), Some(15.0));
    world.pass(15.0);
    assert_eq!(pool.close_expired(15.0), None);
    world.run();
    assert_eq!((world.open(), counts(&pool)), (0, (0, 0, 0)));
}

#[test]
fn dropping_the_pool_ends_its_idle_connections() {
    let (world, pool) = world();
    let first = send(&world, &pool, get(1));
    Server::on(&world, 0, &Builder::new()).answer(&world, "first");
    drop(arrived(first));
    drop(pool);
    world.run();
    assert_eq!(world.open(), 0);
}

#[test]
fn both_directions_stream_at_once() {
    let (world, pool) = world();
    let first = send(&world, &pool, get(1));
    let server = Server::on(&world, 0, &Builder::new());
    server.answer(&world, "first");
    drop(arrived(first));
    let head = head_of("POST", &[("Transfer-Encoding", "chunked")]);
    let lease = pool.try_acquire(1).unwrap();
    assert!(lease.is_connected() && lease.is_reused());
    let exchange = Rc::new(lease.open(head, Timeouts::default()).unwrap());
    let write = |piece: &'static [u8]| {
        let exchange = exchange.clone();
        world.spawn(async move { exchange.write(piece).await }).result().unwrap()
    };
    assert!(write(b"ping"));
    let (mut request, mut respond) = server.call();
    let mut send = respond.send_response(http::Response::new(()), false).unwrap();
    send.send_data(Bytes::from_static(b"pong"), false).unwrap();
    world.run();
    let waiting = exchange.clone();
    let response = Rc::new(world.spawn(async move { waiting.response().await }).result().unwrap());
    let some = response.try_read_some(10, <[u8]>::to_vec).unwrap().unwrap();
    assert_eq!(some, b"pong");
    assert!(write(b"ping"));
    let ending = exchange.clone();
    assert!(world.spawn(async move { ending.end(&[(b"x-sum", b"1")]).await }).result().unwrap());
    let received = world.spawn(async move {
        let mut all = Vec::new();
        while let Some(data) = request.body_mut().data().await {
            all.extend_from_slice(&data.unwrap());
        }
        (all, request.body_mut().trailers().await.unwrap().unwrap())
    });
    let (all, trailers) = received.result();
    assert_eq!((&all[..], &trailers["x-sum"]), (&b"pingping"[..], &"1".parse().unwrap()));
    send.send_data(Bytes::new(), true).unwrap();
    world.run();
    assert_eq!(response.try_read_some(10, <[u8]>::len).unwrap().unwrap(), 0);
    drop(exchange);
    assert_eq!((world.open(), counts(&pool)), (1, (1, 0, 0)));
}

#[test]
fn a_response_that_comes_early_ends_the_sending() {
    let (world, pool) = world();
    let lease = pool.try_acquire(1).unwrap();
    let lease = world.spawn(async move {
        let mut lease = lease;
        lease.connect(None).await.unwrap();
        lease
    });
    let lease = lease.result();
    let head = head_of("POST", &[("Content-Length", "1000000")]);
    let exchange = Rc::new(lease.open(head, Timeouts::default()).unwrap());
    let server = Server::on(&world, 0, &Builder::new());
    let writing = exchange.clone();
    let written = world.spawn(async move { writing.write(&vec![b'x'; 1_000_000]).await });
    assert!(!written.is_done());
    let (_, mut respond) = server.call();
    let refusal = http::Response::builder().status(413).body(()).unwrap();
    respond.send_response(refusal, true).unwrap();
    world.run();
    assert!(!written.result().unwrap());
    let response = world.spawn(async move { exchange.response().await }).result().unwrap();
    assert_eq!(response.head().status(), 413);
    assert!(response.is_complete());
}
