use std::rc::Rc;

use aioxide_sync::mpsc::{self, SendError, TryRecvError, TrySendError};
use aioxide_sync::oneshot;

use crate::driving::{at_once, waiting};

#[test]
fn a_oneshot_value_wakes_its_receiver() {
    let (sender, receiver) = oneshot::channel();
    let mut receiver = waiting(receiver);
    sender.send(7).unwrap();
    assert_eq!(receiver.result(), Ok(7));
}

#[test]
fn a_oneshot_sender_that_is_dropped_tells_the_receiver() {
    let (sender, receiver) = oneshot::channel::<u32>();
    let mut receiver = waiting(receiver);
    drop(sender);
    assert_eq!(receiver.result(), Err(oneshot::RecvError));
}

#[test]
fn a_oneshot_receiver_that_is_dropped_gives_the_value_back() {
    let (mut sender, receiver) = oneshot::channel();
    let mut closed = waiting(sender.closed());
    drop(receiver);
    closed.result();
    drop(closed);
    assert_eq!(sender.send(7), Err(7));
}

#[test]
fn a_oneshot_value_that_nobody_receives_is_dropped() {
    let value = Rc::new(());
    let (sender, receiver) = oneshot::channel();
    sender.send(Rc::clone(&value)).unwrap();
    drop(receiver);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn a_oneshot_receiver_that_is_awaited_by_reference_loses_nothing() {
    let (sender, mut receiver) = oneshot::channel();
    let first = waiting(&mut receiver);
    sender.send(7).unwrap();
    assert!(first.is_woken());
    drop(first);
    assert_eq!(receiver.try_recv(), Ok(7));
    assert_eq!(receiver.try_recv(), Err(oneshot::TryRecvError::Closed));
}

#[test]
fn a_oneshot_receiver_that_is_closed_takes_what_was_sent() {
    let (sender, mut receiver) = oneshot::channel();
    assert_eq!(receiver.try_recv(), Err(oneshot::TryRecvError::Empty));
    sender.send(7).unwrap();
    receiver.close();
    assert_eq!(at_once(receiver), Ok(7));
}

#[test]
fn a_channel_keeps_the_order() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let second = sender.clone();
    sender.send(1).unwrap();
    second.send(2).unwrap();
    sender.send(3).unwrap();
    assert_eq!([(); 3].map(|()| at_once(receiver.recv()).unwrap()), [1, 2, 3]);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_full_channel_makes_senders_wait_in_line() {
    let (sender, mut receiver) = mpsc::channel(1);
    at_once(sender.send(1)).unwrap();
    let (mut second, mut third) = (waiting(sender.send(2)), waiting(sender.send(3)));
    assert_eq!(at_once(receiver.recv()), Some(1));
    assert!(!third.is_woken());
    assert_eq!(sender.try_send(4), Err(TrySendError::Full(4)), "nobody is overtaken");
    assert_eq!(second.result(), Ok(()));
    assert_eq!(at_once(receiver.recv()), Some(2));
    assert_eq!(third.result(), Ok(()));
    assert_eq!(receiver.try_recv(), Ok(3));
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn a_send_that_is_dropped_after_its_wake_passes_its_slot_on() {
    let (sender, mut receiver) = mpsc::channel(1);
    at_once(sender.send(1)).unwrap();
    let second = waiting(sender.send(2));
    let mut third = waiting(sender.send(3));
    receiver.try_recv().unwrap();
    drop(second);
    assert_eq!(third.result(), Ok(()));
    assert_eq!(receiver.try_recv(), Ok(3));
}

#[test]
fn a_reserved_slot_is_for_one_value() {
    let (sender, mut receiver) = mpsc::channel(1);
    let permit = at_once(sender.reserve()).unwrap();
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    drop(permit);
    let permit = at_once(sender.reserve()).unwrap();
    permit.send(2).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
    let permit = at_once(sender.reserve()).unwrap();
    receiver.close();
    assert_eq!(permit.send(3), Err(SendError(3)));
}

#[test]
fn a_receive_that_is_dropped_after_its_wake_has_taken_nothing() {
    let (sender, mut receiver) = mpsc::channel(1);
    let receive = waiting(receiver.recv());
    at_once(sender.send(1)).unwrap();
    assert!(receive.is_woken());
    drop(receive);
    assert_eq!(at_once(receiver.recv()), Some(1));
}

#[test]
fn a_channel_ends_when_the_last_sender_goes() {
    let (sender, mut receiver) = mpsc::channel::<u32>(2);
    let second = sender.clone();
    drop(sender);
    let mut receive = waiting(receiver.recv());
    drop(second);
    assert_eq!(receive.result(), None);
    drop(receive);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_channel_whose_receiver_goes_refuses() {
    let (sender, receiver) = mpsc::channel(1);
    at_once(sender.send(Rc::new(1))).unwrap();
    let mut send = waiting(sender.send(Rc::new(2)));
    let mut closed = waiting(sender.closed());
    drop(receiver);
    assert_eq!(send.result(), Err(SendError(Rc::new(2))));
    closed.result();
    assert_eq!(sender.try_send(Rc::new(3)), Err(TrySendError::Closed(Rc::new(3))));
}

#[test]
fn a_send_that_was_woken_before_the_close_sends_nothing() {
    let (sender, mut receiver) = mpsc::channel(1);
    at_once(sender.send(1)).unwrap();
    let mut reserve = waiting(sender.reserve());
    let mut send = waiting(sender.send(2));
    receiver.try_recv().unwrap();
    receiver.close();
    assert_eq!(reserve.result().unwrap_err(), SendError(()));
    assert_eq!(send.result(), Err(SendError(2)));
    assert_eq!(at_once(receiver.recv()), None);
}

#[test]
fn values_that_send_when_they_are_dropped_are_dropped() {
    struct Echo(mpsc::UnboundedSender<Echo>);
    impl Drop for Echo {
        fn drop(&mut self) {
            assert!(self.0.send(Echo(self.0.clone())).map_err(std::mem::forget).is_err());
        }
    }
    let (sender, receiver) = mpsc::unbounded_channel();
    assert!(sender.send(Echo(sender.clone())).is_ok());
    drop(receiver);
}
