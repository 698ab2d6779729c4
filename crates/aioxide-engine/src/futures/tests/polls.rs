//! Futures that are taken out at any time, and threads that run one loop inside another.

use std::collections::BTreeMap;
use std::task::Waker;

use proptest::prelude::*;

use super::{arena, waiting};
use crate::futures::{Entered, Key};

#[test]
fn a_future_is_taken_out_although_nothing_has_woken_it() {
    let (mut arena, _sent) = arena();
    let key = waiting(&mut arena, 1);
    assert_eq!(arena.begin_now(key), Some(1));
    assert_eq!(arena.begin_now(key), None, "it is out already");
    assert_eq!(arena.suspend(key, 1), Ok(false));
    assert_eq!(arena.begin(key), None);
}

#[test]
fn a_poll_is_for_the_wakes_before_it() {
    let (mut arena, sent) = arena();
    let key = waiting(&mut arena, 1);
    arena.waker(key).wake();
    assert_eq!(arena.begin_now(key), Some(1));
    assert_eq!(arena.suspend(key, 1), Ok(false));
    assert_eq!(arena.begin(sent.recv().unwrap()), None, "that wake has had its poll");
}

#[test]
fn a_poll_is_not_for_the_wakes_after_its_beginning() {
    let (mut arena, sent) = arena();
    let key = waiting(&mut arena, 1);
    assert_eq!(arena.begin_now(key), Some(1));
    arena.waker(key).wake();
    assert_eq!(arena.suspend(key, 1), Ok(false));
    assert_eq!(arena.begin(sent.recv().unwrap()), Some(1));
}

#[test]
fn a_place_for_a_future_that_is_being_polled() {
    let (mut arena, sent) = arena();
    let key = arena.insert_begun().unwrap();
    assert_eq!((arena.len(), arena.is_woken(key)), (1, false));
    assert_eq!((arena.begin_now(key), arena.begin(key)), (None, None), "it is out");
    assert_eq!(arena.suspend(key, 1), Ok(true));
    arena.waker(key).wake();
    assert_eq!(sent.try_recv(), Ok(key));
    assert_eq!(arena.begin(key), Some(1));
    arena.finish(key);
    assert!(arena.is_empty());
}

#[test]
fn a_future_that_has_ended_is_not_taken_out() {
    let (mut arena, _sent) = arena();
    let old = waiting(&mut arena, 1);
    assert_eq!(arena.remove(old), Some(1));
    assert_eq!(arena.begin_now(old), None);
    let new = waiting(&mut arena, 2);
    assert_eq!((arena.begin_now(old), arena.begin_now(new)), (None, Some(2)));
}

#[test]
fn a_loop_without_an_arena_is_not_the_loop_around_it() {
    let (mut arena, sent) = arena();
    let key = waiting(&mut arena, 1);
    let outer = arena.enter();
    let inner = Entered::without_arena();
    arena.waker(key).wake();
    assert_eq!(sent.try_recv(), Ok(key));
    assert_eq!(arena.begin(key), Some(1));
    assert_eq!(arena.suspend(key, 1), Ok(false));
    drop(inner);
    arena.waker(key).wake();
    drop(outer);
    assert_eq!(arena.take_woken(), [key]);
}

#[test]
fn wakes_stay_in_order_while_other_loops_run_inside() {
    let (mut arena, sent) = arena();
    let keys = [1, 2, 3, 4].map(|future| waiting(&mut arena, future));
    let outer = arena.enter();
    arena.waker(keys[2]).wake();
    let none = Entered::without_arena();
    let again = arena.enter();
    arena.waker(keys[0]).wake();
    drop(again);
    drop(none);
    arena.waker(keys[3]).wake();
    assert!(arena.has_woken());
    let mut taken = vec![keys[1]];
    arena.take_woken_into(&mut taken);
    assert_eq!(taken, [keys[1], keys[2], keys[0], keys[3]]);
    assert_eq!((arena.has_woken(), arena.take_woken()), (false, vec![]));
    drop(outer);
    assert!(sent.try_recv().is_err());
}

#[test]
fn an_arena_that_is_made_while_its_loop_runs_is_that_loops() {
    let entered = Entered::without_arena();
    let (mut arena, sent) = arena();
    arena.make_current();
    let key = waiting(&mut arena, 1);
    arena.waker(key).wake();
    drop(entered);
    assert_eq!(arena.take_woken(), [key]);
    assert_eq!(arena.begin(key), Some(1));
    assert_eq!(arena.suspend(key, 1), Ok(false));
    arena.waker(key).wake();
    assert_eq!(sent.try_recv(), Ok(key), "the loop has ended on this thread");
}

/// What a random program does. Numbers choose among all futures that there have been.
#[derive(Clone, Debug)]
enum Step {
    Insert,
    InsertBegun,
    Wake(usize),
    Begin(usize),
    BeginNow(usize),
    Suspend(usize),
    Remove(usize),
    Enter,
    EnterWithoutArena,
    MakeCurrent,
    Leave,
}

