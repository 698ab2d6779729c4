use std::cell::RefCell;
use std::rc::Rc;

use aioxide_sync::Event;

use crate::driving::{Executor, at_once, waiting};

#[test]
fn a_set_event_is_not_waited_for() {
    let event = Event::new();
    event.set();
    at_once(event.wait());
    assert!(event.is_set());
    event.clear();
    let mut waiter = waiting(event.wait());
    event.set();
    waiter.result();
}

#[test]
fn it_wakes_all_in_the_order_in_which_they_came() {
    let (event, order) = (Rc::new(Event::new()), Rc::new(RefCell::new(Vec::new())));
    let executor = Executor::default();
    for name in 0..4 {
        let (event, order) = (Rc::clone(&event), Rc::clone(&order));
        executor.spawn(async move {
            event.wait().await;
            order.borrow_mut().push(name);
        });
    }
    executor.run();
    executor.cancel(1);
    event.set();
    executor.run();
    assert_eq!(*order.borrow(), [0, 2, 3]);
}

#[test]
fn who_was_woken_returns_although_it_is_cleared_meanwhile() {
    let event = Event::new();
    let mut waiter = waiting(event.wait());
    event.set();
    event.clear();
    let late = waiting(event.wait());
    waiter.result();
    assert!(!late.is_woken());
    assert_eq!(format!("{event:?}"), "Event { is_set: false, waiting: 1 }");
}

/// Foreign code in a waker may use the event.
#[test]
fn a_waker_may_wait_and_clear() {
    use std::future::Future;
    use std::task::{Context, Wake, Waker};
    thread_local! {
        static EVENT: Event = Event::new();
        static SEEN: RefCell<Vec<bool>> = const { RefCell::new(Vec::new()) };
    }
    struct Clears;
    impl Wake for Clears {
        fn wake(self: std::sync::Arc<Self>) {
            EVENT.with(|event| {
                event.clear();
                let waiter = waiting(event.wait());
                SEEN.with_borrow_mut(|seen| seen.push(waiter.is_woken()));
                event.set();
                SEEN.with_borrow_mut(|seen| seen.push(waiter.is_woken()));
            });
        }
    }
    EVENT.with(|event| {
        let mut future = Box::pin(event.wait());
        let waker = Waker::from(std::sync::Arc::new(Clears));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        event.set();
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
    assert_eq!(SEEN.take(), [false, true]);
}
