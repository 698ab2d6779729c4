//! `Timers` against the simplest thing that could be right: a sorted vector.

use std::cell::Cell;
use std::rc::Rc;

use aioxide_engine::{Cancellable, Timers};
use proptest::prelude::*;

#[path = "models/seeded.rs"]
mod seeded;

struct Alarm {
    id: usize,
    cancelled: Rc<Cell<bool>>,
}

impl Cancellable for Alarm {
    fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Few different deadlines, so that many are equal.
    Insert(Vec<u8>),
    /// Cancels those whose index, out of all that wait, is a multiple of this.
    CancelEvery(usize),
    NextDeadline,
    PopDue(u8),
    PopAllDue(u8),
    TakeAll,
}

fn step() -> impl Strategy<Value = Step> {
    let room = if cfg!(miri) { 40 } else { 200 };
    prop_oneof![
        4 => prop::collection::vec(0..20u8, 0..room).prop_map(Step::Insert),
        4 => (1..5usize).prop_map(Step::CancelEvery),
        2 => Just(Step::NextDeadline),
        4 => (0..20u8).prop_map(Step::PopDue),
        2 => (0..20u8).prop_map(Step::PopAllDue),
        1 => Just(Step::TakeAll),
    ]
}

struct ModelEntry {
    deadline: f64,
    id: usize,
    cancelled: Rc<Cell<bool>>,
}

/// Sorted by deadline, and by id among equals.
#[derive(Default)]
struct Model {
    entries: Vec<ModelEntry>,
    next_id: usize,
}

impl Model {
    fn insert(&mut self, deadline: f64) -> Alarm {
        let (id, cancelled) = (self.next_id, Rc::new(Cell::new(false)));
        self.next_id += 1;
        let position = self.entries.partition_point(|e| e.deadline <= deadline);
        let entry = ModelEntry { deadline, id, cancelled: cancelled.clone() };
        self.entries.insert(position, entry);
        Alarm { id, cancelled }
    }

    fn first_live(&self) -> Option<&ModelEntry> {
        self.entries.iter().find(|entry| !entry.cancelled.get())
    }

    fn pop_due(&mut self, now: f64) -> Option<usize> {
        let id = self.first_live().filter(|e| e.deadline <= now)?.id;
        self.entries.retain(|entry| entry.id != id);
        Some(id)
    }

    /// What left the heap unasked must be cancelled, and known to the model.
    fn bury(&mut self, dead: Vec<Alarm>) {
        for alarm in dead {
            let position = self.entries.iter().position(|e| e.id == alarm.id);
            let entry = self.entries.remove(position.expect("it left only once"));
            assert!(entry.cancelled.get(), "{} was live", entry.id);
        }
    }
}

fn check(steps: Vec<Step>) {
    let mut timers = Timers::new();
    let mut model = Model::default();
    for step in steps {
        let mut deferred = Vec::new();
        match step {
            Step::Insert(deadlines) => {
                for deadline in deadlines {
                    let deadline = f64::from(deadline);
                    timers.insert(deadline, model.insert(deadline));
                }
            }
            Step::CancelEvery(stride) => {
                let chosen: Vec<_> = model.entries.iter().step_by(stride).collect();
                let flags: Vec<_> = chosen.iter().map(|e| e.cancelled.clone()).collect();
                for flag in flags.iter().filter(|flag| !flag.replace(true)) {
                    assert!(flag.get());
                    deferred.extend(timers.note_cancelled());
                }
                let still_dead = timers.iter().filter(|a| a.is_cancelled()).count();
                assert!(still_dead <= 100 || still_dead * 2 <= timers.len());
            }
            Step::NextDeadline => {
                let expected = model.first_live().map(|entry| entry.deadline);
                assert_eq!(timers.next_deadline(&mut deferred), expected);
            }
            Step::PopDue(now) => {
                let popped = timers.pop_due(f64::from(now), &mut deferred);
                assert_eq!(popped.map(|a| a.id), model.pop_due(f64::from(now)));
            }
            Step::PopAllDue(now) => {
                while let Some(alarm) = timers.pop_due(f64::from(now), &mut deferred) {
                    assert_eq!(Some(alarm.id), model.pop_due(f64::from(now)));
                }
                assert_eq!(model.pop_due(f64::from(now)), None);
            }
            Step::TakeAll => {
                let taken: Vec<_> = timers.take_all().iter().map(|a| a.id).collect();
                let expected: Vec<_> = model.entries.drain(..).map(|e| e.id).collect();
                assert_eq!(taken, expected);
            }
        }
        model.bury(deferred);
        assert_eq!(timers.len(), model.entries.len());
        assert_eq!(timers.is_empty(), model.entries.is_empty());
    }
}

proptest! {
    #![proptest_config(seeded::cases(512, "tests/regressions/timers_against_model.txt"))]

    #[test]
    fn timers_behave_as_a_sorted_vector(steps in prop::collection::vec(step(), 0..40)) {
        check(steps);
    }
}
