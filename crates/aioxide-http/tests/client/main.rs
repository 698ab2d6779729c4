//! The client: its pool, its exchanges, its responses, in a world in memory.

mod exchanges;
mod http2;
mod model;
mod pool;
mod requests;
mod responses;
#[path = "../support/mod.rs"]
mod support;
mod world;

use aioxide_http::client::{Pool, Request, RequestHead, Response, Timeouts, request};
use aioxide_http::{Limits, Target};
use world::{Error, Task, World};

/// A small response that keeps the connection.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

pub(crate) fn head_of(method: &str, headers: &[(&str, &str)]) -> RequestHead {
    let all = [&[("Host", "a")], headers].concat();
    let pairs = all.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let target = if method == "CONNECT" { "a:1" } else { "/" };
    let target = Target::of(method.as_bytes(), target.as_bytes());
    RequestHead::new(method.as_bytes(), target, pairs, Limits::default()).unwrap()
}

pub(crate) fn get(origin: u32) -> Request<Vec<u8>> {
    Request {
        origin,
        head: head_of("GET", &[]),
        body: None,
        timeouts: Timeouts::default(),
        may_retry: false,
        expect_continue: false,
    }
}

pub(crate) fn post(origin: u32, body: &[u8]) -> Request<Vec<u8>> {
    let head = head_of("POST", &[("Content-Length", &body.len().to_string())]);
    Request { head, body: Some(body.to_vec()), ..get(origin) }
}

/// Sends a request in a task of its own.
pub(crate) fn send(
    world: &World,
    pool: &Pool<World>,
    what: Request<Vec<u8>>,
) -> Task<Result<Response<World>, Error>> {
    world.spawn(request(pool.clone(), what))
}

/// Leaves a connection to this origin idle.
pub(crate) fn warm(world: &World, pool: &Pool<World>, origin: u32) {
    let task = send(world, pool, get(origin));
    let wire = world.wire(world.made() - 1);
    wire.sent();
    wire.send(OK);
    let response = task.result().unwrap();
    assert!(response.is_complete());
}

/// The counts of a pool: idle, in use, waiting.
pub(crate) fn counts(pool: &Pool<World>) -> (usize, usize, usize) {
    (pool.idle(), pool.in_use(), pool.waiting())
}
