use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc;
use std::task::Waker;
use std::thread;

use proptest::prelude::*;

use super::{Arena, Key};

mod polls;

/// An arena of numbers, and the keys that other threads have woken.
fn arena() -> (Arena<u32>, mpsc::Receiver<Key>) {
    let (sender, sent) = mpsc::channel();
    let send = move |key| {
        let _ = sender.send(key);
    };
    (Arena::new(send), sent)
}

/// A future that has been polled once and waits.
fn waiting(arena: &mut Arena<u32>, future: u32) -> Key {
    let key = arena.insert(future).unwrap();
    assert_eq!(arena.begin(key), Some(future));
    assert_eq!(arena.suspend(key, future), Ok(false));
    key
}

#[test]
fn a_new_future_is_polled_without_a_wake() {
    let (mut arena, _sent) = arena();
    let key = arena.insert(7).unwrap();
    assert_eq!(arena.len(), 1);
    assert_eq!(arena.begin(key), Some(7));
    arena.finish(key);
    assert!(arena.is_empty());
    assert_eq!(arena.begin(key), None);
}

#[test]
fn a_wake_on_the_loops_thread_is_taken_by_the_loop() {
    let (mut arena, sent) = arena();
    let (first, second) = (waiting(&mut arena, 1), waiting(&mut arena, 2));
    let entered = arena.enter();
    arena.waker(second).wake();
    arena.waker(first).wake_by_ref();
    drop(entered);
    assert!(arena.has_woken());
    assert_eq!(arena.take_woken(), [second, first]);
    assert!(!arena.has_woken());
    assert!(sent.try_recv().is_err());
    assert_eq!((arena.begin(first), arena.begin(second)), (Some(1), Some(2)));
}

#[test]
fn woken_keys_are_appended_in_order() {
    let (mut arena, _sent) = arena();
    let keys = [1, 2, 3].map(|future| waiting(&mut arena, future));
    let _entered = arena.enter();
    let mut taken = vec![];
    arena.take_woken_into(&mut taken);
    assert_eq!(taken, []);
    arena.waker(keys[2]).wake();
    arena.take_woken_into(&mut taken);
    assert_eq!(taken, [keys[2]]);
    arena.waker(keys[0]).wake();
    arena.waker(keys[1]).wake();
    arena.take_woken_into(&mut taken);
    assert_eq!(taken, [keys[2], keys[0], keys[1]]);
    assert!(!arena.has_woken());
    arena.take_woken_into(&mut taken);
    assert_eq!(taken.len(), 3);
}

#[test]
fn a_wake_on_another_thread_is_sent() {
    let (mut arena, sent) = arena();
    let key = waiting(&mut arena, 1);
    let waker = arena.waker(key);
    let entered = arena.enter();
    thread::scope(|scope| scope.spawn(|| waker.wake_by_ref()).join().unwrap());
    drop(entered);
    assert!(!arena.has_woken());
    assert_eq!(sent.try_recv(), Ok(key));
    // As is one on this thread while it does not run the loop.
    assert_eq!(arena.begin(key), Some(1));
    assert_eq!(arena.suspend(key, 1), Ok(false));
    waker.wake();
    assert_eq!(sent.try_recv(), Ok(key));
}

#[test]
fn wakes_of_a_nested_loop_are_its_own() {
    let ((mut outer, outer_sent), (mut inner, _)) = (arena(), arena());
    let (outer_key, inner_key) = (waiting(&mut outer, 1), waiting(&mut inner, 2));
    let in_outer = outer.enter();
    let in_inner = inner.enter();
    outer.waker(outer_key).wake();
    inner.waker(inner_key).wake();
    drop(in_inner);
    assert_eq!(outer_sent.try_recv(), Ok(outer_key));
    assert_eq!(inner.take_woken(), [inner_key]);
    assert_eq!(outer.begin(outer_key), Some(1));
    assert_eq!(outer.suspend(outer_key, 1), Ok(false));
    outer.waker(outer_key).wake();
    drop(in_outer);
    assert_eq!(outer.take_woken(), [outer_key]);
}

#[test]
fn a_second_wake_before_the_poll_does_nothing() {
    let (mut arena, sent) = arena();
    let key = waiting(&mut arena, 1);
    let waker = arena.waker(key);
    waker.wake_by_ref();
    let clone = waker.clone();
    clone.wake();
    waker.wake();
    assert_eq!(sent.try_iter().collect::<Vec<_>>(), [key]);
    assert_eq!(arena.begin(key), Some(1));
    assert_eq!(arena.suspend(key, 1), Ok(false));
    assert_eq!(arena.begin(key), None, "nothing has woken it since");
}

#[test]
fn a_wake_during_the_poll_asks_for_another() {
    let (mut arena, _sent) = arena();
    let key = arena.insert(1).unwrap();
    let future = arena.begin(key).unwrap();
    let entered = arena.enter();
    arena.waker(key).wake();
    drop(entered);
    assert_eq!(arena.suspend(key, future), Ok(false));
    assert_eq!(arena.take_woken(), [key]);
    assert_eq!(arena.begin(key), Some(1));
}

