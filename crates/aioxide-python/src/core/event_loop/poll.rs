//! Step 2 of an iteration: the one place where the loop waits, and where the GIL is
//! released.

use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use aioxide_engine::{AdaptiveSpin, Events, Inbox, Interest, Poller, Trigger, Wait};
use pyo3::prelude::*;

use super::LoopCore;
use crate::core::dispatch::{HANGUP, READABLE, WRITABLE};
use crate::core::dispatch::{Ready, Watch};
use crate::ffi::allocate;
use crate::ffi::allocate::Made;
use crate::ffi::errors::os_error;

/// After this many iterations the loop polls even if it watches no descriptor, so that a
/// busy loop receives signals.
const MAX_ITERATIONS_WITHOUT_POLL: u32 = 64;

/// Lets the interpreter's signal handler wake the loop: `signal.set_wakeup_fd` needs a
/// descriptor that accepts single bytes (an eventfd does not).
pub struct SignalPair {
    reader: UnixStream,
    writer: UnixStream,
}

impl SignalPair {
    /// The descriptor that is registered with the poller.
    pub fn reader(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    /// The numbers of the signals that have arrived.
    fn arrived(&self) -> Vec<u8> {
        let mut numbers = Vec::new();
        let mut buffer = [0; 256];
        // Non-blocking: ends with WouldBlock, or when the pair is gone.
        while let Ok(count @ 1..) = (&self.reader).read(&mut buffer) {
            numbers.extend_from_slice(&buffer[..count]);
        }
        numbers
    }
}

impl LoopCore {
    /// Waits as long as `wait` says and schedules the items of the readiness events.
    #[inline]
    pub(super) fn poll(slf: &Bound<'_, Self>, wait: Wait) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let stopping = this.flags.stopping.get(py);
        let wait = if stopping { Wait::Poll } else { wait };
        if wait == Wait::Poll && !this.handoff.is_wanted() && this.may_skip_poll(py) {
            return Ok(());
        }
        if wait != Wait::Poll && this.has_virtual_time(py) {
            return Self::idle(slf);
        }
        Self::poll_now(slf, wait)
    }

    /// While no descriptor is watched, a poll of a busy loop can report only wake-ups and
    /// signals, and costs more than the iteration's callbacks.
    #[inline]
    fn may_skip_poll(&self, py: Python<'_>) -> bool {
        if self.descriptors.is_watching(py) {
            return false;
        }
        let iterations = self.flags.iterations_without_poll.get(py) + 1;
        self.flags.iterations_without_poll.set(py, iterations);
        iterations < MAX_ITERATIONS_WITHOUT_POLL
    }

    pub(super) fn poll_now(slf: &Bound<'_, Self>, wait: Wait) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        this.flags.iterations_without_poll.set(py, 0);
        this.flags.polls.update(py, |polls| *polls = polls.wrapping_add(1));
        let poller = this.poller(py)?;
        let mut events = this.events.take(py).unwrap_or_else(|| Events::with_capacity(1024));
        // Other threads may read asyncio's table of running tasks during the wait, and
        // signal handlers after it.
        this.current_task().flush(py, slf.as_any().as_unbound())?;
        let waited = if this.handoff.is_wanted() {
            this.wait_beside_calls(py, &poller, &mut events, wait)
        } else if wait == Wait::Poll {
            poller.wait(&mut events, Some(Duration::ZERO))
        } else {
            py.detach(|| poller.wait(&mut events, wait.timeout()))
        };
        match waited {
            Ok(()) => this.dispatch(py, &events),
            Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
            Err(error) => return Err(os_error(error)),
        }
        drop(this.events.replace(py, Some(events)));
        // Runs Python's signal handlers, which may raise.
        py.check_signals()
    }

    /// Waits while calls are running in the loop's threads. Releases the GIL, which they
    /// need, even if the loop does not wait, and spins first: a short call ends soon.
    fn wait_beside_calls(
        &self,
        py: Python<'_>,
        poller: &Poller,
        events: &mut Events,
        wait: Wait,
    ) -> io::Result<()> {
        let inbox = self.inbox(py);
        let mut spin = self.spin.get(py);
        let waited = py.detach(|| {
            self.handoff.released();
            let wait = spin_before_wait(wait, self.handoff.calls(), &inbox, &mut spin);
            poller.wait(events, wait.timeout())
        });
        self.spin.set(py, spin);
        waited
    }

    /// Schedules the items of the readiness events.
    fn dispatch(&self, py: Python<'_>, events: &Events) {
        for event in events.iter() {
            let mut readiness = 0;
            if event.readable {
                readiness |= READABLE;
            }
            if event.writable {
                readiness |= WRITABLE;
            }
            if event.hangup || event.error {
                readiness |= HANGUP;
            }
            let [first, second] = self.descriptors.items_for(py, event.token, readiness);
            if let Some(item) = first {
                self.engine.schedule(py, item);
            }
            if let Some(item) = second {
                self.engine.schedule(py, item);
            }
        }
    }

    /// Passes the numbers of arrived signals to the Python half.
    pub(in crate::core) fn process_signals(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let numbers = slf
            .get()
            .signals
            .read(py, |signals| signals.as_ref().map(SignalPair::arrived).unwrap_or_default());
        if numbers.is_empty() {
            return Ok(());
        }
        slf.call_method1(
            crate::intern!(py, "_process_signals"),
            (allocate::bytes(py, &numbers)?,),
        )?;
        Ok(())
    }
}

/// Spins on the inbox for a moment before the loop waits, if that pays. Returns the
/// remaining wait.
fn spin_before_wait(
    wait: Wait,
    calls: usize,
    inbox: &Inbox<Ready>,
    spin: &mut AdaptiveSpin,
) -> Wait {
    if wait == Wait::Poll || !spin.is_due(calls) {
        return wait;
    }
    let begin = Instant::now();
    if inbox.spin(spin) {
        return Wait::Poll;
    }
    match wait {
        Wait::Until(duration) => Wait::Until(duration.saturating_sub(begin.elapsed())),
        wait => wait,
    }
}

#[pymethods]
impl LoopCore {
    /// The descriptor for `signal.set_wakeup_fd`; made on first use.
    fn _signal_fd(&self, py: Python<'_>) -> PyResult<Made<i32>> {
        self.check_closed(py)?;
        if let Some(fd) =
            self.signals.read(py, |pair| pair.as_ref().map(|pair| pair.writer.as_raw_fd()))
        {
            return Ok(Made(fd));
        }
        let (reader, writer) = UnixStream::pair().map_err(os_error)?;
        reader.set_nonblocking(true).map_err(os_error)?;
        writer.set_nonblocking(true).map_err(os_error)?;
        self.occupy(py, reader.as_fd(), Watch::Signals, Interest::READ, Trigger::Level)?;
        let fd = writer.as_raw_fd();
        drop(self.signals.replace(py, Some(SignalPair { reader, writer })));
        Ok(Made(fd))
    }
}
