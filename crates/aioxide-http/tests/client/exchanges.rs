//! Requests whose body is sent piece by piece.

mod answering_early;
mod expecting;
mod sending;

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
