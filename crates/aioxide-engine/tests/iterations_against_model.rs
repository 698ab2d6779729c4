//! `Engine` with a virtual clock against a model of its three queues, and of
//! the order in which an iteration goes through them.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use aioxide_engine::{Cancellable, Clock, Engine, Wait};
use proptest::prelude::*;

#[path = "models/seeded.rs"]
mod seeded;

#[derive(Clone)]
struct Item {
    id: usize,
    cancelled: Rc<Cell<bool>>,
}

impl Cancellable for Item {
    fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }
}

/// Times are quarters of a second: exact as `f64`, so that deadlines coincide.
#[derive(Clone, Debug)]
enum Step {
    Schedule,
    ScheduleIn(u8),
    Send,
    CancelTimer(usize),
    AdvanceBy(u8),
    /// An iteration in which so many readiness events come, and in which each item
    /// that runs schedules as many others as the next number says.
    Iteration {
        events: usize,
        children: Vec<u8>,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let children = prop::collection::vec(0..4u8, 0..6);
    prop_oneof![
        3 => Just(Step::Schedule),
        6 => (0..12u8).prop_map(Step::ScheduleIn),
        2 => Just(Step::Send),
        3 => (0..100usize).prop_map(Step::CancelTimer),
        2 => (0..6u8).prop_map(Step::AdvanceBy),
        5 => (0..3usize, children).prop_map(|(events, children)| Step::Iteration { events, children }),
    ]
}

fn seconds(quarters: u8) -> f64 {
    f64::from(quarters) / 4.0
}

#[derive(Default)]
struct Model {
    now: f64,
    ready: VecDeque<usize>,
    sent: VecDeque<usize>,
    /// In the order of insertion.
    timers: Vec<(f64, Item)>,
}

impl Model {
    fn next_deadline(&self) -> Option<f64> {
        let live = self.timers.iter().filter(|(_, t)| !t.is_cancelled());
        live.map(|(deadline, _)| *deadline).min_by(f64::total_cmp)
    }

    fn prepare(&mut self) -> Wait {
        self.ready.append(&mut self.sent);
        match self.next_deadline() {
            _ if !self.ready.is_empty() => Wait::Poll,
            None => Wait::Forever,
            Some(deadline) if deadline <= self.now => Wait::Poll,
            Some(deadline) => Wait::Until(Duration::from_secs_f64(deadline - self.now)),
        }
    }

    fn skip(&mut self) {
        if self.ready.is_empty() && self.sent.is_empty() {
            let next = self.next_deadline().unwrap_or(self.now);
            self.now = self.now.max(next);
        }
    }

    fn collect(&mut self) -> usize {
        self.ready.append(&mut self.sent);
        while let Some(deadline) = self.next_deadline().filter(|d| *d <= self.now) {
            let due = |(d, t): &(f64, Item)| *d == deadline && !t.is_cancelled();
            let position = self.timers.iter().position(due).expect("it is there");
            self.ready.push_back(self.timers.remove(position).1.id);
        }
        self.ready.len()
    }
}

struct Pair {
    engine: Engine<Item>,
    model: Model,
    next_id: usize,
    deferred: Vec<Item>,
}

impl Pair {
    fn item(&mut self) -> Item {
        self.next_id += 1;
        Item { id: self.next_id, cancelled: Rc::default() }
    }

    fn schedule(&mut self) {
        let item = self.item();
        self.model.ready.push_back(item.id);
        self.engine.schedule(item);
    }

    fn schedule_in(&mut self, delay: f64) {
        let item = self.item();
        let deadline = self.engine.clock().now() + delay;
        self.model.timers.push((deadline, item.clone()));
        self.engine.schedule_at(deadline, item);
    }

    fn iteration(&mut self, events: usize, children: &[u8]) {
        let wait = self.engine.prepare(&mut self.deferred);
        assert_eq!(wait, self.model.prepare());
        for _ in 0..events {
            self.schedule();
        }
        if let Wait::Until(_) = wait {
            self.engine.skip_to_next_deadline(&mut self.deferred);
            self.model.skip();
        }
        let count = self.engine.collect(&mut self.deferred);
        assert_eq!(count, self.model.collect());
        let mut children = children.iter();
        for _ in 0..count {
            let item = self.engine.next_ready().expect("as many as promised");
            assert_eq!(Some(item.id), self.model.ready.pop_front());
            for _ in 0..*children.next().unwrap_or(&0) {
                self.schedule();
            }
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Schedule => self.schedule(),
            Step::ScheduleIn(delay) => self.schedule_in(seconds(delay)),
            Step::Send => {
                let item = self.item();
                self.model.sent.push_back(item.id);
                assert!(self.engine.inbox().push(item).is_ok());
            }
            Step::CancelTimer(index) => {
                let live: Vec<_> = self.model.timers.iter().map(|(_, t)| t).collect();
                let chosen = live.get(index % live.len().max(1));
                if chosen.is_some_and(|timer| !timer.cancelled.replace(true)) {
                    self.deferred.extend(self.engine.timers().note_cancelled());
                }
            }
            Step::AdvanceBy(delay) => {
                self.model.now += seconds(delay);
                self.engine.clock().advance_to(self.model.now);
            }
            Step::Iteration { events, children } => self.iteration(events, &children),
        }
        assert_eq!(self.engine.clock().now(), self.model.now);
        assert_eq!(self.engine.ready_len(), self.model.ready.len());
    }
}

fn check(steps: Vec<Step>) {
    let mut pair = Pair {
        engine: Engine::new(Clock::virtual_from(0.0)).expect("file descriptors are left"),
        model: Model::default(),
        next_id: 0,
        deferred: Vec::new(),
    };
    for step in steps {
        pair.apply(step);
    }
    // Whatever is left comes out once: from the engine or from its deferred.
    let mut left: Vec<_> = pair.engine.close();
    left.append(&mut pair.deferred);
    let mut left: Vec<_> = left.iter().map(|item| item.id).collect();
    let model = pair.model;
    let timers = model.timers.iter().map(|(_, timer)| timer.id);
    let mut expected: Vec<_> = model.ready.into_iter().chain(model.sent).collect();
    expected.extend(timers);
    left.sort_unstable();
    expected.sort_unstable();
    assert_eq!(left, expected);
}

proptest! {
    #![proptest_config(seeded::cases(512, "tests/regressions/iterations_against_model.txt"))]

    #[test]
    fn turns_go_through_the_queues_as_the_model_does(
        steps in prop::collection::vec(step(), 0..if cfg!(miri) { 40 } else { 200 }),
    ) {
        check(steps);
    }
}
