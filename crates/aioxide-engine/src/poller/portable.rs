//! Readiness on every other Unix: the `polling` crate, which is kqueue on
//! macOS and the BSDs, and a socket pair to end a wait.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use polling::PollMode;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Event, Interest, Trigger, check_token};

/// The key of wake-ups. `polling` itself reserves the greatest `usize`.
const WAKE_KEY: usize = usize::MAX - 1;

/// Some systems have timeouts of 32 bits in milliseconds. So a wait is limited to
/// a day, which fits everywhere.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Reports which of the registered file descriptors are ready.
///
/// One thread waits; [`add`](Poller::add), [`modify`](Poller::modify) and
/// [`remove`](Poller::remove) may be called from any thread meanwhile and
/// affect the wait in progress.
pub struct Poller {
    inner: polling::Poller,
    waker: Waker,
}

impl Poller {
    /// A poller with no registered descriptor but that of its
    /// [`waker`](Poller::waker).
    ///
    /// # Errors
    ///
    /// When the process is out of file descriptors.
    pub fn new() -> io::Result<Self> {
        let inner = polling::Poller::new()?;
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        sender.set_nonblocking(true)?;
        let waker = Waker { pair: Arc::new(Pair { receiver, sender }) };
        let poller = Self { inner, waker };
        poller.register(
            poller.waker.pair.receiver.as_fd(),
            polling::Event::readable(WAKE_KEY),
            PollMode::Level,
        )?;
        Ok(poller)
    }

    /// The handle by which any thread ends a wait of this poller.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Starts to report `fd` as `token`.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when `fd` is registered, `InvalidInput` when `token`
    /// exceeds [`MAX_TOKEN`](super::MAX_TOKEN); and other errors of the system.
    pub fn add(
        &self,
        fd: BorrowedFd<'_>,
        token: u64,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.register(fd, interest_as(token, interest)?, mode(trigger))
    }

    /// Changes the interest, trigger and token of `fd`. If it is ready for the
    /// new interest, that is reported, edge-triggered or not.
    ///
    /// # Errors
    ///
    /// `NotFound` when `fd` is not registered; otherwise as [`add`](Poller::add).
    pub fn modify(
        &self,
        fd: BorrowedFd<'_>,
        token: u64,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.inner.modify_with_mode(fd, interest_as(token, interest)?, mode(trigger))
    }

    /// Stops reporting `fd`. Must be called before it is closed.
    ///
    /// # Errors
    ///
    /// `NotFound` when `fd` is not registered.
    pub fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.inner.delete(fd)
    }

    /// Closes `fd` and stops reporting it.
    ///
    /// If the file is also open under another number (after a fork, for example),
    /// events with its token may still arrive.
    pub fn remove_and_close(&self, fd: OwnedFd) {
        // Not every system removes the registration when the file is closed. An
        // error for a descriptor that was not registered is harmless.
        let _ = self.remove(fd.as_fd());
    }

    /// Waits until a descriptor is ready, a wake-up arrives, or `timeout` has
    /// passed: `None` waits without limit, zero does not wait.
    ///
    /// The ready descriptors replace the content of `events`; a wake-up adds no
    /// event. It may return without an event before the timeout.
    ///
    /// # Errors
    ///
    /// `Interrupted` when a signal arrived; the caller decides whether to wait
    /// again.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        if timeout != Some(Duration::ZERO) {
            self.sleep(timeout)?;
        }
        self.inner.wait(&mut events.inner, Some(Duration::ZERO))?;
        if events.inner.iter().any(|event| is_wake(&event)) {
            self.waker.pair.drain();
        }
        events.len = events.inner.iter().filter(|event| !is_wake(event)).count();
        Ok(())
    }

    /// Waits for the poller itself to become readable. The poller's own wait
    /// would resume after a signal without an error.
    fn sleep(&self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = timeout.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        let timeout =
            Timespec { tv_sec: timeout.as_secs() as _, tv_nsec: timeout.subsec_nanos().into() };
        poll(&mut [PollFd::new(&self.inner, PollFlags::IN)], Some(&timeout))?;
        Ok(())
    }

    #[allow(unsafe_code)]
    fn register(
        &self,
        fd: BorrowedFd<'_>,
        interest: polling::Event,
        mode: PollMode,
    ) -> io::Result<()> {
        // SAFETY: `fd` is open now, and no code reads or writes through the
        // registration later on: it is a number in the kernel's table, which
        // drops it when the file is closed. If a caller does not remove it
        // first, the worst case is `AlreadyExists` when the number is reused.
        unsafe { self.inner.add_with_mode(fd.as_raw_fd(), interest, mode) }
    }
}

