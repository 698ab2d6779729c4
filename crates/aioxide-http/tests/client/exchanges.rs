//! Requests whose body is sent piece by piece.

use std::rc::Rc;

use aioxide_http::client::{Config, Exchange, Timeouts};

use crate::world::World;
use crate::{OK, counts, head_of};

fn open(
    headers: &[(&str, &str)],
) -> (World, aioxide_http::client::Pool<World>, Rc<Exchange<World>>) {
    let (world, pool) = World::pool(Config::default());
    let acquired = pool.acquire(1);
    let connected = world.spawn(async move {
        let mut lease = acquired.await.unwrap();
        lease.connect(None).await.unwrap();
        lease
    });
    let lease = connected.result();
    let exchange = lease.open(head_of("POST", headers), Timeouts::default()).unwrap();
    (world, pool, Rc::new(exchange))
}

#[test]
fn a_chunked_body_is_framed_and_ended() {
    let (world, pool, exchange) = open(&[("Transfer-Encoding", "chunked")]);
    world.wire(0).sent();
    let sender = exchange.clone();
    let sent = world.spawn(async move {
        sender.write(b"hello").await.unwrap();
        sender.end(&[(b"X-Sum", b"5")]).await.unwrap()
    });
    assert!(sent.result());
    assert_eq!(world.wire(0).sent(), "5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n");
    let answered = world.spawn(async move { exchange.response().await });
    world.wire(0).send(OK);
    assert!(answered.result().unwrap().is_complete());
    assert_eq!(counts(&pool), (1, 0, 0));
}

#[test]
fn a_dropped_exchange_closes_its_connection() {
    let (world, pool, exchange) = open(&[("Transfer-Encoding", "chunked")]);
    drop(exchange);
    assert_eq!((world.open(), counts(&pool)), (0, (0, 0, 0)));
}
