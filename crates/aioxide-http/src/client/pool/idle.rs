//! All connections of a pool, and the idle ones among them by age.

const NONE: u32 = u32::MAX;

/// Every connection of a pool has a slot from the moment it is made until it is closed. The
/// slots of idle ones are linked twice: by age among all, and by age among those of their
/// origin. So the newest of an origin and the oldest of all are found and taken in constant
/// time.
pub(super) struct Connections<L> {
    slots: Vec<Slot<L>>,
    /// A chain of free slots, by `all.older`.
    free: u32,
    ends: Ends,
    idle: usize,
}

struct Slot<L> {
    /// None: the slot is free.
    link: Option<L>,
    origin: u32,
    is_idle: bool,
    /// When it became idle.
    since: f64,
    all: Neighbours,
    same: Neighbours,
}

#[derive(Clone, Copy)]
struct Neighbours {
    newer: u32,
    older: u32,
}

impl Neighbours {
    const NONE: Self = Self { newer: NONE, older: NONE };
}

/// The two ends of a list of idle connections.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    newest: u32,
    oldest: u32,
}

impl Default for Ends {
    fn default() -> Self {
        Self { newest: NONE, oldest: NONE }
    }
}

impl Ends {
    pub fn is_empty(self) -> bool {
        self.newest == NONE
    }

    pub fn newest(self) -> Option<u32> {
        (self.newest != NONE).then_some(self.newest)
    }
}

impl<L: Clone> Connections<L> {
    pub fn new() -> Self {
        Self { slots: Vec::new(), free: NONE, ends: Ends::default(), idle: 0 }
    }

    /// A connection that is in use.
    pub fn insert(&mut self, origin: u32, link: L) -> u32 {
        let slot = Slot {
            link: Some(link),
            origin,
            is_idle: false,
            since: 0.0,
            all: Neighbours::NONE,
            same: Neighbours::NONE,
        };
        let index = self.free;
        if index == NONE {
            self.slots.push(slot);
            return (self.slots.len() - 1) as u32;
        }
        let place = &mut self.slots[index as usize];
        self.free = place.all.older;
        *place = slot;
        index
    }

    /// Takes a connection out that is in use.
    pub fn remove(&mut self, index: u32) -> Option<L> {
        let slot = &mut self.slots[index as usize];
        debug_assert!(!slot.is_idle);
        let link = slot.link.take();
        slot.all.older = self.free;
        self.free = index;
        link
    }

    pub fn idle(&self) -> usize {
        self.idle
    }

    pub fn origin(&self, index: u32) -> u32 {
        self.slots[index as usize].origin
    }

    /// The idle one that has been so for the longest time, and since when.
    pub fn oldest(&self) -> Option<(u32, f64)> {
        let index = self.ends.oldest;
        self.slots.get(index as usize).map(|slot| (index, slot.since))
    }

    /// Since when an idle one is idle.
    pub fn since(&self, index: u32) -> f64 {
        self.slots[index as usize].since
    }

    pub fn link(&self, index: u32) -> Option<L> {
        self.slots[index as usize].link.clone()
    }

    /// The connection, if it is idle.
    pub fn idle_link(&self, index: u32) -> Option<L> {
        let slot = &self.slots[index as usize];
        slot.link.clone().filter(|_| slot.is_idle)
    }

    /// All of them, idle or not.
    pub fn iter(&self) -> impl Iterator<Item = &L> {
        self.slots.iter().filter_map(|slot| slot.link.as_ref())
    }

    /// The slots of the idle ones, the oldest first.
    pub fn idle_slots(&self) -> impl Iterator<Item = u32> + '_ {
        let first = (self.ends.oldest != NONE).then_some(self.ends.oldest);
        std::iter::successors(first, |&index| {
            let newer = self.slots[index as usize].all.newer;
            (newer != NONE).then_some(newer)
        })
    }

    /// Becomes the newest idle one; `same` are those of its origin.
    pub fn rest(&mut self, index: u32, since: f64, same: &mut Ends) {
        push(&mut self.slots, index, &mut self.ends, |slot| &mut slot.all);
        push(&mut self.slots, index, same, |slot| &mut slot.same);
        let slot = &mut self.slots[index as usize];
        slot.is_idle = true;
        slot.since = since;
        self.idle += 1;
    }

    /// Is idle no longer.
    pub fn wake(&mut self, index: u32, same: &mut Ends) {
        unlink(&mut self.slots, index, &mut self.ends, |slot| &mut slot.all);
        unlink(&mut self.slots, index, same, |slot| &mut slot.same);
        self.slots[index as usize].is_idle = false;
        self.idle -= 1;
    }
}

fn push<L>(
    slots: &mut [Slot<L>],
    index: u32,
    ends: &mut Ends,
    list: impl Fn(&mut Slot<L>) -> &mut Neighbours,
) {
    *list(&mut slots[index as usize]) = Neighbours { newer: NONE, older: ends.newest };
    match slots.get_mut(ends.newest as usize) {
        Some(slot) => list(slot).newer = index,
        None => ends.oldest = index,
    }
    ends.newest = index;
}

fn unlink<L>(
    slots: &mut [Slot<L>],
    index: u32,
    ends: &mut Ends,
    list: impl Fn(&mut Slot<L>) -> &mut Neighbours,
) {
    let Neighbours { newer, older } =
        std::mem::replace(list(&mut slots[index as usize]), Neighbours::NONE);
    match slots.get_mut(newer as usize) {
        Some(slot) => list(slot).older = older,
        None => ends.newest = older,
    }
    match slots.get_mut(older as usize) {
        Some(slot) => list(slot).newer = newer,
        None => ends.oldest = newer,
    }
}
