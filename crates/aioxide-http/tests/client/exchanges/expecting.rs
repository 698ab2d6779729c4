//! `Expect: 100-continue`.

use super::*;

const EXPECT: (&str, &str) = ("Expect", "100-continue");

fn wait(world: &World, exchange: &Shared) -> Task<Result<bool, Error>> {
    let exchange = exchange.clone();
    world.spawn(async move { exchange.wait_continue().await })
}

#[test]
fn it_is_true_at_100() {
    for with_receiver in [false, true] {
        let (world, pool, exchange) = open(&[CHUNKED, EXPECT]);
        let receiver = with_receiver.then(|| respond(&world, &exchange));
        let waiting = wait(&world, &exchange);
        world.wire(0).send("HTTP/1.1 103 \r\n\r\n");
        world.run();
        assert!(!waiting.is_done());
        world.wire(0).send("HTTP/1.1 100 \r\n\r\n");
        assert!(waiting.result().unwrap());
        assert!(end(&world, &exchange).result().unwrap());
        world.wire(0).send(OK);
        let answered = receiver.unwrap_or_else(|| respond(&world, &exchange));
        assert!(answered.result().unwrap().is_complete());
        assert_eq!(counts(&pool), (1, 0, 0));
    }
}

#[test]
fn whoever_looks_first_tells_the_other() {
    let (world, _pool, exchange) = open(&[CHUNKED, EXPECT]);
    let waiting = wait(&world, &exchange);
    let _receiver = respond(&world, &exchange);
    world.wire(0).send("HTTP/1.1 100 \r\n\r\n");
    assert!(waiting.result().unwrap());
    assert!(wait(&world, &exchange).result().unwrap());
}

#[test]
fn it_is_false_at_anything_else() {
    for end in ["HTTP/1.1 417 \r\nContent-Length: 0\r\n\r\n", "nonsense", ""] {
        let (world, pool, exchange) = open(&[CHUNKED, EXPECT]);
        let waiting = wait(&world, &exchange);
        world.wire(0).send(end);
        world.wire(0).end();
        assert!(!waiting.result().unwrap());
        match respond(&world, &exchange).result() {
            Ok(response) => assert!(response.is_complete()),
            Err(Error::Response(_) | Error::Disconnected { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        nothing_is_left(&world, &pool);
    }
}

#[test]
fn the_wait_can_be_given_up() {
    let (world, _pool, exchange) = open(&[CHUNKED, EXPECT]);
    wait(&world, &exchange).cancel();
    assert!(write(&world, &exchange, b"a").result().unwrap());
    assert!(end(&world, &exchange).result().unwrap());
    world.wire(0).send(["HTTP/1.1 100 \r\n\r\n", OK].concat());
    assert!(respond(&world, &exchange).result().unwrap().is_complete());
}

#[test]
fn the_whole_may_take_too_long() {
    let timeouts = Timeouts { deadline: Some(2.0), ..Timeouts::default() };
    let (world, _pool, exchange) = open_with(&[CHUNKED, EXPECT], timeouts);
    let waiting = wait(&world, &exchange);
    world.pass(2.1);
    assert!(matches!(waiting.result(), Err(Error::Timeout(Timeout::Total))));
}