/// Ends a wait of a [`Poller`].
///
/// It may outlive its poller; then it has no effect.
#[derive(Clone, Debug)]
pub struct Waker {
    pair: Arc<Pair>,
}

/// Both ends stay open as long as any waker exists: otherwise the last `wake`
/// would write to a closed socket and raise `SIGPIPE`.
#[derive(Debug)]
struct Pair {
    receiver: UnixStream,
    sender: UnixStream,
}

impl Waker {
    /// Ends the current wait, or else the next one.
    ///
    /// One `write`, no lock and no allocation: it may be called from any
    /// thread and from a signal handler.
    pub fn wake(&self) {
        // It fails when the socket is full: then a wake-up is already pending.
        let _ = rustix::io::write(&self.pair.sender, &[1]);
    }

    /// How many objects share the file descriptors: this one, its clones, its poller.
    #[cfg(all(test, not(any(target_os = "linux", target_os = "android"))))]
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.pair)
    }

    /// The number of wake-ups since the last call.
    #[cfg(all(test, not(any(target_os = "linux", target_os = "android"))))]
    pub(crate) fn take_count(&self) -> u64 {
        let mut bytes = [0; 256];
        rustix::io::read(&self.pair.receiver, &mut bytes).map_or(0, |count| count as u64)
    }
}

impl Pair {
    fn drain(&self) {
        let mut bytes = [0; 256];
        // A short read has emptied the socket; a later byte is a new wake-up.
        while let Ok(count) = rustix::io::read(&self.receiver, &mut bytes) {
            if count < bytes.len() {
                break;
            }
        }
    }
}

/// The events of a wait: a buffer that is reused.
pub struct Events {
    inner: polling::Events,
    /// The number of events of the last wait, without wake-ups.
    len: usize,
}

impl Events {
    /// A buffer for `capacity` events (at least one) of one wait. If more are
    /// ready, the next wait returns them.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            inner: polling::Events::with_capacity(
                NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN),
            ),
            len: 0,
        }
    }

    /// The events of the last wait.
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.inner.iter().filter(|event| !is_wake(event)).map(|event| {
            let hangup = event.is_interrupt();
            let error = event.is_err().unwrap_or(false);
            Event {
                token: event.key as u64,
                readable: event.readable || hangup || error,
                writable: event.writable || hangup || error,
                hangup,
                error,
            }
        })
    }

    /// The number of events of the last wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the last wait returned no event.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets the events of the last wait.
    pub fn clear(&mut self) {
        self.inner.clear();
        self.len = 0;
    }
}

fn is_wake(event: &polling::Event) -> bool {
    event.key == WAKE_KEY
}

fn mode(trigger: Trigger) -> PollMode {
    match trigger {
        Trigger::Level => PollMode::Level,
        Trigger::Edge => PollMode::Edge,
    }
}

fn interest_as(token: u64, interest: Interest) -> io::Result<polling::Event> {
    check_token(token)?;
    let key = usize::try_from(token).ok().filter(|key| *key < WAKE_KEY).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("token {token} does not fit into a word of this system"),
        )
    })?;
    Ok(polling::Event::new(key, interest.readable, interest.writable))
}
