//! An event: three words of 64 bits.

use crate::{ItemKind, Kind, ObjectKind, Outcome, WaitKind, WakerKind};

/// Something that happened on a loop, as it is recorded and stored: 24 bytes, little endian.
///
/// A recorder makes one with the function named after its kind, which costs a few shifts. A view reads
/// it by [`Event::decode`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    /// The recorder's clock, in ticks; 0 if the event was not timed: then it happened inside the item
    /// that ends with the next timed event of its loop.
    pub ticks: u64,
    /// The kind in the low byte, the subject's id above it.
    pub what: u64,
    /// What else there is to say; its layout depends on the kind.
    pub detail: u64,
}

/// An event, taken apart. Ids of 0 stand for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are those of the functions of `Event`, documented there"
)]
pub enum What {
    Iteration {
        ready: u64,
        timers: u32,
        transports: u32,
    },
    Step {
        task: u64,
        outcome: Outcome,
        wait: WaitKind,
        waits_for: u64,
    },
    Callback {
        location: u32,
        item: ItemKind,
        object: u64,
    },
    TaskCreated {
        task: u64,
        parent: u64,
    },
    Woken {
        task: u64,
        waker: WakerKind,
        by: u64,
    },
    CancelRequested {
        task: u64,
        by: u64,
    },
    Bytes {
        transport: u64,
        received: u32,
        sent: u32,
    },
    PollWait {
        ready: u64,
        timers: u32,
        transports: u32,
    },
    Mark {
        string: u32,
    },
    ObjectCreated {
        object: u64,
        kind: ObjectKind,
        location: u32,
    },
    /// Of a later version.
    Unknown {
        kind: u8,
    },
}

impl Event {
    /// The size of a stored event, in bytes.
    pub const SIZE: usize = 24;
    /// The largest id of a task or object that fits every field. Ids are counted from 1.
    pub const MAX_ID: u64 = (1 << 48) - 1;

    const fn new(ticks: u64, kind: Kind, subject: u64, detail: u64) -> Self {
        Event { ticks, what: kind as u64 | subject << 8, detail }
    }

    /// The poll of an iteration ended at `ticks`: `ready` items are to run; so many timers are set and
    /// so many transports open.
    #[inline]
    pub const fn iteration(ticks: u64, ready: u64, timers: u32, transports: u32) -> Self {
        Self::new(ticks, Kind::Iteration, ready, (timers as u64) << 32 | transports as u64)
    }

    /// A step of `task` ended at `ticks`. If it waits, `waits_for` is the id of the object or task that
    /// it waits for, or 0.
    #[inline]
    pub const fn step(
        ticks: u64,
        task: u64,
        outcome: Outcome,
        wait: WaitKind,
        waits_for: u64,
    ) -> Self {
        Self::new(ticks, Kind::Step, task, outcome as u64 | (wait as u64) << 8 | waits_for << 16)
    }

    /// A callback ended at `ticks`. `location` is the id of its function, or 0; `object` that of the
    /// task or object that it concerns, or 0: the transport or server whose event it is, the task
    /// whose end it follows, or the task whose wait it ends.
    #[inline]
    pub const fn callback(ticks: u64, location: u32, item: ItemKind, object: u64) -> Self {
        Self::new(ticks, Kind::Callback, location as u64, item as u64 | object << 8)
    }

    /// `task` was created by the task `parent`, or by none (0).
    #[inline]
    pub const fn task_created(ticks: u64, task: u64, parent: u64) -> Self {
        Self::new(ticks, Kind::TaskCreated, task, parent)
    }

    /// `task` became ready to run. `by` is the id of the task that woke it, or of what the callback
    /// concerns that did, or 0.
    #[inline]
    pub const fn woken(ticks: u64, task: u64, waker: WakerKind, by: u64) -> Self {
        Self::new(ticks, Kind::Woken, task, waker as u64 | by << 8)
    }

    /// `cancel()` of `task` was called, by the task `by` or by none (0).
    #[inline]
    pub const fn cancel_requested(ticks: u64, task: u64, by: u64) -> Self {
        Self::new(ticks, Kind::CancelRequested, task, by)
    }

    /// The transport received and sent so many bytes since its event before.
    #[inline]
    pub const fn bytes(ticks: u64, transport: u64, received: u32, sent: u32) -> Self {
        Self::new(ticks, Kind::Bytes, transport, received as u64 | (sent as u64) << 32)
    }

    /// The loop begins a poll that waits, at `ticks`; the rest as in [`Event::iteration`].
    #[inline]
    pub const fn poll_wait(ticks: u64, ready: u64, timers: u32, transports: u32) -> Self {
        Self::new(ticks, Kind::PollWait, ready, (timers as u64) << 32 | transports as u64)
    }

    /// The program set the mark whose text has the id `string`.
    #[inline]
    pub const fn mark(ticks: u64, string: u32) -> Self {
        Self::new(ticks, Kind::Mark, string as u64, 0)
    }

    /// An object that tasks can wait for was created at `location`, or recorded for the first time.
    #[inline]
    pub const fn object_created(ticks: u64, object: u64, kind: ObjectKind, location: u32) -> Self {
        Self::new(ticks, Kind::ObjectCreated, object, kind as u64 | (location as u64) << 8)
    }

    /// The kind of the event.
    #[inline]
    pub const fn kind(&self) -> Kind {
        Kind::from_byte(self.what as u8)
    }

    /// The id of what the event is about: a task, object, location or string by its kind. For
    /// iterations and polls it is the length of the ready queue.
    #[inline]
    pub const fn id(&self) -> u64 {
        self.what >> 8
    }

    /// The event, taken apart.
    pub const fn decode(&self) -> What {
        let (id, detail) = (self.id(), self.detail);
        match self.kind() {
            Kind::Iteration => What::Iteration {
                ready: id,
                timers: (detail >> 32) as u32,
                transports: detail as u32,
            },
            Kind::Step => What::Step {
                task: id,
                outcome: Outcome::from_byte(detail as u8),
                wait: WaitKind::from_byte((detail >> 8) as u8),
                waits_for: detail >> 16,
            },
            Kind::Callback => What::Callback {
                location: id as u32,
                item: ItemKind::from_byte(detail as u8),
                object: detail >> 8,
            },
            Kind::TaskCreated => What::TaskCreated { task: id, parent: detail },
            Kind::Woken => {
                What::Woken { task: id, waker: WakerKind::from_byte(detail as u8), by: detail >> 8 }
            }
            Kind::CancelRequested => What::CancelRequested { task: id, by: detail },
            Kind::Bytes => {
                What::Bytes { transport: id, received: detail as u32, sent: (detail >> 32) as u32 }
            }
            Kind::PollWait => What::PollWait {
                ready: id,
                timers: (detail >> 32) as u32,
                transports: detail as u32,
            },
            Kind::Mark => What::Mark { string: id as u32 },
            Kind::ObjectCreated => What::ObjectCreated {
                object: id,
                kind: ObjectKind::from_byte(detail as u8),
                location: (detail >> 8) as u32,
            },
            Kind::Unknown => What::Unknown { kind: self.what as u8 },
        }
    }

    /// The event as it is stored.
    #[inline]
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.ticks.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.what.to_le_bytes());
        bytes[16..].copy_from_slice(&self.detail.to_le_bytes());
        bytes
    }

    /// The event that is stored as `bytes`. Any bytes are an event, if perhaps an unknown one.
    #[inline]
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| {
            u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_else(|_| unreachable!()))
        };
        Event { ticks: word(0), what: word(8), detail: word(16) }
    }
}