fn step() -> impl Strategy<Value = Step> {
    let which = || 0..20_usize;
    prop_oneof![
        2 => Just(Step::Insert),
        1 => Just(Step::InsertBegun),
        6 => which().prop_map(Step::Wake),
        4 => which().prop_map(Step::Begin),
        4 => which().prop_map(Step::BeginNow),
        6 => which().prop_map(Step::Suspend),
        1 => which().prop_map(Step::Remove),
        1 => Just(Step::Enter),
        1 => Just(Step::EnterWithoutArena),
        1 => Just(Step::MakeCurrent),
        2 => Just(Step::Leave),
    ]
}

/// A future that has not ended.
#[derive(Default)]
struct Modelled {
    is_woken: bool,
    is_out: bool,
    /// Its key has come round while it was out.
    again: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 512 }, ..Default::default() })]

    #[test]
    fn futures_that_stay_out_do_what_their_model_does(steps in prop::collection::vec(step(), 0..120)) {
        let (mut arena, sent) = arena();
        let mut keys: Vec<(Key, Waker)> = vec![];
        let mut model: BTreeMap<u32, Modelled> = BTreeMap::new();
        // The loops that run on this thread, and whether the innermost is the arena's.
        let mut loops: Vec<(Entered, bool)> = vec![];
        let mut is_current = false;
        // Futures that were removed while they were out: the one who has them gets them back.
        let mut orphans: Vec<u32> = vec![];
        for step in steps {
            let choose = |which: usize| keys.get(which % keys.len().max(1)).map(|(key, _)| {
                ((which % keys.len()) as u32, *key)
            });
            match step {
                Step::Insert => {
                    let number = keys.len() as u32;
                    let key = arena.insert(number).unwrap();
                    keys.push((key, arena.waker(key)));
                    model.insert(number, Modelled { is_woken: true, ..Modelled::default() });
                }
                Step::InsertBegun => {
                    let key = arena.insert_begun().unwrap();
                    let future = Modelled { is_out: true, ..Modelled::default() };
                    model.insert(keys.len() as u32, future);
                    keys.push((key, arena.waker(key)));
                }
                Step::Wake(which) => {
                    let Some((number, key)) = choose(which) else { continue };
                    keys[number as usize].1.wake_by_ref();
                    let is_first = model.get_mut(&number).is_some_and(|future| {
                        !std::mem::replace(&mut future.is_woken, true)
                    });
                    let woken = (arena.take_woken(), sent.try_iter().collect::<Vec<_>>());
                    let expected = match (is_first, is_current) {
                        (false, _) => (vec![], vec![]),
                        (true, true) => (vec![key], vec![]),
                        (true, false) => (vec![], vec![key]),
                    };
                    prop_assert_eq!(woken, expected);
                }
                Step::Begin(which) => {
                    let Some((number, key)) = choose(which) else { continue };
                    let expected = match model.get_mut(&number) {
                        Some(future) if future.is_out => {
                            future.again = true;
                            None
                        }
                        Some(future) if future.is_woken => {
                            *future = Modelled { is_out: true, ..Modelled::default() };
                            Some(number)
                        }
                        _ => None,
                    };
                    prop_assert_eq!(arena.begin(key), expected);
                }
                Step::BeginNow(which) => {
                    let Some((number, key)) = choose(which) else { continue };
                    let expected = model.get_mut(&number).and_then(|future| {
                        let was_out = future.is_out;
                        *future = Modelled { is_out: true, ..Modelled::default() };
                        (!was_out).then_some(number)
                    });
                    prop_assert_eq!(arena.begin_now(key), expected);
                }
                Step::Suspend(which) => {
                    let Some((number, key)) = choose(which) else { continue };
                    if let Some(place) = orphans.iter().position(|orphan| *orphan == number) {
                        orphans.remove(place);
                        prop_assert_eq!(arena.suspend(key, number), Err(number));
                    } else if let Some(future) = model.get_mut(&number).filter(|it| it.is_out) {
                        prop_assert_eq!(arena.suspend(key, number), Ok(future.again));
                        (future.is_out, future.again) = (false, false);
                    }
                }
                Step::Remove(which) => {
                    let Some((number, key)) = choose(which) else { continue };
                    let removed = model.remove(&number);
                    let is_out = removed.as_ref().is_some_and(|future| future.is_out);
                    orphans.extend(is_out.then_some(number));
                    let expected = removed.filter(|future| !future.is_out).map(|_| number);
                    prop_assert_eq!(arena.remove(key), expected);
                }
                Step::Enter => {
                    loops.push((arena.enter(), is_current));
                    is_current = true;
                }
                Step::EnterWithoutArena => {
                    loops.push((Entered::without_arena(), is_current));
                    is_current = false;
                }
                Step::MakeCurrent if !loops.is_empty() => {
                    arena.make_current();
                    is_current = true;
                }
                Step::Leave => {
                    if let Some((entered, before)) = loops.pop() {
                        drop(entered);
                        is_current = before;
                    }
                }
                Step::MakeCurrent => {}
            }
            prop_assert_eq!(arena.len(), model.len());
        }
        while let Some((entered, _)) = loops.pop() {
            drop(entered);
        }
        let mut left: Vec<u32> = arena.iter().copied().collect();
        left.sort_unstable();
        let expected = model.iter().filter(|(_, it)| !it.is_out).map(|(number, _)| *number);
        prop_assert_eq!(left, expected.collect::<Vec<_>>());
    }
}