#[test]
fn a_future_that_was_woken_during_its_poll_may_stay_out() {
    let (mut arena, _sent) = arena();
    let key = waiting(&mut arena, 1);
    assert!(!arena.is_woken(key));
    assert_eq!(arena.begin_now(key), Some(1));
    assert!(!arena.is_woken(key));
    let entered = arena.enter();
    arena.waker(key).wake();
    assert!(arena.is_woken(key));
    assert_eq!(arena.take_woken(), [key]);
    assert_eq!(arena.begin(key), None, "it is out");
    // Until its next poll begins, it is woken.
    arena.waker(key).wake();
    assert_eq!((arena.take_woken(), arena.is_woken(key)), (vec![], true));
    assert_eq!((arena.begin_now(key), arena.is_woken(key)), (None, false));
    assert_eq!(arena.suspend(key, 1), Ok(false));
    arena.waker(key).wake();
    drop(entered);
    assert_eq!((arena.take_woken(), arena.begin(key)), (vec![key], Some(1)));
    arena.finish(key);
    assert!(!arena.is_woken(key));
}

#[test]
fn a_key_that_comes_round_during_the_poll_is_not_lost() {
    let (mut arena, sent) = arena();
    let key = arena.insert(1).unwrap();
    let future = arena.begin(key).unwrap();
    arena.waker(key).wake();
    // The future that is polled runs the loop, which takes the key.
    assert_eq!(arena.begin(sent.recv().unwrap()), None);
    assert_eq!(arena.suspend(key, future), Ok(true));
    assert_eq!(arena.begin(key), Some(1));
}

#[test]
fn a_waker_of_a_future_that_has_ended_does_nothing() {
    let (mut arena, sent) = arena();
    let old = waiting(&mut arena, 1);
    let waker = arena.waker(old);
    assert_eq!(arena.remove(old), Some(1));
    waker.wake_by_ref();
    let new = waiting(&mut arena, 2);
    assert_eq!(new.slot, old.slot);
    waker.wake();
    assert!(sent.try_recv().is_err());
    assert_eq!((arena.begin(old), arena.remove(old)), (None, None));
    assert_eq!(arena.iter().copied().collect::<Vec<_>>(), [2]);
}

#[test]
fn a_future_that_is_removed_while_it_is_polled_comes_back() {
    let (mut arena, _sent) = arena();
    let key = arena.insert(1).unwrap();
    let future = arena.begin(key).unwrap();
    assert_eq!(arena.remove(key), None);
    assert_eq!(arena.suspend(key, future), Err(1));
    assert!(arena.is_empty());
}

#[test]
fn wakers_outlive_their_arena() {
    let (mut arena, sent) = arena();
    let key = waiting(&mut arena, 1);
    let waker = arena.waker(key);
    drop(arena);
    assert!(sent.recv().is_err(), "the arena lets go of what it sends keys with");
    waker.wake_by_ref();
    thread::spawn(move || waker.wake()).join().unwrap();
}

#[test]
fn a_waker_is_one_word_and_equal_to_its_clones() {
    let (mut arena, _sent) = arena();
    let (first, second) = (waiting(&mut arena, 1), waiting(&mut arena, 2));
    let waker = arena.waker(first);
    assert!(waker.will_wake(&waker.clone()));
    assert!(waker.will_wake(&arena.waker(first)));
    assert!(!waker.will_wake(&arena.waker(second)));
}

#[test]
fn no_wake_of_many_threads_is_lost() {
    const THREADS: usize = if cfg!(miri) { 2 } else { 8 };
    const WAKES: usize = if cfg!(miri) { 20 } else { 2_000 };
    let (mut arena, sent) = arena();
    let keys: Vec<Key> = (0..4).map(|future| waiting(&mut arena, future)).collect();
    let wakers: Vec<Waker> = keys.iter().map(|key| arena.waker(*key)).collect();
    // What a thread has done before it wakes is seen by a poll after that.
    let done: Vec<std::sync::atomic::AtomicUsize> = (0..4).map(|_| 0.into()).collect();
    let mut seen = [0; 4];
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (wakers, done) = (&wakers, &done);
            scope.spawn(move || {
                for wake in 0..WAKES {
                    let index = (thread + wake) % wakers.len();
                    done[index].fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    wakers[index].wake_by_ref();
                }
            });
        }
        let all = THREADS * WAKES;
        while seen.iter().sum::<usize>() < all {
            let key =
                sent.recv_timeout(std::time::Duration::from_secs(20)).expect("a wake was lost");
            let future = arena.begin(key).expect("sent once for each poll");
            seen[future as usize] =
                done[future as usize].load(std::sync::atomic::Ordering::Relaxed);
            assert_eq!(arena.suspend(key, future), Ok(false));
        }
    });
}

