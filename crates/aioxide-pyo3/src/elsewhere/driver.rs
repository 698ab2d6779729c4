//! How a body is polled on a loop that is none of aioxide's.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use aioxide_abi::Visit;
use pyo3::prelude::*;

use super::mailbox::Mailbox;
use super::running_loop;

/// A body's loop there, and how it is woken.
pub(crate) struct Driver {
    event_loop: Py<PyAny>,
    pulse: Arc<Pulse>,
    waker: Waker,
}

impl Driver {
    /// On the running loop.
    ///
    /// # Errors
    ///
    /// `RuntimeError` if there is none.
    pub(crate) fn new(py: Python<'_>) -> PyResult<Self> {
        let event_loop = running_loop(py)?;
        let mailbox = Mailbox::of(&event_loop)?;
        let pulse =
            Arc::new(Pulse { state: AtomicU8::new(POLLED), future: Mutex::default(), mailbox });
        let waker = Waker::from(Arc::clone(&pulse));
        Ok(Self { event_loop: event_loop.unbind(), pulse, waker })
    }

    /// The loop.
    pub(crate) fn event_loop<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.event_loop.bind(py)
    }

    /// Whether the loop watches descriptors.
    pub(crate) fn watches(&self) -> bool {
        self.pulse.mailbox.is_watched()
    }

    /// `loop.time()`.
    pub(crate) fn time(&self, py: Python<'_>) -> PyResult<f64> {
        self.event_loop(py).call_method0(pyo3::intern!(py, "time"))?.extract()
    }

    /// The body is about to be polled.
    pub(crate) fn begin(&self) -> &Waker {
        self.pulse.mailbox.is_here();
        self.pulse.state.store(POLLED, Ordering::Release);
        drop(self.pulse.lock().take());
        &self.waker
    }

    /// The body waits: what its coroutine is to await. None if something has woken it already.
    ///
    /// # Errors
    ///
    /// What `loop.create_future()` raises.
    pub(crate) fn suspend<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let state = &self.pulse.state;
        if state.load(Ordering::Acquire) == WOKEN {
            return Ok(None);
        }
        let future = self.event_loop(py).call_method0(pyo3::intern!(py, "create_future"))?;
        *self.pulse.lock() = Some(future.clone().unbind());
        match state.compare_exchange(POLLED, WAITING, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(Some(future)),
            Err(_) => {
                let taken = self.pulse.lock().take();
                drop(taken);
                Ok(None)
            }
        }
    }

    /// The body has ended.
    pub(crate) fn end(&self, _py: Python<'_>) {
        self.pulse.state.store(OVER, Ordering::Release);
        let future = self.pulse.lock().take();
        drop(future);
    }

    /// Shows its references to the collector.
    ///
    /// # Safety
    ///
    /// `visit` and `argument` are those of a `tp_traverse` that runs.
    pub(crate) unsafe fn traverse(&self, visit: Visit, argument: *mut c_void) -> c_int {
        // SAFETY: the caller's promise; the references are alive.
        unsafe {
            let stop = visit(self.event_loop.as_ptr().cast(), argument);
            if stop != 0 {
                return stop;
            }
            // The pulse is shared with wakers, which do not count: it holds one reference.
            match self.pulse.future.try_lock().as_deref() {
                Ok(Some(future)) => visit(future.as_ptr().cast(), argument),
                _ => 0,
            }
        }
    }
}

/// The body is being polled, and nothing has woken it.
const POLLED: u8 = 0;
/// Something has woken it.
const WOKEN: u8 = 1;
/// Its coroutine awaits the future.
const WAITING: u8 = 2;
/// It has ended.
const OVER: u8 = 3;

/// What a wake finishes.
pub(super) struct Pulse {
    state: AtomicU8,
    /// While it waits.
    future: Mutex<Option<Py<PyAny>>>,
    mailbox: Arc<Mailbox>,
}

impl Pulse {
    fn lock(&self) -> MutexGuard<'_, Option<Py<PyAny>>> {
        self.future.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the wait of the coroutine. On the loop's thread.
    pub(super) fn finish(&self, py: Python<'_>) {
        let Some(future) = self.lock().take() else { return };
        let future = future.bind(py);
        let finished = future
            .call_method0(pyo3::intern!(py, "done"))
            .and_then(|done| done.is_truthy())
            .and_then(|is_done| {
                if !is_done {
                    future.call_method1(pyo3::intern!(py, "set_result"), (py.None(),))?;
                }
                Ok(())
            });
        // It fails if the loop is closed: then there is nobody to wake.
        drop(finished);
    }
}

impl Wake for Pulse {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let next = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            matches!(state, POLLED | WAITING).then_some(WOKEN)
        });
        if next != Ok(WAITING) {
            return;
        }
        // On the loop's own thread no system call is needed. It may be detached, or in the collector.
        let is_here = self.mailbox.runs_here();
        if !is_here || Python::try_attach(|py| self.finish(py)).is_none() {
            self.mailbox.send(Arc::clone(self));
        }
    }
}
