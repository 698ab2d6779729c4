//! When a request is sent once more.

use super::*;

fn again(what: Request<Vec<u8>>) -> Request<Vec<u8>> {
    Request { may_retry: true, ..what }
}

#[test]
fn a_stale_connection_is_replaced_once() {
    let (world, pool) = World::pool(limited(1));
    warm(&world, &pool, 1);
    let task = send(&world, &pool, again(post(1, b"hello")));
    // The place is kept: nobody comes in between.
    let waiting = world.spawn(pool.acquire(2));
    world.wire(0).end();
    world.run();
    assert!(!waiting.is_done() && world.wire(0).is_closed());
    assert!(world.wire(1).sent().ends_with("hello"));
    world.wire(1).end();
    let error = task.result().err();
    assert!(
        matches!(error, Some(Error::Disconnected { is_reused: false, has_begun: false, .. })),
        "{error:?}"
    );
    assert!(waiting.is_done());
    assert_eq!(world.open(), 0);
}

#[test]
fn so_is_one_that_fails() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    let task = send(&world, &pool, again(get(1)));
    world.wire(0).break_reading("reset");
    world.run();
    world.wire(1).send(OK);
    assert!(!task.result().unwrap().is_reused());
    assert_eq!((counts(&pool), world.open()), ((1, 0, 0), 1));
}

#[test]
fn another_idle_connection_is_not_tried() {
    let (world, pool) = World::pool(Config::default());
    let both = [send(&world, &pool, get(1)), send(&world, &pool, get(1))];
    world.wire(0).send(OK);
    world.wire(1).send(OK);
    assert!(both.iter().all(|task| task.result().is_ok()));
    let task = send(&world, &pool, again(get(1)));
    world.wire(1).end();
    world.run();
    assert_eq!((world.made(), world.wire(2).sent()), (3, GET.to_string()));
    world.wire(2).send(OK);
    assert!(task.result().unwrap().is_complete());
}

#[test]
fn not_unless_the_caller_allows_it() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    let task = send(&world, &pool, get(1));
    world.wire(0).end();
    let error = task.result().err();
    assert!(matches!(
        error,
        Some(Error::Disconnected { is_reused: true, has_begun: false, sending: None })
    ));
    assert_eq!((counts(&pool), world.made()), ((0, 0, 0), 1));
}

#[test]
fn not_on_a_new_connection() {
    let (world, pool) = World::pool(Config::default());
    let task = send(&world, &pool, again(get(1)));
    world.wire(0).end();
    assert!(matches!(task.result(), Err(Error::Disconnected { is_reused: false, .. })));
    assert_eq!(world.made(), 1);
}

#[test]
fn not_if_something_of_a_response_has_arrived() {
    for (beginning, is_read_error) in [("H", false), ("HTTP/1.1 100 \r\n\r\n", true)] {
        let (world, pool) = World::pool(Config::default());
        warm(&world, &pool, 1);
        let task = send(&world, &pool, again(get(1)));
        world.wire(0).send(beginning);
        world.run();
        if is_read_error {
            world.wire(0).break_reading("reset");
            assert!(matches!(task.result(), Err(Error::Read(Broken("reset")))));
        } else {
            world.wire(0).end();
            let error = task.result().err();
            assert!(matches!(error, Some(Error::Disconnected { has_begun: true, .. })));
        }
        assert_eq!((counts(&pool), world.made()), ((0, 0, 0), 1));
    }
}

#[test]
fn not_after_a_time_limit() {
    let (world, pool) = World::pool(Config::default());
    warm(&world, &pool, 1);
    let timeouts = Timeouts { read: Some(1.0), ..Timeouts::default() };
    let task = send(&world, &pool, again(Request { timeouts, ..get(1) }));
    world.pass(2.0);
    assert!(matches!(task.result(), Err(Error::Timeout(Timeout::Read))));
    assert_eq!(world.made(), 1);
}
