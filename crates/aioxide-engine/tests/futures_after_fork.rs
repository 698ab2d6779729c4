//! An arena that is renewed, as in the child of a fork. The process does not fork here: what a
//! child forgets of its parent's arenas is seen by the tests of the package, which do.

// What was shared with the parent is leaked, which Miri reports.
#![cfg(not(miri))]

use std::sync::mpsc;

use aioxide_engine::futures::{Arena, Key};
use proptest::prelude::*;

fn arena() -> (Arena<u32>, mpsc::Receiver<Key>) {
    let (sender, sent) = mpsc::channel();
    let send = move |key| {
        let _ = sender.send(key);
    };
    (Arena::new(send), sent)
}

/// What became of each future before the fork.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    New,
    Waits,
    /// Woken by the loop's own thread, or by another one.
    Woken {
        here: bool,
    },
    Polled,
    Ended,
}

fn before() -> impl Strategy<Value = Before> {
    prop_oneof![
        Just(Before::New),
        Just(Before::Waits),
        any::<bool>().prop_map(|here| Before::Woken { here }),
        Just(Before::Polled),
        Just(Before::Ended),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn a_renewed_arena_polls_each_future_once_more(
        futures in prop::collection::vec(before(), 0..80),
        entered in any::<bool>(),
    ) {
        let (mut arena, parents) = arena();
        let (mut other, others) = self::arena();
        let other_key = other.insert(0).unwrap();
        prop_assert_eq!(other.begin(other_key), Some(0));
        prop_assert_eq!(other.suspend(other_key, 0), Ok(false));
        let guard = entered.then(|| arena.enter());
        let mut keys = vec![];
        for (number, before) in (0..).zip(&futures) {
            let key = arena.insert(number).unwrap();
            keys.push((key, arena.waker(key)));
            if *before == Before::New {
                continue;
            }
            prop_assert_eq!(arena.begin(key), Some(number));
            if *before == Before::Polled {
                continue;
            }
            prop_assert_eq!(arena.suspend(key, number), Ok(false));
            match before {
                Before::Woken { here: true } => {
                    let _entered = arena.enter();
                    arena.waker(key).wake();
                }
                Before::Woken { here: false } => {
                    let waker = arena.waker(key);
                    std::thread::scope(|scope| { scope.spawn(|| waker.wake()); });
                }
                Before::Ended => prop_assert_eq!(arena.remove(key), Some(number)),
                _ => {}
            }
        }
        while parents.try_recv().is_ok() {}

        let (sender, sent) = mpsc::channel();
        arena.renew_after_fork(move |key| {
            let _ = sender.send(key);
        });

        // Each that has not ended is woken, once.
        for (_, waker) in &keys {
            waker.wake_by_ref();
        }
        let mut woken = arena.take_woken();
        prop_assert!(sent.try_recv().is_err());
        woken.sort_unstable_by_key(|key| keys.iter().position(|(it, _)| it == key));
        let left: Vec<(u32, Before)> =
            (0..).zip(futures).filter(|(_, before)| *before != Before::Ended).collect();
        let expected: Vec<Key> = left.iter().map(|(number, _)| keys[*number as usize].0).collect();
        prop_assert_eq!(&woken, &expected);
        // Their wakers work on, here and elsewhere.
        for (number, before) in left {
            let (key, waker) = &keys[number as usize];
            match before {
                Before::Polled => {
                    prop_assert_eq!(arena.begin(*key), None);
                    prop_assert_eq!(arena.suspend(*key, number), Ok(true));
                    prop_assert_eq!(arena.begin(*key), Some(number));
                }
                _ => prop_assert_eq!(arena.begin(*key), Some(number)),
            }
            prop_assert_eq!(arena.suspend(*key, number), Ok(false));
            waker.wake_by_ref();
            let (here, elsewhere) = (arena.take_woken(), sent.try_iter().collect::<Vec<_>>());
            let expected = if entered { (vec![*key], vec![]) } else { (vec![], vec![*key]) };
            prop_assert_eq!((here, elsewhere), expected);
        }
        // Another arena is let alone.
        other.waker(other_key).wake();
        prop_assert_eq!(others.try_iter().collect::<Vec<_>>(), vec![other_key]);
        drop(guard);
        prop_assert!(parents.try_recv().is_err(), "the parent's inbox is let alone");
    }
}
