//! The methods of the engine that may be called inside its cell.

use std::io;
use std::sync::Arc;

use aioxide_engine::{
    Cancelled, Clock, Engine, Idle, Inbox, Interleaving, Outside, Poller, VirtualTime, Wait,
};
use pyo3::prelude::*;

use crate::core::dispatch::Ready;
use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};

// SAFETY (of the methods): an engine moves items and hands out those that it removes; the only
// method of an item that it calls is `is_cancelled`, which reads another cell.
unsafe_cell_methods!(Engine<Ready> {
    /// See [`Engine::schedule`].
    fn schedule(&mut self, item: Ready);
    /// See [`Engine::schedule_at`].
    fn schedule_at(&mut self, deadline: f64, item: Ready);
    /// See [`Engine::next_ready`].
    fn next_ready(&mut self) -> Option<Ready>;
    /// See [`Engine::ready_len`].
    fn ready_len(&mut self) -> usize;
    /// See [`Engine::timer_count`].
    fn timer_count(&mut self) -> usize;
    /// See [`Engine::has_work`].
    fn has_work(&mut self) -> bool;
    /// See [`Engine::prepare`].
    fn prepare(&mut self, deferred: &mut Vec<Ready>) -> Wait;
    /// See [`Engine::collect`].
    fn collect(&mut self, deferred: &mut Vec<Ready>) -> usize;
    /// See [`Engine::idle`].
    fn idle(&mut self, virtual_time: &mut VirtualTime, outside: Outside, deferred: &mut Vec<Ready>) -> Idle;
    /// See [`Engine::use_clock`].
    fn use_clock(&mut self, clock: Clock);
    /// See [`Engine::override_now`].
    fn override_now(&mut self, now: f64);
    /// See [`Engine::interleave`].
    fn interleave(&mut self, interleaving: Interleaving<Ready>);
    /// See [`Engine::renew_after_fork`].
    fn renew_after_fork(&mut self) -> io::Result<()>;
    /// See [`Engine::close`].
    fn close(&mut self) -> Vec<Ready>;
});

impl GilCell<Engine<Ready>> {
    /// The clock's time, in seconds.
    #[inline]
    pub fn now(&self, py: Python<'_>) -> f64 {
        self.read(py, |engine| engine.clock().now())
    }

    /// The inbox, to which other threads send.
    pub fn inbox(&self, py: Python<'_>) -> Arc<Inbox<Ready>> {
        self.read(py, |engine| Arc::clone(engine.inbox()))
    }

    /// See [`Engine::open_poller`].
    pub fn open_poller(&self, py: Python<'_>) -> Option<Arc<Poller>> {
        self.read(py, |engine| engine.open_poller().cloned())
    }

    /// A timer was cancelled: see `Timers::note_cancelled`.
    #[inline]
    pub fn note_cancelled(&self, py: Python<'_>) -> Cancelled<Ready> {
        // SAFETY: as the methods above.
        unsafe { self.with(py, |engine| engine.timers().note_cancelled()) }
    }

    /// The handles among the timers.
    pub fn timer_handles<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        let handle = |item: &Ready| match item {
            Ready::Handle(handle) => Some(handle.bind(py).clone().into_any()),
            _ => None,
        };
        // SAFETY: references are counted up.
        unsafe { self.with(py, |engine| engine.timers().iter().filter_map(handle).collect()) }
    }

    /// The ready items: handles, and tasks in place of their steps.
    pub fn ready_subjects<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        let shown = |item: &Ready| item.subject(py).unwrap_or_else(|| py.None()).into_bound(py);
        // SAFETY: as above.
        unsafe { self.with(py, |engine| engine.ready().map(shown).collect()) }
    }
}
