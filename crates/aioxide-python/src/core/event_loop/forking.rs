//! A loop that a forked child inherits.
//!
//! Parent and child share the kernel's side of a poller: a descriptor that the
//! child unregisters is not reported to the parent any more. Therefore the child
//! closes its copy at once, before any code of the program can run. An inherited
//! loop that is used gets a new poller with the same registrations; one that is
//! only closed or collected costs the child nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aioxide_engine::Poller;
use pyo3::prelude::*;

use super::LoopCore;
use super::scheduling::thread_identity;
use crate::core::executor;
use crate::ffi::errors::os_error;

impl LoopCore {
    /// The new poller of an inherited loop, with all descriptors registered. None if
    /// the loop is closed.
    #[cold]
    pub(super) fn register_anew(&self, py: Python<'_>) -> Option<Arc<Poller>> {
        let poller = self.engine.open_poller(py)?;
        self.descriptors.register_all(py, &poller);
        drop(self.poller.replace(py, Some(Arc::clone(&poller))));
        Some(poller)
    }
}

#[pymethods]
impl LoopCore {
    /// Must be called first in the child of a fork: releases what the parent continues
    /// to use.
    fn _renew_after_fork(&self, py: Python<'_>) -> PyResult<()> {
        executor::abandon_pools(py);
        if let Some(pool) = self.pool.take(py) {
            pool.abandon();
        }
        self.handoff.abandon_calls();
        // Only the thread that forked exists in the child. If it was running this
        // loop, that run continues.
        if self.thread.load(Ordering::Relaxed) != thread_identity() {
            self.thread.store(0, Ordering::Relaxed);
        }
        drop(self.poller.take(py));
        if let Some(pair) = self.signals.take(py) {
            drop(self.descriptors.vacate(py, pair.reader()));
        }
        if let Err(error) = self.engine.renew_after_fork(py) {
            self._close_core(py);
            return Err(os_error(error));
        }
        let inbox = self.engine.inbox(py);
        self.arena.renew_after_fork(py, Arc::clone(&inbox));
        drop(self.inbox.replace(py, inbox));
        Ok(())
    }
}
