//! Against a list of those that wait and a number.

use std::collections::BTreeMap;

use aioxide_sync::{Semaphore, SemaphorePermit};
use proptest::prelude::*;

use super::cases;
use crate::driving::{Driven, driven};

#[derive(Clone, Debug)]
enum Step {
    Acquire(usize),
    Try(usize),
    Poll(usize),
    Drop(usize),
    Release(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_usize).prop_map(Step::Acquire),
        2 => (0..4_usize).prop_map(Step::Try),
        4 => any::<prop::sample::Index>().prop_map(|it| Step::Poll(it.index(1000))),
        4 => any::<prop::sample::Index>().prop_map(|it| Step::Drop(it.index(1000))),
        1 => (0..3_usize).prop_map(Step::Release),
    ]
}

enum Held<'a> {
    Future(Driven<'a, SemaphorePermit<'a>>),
    Permit(#[expect(dead_code, reason = "it is dropped")] SemaphorePermit<'a>),
}

#[derive(Default)]
struct Model {
    available: usize,
    /// Those that wait, with what they ask for.
    line: Vec<(usize, usize)>,
    /// What belongs to those that were woken or have their permits.
    owned: BTreeMap<usize, usize>,
}

impl Model {
    fn serve(&mut self) {
        while let Some(&(who, count)) = self.line.first()
            && count <= self.available
        {
            self.line.remove(0);
            self.available -= count;
            self.owned.insert(who, count);
        }
    }

    fn leave(&mut self, who: usize) {
        self.line.retain(|(waiter, _)| *waiter != who);
        self.available += self.owned.remove(&who).unwrap_or(0);
        self.serve();
    }
}

proptest! {
    #![proptest_config(cases("tests/regressions/semaphore.txt"))]

    #[test]
    fn a_semaphore_does_what_its_model_does(
        permits in 0..5_usize,
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let semaphore = Semaphore::new(permits);
        let mut held: BTreeMap<usize, Held<'_>> = BTreeMap::new();
        let mut model = Model { available: permits, ..Model::default() };
        for (number, step) in steps.into_iter().enumerate() {
            let chosen = |index: usize| held.keys().nth(index % held.len().max(1)).copied();
            match step {
                Step::Acquire(count) => {
                    let mut future = driven(semaphore.acquire_many(count));
                    let permit = future.poll();
                    model.line.push((number, count));
                    model.serve();
                    prop_assert_eq!(permit.is_some(), model.owned.contains_key(&number));
                    held.insert(number, permit.map_or(Held::Future(future), Held::Permit));
                }
                Step::Try(count) => {
                    let permit = semaphore.try_acquire_many(count);
                    let is_there = model.line.is_empty() && count <= model.available;
                    prop_assert_eq!(permit.is_some(), is_there);
                    if let Some(permit) = permit {
                        model.available -= count;
                        model.owned.insert(number, count);
                        held.insert(number, Held::Permit(permit));
                    }
                }
                Step::Poll(index) => {
                    let Some(who) = chosen(index) else { continue };
                    if let Some(Held::Future(future)) = held.get_mut(&who) {
                        let permit = future.poll();
                        prop_assert_eq!(permit.is_some(), model.owned.contains_key(&who));
                        if let Some(permit) = permit {
                            prop_assert_eq!(permit.count(), model.owned[&who]);
                            held.insert(who, Held::Permit(permit));
                        }
                    }
                }
                Step::Drop(index) => {
                    let Some(who) = chosen(index) else { continue };
                    held.remove(&who);
                    model.leave(who);
                }
                Step::Release(count) => {
                    semaphore.release(count);
                    model.available += count;
                    model.serve();
                }
            }
            prop_assert_eq!(semaphore.available(), model.available);
            for (who, held) in &held {
                if let Held::Future(future) = held {
                    prop_assert_eq!(future.is_woken(), model.owned.contains_key(who));
                }
            }
        }
        let all = model.available + model.owned.values().sum::<usize>();
        drop(held);
        prop_assert_eq!(semaphore.available(), all);
    }
}
