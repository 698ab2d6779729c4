//! From `connection_made` to `connection_lost`: what is the same for every
//! transport.

use pyo3::prelude::*;

use super::Transport;
use super::failures::{report_step, warn_unclosed};
use crate::core::dispatch::TransportEvent;
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;

/// What each kind of transport does when it starts, when its descriptor is
/// ready and when it ends, and the steps that are the same for all. `slf` is
/// always the object of `self`.
pub trait Lifecycle: Transport {
    /// Registers the descriptor with the poller, unless it should not be
    /// watched now.
    fn register(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()>;

    /// The poller has reported the descriptor as ready.
    fn ready(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        readiness: u8,
    ) -> PyResult<()>;

    /// The name of asyncio's method that corresponds to `ready`, for reports.
    fn ready_step(_readiness: u8) -> &'static str {
        "_read_ready"
    }

    /// Whether the descriptor is still open.
    fn is_open(&self, py: Python<'_>) -> bool;

    /// Whether there is anything to do when the object is deallocated.
    fn needs_finalizer(&self, py: Python<'_>) -> bool {
        self.is_open(py)
    }

    /// Marks the connection as lost. False if it was already.
    fn mark_lost(&self, py: Python<'_>) -> bool;

    /// The connection was just marked as lost: drops what waits to be written.
    fn discard(&self, py: Python<'_>);

    /// Called before `connection_lost`.
    fn before_lost(&self, _core: &Bound<'_, LoopCore>) -> PyResult<()> {
        Ok(())
    }

    /// Called after `connection_lost(reason)`, when everything is released.
    fn after_lost(&self, _py: Python<'_>, _reason: Option<Py<PyAny>>) -> PyResult<()> {
        Ok(())
    }

    /// Unregisters and closes the descriptor and releases everything. `core` is
    /// None if the loop is released already.
    ///
    /// # Errors
    ///
    /// What closing the caller's object raised. Everything is released in any case.
    fn release(&self, slf: &Bound<'_, Self>, core: Option<&Bound<'_, LoopCore>>) -> PyResult<()>;

    /// Runs an item of the ready queue.
    #[inline]
    fn handle(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        event: TransportEvent,
    ) -> PyResult<()> {
        let (step, outcome) = match event {
            TransportEvent::Start => ("_add_reader", self.start(core, slf)),
            TransportEvent::Io(readiness) => {
                (Self::ready_step(readiness), self.ready(core, slf, readiness))
            }
            TransportEvent::Lost => ("_call_connection_lost", self.lost(slf)),
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(error) => report_step(core, slf, step, error),
        }
    }

    /// The first iteration: calls `connection_made`, registers the descriptor, and
    /// completes the future of the task that waits for the connection.
    fn start(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let made = crate::intern!(py, "connection_made");
        self.link().maker().within(|| self.notify(core, made, slf.clone().into_any()))?;
        if let Err(error) = self.register(core, slf) {
            report_step(core, slf, "_add_reader", error)?;
        }
        match self.link().take_waiter(py) {
            Some(waiter) if !waiter.get().is_done(py) => Future::finish(waiter.bind(py), py.None()),
            _ => Ok(()),
        }
    }

    /// Drops what waits to be written and ends the connection: `connection_lost`
    /// is called with `reason` in the next iteration. Does nothing if the
    /// connection is lost already.
    fn force_close(&self, slf: &Bound<'_, Self>, reason: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        if !self.mark_lost(py) {
            return Ok(());
        }
        self.discard(py);
        self.schedule_lost(slf, reason)
    }

    /// Schedules the last iteration.
    fn schedule_lost(
        &self,
        slf: &Bound<'_, Self>,
        reason: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let Some(core) = self.core(py) else {
            return Ok(());
        };
        core.get().admit(py)?;
        self.link().set_reason(py, reason.map(Bound::unbind));
        core.get().schedule(py, Self::item(slf.clone().unbind(), TransportEvent::Lost));
        Ok(())
    }

    /// The last iteration: calls `connection_lost` and closes the descriptor.
    fn lost(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let Some(core) = self.core(py) else {
            return Ok(());
        };
        let reason = self.link().reason(py);
        self.link().note_unsent(py, self.fd(), 0);
        let result = self.before_lost(&core).and_then(|()| {
            let reason = reason.as_ref().map_or_else(|| py.None(), |reason| reason.clone_ref(py));
            self.notify(&core, crate::intern!(py, "connection_lost"), reason.into_bound(py))
        });
        let released = match self.release(slf, Some(&core)) {
            Ok(()) => Ok(()),
            Err(error) => report_step(&core, slf, "_call_connection_lost", error),
        };
        result.and(released).and(self.after_lost(py, reason))
    }

    /// The object is deallocated without having been closed.
    fn abandoned(&self, slf: &Bound<'_, Self>) {
        let py = slf.py();
        if self.is_open(py) {
            warn_unclosed(slf, self.link().made(py));
        }
        if let Err(error) = self.release(slf, self.core(py).as_ref()) {
            error.write_unraisable(py, Some(slf.as_any()));
        }
    }
}

/// The part of a transport's state that `pause_reading`, `close` and `abort`
/// change.
#[derive(Clone, Copy, Default)]
pub struct Stage {
    /// `close` or `abort` was called, or the connection is lost.
    pub closing: bool,
    /// Nonzero once `connection_lost` is scheduled; counts writes after that.
    pub lost_writes: u32,
    /// `pause_reading` was called.
    pub paused: bool,
    /// The poller watches the descriptor, for reading at least.
    pub registered: bool,
}

impl Stage {
    /// `close` was called; `idle` if no data waits to be written. Returns
    /// whether `connection_lost` is to be scheduled now.
    pub fn close(&mut self, idle: bool) -> bool {
        let now = !std::mem::replace(&mut self.closing, true) && idle;
        self.lost_writes = self.lost_writes.saturating_add(u32::from(now));
        now
    }

    /// Marks the connection as lost. False if it was already.
    pub fn mark_lost(&mut self) -> bool {
        if self.lost_writes > 0 {
            return false;
        }
        self.closing = true;
        self.lost_writes = 1;
        true
    }

    /// Marks the transport as closed. Returns whether the descriptor is registered
    /// with the poller, from which the caller removes it.
    pub fn end(&mut self) -> bool {
        self.closing = true;
        self.lost_writes = self.lost_writes.max(1);
        std::mem::take(&mut self.registered)
    }

    /// Whether `pause_reading` and `close` were not called.
    pub fn is_reading(self) -> bool {
        !self.closing && !self.paused
    }

    /// False if there is nothing to pause.
    pub fn pause(&mut self) -> bool {
        !self.closing && !std::mem::replace(&mut self.paused, true)
    }

    /// False if there is nothing to resume.
    pub fn resume(&mut self) -> bool {
        !self.closing && std::mem::replace(&mut self.paused, false)
    }
}

/// A transport whose reading can be paused.
pub trait Reading: Lifecycle {
    /// Reading was paused.
    fn paused(&self, _py: Python<'_>) {}

    /// Reading was resumed.
    fn resumed(&self, slf: &Bound<'_, Self>) -> PyResult<()>;
}

/// The `repr` of a transport: `details` come after the descriptor.
pub fn describe(class: &str, open: bool, closing: bool, fd: i32, details: &str) -> String {
    let state = match (open, closing) {
        (false, _) => " closed",
        (true, true) => " closing",
        (true, false) => "",
    };
    format!("<{class}{state} fd={fd}{details}>")
}

/// `polling` or `idle`, as in asyncio's `repr`.
pub fn polling(polls: bool) -> &'static str {
    if polls { "polling" } else { "idle" }
}

/// The Python methods of [`Reading`], over the field `flags.stage`.
macro_rules! reading_methods {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            /// Whether the protocol receives data now.
            fn is_reading(&self, py: Python<'_>) -> bool {
                self.state.flags.get(py).stage.is_reading()
            }

            /// Nothing is received until `resume_reading`. Does nothing if paused.
            fn pause_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
                let (py, this) = (slf.py(), slf.get());
                if !this.state.flags.update(py, |flags| flags.stage.pause()) {
                    return Ok(());
                }
                $crate::net::transports::lifecycle::Reading::paused(this, py);
                this.log(slf, "debug", "%r pauses reading")
            }

            /// Undoes `pause_reading`. Does nothing if not paused.
            fn resume_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
                let (py, this) = (slf.py(), slf.get());
                if !this.state.flags.update(py, |flags| flags.stage.resume()) {
                    return Ok(());
                }
                $crate::net::transports::lifecycle::Reading::resumed(this, slf)?;
                this.log(slf, "debug", "%r resumes reading")
            }
        }
    };
}
pub(super) use reading_methods;

