//! Where the futures of one loop are kept.

use std::sync::Arc;
use std::task::Waker;

use super::key::{GENERATIONS, Key, MAX_SLOTS};
use super::registry;
use super::shared::Shared;
use super::waker::{self, Current};

/// Futures of one loop, of type `F`, each in a slot.
///
/// The arena does not poll. The loop takes a future out ([`Arena::begin`]), polls it, and puts
/// it back ([`Arena::suspend`]) or says that it has ended ([`Arena::finish`]). While it is out,
/// the arena can be used: what is polled may insert, wake and remove other futures, or the one
/// that is polled.
///
/// Dropping the arena drops the futures in the order of their slots. Wakers that are left do
/// nothing then.
pub struct Arena<F> {
    /// What stands for the arena in the words of its wakers.
    number: u32,
    shared: Arc<Shared>,
    slots: Vec<Slot<F>>,
    /// Slots that are free, the one to be used next at the end.
    free: Vec<u32>,
}

struct Slot<F> {
    generation: u32,
    state: State<F>,
}

enum State<F> {
    Free,
    Waiting(F),
    /// The future is out; whether it was to be polled meanwhile.
    Polled {
        again: bool,
    },
}

/// This thread runs the arena's loop, as long as the value lives.
///
/// It does not borrow the arena, which changes meanwhile.
#[must_use = "wakes are those of another thread as soon as it is dropped"]
pub struct Entered {
    /// Which loop ran on this thread before.
    before: Option<Current>,
    /// It belongs to its thread.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl<F> Arena<F> {
    /// An empty arena. `send` is given the keys that other threads wake, and has to take them
    /// to the loop; it is called on those threads.
    ///
    /// # Panics
    ///
    /// If the process has 1,048,576 arenas.
    pub fn new(send: impl Fn(Key) + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared::new(send));
        let number = registry::register(Arc::clone(&shared));
        Self { number, shared, slots: Vec::new(), free: Vec::new() }
    }

    /// Keeps `future`, which is to be polled: the caller puts the key into its ready queue.
    ///
    /// # Errors
    ///
    /// The future comes back when the arena is full, with 4,194,304 futures.
    pub fn insert(&mut self, future: F) -> Result<Key, F> {
        let Some(slot) = self.free_slot() else { return Err(future) };
        let place = &mut self.slots[slot as usize];
        place.state = State::Waiting(future);
        let key = Key { slot, generation: place.generation };
        self.shared.occupy(key);
        Ok(key)
    }

    /// A place for a future that the caller has and polls now, as after [`Arena::begin`]. None when
    /// the arena is full.
    ///
    /// It has no waker yet, so that this is cheaper than [`Arena::insert`] and [`Arena::begin_now`].
    pub fn insert_begun(&mut self) -> Option<Key> {
        let slot = self.free_slot()?;
        let place = &mut self.slots[slot as usize];
        place.state = State::Polled { again: false };
        let key = Key { slot, generation: place.generation };
        self.shared.occupy_begun(key);
        Some(key)
    }

    #[inline]
    fn free_slot(&mut self) -> Option<u32> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        if self.slots.len() >= MAX_SLOTS as usize {
            return None;
        }
        self.slots.push(Slot { generation: 0, state: State::Free });
        Some(self.slots.len() as u32 - 1)
    }

    /// The waker of the future that `key` names.
    pub fn waker(&self, key: Key) -> Waker {
        waker::waker(self.number, key)
    }

    /// Takes the future out to be polled. None if it has ended, if nothing has woken it since
    /// it was polled, or if it is being polled: then it is polled again when that is over.
    pub fn begin(&mut self, key: Key) -> Option<F> {
        let slot =
            self.slots.get_mut(key.slot as usize).filter(|it| it.generation == key.generation)?;
        match &mut slot.state {
            State::Free => None,
            State::Polled { again } => {
                *again = true;
                None
            }
            State::Waiting(_) => {
                if !self.shared.begin(key) {
                    return None;
                }
                match std::mem::replace(&mut slot.state, State::Polled { again: false }) {
                    State::Waiting(future) => Some(future),
                    _ => None,
                }
            }
        }
    }

    /// Takes the future out to be polled now, whether something has woken it or not. None if it
    /// is out already, or has ended. Wakes until now are those that this poll is for.
    pub fn begin_now(&mut self, key: Key) -> Option<F> {
        let slot =
            self.slots.get_mut(key.slot as usize).filter(|it| it.generation == key.generation)?;
        if matches!(slot.state, State::Free) {
            return None;
        }
        self.shared.begin(key);
        match std::mem::replace(&mut slot.state, State::Polled { again: false }) {
            State::Waiting(future) => Some(future),
            State::Free | State::Polled { .. } => None,
        }
    }

    /// Whether something has woken the future since its poll began. One that is out and was woken
    /// need not be put back: [`Arena::begin_now`] is for it as it is.
    pub fn is_woken(&self, key: Key) -> bool {
        self.shared.is_woken(key)
    }

    /// Puts back a future that waits. True if its key has come round meanwhile, and goes into
    /// the ready queue once more.
    ///
    /// # Errors
    ///
    /// The future comes back when it was removed while it was polled; the caller drops it.
    pub fn suspend(&mut self, key: Key, future: F) -> Result<bool, F> {
        match self.slots.get_mut(key.slot as usize) {
            Some(slot) if slot.generation == key.generation => {
                let again = matches!(slot.state, State::Polled { again: true });
                slot.state = State::Waiting(future);
                Ok(again)
            }
            _ => Err(future),
        }
    }

    /// The future that was polled has ended.
    pub fn finish(&mut self, key: Key) {
        drop(self.remove(key));
    }

    /// Takes a future out for good; the caller drops it. None if it has ended, and if it is
    /// being polled: then it comes back from [`Arena::suspend`].
    pub fn remove(&mut self, key: Key) -> Option<F> {
        let slot =
            self.slots.get_mut(key.slot as usize).filter(|it| it.generation == key.generation)?;
        let state = std::mem::replace(&mut slot.state, State::Free);
        slot.generation = (key.generation + 1) % GENERATIONS;
        self.shared.vacate(key.slot, slot.generation);
        self.free.push(key.slot);
        match state {
            State::Waiting(future) => Some(future),
            State::Free | State::Polled { .. } => None,
        }
    }

    /// How many futures there are, with those that are being polled.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The futures that are not being polled.
    pub fn iter(&self) -> impl Iterator<Item = &F> {
        self.slots.iter().filter_map(|slot| match &slot.state {
            State::Waiting(future) => Some(future),
            State::Free | State::Polled { .. } => None,
        })
    }

    /// This thread runs the loop from now on: wakes on it need no inbox. Loops may be nested.
    pub fn enter(&self) -> Entered {
        let entered = Entered::without_arena();
        self.make_current();
        entered
    }

    /// The same for an arena that is made while its loop runs: until what [`Entered::without_arena`]
    /// has returned is dropped.
    pub fn make_current(&self) {
        let current = Current::new(self.number, Arc::clone(&self.shared));
        drop(waker::exchange_current(Some(current)));
    }

    /// Whether [`Arena::take_woken`] would give something.
    #[inline]
    pub fn has_woken(&self) -> bool {
        self.shared.has_woken()
    }

    /// The keys that were woken on the loop's thread since the last call, in that order.
    pub fn take_woken(&self) -> Vec<Key> {
        let mut keys = Vec::new();
        self.take_woken_into(&mut keys);
        keys
    }

    /// The same keys at the end of `keys`. If that is empty, the two buffers change places, so that
    /// a loop which takes keys in each iteration allocates nothing.
    pub fn take_woken_into(&self, keys: &mut Vec<Key>) {
        if self.shared.has_woken() {
            self.shared.take_left_into(keys);
            waker::take_woken_into(self.number, keys);
        }
    }

    /// In the child of a `fork`, where only the wakers of arenas that have done this work.
    /// `send` takes the place of the function that the arena was made with.
    ///
    /// Another thread of the parent may have held a lock, or been about to wake: what was shared
    /// with it is leaked, and each future is polled once more.
    pub fn renew_after_fork(&mut self, send: impl Fn(Key) + Send + Sync + 'static) {
        let shared = Arc::new(Shared::new(send));
        for (slot, place) in (0..).zip(&self.slots) {
            let key = Key { slot, generation: place.generation };
            match place.state {
                State::Free => shared.vacate(slot, place.generation),
                State::Waiting(_) | State::Polled { .. } => shared.occupy_woken(key),
            }
        }
        std::mem::forget(std::mem::replace(&mut self.shared, Arc::clone(&shared)));
        waker::renew_current(self.number, &shared);
        registry::renew_after_fork(self.number, shared);
    }
}

impl Entered {
    /// This thread runs a loop that has no arena yet.
    pub fn without_arena() -> Self {
        Self { before: waker::exchange_current(None), _not_send: std::marker::PhantomData }
    }
}

impl<F> Drop for Arena<F> {
    fn drop(&mut self) {
        registry::remove(self.number);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        drop(waker::exchange_current(self.before.take()));
    }
}
