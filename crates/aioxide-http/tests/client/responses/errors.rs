//! Bodies that do not end well.

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
