//! How other threads wake bodies of a loop.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyNotImplementedError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::driver::Pulse;
use super::service_thread::ServiceThread;
use crate::turn;

/// Takes wakes of other threads to a loop.
///
/// Those threads do not need the GIL: the loop watches a socket, to which the first of several wakes
/// writes a byte. A loop without `add_reader` is told by our [`ServiceThread`]. After the end of the
/// loop wakes go nowhere.
pub(super) struct Mailbox {
    woken: Mutex<Vec<Arc<Pulse>>>,
    way: Way,
    /// The thread on which the loop ran when it last polled a body.
    thread: AtomicUsize,
}

enum Way {
    Socket {
        ours: UnixStream,
        theirs: UnixStream,
    },
    Call {
        /// A weak reference to the loop.
        weak: Py<PyAny>,
        thread: Arc<ServiceThread>,
    },
}

impl Mailbox {
    /// That of `event_loop`, made when it is first asked for.
    pub(super) fn of(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let py = event_loop.py();
        let known = mailboxes(py)?;
        let entry = known.call_method1(pyo3::intern!(py, "get"), (event_loop,))?;
        if let Ok(drain) = entry.cast::<Drain>() {
            return Ok(Arc::clone(&drain.get().mailbox));
        }
        let mailbox = Self::open(event_loop)?;
        let drain = Bound::new(py, Drain { mailbox: Arc::clone(&mailbox) })?;
        known.set_item(event_loop, drain)?;
        Ok(mailbox)
    }

    fn open(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let py = event_loop.py();
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let descriptor = ours.as_raw_fd();
        let mailbox = Arc::new(Self::new(Way::Socket { ours, theirs }));
        let drain = Bound::new(py, Drain { mailbox: Arc::clone(&mailbox) })?;
        // asyncio's Proactor loop has the method, and it raises.
        let watched = match event_loop.getattr_opt(pyo3::intern!(py, "add_reader"))? {
            Some(add_reader) => add_reader.call1((descriptor, drain)).map(|_| true),
            None => Ok(false),
        };
        match watched {
            Ok(true) => Ok(mailbox),
            Err(error) if !error.is_instance_of::<PyNotImplementedError>(py) => Err(error),
            Ok(false) | Err(_) => {
                let thread = ServiceThread::of_this_process(py)?;
                let weak = py.import("weakref")?.getattr("ref")?.call1((event_loop,))?;
                Ok(Arc::new(Self::new(Way::Call { weak: weak.unbind(), thread })))
            }
        }
    }

    /// Whether the loop watches descriptors.
    pub(super) fn is_watched(&self) -> bool {
        matches!(self.way, Way::Socket { .. })
    }

    fn new(way: Way) -> Self {
        Self { woken: Mutex::default(), way, thread: AtomicUsize::new(0) }
    }

    /// The loop runs on this thread.
    pub(super) fn is_here(&self) {
        self.thread.store(turn::this_thread(), Ordering::Relaxed);
    }

    /// Whether this is the loop's thread.
    pub(super) fn runs_here(&self) -> bool {
        self.thread.load(Ordering::Relaxed) == turn::this_thread()
    }

    /// Has the loop finish `pulse` in its next iteration. On any thread.
    pub(super) fn send(self: &Arc<Self>, pulse: Arc<Pulse>) {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        woken.push(pulse);
        let is_first = woken.len() == 1;
        drop(woken);
        if !is_first {
            return;
        }
        match &self.way {
            // It fails when it is full, and then the loop has been told, or when the loop has ended.
            Way::Socket { theirs, .. } => drop((&*theirs).write(&[0])),
            Way::Call { thread, .. } => thread.tell(Arc::clone(self)),
        }
    }

    /// Has the loop drain this by `call_soon_threadsafe`.
    pub(super) fn call(self: &Arc<Self>, py: Python<'_>) {
        let call = |weak: &Bound<'_, PyAny>| -> PyResult<()> {
            let event_loop = weak.call0()?;
            if event_loop.is_none() {
                return Ok(());
            }
            let drain = Bound::new(py, Drain { mailbox: Arc::clone(self) })?;
            event_loop.call_method1(pyo3::intern!(py, "call_soon_threadsafe"), (drain,)).map(drop)
        };
        if let Way::Call { weak, .. } = &self.way {
            // A loop that is closed has nobody to wake.
            drop(call(weak.bind(py)));
        }
    }

    fn drain(&self, py: Python<'_>) {
        if let Way::Socket { ours, .. } = &self.way {
            let mut bytes = [0; 64];
            while (&*ours).read(&mut bytes).is_ok_and(|count| count == bytes.len()) {}
        }
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let woken = std::mem::take(&mut *woken);
        for pulse in woken {
            pulse.finish(py);
        }
    }
}

/// Loops and their mailboxes, which go with them.
fn mailboxes(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static MAILBOXES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = MAILBOXES.get_or_try_init(py, || {
        py.import("weakref")?.getattr("WeakKeyDictionary")?.call0().map(Bound::unbind)
    })?;
    Ok(made.bind(py))
}

/// The loop's callback.
#[pyclass(frozen, module = "aioxide_pyo3")]
pub(super) struct Drain {
    mailbox: Arc<Mailbox>,
}

#[pymethods]
impl Drain {
    fn __call__(&self, py: Python<'_>) {
        self.mailbox.drain(py);
    }
}
