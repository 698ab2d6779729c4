//! Bodies as they arrive.

mod errors;
mod giving_up;
mod splitting;
mod upgrades;

use std::rc::Rc;

use aioxide_http::client::{Config, Pool, Request, Response, Timeout, Timeouts};

use crate::world::{Error, Task, World};
use crate::{OK, counts, get, head_of, send};

fn world() -> (World, Pool<World>) {
    World::pool(Config::default())
}

/// The response to a request, of which so much has arrived.
fn begun(world: &World, pool: &Pool<World>, beginning: &str) -> Rc<Response<World>> {
    let task = send(world, pool, get(1));
    world.wire(world.made() - 1).send(beginning);
    Rc::new(task.result().unwrap())
}

fn read_all(world: &World, response: &Rc<Response<World>>) -> Task<Result<Vec<u8>, Error>> {
    let response = response.clone();
    world.spawn(async move { response.read_all().await })
}

fn read_some(
    world: &World,
    response: &Rc<Response<World>>,
    limit: usize,
) -> Task<Result<Vec<u8>, Error>> {
    let response = response.clone();
    world.spawn(async move { response.read_some(limit, <[u8]>::to_vec).await })
}

const SIX: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn a_body_is_read_as_it_arrives() {
    let (world, pool) = world();
    let response = begun(&world, &pool, &[SIX, "ab"].concat());
    assert!(!response.is_complete() && response.stream().is_some());
    // It stays in the stream, where reading can be paused.
    assert_eq!(world.wire(0).untaken(), 2);
    assert_eq!(read_some(&world, &response, 10).result().unwrap(), b"ab");
    let rest = read_all(&world, &response);
    world.wire(0).send("cd");
    world.run();
    assert!(!rest.is_done());
    world.wire(0).send("ef");
    assert_eq!(rest.result().unwrap(), b"cdef");
    assert!(response.is_complete());
    assert_eq!(counts(&pool), (1, 0, 0));
    assert_eq!(read_all(&world, &response).result().unwrap(), b"");
    assert_eq!(read_some(&world, &response, 10).result().unwrap(), b"");
}

#[test]
fn pieces_are_as_long_as_asked_at_most() {
    let (world, pool) = world();
    let response = begun(&world, &pool, &[SIX, "abcde"].concat());
    for piece in [&b"ab"[..], b"cd", b"e"] {
        assert_eq!(read_some(&world, &response, 2).result().unwrap(), piece);
    }
    assert!(response.try_read_some(2, |_| ()).is_none());
    assert_eq!(read_some(&world, &response, 0).result().unwrap(), b"");
    world.wire(0).send("f");
    assert_eq!(response.try_read_some(2, <[u8]>::to_vec).unwrap().unwrap(), b"f");
    // The connection was given back with the last byte, not by the next read.
    assert_eq!((response.is_complete(), counts(&pool)), (true, (1, 0, 0)));
}

#[test]
fn what_came_with_the_head_is_read_in_pieces_too() {
    let (world, pool) = world();
    let response = begun(&world, &pool, &[SIX, "abcdef"].concat());
    assert_eq!((response.is_complete(), counts(&pool)), (true, (1, 0, 0)));
    for piece in [&b"abcd"[..], b"ef", b"", b""] {
        assert_eq!(response.try_read_some(4, <[u8]>::to_vec).unwrap().unwrap(), piece);
    }
    let response = begun(&world, &pool, &[SIX, "abcdef"].concat());
    response.try_read_some(2, |_| ());
    assert_eq!(response.try_read_all().unwrap().unwrap(), b"cdef");
}

#[test]
fn chunks_that_have_arrived_are_one_piece() {
    let (world, pool) = world();
    let response = begun(&world, &pool, CHUNKED);
    world.wire(0).send("2\r\nab\r\n1\r\nc\r\n3\r\nde");
    assert_eq!(read_some(&world, &response, 100).result().unwrap(), b"abcde");
    let last = read_some(&world, &response, 100);
    assert!(!last.is_done());
    world.wire(0).send("f\r\n0\r\nX-Sum: 6\r\n\r\n");
    assert_eq!(last.result().unwrap(), b"f");
    assert!(response.is_complete());
    assert_eq!(response.trailers().get("x-sum"), Some(&b"6"[..]));
    assert_eq!(counts(&pool), (1, 0, 0));
}

