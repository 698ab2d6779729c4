//! Bodies as they arrive.

use aioxide_http::client::Config;

use crate::world::{Error, World};
use crate::{counts, get, send};

#[test]
fn a_body_is_read_as_it_arrives() {
    let (world, pool) = World::pool(Config::default());
    let task = send(&world, &pool, get(1));
    world.wire(0).send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab");
    let response = task.result().unwrap();
    assert!(!response.is_complete());
    let wire = world.wire(0);
    let task = world.spawn(async move {
        let first = response.read_some(10, <[u8]>::to_vec).await.unwrap();
        let rest = response.read_all().await.unwrap();
        (first, rest, response.is_complete())
    });
    wire.send("cd");
    world.run();
    wire.send("ef");
    assert_eq!(task.result(), (b"ab".to_vec(), b"cdef".to_vec(), true));
    assert_eq!(counts(&pool), (1, 0, 0));
}

#[test]
fn a_body_that_is_cut_off_is_an_error() {
    let (world, pool) = World::pool(Config::default());
    let task = send(&world, &pool, get(1));
    world.wire(0).send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab");
    let response = task.result().unwrap();
    world.wire(0).end();
    let error = world.spawn(async move { response.read_all().await.err() }).result();
    assert!(matches!(error, Some(Error::IncompleteBody { received: 2, expected: Some(6) })));
    assert_eq!((counts(&pool), world.open()), ((0, 0, 0), 0));
}
