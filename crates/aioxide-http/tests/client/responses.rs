//! Bodies as they arrive.

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

mod errors {
    use super::*;

    #[test]
    fn a_body_that_is_cut_off() {
        for (head, body, expected) in
            [(SIX, "ab", Some(6)), (CHUNKED, "3\r\nab", None), (CHUNKED, "2\r\nab\r\n0\r\n", None)]
        {
            let (world, pool) = world();
            let response = begun(&world, &pool, &[head, body].concat());
            world.wire(0).end();
            // What has arrived is delivered before.
            assert_eq!(read_some(&world, &response, 10).result().unwrap(), b"ab");
            let error = read_some(&world, &response, 10).result().err().unwrap();
            let Error::IncompleteBody { received: 2, expected: told } = error else {
                panic!("{error}")
            };
            assert_eq!(told, expected);
            assert!(!response.is_complete());
            assert!(matches!(read_all(&world, &response).result(), Err(Error::Ended)));
            assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
        }
    }

    #[test]
    fn chunks_that_are_nonsense() {
        for with_head in [true, false] {
            let (world, pool) = world();
            let response = if with_head {
                begun(&world, &pool, &[CHUNKED, "2\r\nab\r\nxyz\r\n"].concat())
            } else {
                let response = begun(&world, &pool, CHUNKED);
                world.wire(0).send("2\r\nab\r\nxyz\r\n");
                response
            };
            assert_eq!(read_some(&world, &response, 10).result().unwrap(), b"ab");
            assert!(matches!(read_some(&world, &response, 9).result(), Err(Error::Response(_))));
            assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
        }
    }

    #[test]
    fn a_connection_that_fails() {
        let (world, pool) = world();
        let response = begun(&world, &pool, &[SIX, "ab"].concat());
        let all = read_all(&world, &response);
        world.wire(0).break_reading("reset");
        assert!(matches!(all.result(), Err(Error::Read(_))));
        assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
    }

    #[test]
    fn time_limits() {
        for (read, deadline, expected) in
            [(Some(2.0), None, Timeout::Read), (Some(9.0), Some(5.0), Timeout::Total)]
        {
            let (world, pool) = world();
            let timeouts = Timeouts { read, deadline, ..Timeouts::default() };
            let task = send(&world, &pool, Request { timeouts, ..get(1) });
            world.wire(0).send(SIX);
            let response = Rc::new(task.result().unwrap());
            // Time in which nobody reads does not count for reading.
            world.pass(3.0);
            let all = read_all(&world, &response);
            for _ in 0..2 {
                world.pass(0.9);
                world.wire(0).send("a");
            }
            world.pass(2.1);
            let Err(Error::Timeout(timeout)) = all.result() else { panic!() };
            assert_eq!(timeout, expected);
            assert_eq!((counts(&pool), world.open(), world.timers()), ((0, 0, 0), 0, 0));
        }
    }

    #[test]
    fn two_readers_at_once() {
        let (world, pool) = world();
        let response = begun(&world, &pool, SIX);
        let first = read_all(&world, &response);
        assert!(matches!(read_all(&world, &response).result(), Err(Error::Busy)));
        world.wire(0).send("abcdef");
        assert_eq!(first.result().unwrap(), b"abcdef");
    }
}

mod giving_up {
    use super::*;

    #[test]
    fn a_read_that_is_dropped_loses_nothing() {
        let (world, pool) = world();
        let response = begun(&world, &pool, SIX);
        let all = read_all(&world, &response);
        world.wire(0).send("ab");
        world.run();
        all.cancel();
        for byte in [b"a", b"b"] {
            assert_eq!(read_some(&world, &response, 1).result().unwrap(), byte);
        }
        read_some(&world, &response, 1).cancel();
        world.wire(0).send("cdef");
        assert_eq!(read_all(&world, &response).result().unwrap(), b"cdef");
        assert_eq!(counts(&pool), (1, 0, 0));
    }

    #[test]
    fn a_response_that_is_dropped_closes_its_connection() {
        for how in 0..4 {
            let (world, pool) = world();
            let response = begun(&world, &pool, &[SIX, "abc"].concat());
            match how {
                0 => drop(response),
                1 => Rc::try_unwrap(response).ok().unwrap().release(),
                2 => {
                    response.close();
                    assert!(matches!(read_all(&world, &response).result(), Err(Error::Ended)));
                }
                _ => {
                    let reading = read_all(&world, &response);
                    drop(response);
                    assert_eq!(world.open(), 1);
                    reading.cancel();
                }
            }
            assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0), "{how}");
        }
    }

    #[test]
    fn a_response_that_is_complete_leaves_its_connection_alone() {
        let (world, pool) = world();
        let first = begun(&world, &pool, OK);
        let task = send(&world, &pool, get(1));
        first.close();
        assert!(matches!(first.try_read_all(), Some(Err(Error::Ended))));
        drop(first);
        world.wire(0).send(OK);
        assert!(task.result().unwrap().is_reused());
        assert_eq!((counts(&pool), world.open()), ((1, 0, 0), 1));
    }

    #[test]
    fn closing_ends_a_read() {
        let (world, pool) = world();
        let response = begun(&world, &pool, SIX);
        let all = read_all(&world, &response);
        response.close();
        assert!(matches!(all.result(), Err(Error::Ended)));
        assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
    }
}

