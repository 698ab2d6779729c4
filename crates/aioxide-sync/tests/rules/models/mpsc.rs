//! Senders that are polled in random orders and dropped at random. What was sent is received, in
//! order, and nothing else.

use std::cell::RefCell;
use std::rc::Rc;

use aioxide_sync::mpsc;
use proptest::prelude::*;

use super::cases;
use crate::driving::{Executor, yield_now};

#[derive(Clone, Debug)]
enum Step {
    Send { values: usize, reserves: bool },
    Poll(usize),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..5_usize, any::<bool>()).prop_map(|(values, reserves)| Step::Send { values, reserves }),
        8 => any::<prop::sample::Index>().prop_map(|it| Step::Poll(it.index(1000))),
        1 => any::<prop::sample::Index>().prop_map(|it| Step::Drop(it.index(1000))),
    ]
}

proptest! {
    #![proptest_config(cases("tests/regressions/mpsc.txt"))]

    #[test]
    fn what_is_sent_is_received(
        capacity in 1..4_usize,
        steps in prop::collection::vec(step(), 0..80),
        closes in any::<bool>(),
    ) {
        let (sender, mut receiver) = mpsc::channel(capacity);
        let (sent, received) = (Rc::new(RefCell::new(vec![])), Rc::new(RefCell::new(vec![])));
        let executor = Executor::default();
        let got = Rc::clone(&received);
        let receiving = executor.spawn(async move {
            while let Some(value) = receiver.recv().await {
                got.borrow_mut().push(value);
                assert!(receiver.len() <= capacity);
                yield_now().await;
            }
        });
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Send { values, reserves } => {
                    let (sender, sent) = (sender.clone(), Rc::clone(&sent));
                    executor.spawn(async move {
                        for value in 0..values {
                            if reserves {
                                let Ok(permit) = sender.reserve().await else { return };
                                yield_now().await;
                                if permit.send((number, value)).is_err() { return }
                            } else if sender.send((number, value)).await.is_err() {
                                return;
                            }
                            sent.borrow_mut().push((number, value));
                        }
                    });
                }
                Step::Poll(index) => {
                    executor.step_at(index % executor.ready().max(1));
                }
                Step::Drop(index) => {
                    let task = index % executor.len();
                    if task != receiving || closes {
                        executor.cancel(task);
                    }
                }
            }
        }
        let was_closed = executor.has_ended(receiving);
        drop(sender);
        executor.run();
        for task in 0..executor.len() {
            prop_assert!(executor.has_ended(task));
        }
        let (sent, received) = (sent.take(), received.take());
        if was_closed {
            prop_assert!(sent.starts_with(&received));
        } else {
            prop_assert_eq!(sent, received);
        }
    }
}
