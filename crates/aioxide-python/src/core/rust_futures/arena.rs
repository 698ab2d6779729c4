//! The arena of a loop's Rust futures: how wakes reach the ready queue.

use std::sync::Arc;
use std::task::Waker;

use aioxide_engine::futures::{Arena, Key};
use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::core::dispatch::Ready;
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::ffi::at_fork::AtFork;
use crate::ffi::gil_cell::unsafe_cell_methods;

/// The future that a waiting coroutine awaits; None before it waits for the first time.
pub type Pulse = Option<Py<Future>>;

/// The arena, made when the loop polls its first Rust future.
#[derive(Default)]
pub struct FutureArena {
    arena: Option<Arena<Pulse>>,
    /// The buffer of [`FutureArena::take_woken`], kept between calls.
    spare: Vec<Key>,
}

/// A buffer for more keys than this is not kept.
const SPARE: usize = 1024;

impl FutureArena {
    fn exists(&mut self) -> bool {
        self.arena.is_some()
    }

    fn put(&mut self, arena: Arena<Pulse>) {
        arena.make_current();
        self.arena.get_or_insert(arena);
    }

    fn insert_begun(&mut self) -> Option<Key> {
        self.arena.as_mut()?.insert_begun()
    }

    fn waker(&mut self, key: Key) -> Option<Waker> {
        Some(self.arena.as_ref()?.waker(key))
    }

    fn begin(&mut self, key: Key) -> Option<Pulse> {
        self.arena.as_mut()?.begin(key)
    }

    fn begin_now(&mut self, key: Key) -> Option<Pulse> {
        self.arena.as_mut()?.begin_now(key)
    }

    fn is_woken(&mut self, key: Key) -> bool {
        self.arena.as_ref().is_some_and(|arena| arena.is_woken(key))
    }

    fn suspend(&mut self, key: Key, pulse: Pulse) -> Result<bool, Pulse> {
        match self.arena.as_mut() {
            Some(arena) => arena.suspend(key, pulse),
            None => Err(pulse),
        }
    }

    fn remove(&mut self, key: Key) -> Option<Pulse> {
        self.arena.as_mut()?.remove(key)
    }

    fn has_woken(&mut self) -> bool {
        self.arena.as_ref().is_some_and(Arena::has_woken)
    }

    fn take_woken(&mut self) -> Vec<Key> {
        let mut keys = std::mem::take(&mut self.spare);
        if let Some(arena) = &self.arena {
            arena.take_woken_into(&mut keys);
        }
        keys
    }

    fn give_back(&mut self, keys: Vec<Key>) {
        if keys.is_empty() && keys.capacity() <= SPARE {
            self.spare = keys;
        }
    }

    fn make_current(&mut self) {
        if let Some(arena) = &self.arena {
            arena.make_current();
        }
    }

    /// In the child of a fork. The inbox is the loop's new one.
    fn renew_after_fork(&mut self, inbox: Arc<aioxide_engine::Inbox<Ready>>) {
        if let Some(arena) = &mut self.arena {
            arena.renew_after_fork(move |key| drop(inbox.push(Ready::Poll(key))));
        }
    }

    /// Visits the pulses, for the garbage collector.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.arena.iter().flat_map(Arena::iter).try_for_each(|pulse| visit.call(pulse))
    }
}

// SAFETY (of the methods): pulses are moved in and out, and the arena calls nothing of them.
unsafe_cell_methods!(FutureArena {
    /// Whether it was made.
    fn exists(&mut self) -> bool;
    /// Puts it in.
    fn put(&mut self, arena: Arena<Pulse>);
    /// See [`Arena::insert_begun`].
    fn insert_begun(&mut self) -> Option<Key>;
    /// See [`Arena::waker`].
    fn waker(&mut self, key: Key) -> Option<Waker>;
    /// See [`Arena::begin`].
    fn begin(&mut self, key: Key) -> Option<Pulse>;
    /// See [`Arena::begin_now`].
    fn begin_now(&mut self, key: Key) -> Option<Pulse>;
    /// See [`Arena::is_woken`].
    fn is_woken(&mut self, key: Key) -> bool;
    /// See [`Arena::suspend`].
    fn suspend(&mut self, key: Key, pulse: Pulse) -> Result<bool, Pulse>;
    /// See [`Arena::remove`].
    fn remove(&mut self, key: Key) -> Option<Pulse>;
    /// See [`Arena::has_woken`].
    fn has_woken(&mut self) -> bool;
    /// See [`Arena::take_woken`].
    fn take_woken(&mut self) -> Vec<Key>;
    /// The buffer that [`FutureArena::take_woken`] has given, emptied.
    fn give_back(&mut self, keys: Vec<Key>);
    /// See [`Arena::make_current`].
    fn make_current(&mut self);
    /// See [`Arena::renew_after_fork`].
    fn renew_after_fork(&mut self, inbox: Arc<aioxide_engine::Inbox<Ready>>);
});

// Between a fork and the renewal of a loop, what is dropped in the child may wake.
inventory::submit! {
    AtFork { before: || {}, in_parent: || {}, in_child: aioxide_engine::futures::forget_parents_arenas }
}

impl LoopCore {
    /// A place in the arena for a future that is polled now: its first poll has begun.
    ///
    /// # Errors
    ///
    /// `RuntimeError` if the loop has 4,194,304 of them, or is closed.
    pub fn admit_future(&self, py: Python<'_>) -> PyResult<Key> {
        self.check_closed(py)?;
        if !self.arena.exists(py) {
            let inbox = self.inbox(py);
            self.arena.put(py, Arena::new(move |key| drop(inbox.push(Ready::Poll(key)))));
        }
        self.arena.insert_begun(py).ok_or_else(|| {
            PyRuntimeError::new_err(crate::name!("the loop has too many Rust futures"))
        })
    }

    /// Finishes the pulses of the futures that were woken on this thread.
    #[inline]
    pub fn flush_woken(&self, py: Python<'_>) -> PyResult<()> {
        if self.arena.has_woken(py) { self.finish_woken(py) } else { Ok(()) }
    }

    fn finish_woken(&self, py: Python<'_>) -> PyResult<()> {
        let mut keys = self.arena.take_woken(py);
        let mut finished = Ok(());
        for key in keys.drain(..) {
            // An error is that of one future; the others are woken all the same.
            finished = finished.and(self.wake_future(py, key));
        }
        self.arena.give_back(py, keys);
        finished
    }

    /// Finishes the pulse of one future, unless nothing has woken it.
    pub fn wake_future(&self, py: Python<'_>, key: Key) -> PyResult<()> {
        match self.arena.begin(py, key) {
            Some(Some(pulse)) if !pulse.get().is_done(py) => {
                Future::finish(&pulse.into_bound(py), py.None())
            }
            _ => Ok(()),
        }
    }
}
