//! The buffer of a stream of bytes.

use crate::ffi::gil_cell::unsafe_cell_methods;

/// With this much room in the buffer the transport receives into it, without a copy in between.
const ROOM_IN_PLACE: usize = 128 * 1024;

/// Received bytes that nobody has taken yet.
#[derive(Default)]
pub struct Received {
    /// Bytes up to `filled`; what is behind them may be written over.
    bytes: Vec<u8>,
    filled: usize,
    /// How many of the first ones were taken.
    taken: usize,
}

impl Received {
    /// The bytes.
    pub fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..self.filled).unwrap_or_default()
    }

    fn len(&mut self) -> usize {
        self.filled - self.taken
    }

    /// False if there is no memory.
    fn append(&mut self, data: &[u8]) -> bool {
        self.close_up();
        let (inside, behind) = data.split_at(data.len().min(self.bytes.len() - self.filled));
        if !behind.is_empty() && self.bytes.try_reserve(behind.len()).is_err() {
            return false;
        }
        if let Some(room) = self.bytes.get_mut(self.filled..self.filled + inside.len()) {
            room.copy_from_slice(inside);
        }
        self.bytes.extend_from_slice(behind);
        self.filled += data.len();
        true
    }

    /// Moves what is left to the front, if that is little.
    fn close_up(&mut self) {
        if self.taken == self.filled {
            (self.taken, self.filled) = (0, 0);
        } else if self.taken > self.filled / 2 {
            self.bytes.copy_within(self.taken..self.filled, 0);
            (self.taken, self.filled) = (0, self.filled - self.taken);
        }
    }

    /// Where a long body can be received in place. None if there is not much room: a read that
    /// allocates would make each idle connection large. It is `most` bytes long at most.
    pub fn room(&mut self, most: usize) -> Option<&mut [u8]> {
        self.close_up();
        if self.bytes.capacity() - self.filled < ROOM_IN_PLACE {
            return None;
        }
        // What was never written to is set to zero, once.
        self.bytes.resize(self.bytes.capacity(), 0);
        let end = self.bytes.len().min(self.filled + most);
        self.bytes.get_mut(self.filled..end)
    }

    /// So many bytes were received into the room.
    pub fn fill(&mut self, count: usize) {
        self.filled += count;
    }

    /// The first ones are taken.
    pub fn take(&mut self, count: usize) {
        self.taken += count;
    }

    /// The bytes leave the cell while somebody looks at them.
    fn lend(&mut self) -> Self {
        std::mem::take(self)
    }

    /// They come back. What has arrived meanwhile goes behind them.
    fn give_back(&mut self, lent: Self) -> bool {
        let arrived = std::mem::replace(self, lent);
        arrived.rest().is_empty() || self.append(arrived.rest())
    }

    fn free_if_empty(&mut self, kept: usize) {
        if self.taken == self.filled {
            (self.taken, self.filled) = (0, 0);
            if self.bytes.capacity() > kept {
                self.bytes = Vec::new();
            }
        }
    }
}

// SAFETY (of the methods): bytes hold no reference.
unsafe_cell_methods!(Received {
    /// How many there are.
    fn len(&mut self) -> usize;
    /// Adds bytes at the end. False if there is no memory.
    fn append(&mut self, data: &[u8]) -> bool;
    /// Takes all out, to be given back.
    fn lend(&mut self) -> Received;
    /// See above. False if there is no memory.
    fn give_back(&mut self, lent: Received) -> bool;
    /// Releases the buffer if it is empty and larger than that.
    fn free_if_empty(&mut self, kept: usize);
});
