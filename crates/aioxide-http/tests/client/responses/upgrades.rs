//! Connections that speak another protocol.

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