mod upgrades {
    use super::*;

    #[test]
    fn the_connection_leaves_the_pool() {
        for (method, headers, head) in [
            ("GET", &[("Connection", "upgrade"), ("Upgrade", "x")][..], "HTTP/1.1 101 \r\n\r\n"),
            ("CONNECT", &[], "HTTP/1.1 200 \r\n\r\n"),
        ] {
            let (world, pool) = world();
            let task = send(&world, &pool, Request { head: head_of(method, headers), ..get(1) });
            world.wire(0).send([head, "leftover"].concat());
            let response = task.result().unwrap();
            assert!(response.is_upgrade() && !response.is_complete());
            assert_eq!(counts(&pool), (0, 1, 0));
            let (upgraded, rest) = response.upgrade().unwrap();
            assert_eq!((rest, counts(&pool)), (b"leftover".to_vec(), (0, 0, 0)));
            assert!(response.upgrade().is_none());
            drop(response);
            pool.close();
            assert!(!upgraded.stream().0.is_closed());
        }
    }

    #[test]
    fn one_that_nobody_takes_is_closed() {
        let (world, pool) = world();
        let head = head_of("GET", &[("Connection", "upgrade"), ("Upgrade", "x")]);
        let task = send(&world, &pool, Request { head, ..get(1) });
        world.wire(0).send("HTTP/1.1 101 \r\n\r\n");
        let response = Rc::new(task.result().unwrap());
        assert_eq!(read_all(&world, &response).result().unwrap(), b"");
        assert_eq!(response.try_read_some(9, <[u8]>::to_vec).unwrap().unwrap(), b"");
        drop(response);
        assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
    }

    #[test]
    fn an_ordinary_response_to_an_offer_is_one() {
        let (world, pool) = world();
        let head = head_of("GET", &[("Connection", "upgrade"), ("Upgrade", "x")]);
        let task = send(&world, &pool, Request { head, ..get(1) });
        world.wire(0).send(OK);
        let response = task.result().unwrap();
        assert!(!response.is_upgrade() && response.is_complete() && response.upgrade().is_none());
        assert_eq!(counts(&pool), (1, 0, 0));
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

mod splitting {
    use super::*;

    const RESPONSES: &[(&str, &str, bool)] = &[
        (OK, "ok", false),
        ("HTTP/1.1 103 \r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", false),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n\
             0\r\nA: b\r\n\r\n",
            "abcde",
            false,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", true),
        ("HTTP/1.1 204 \r\nX: y\r\n\r\n", "", false),
    ];

    /// What comes of a response that arrives in these pieces.
    fn outcome(pieces: &[&str], ends: bool) -> (Result<Vec<u8>, Error>, (usize, usize, usize)) {
        let (world, pool) = world();
        let what = get(1);
        let sent = aioxide_http::client::request(pool.clone(), what);
        let task = world.spawn(async move { sent.await?.read_all().await });
        for piece in pieces {
            world.wire(0).send(piece);
            world.run();
        }
        if ends {
            world.wire(0).end();
        }
        let result = task.result();
        assert_eq!(world.open(), pool.idle());
        (result, counts(&pool))
    }

    #[test]
    fn the_pieces_make_no_difference() {
        for &(response, body, ends) in RESPONSES {
            for at in 0..=response.len() {
                let (first, second) = response.split_at(at);
                let (read, left) = outcome(&[first, second], ends);
                assert_eq!(read.unwrap(), body.as_bytes(), "{response} at {at}");
                assert_eq!(left, (usize::from(!ends), 0, 0));
            }
            let bytes: Vec<_> = response.split("").collect();
            assert_eq!(outcome(&bytes, ends).0.unwrap(), body.as_bytes());
        }
    }

    /// Cut off at every byte, it is an error, or the end of the connection ends the body.
    #[test]
    fn every_truncation_is_noticed() {
        for &(response, body, ends) in RESPONSES {
            let end_of_head = response.rfind("200 OK").map_or(response.len(), |start| {
                start + response[start..].find("\r\n\r\n").unwrap() + 4
            });
            for at in 0..response.len() {
                let (read, left) = outcome(&[&response[..at]], true);
                assert_eq!(left, (0, 0, 0));
                match read {
                    Err(Error::Disconnected { is_reused: false, has_begun, .. }) => {
                        assert!(at < end_of_head && has_begun == (at > 0));
                    }
                    Err(Error::IncompleteBody { received, .. }) => {
                        assert!(!ends && at >= end_of_head && received <= body.len() as u64);
                    }
                    Ok(read) => {
                        assert!(ends && at >= end_of_head && body.as_bytes().starts_with(&read));
                    }
                    Err(error) => panic!("{error} at {at} of {response}"),
                }
            }
        }
    }
}
