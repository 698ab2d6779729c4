//! Who is woken when a timer is due.

use std::task::Waker;

use aioxide_engine::Timers;

use super::{Item, Loop};

/// Names one alarm of a loop. An alarm that has rung or was cancelled has no key any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AlarmKey {
    slot: u32,
    generation: u32,
}

/// The alarms of a loop.
#[derive(Default)]
pub(super) struct Alarms {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

struct Slot {
    /// Tells an alarm from those that have had the slot before.
    generation: u32,
    waker: Option<Waker>,
}

impl Alarms {
    fn set(&mut self, waker: Waker) -> AlarmKey {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, waker: None });
            self.slots.len() as u32 - 1
        });
        let place = &mut self.slots[slot as usize];
        place.waker = Some(waker);
        AlarmKey { slot, generation: place.generation }
    }

    fn find(&mut self, alarm: AlarmKey) -> Option<&mut Slot> {
        self.slots.get_mut(alarm.slot as usize).filter(|it| it.generation == alarm.generation)
    }

    pub(super) fn is_set(&self, alarm: AlarmKey) -> bool {
        let slot = self.slots.get(alarm.slot as usize);
        slot.is_some_and(|it| it.generation == alarm.generation)
    }

    /// Takes it out. The caller wakes or drops the waker without a borrow.
    fn take(&mut self, alarm: AlarmKey) -> Option<Waker> {
        let slot = self.find(alarm)?;
        slot.generation = slot.generation.wrapping_add(1);
        let waker = slot.waker.take();
        self.free.push(alarm.slot);
        waker
    }
}

impl Loop {
    /// Wakes `waker` when the clock reaches `deadline`, in seconds.
    pub(crate) fn set_alarm(&self, deadline: f64, waker: Waker) -> AlarmKey {
        let alarm = self.alarms.borrow_mut().set(waker);
        self.engine.borrow_mut().schedule_at(deadline, Item::Ring(alarm));
        alarm
    }

    /// Wakes `waker` in place of the one before. False if the alarm has rung.
    pub(crate) fn renew_alarm(&self, alarm: AlarmKey, waker: &Waker) -> bool {
        let is_same = match self.alarms.borrow_mut().find(alarm) {
            None => return false,
            Some(slot) => slot.waker.as_ref().is_some_and(|it| it.will_wake(waker)),
        };
        if !is_same {
            let mut waker = Some(waker.clone());
            if let Some(slot) = self.alarms.borrow_mut().find(alarm) {
                std::mem::swap(&mut slot.waker, &mut waker);
            }
        }
        true
    }

    /// An alarm that has rung already is left alone.
    pub(crate) fn cancel_alarm(&self, alarm: AlarmKey) {
        let waker = self.alarms.borrow_mut().take(alarm);
        if waker.is_some() {
            let removed = Timers::note_cancelled(self.engine.borrow_mut().timers());
            drop(removed);
        }
        drop(waker);
    }

    /// A timer is due.
    pub(super) fn ring(&self, alarm: AlarmKey) {
        let waker = self.alarms.borrow_mut().take(alarm);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