/// The Python methods that close a transport over a socket, and its constant
/// attributes, over the fields `flags.stage` and `queue`.
macro_rules! socket_methods {
    ($class:ident) => {
        impl $class {
            /// Ends the connection once everything is written.
            pub(super) fn begin_close(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
                let py = slf.py();
                let idle = self.state.queue.is_empty(py);
                let now = self.state.flags.update(py, |flags| flags.stage.close(idle));
                if now { self.schedule_lost(slf, None) } else { Ok(()) }
            }
        }

        #[pymethods]
        impl $class {
            /// Ends the connection once everything is written; `connection_lost(None)`
            /// follows.
            fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
                slf.get().begin_close(slf)
            }

            /// Ends the connection in the next iteration; what waits to be written is
            /// dropped.
            fn abort(slf: &Bound<'_, Self>) -> PyResult<()> {
                slf.get().force_close(slf, None)
            }

            /// Ends the connection in the next iteration because of `exc`.
            fn _force_close(slf: &Bound<'_, Self>, exc: Option<Bound<'_, PyAny>>) -> PyResult<()> {
                slf.get().force_close(slf, exc)
            }

            /// The most bytes that one read returns.
            #[classattr]
            fn max_size() -> usize {
                $crate::core::event_loop::SCRATCH_BYTES
            }

            /// `connection_lost` is called at the end.
            #[classattr]
            fn _protocol_connected() -> bool {
                true
            }

            #[getter]
            fn _sock_fd(&self) -> $crate::ffi::allocate::Made<i32> {
                $crate::ffi::allocate::Made(self.fd)
            }
        }
    };
}
pub(super) use socket_methods;

/// `__del__`: warns of a transport that was not closed, and closes it.
macro_rules! finalizer {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            fn __del__(slf: &Bound<'_, Self>) {
                <Self as $crate::ffi::finalizer::Finalize>::delete(slf);
            }
        }

        impl $crate::ffi::finalizer::Finalize for $class {
            fn original_dealloc() -> &'static std::sync::OnceLock<pyo3::ffi::destructor> {
                static ORIGINAL: std::sync::OnceLock<pyo3::ffi::destructor> =
                    std::sync::OnceLock::new();
                &ORIGINAL
            }

            fn wants_finalizer(slf: pyo3::Borrowed<'_, '_, Self>) -> bool {
                slf.get().needs_finalizer(slf.py())
            }

            fn finalize(slf: &Bound<'_, Self>) {
                slf.get().abandoned(slf);
            }
        }
    };
}
pub(super) use finalizer;