#[test]
#[cfg_attr(miri, ignore = "what the parent shared with other threads is leaked on purpose")]
fn arenas_that_are_renewed_one_after_the_other_all_wake() {
    let mut renewed: Vec<_> = (0..3)
        .map(|future| {
            let (mut arena, _parents) = arena();
            let key = waiting(&mut arena, future);
            let (sender, sent) = mpsc::channel();
            arena.renew_after_fork(move |key| {
                let _ = sender.send(key);
            });
            assert_eq!(arena.begin(key), Some(future), "each future is polled once more");
            assert_eq!(arena.suspend(key, future), Ok(false));
            (arena, key, sent)
        })
        .collect();
    for (arena, key, sent) in &mut renewed {
        let waker = arena.waker(*key);
        thread::spawn(move || waker.wake()).join().unwrap();
        assert_eq!(sent.recv(), Ok(*key));
    }
}

#[test]
fn a_word_is_a_waker_wherever_it_comes_from() {
    let (mut arena, sent) = arena();
    let key = waiting(&mut arena, 1);
    let word = arena.waker(key).data().addr();
    super::waker_of_word(word).wake();
    assert_eq!(sent.recv(), Ok(key));
    for word in [0, 1, usize::MAX, word ^ 1, word ^ (1 << 63)] {
        super::waker_of_word(word).wake();
    }
    assert!(sent.try_recv().is_err());
}

/// What a random program does with an arena.
#[derive(Clone, Debug)]
enum Step {
    Insert,
    Wake { which: usize, here: bool },
    Poll,
    WakeWhilePolled,
    RemoveWhilePolled,
    Remove(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Insert),
        4 => (0..20_usize, any::<bool>()).prop_map(|(which, here)| Step::Wake { which, here }),
        4 => Just(Step::Poll),
        1 => Just(Step::WakeWhilePolled),
        1 => Just(Step::RemoveWhilePolled),
        1 => (0..20_usize).prop_map(Step::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 256 }, ..Default::default() })]

    /// Against a model in which a future has a number that is never used again.
    #[test]
    fn an_arena_does_what_its_model_does(steps in prop::collection::vec(step(), 0..80)) {
        let (mut arena, sent) = arena();
        // All keys that there have been, with their wakers, by the number of the future.
        let mut keys: Vec<(Key, Waker)> = Vec::new();
        // The futures that are there, and whether they are in the queue.
        let mut model: BTreeMap<u32, bool> = BTreeMap::new();
        let mut queue: VecDeque<Key> = VecDeque::new();
        for step in steps {
            match step {
                Step::Insert => {
                    let number = keys.len() as u32;
                    let key = arena.insert(number).unwrap();
                    keys.push((key, arena.waker(key)));
                    model.insert(number, true);
                    queue.push_back(key);
                }
                Step::Wake { which, here } if !keys.is_empty() => {
                    let number = which % keys.len();
                    let entered = here.then(|| arena.enter());
                    keys[number].1.wake_by_ref();
                    drop(entered);
                    let woken: Vec<Key> = arena.take_woken().into_iter().chain(sent.try_iter()).collect();
                    let expected = match model.get_mut(&(number as u32)) {
                        Some(queued) if !*queued => {
                            *queued = true;
                            vec![keys[number].0]
                        }
                        _ => vec![],
                    };
                    prop_assert_eq!(&woken, &expected);
                    queue.extend(woken);
                }
                Step::Poll | Step::WakeWhilePolled | Step::RemoveWhilePolled => {
                    let Some(key) = queue.pop_front() else { continue };
                    let Some(number) = arena.begin(key) else {
                        prop_assert!(!model.keys().any(|it| keys[*it as usize].0 == key));
                        continue;
                    };
                    prop_assert_eq!(model.insert(number, false), Some(true));
                    match step {
                        Step::WakeWhilePolled => {
                            let _entered = arena.enter();
                            keys[number as usize].1.wake_by_ref();
                            model.insert(number, true);
                            queue.extend(arena.take_woken());
                        }
                        Step::RemoveWhilePolled => {
                            prop_assert_eq!(arena.remove(key), None);
                            model.remove(&number);
                        }
                        _ => {}
                    }
                    let outcome = arena.suspend(key, number);
                    prop_assert_eq!(outcome, if model.contains_key(&number) { Ok(false) } else { Err(number) });
                }
                Step::Remove(which) if !keys.is_empty() => {
                    let number = (which % keys.len()) as u32;
                    let expected = model.remove(&number).map(|_| number);
                    prop_assert_eq!(arena.remove(keys[number as usize].0), expected);
                }
                Step::Wake { .. } | Step::Remove(_) => {}
            }
            prop_assert_eq!(arena.len(), model.len());
        }
        let mut left: Vec<u32> = arena.iter().copied().collect();
        left.sort_unstable();
        prop_assert_eq!(left, model.keys().copied().collect::<Vec<_>>());
    }
}
