//! Against lists: of items, of those that wait, and of those that were woken.

use std::collections::BTreeMap;

use aioxide_sync::queue::{GetNowaitError, PutNowaitError, QueueShutDown};
use aioxide_sync::{LifoQueue, PriorityQueue, Queue};
use proptest::prelude::*;

use super::cases;
use crate::driving::{Driven, driven};

#[derive(Clone, Debug)]
enum Step {
    Put(u8),
    Get,
    PutNowait(u8),
    GetNowait,
    Join,
    TaskDone,
    Poll(usize),
    Drop(usize),
    Shutdown { immediately: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<u8>().prop_map(Step::Put),
        8 => Just(Step::Get),
        3 => any::<u8>().prop_map(Step::PutNowait),
        3 => Just(Step::GetNowait),
        1 => Just(Step::Join),
        4 => Just(Step::TaskDone),
        8 => any::<prop::sample::Index>().prop_map(|it| Step::Poll(it.index(1000))),
        6 => any::<prop::sample::Index>().prop_map(|it| Step::Drop(it.index(1000))),
        1 => any::<bool>().prop_map(|immediately| Step::Shutdown { immediately }),
    ]
}

enum Waiting<'a> {
    Put(Driven<'a, Result<(), QueueShutDown<u8>>>),
    Get(Driven<'a, Result<u8, QueueShutDown>>),
    Join(Driven<'a, ()>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Put(u8),
    Get,
    Join,
}

struct Model {
    capacity: usize,
    /// The place of the item that comes next, among those that are there.
    next: fn(&[u8]) -> usize,
    items: Vec<u8>,
    unfinished: usize,
    is_shut_down: bool,
    line: Vec<(usize, Kind)>,
    woken: BTreeMap<usize, Kind>,
}

impl Model {
    fn woken(&self, is_kind: fn(Kind) -> bool) -> usize {
        self.woken.values().filter(|kind| is_kind(**kind)).count()
    }

    /// Whether somebody who does not wait may do it now.
    fn may(&self, kind: Kind) -> bool {
        match kind {
            Kind::Put(_) => {
                self.is_shut_down
                    || self.items.len() + self.woken(|it| matches!(it, Kind::Put(_)))
                        < self.capacity
            }
            Kind::Get => self.has_item() || (self.is_shut_down && self.items.is_empty()),
            Kind::Join => self.unfinished == 0,
        }
    }

    /// Whether there is an item that is meant for nobody.
    fn has_item(&self) -> bool {
        self.items.len() > self.woken(|it| it == Kind::Get)
    }

    fn serve(&mut self) {
        let mut index = 0;
        while let Some(&(who, kind)) = self.line.get(index) {
            if self.may(kind) {
                self.line.remove(index);
                self.woken.insert(who, kind);
            } else {
                index += 1;
            }
        }
    }

    /// Begins to wait. False if it need not.
    fn waits(&mut self, who: usize, kind: Kind) -> bool {
        let waits = !self.may(kind);
        if waits {
            self.line.push((who, kind));
        }
        waits
    }

    fn put(&mut self, item: u8) -> Result<(), QueueShutDown<u8>> {
        if self.is_shut_down {
            return Err(QueueShutDown(item));
        }
        self.items.push(item);
        self.unfinished += 1;
        Ok(())
    }

    fn get(&mut self) -> Result<u8, QueueShutDown> {
        if self.items.is_empty() {
            return Err(QueueShutDown(()));
        }
        Ok(self.items.remove((self.next)(&self.items)))
    }

    fn done(&mut self, count: usize) {
        self.unfinished -= count;
    }
}

/// A comparison for each kind of queue.
macro_rules! compare {
    ($($compare:ident: $queue:ident),*) => {$(
fn $compare(
    capacity: Option<usize>,
    steps: Vec<Step>,
    next: fn(&[u8]) -> usize,
) -> Result<(), TestCaseError> {
    let queue = capacity.map_or_else($queue::new, $queue::bounded);
    let mut waiting: BTreeMap<usize, Waiting<'_>> = BTreeMap::new();
    let mut model = Model {
        capacity: capacity.unwrap_or(usize::MAX),
        next,
        items: vec![],
        unfinished: 0,
        is_shut_down: false,
        line: vec![],
        woken: BTreeMap::new(),
    };
    for (number, step) in steps.into_iter().enumerate() {
        let chosen = |index: usize| waiting.keys().nth(index % waiting.len().max(1)).copied();
        match step {
            Step::Put(item) => {
                let mut future = driven(queue.put(item));
                let result = future.poll();
                if model.waits(number, Kind::Put(item)) {
                    prop_assert_eq!(result, None);
                    waiting.insert(number, Waiting::Put(future));
                } else {
                    prop_assert_eq!(result, Some(model.put(item)));
                }
            }
            Step::Get => {
                let mut future = driven(queue.get());
                let result = future.poll();
                if model.waits(number, Kind::Get) {
                    prop_assert_eq!(result, None);
                    waiting.insert(number, Waiting::Get(future));
                } else {
                    prop_assert_eq!(result, Some(model.get()));
                }
            }
            Step::PutNowait(item) => {
                let expected = match model.may(Kind::Put(item)) {
                    true => {
                        model.put(item).map_err(|QueueShutDown(it)| PutNowaitError::ShutDown(it))
                    }
                    false => Err(PutNowaitError::Full(item)),
                };
                prop_assert_eq!(queue.put_nowait(item), expected);
            }
            Step::GetNowait => {
                let expected = match model.may(Kind::Get) {
                    true => model.get().map_err(|_| GetNowaitError::ShutDown),
                    false => Err(GetNowaitError::Empty),
                };
                prop_assert_eq!(queue.get_nowait(), expected);
            }
            Step::Join => {
                let mut future = driven(queue.join());
                let result = future.poll();
                let waits = model.waits(number, Kind::Join);
                prop_assert_eq!(result.is_none(), waits);
                if waits {
                    waiting.insert(number, Waiting::Join(future));
                }
            }
            Step::TaskDone => {
                if model.unfinished > 0 {
                    queue.task_done();
                    model.done(1);
                }
            }
            Step::Poll(index) => {
                let Some(who) = chosen(index) else { continue };
                let woken = model.woken.remove(&who);
                let ended = match (waiting.get_mut(&who), woken) {
                    (Some(Waiting::Put(future)), Some(Kind::Put(item))) => {
                        prop_assert_eq!(future.poll(), Some(model.put(item)));
                        true
                    }
                    (Some(Waiting::Get(future)), Some(Kind::Get)) => {
                        prop_assert_eq!(future.poll(), Some(model.get()));
                        true
                    }
                    (Some(Waiting::Join(future)), Some(Kind::Join)) => {
                        prop_assert_eq!(future.poll(), Some(()));
                        true
                    }
                    (Some(Waiting::Put(future)), None) => {
                        prop_assert_eq!(future.poll(), None);
                        false
                    }
                    (Some(Waiting::Get(future)), None) => {
                        prop_assert_eq!(future.poll(), None);
                        false
                    }
                    (Some(Waiting::Join(future)), None) => {
                        prop_assert_eq!(future.poll(), None);
                        false
                    }
                    _ => unreachable!("they are of one kind"),
                };
                if ended {
                    waiting.remove(&who);
                }
            }
            Step::Drop(index) => {
                let Some(who) = chosen(index) else { continue };
                waiting.remove(&who);
                model.line.retain(|(waiter, _)| *waiter != who);
                model.woken.remove(&who);
            }
            Step::Shutdown { immediately } => {
                model.is_shut_down = true;
                if immediately {
                    queue.shutdown_immediately();
                    let dropped = model.items.len();
                    model.items.clear();
                    model.done(dropped.min(model.unfinished));
                } else {
                    queue.shutdown();
                }
            }
        }
        model.serve();
        prop_assert_eq!(queue.len(), model.items.len());
        if !model.is_shut_down {
            prop_assert_eq!(queue.is_full(), !model.may(Kind::Put(0)));
        }
        for (who, waiting) in &waiting {
            let is_woken = match waiting {
                Waiting::Put(future) => future.is_woken(),
                Waiting::Get(future) => future.is_woken(),
                Waiting::Join(future) => future.is_woken(),
            };
            prop_assert_eq!(is_woken, model.woken.contains_key(who), "{}", who);
        }
    }
    Ok(())
}
    )*};
}

compare!(fifo: Queue, lifo: LifoQueue, priority: PriorityQueue);

fn lowest(items: &[u8]) -> usize {
    (0..items.len()).min_by_key(|index| items[*index]).unwrap()
}

proptest! {
    #![proptest_config(cases("tests/regressions/queue.txt"))]

    #[test]
    fn a_queue_does_what_its_model_does(
        capacity in prop::option::of(1..4_usize),
        steps in prop::collection::vec(step(), 0..80),
        kind in 0..3,
    ) {
        match kind {
            0 => fifo(capacity, steps, |_| 0)?,
            1 => lifo(capacity, steps, |items| items.len() - 1)?,
            _ => priority(capacity, steps, lowest)?,
        }
    }
}