#[test]
fn chunks_are_split_at_the_limit() {
    let (world, pool) = world();
    let response = begun(&world, &pool, CHUNKED);
    world.wire(0).send("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
    let read = || response.try_read_some(3, <[u8]>::to_vec).unwrap().unwrap();
    assert_eq!((read(), read(), read()), (b"abc".to_vec(), b"de".to_vec(), vec![]));
    assert_eq!((response.is_complete(), counts(&pool)), (true, (1, 0, 0)));
}

#[test]
fn a_chunked_body_that_came_with_the_head_is_complete_at_once() {
    let (world, pool) = world();
    let body = "3\r\nabc\r\n3\r\ndef\r\n0\r\nA: b\r\n\r\n";
    let response = begun(&world, &pool, &[CHUNKED, body].concat());
    assert_eq!((response.is_complete(), counts(&pool)), (true, (1, 0, 0)));
    assert_eq!(response.try_read_all().unwrap().unwrap(), b"abcdef");
    assert_eq!(response.trailers().len(), 1);
}

#[test]
fn a_large_chunked_body_is_not_taken_along_with_the_head() {
    let (world, pool) = world();
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    let response = begun(&world, &pool, &[CHUNKED, &chunk.repeat(10)].concat());
    assert!(world.wire(0).untaken() > 7 * 0x8000);
    world.wire(0).send("0\r\n\r\n");
    assert_eq!(read_all(&world, &response).result().unwrap().len(), 10 * 0x8000);
    assert_eq!(counts(&pool), (1, 0, 0));
}

#[test]
fn a_body_until_the_end_of_the_connection() {
    let (world, pool) = world();
    let response = begun(&world, &pool, "HTTP/1.1 200 OK\r\n\r\nab");
    let all = read_all(&world, &response);
    world.wire(0).send("cd");
    world.run();
    assert!(!all.is_done());
    world.wire(0).end();
    assert_eq!(all.result().unwrap(), b"abcd");
    assert!(response.is_complete());
    assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
}

#[test]
fn bytes_behind_the_response_cost_the_connection() {
    for end in ["abcdefHTTP", "abcdef\r\n"] {
        let (world, pool) = world();
        let response = begun(&world, &pool, &[SIX, end].concat());
        assert!(response.is_complete());
        assert_eq!(response.try_read_all().unwrap().unwrap(), b"abcdef");
        assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
    }
}

#[test]
fn ends_of_chunks_are_told_once() {
    let (world, pool) = world();
    let response = begun(&world, &pool, &[CHUNKED, "2\r\nab\r\n3\r\nc"].concat());
    assert_eq!(read_some(&world, &response, 1).result().unwrap(), b"a");
    assert_eq!(response.take_chunk_ends(), [2]);
    assert_eq!(read_some(&world, &response, 10).result().unwrap(), b"bc");
    assert_eq!(response.take_chunk_ends(), []);
    world.wire(0).send("de\r\n1\r\nf\r\n0\r\n\r\n");
    assert_eq!(read_some(&world, &response, 10).result().unwrap(), b"def");
    assert_eq!(response.take_chunk_ends(), [5, 6]);
    assert_eq!(counts(&pool), (1, 0, 0));
}

#[test]
fn ends_of_chunks_that_nobody_asks_for_are_forgotten() {
    let (world, pool) = world();
    let response = begun(&world, &pool, &[CHUNKED, "2\r\nab\r\n3\r\ncde\r\n"].concat());
    read_some(&world, &response, 2).result().unwrap();
    read_some(&world, &response, 1).result().unwrap();
    assert_eq!(response.take_chunk_ends(), [5]);
    world.wire(0).send("1\r\nf\r\n0\r\n\r\n");
    read_all(&world, &response).result().unwrap();
    assert_eq!(response.take_chunk_ends(), []);
}

/// Foreign code that a stream runs finds the response busy, and may close it.
#[test]
fn a_stream_may_use_the_response_while_it_is_read() {
    for closes in [false, true] {
        let (world, pool) = world();
        let response = begun(&world, &pool, SIX);
        let weak = Rc::downgrade(&response);
        let look = move || {
            let response = weak.upgrade().unwrap();
            assert!(!response.is_complete() && response.stream().is_some());
            assert!(matches!(response.try_read_all(), Some(Err(Error::Busy))));
            assert!(matches!(response.try_read_some(1, |_| ()), Some(Err(Error::Busy))));
            assert!(response.trailers().is_empty() && response.upgrade().is_none());
            if closes {
                response.close();
            }
        };
        world.wire(0).on_look(look);
        let all = read_all(&world, &response);
        if closes {
            assert!(matches!(all.result(), Err(Error::Ended)));
            assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
        } else {
            world.wire(0).send("abc");
            world.run();
            world.wire(0).on_look(|| ());
            world.wire(0).send("def");
            assert_eq!(all.result().unwrap(), b"abcdef");
        }
    }
}

/// A length that is only announced costs no memory.
#[test]
fn memory_is_bounded_by_what_has_arrived() {
    let (world, pool) = world();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", u64::MAX);
    let response = begun(&world, &pool, &head);
    world.wire(0).send("abc");
    assert!(response.try_read_all().is_none());
    world.wire(0).end();
    assert!(matches!(
        read_all(&world, &response).result(),
        Err(Error::IncompleteBody { received: 3, expected: Some(u64::MAX) })
    ));
}
