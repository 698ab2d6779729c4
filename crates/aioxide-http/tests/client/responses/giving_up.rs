//! Reads and responses that are dropped.

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
