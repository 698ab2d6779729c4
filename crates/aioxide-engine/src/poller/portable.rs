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

/// The key of wake-ups. The greatest `usize` is taken by `polling` itself.
const WAKE_KEY: usize = usize::MAX - 1;

/// Some systems take timeouts as milliseconds in 32 bits: wait in portions of
/// a day at most, for which all of them have room.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Tells which of the registered file descriptors are ready.
///
/// One thread waits; [`add`](Poller::add), [`modify`](Poller::modify) and
/// [`remove`](Poller::remove) may be called from any thread meanwhile and
/// affect the wait in progress.
pub struct Poller {
    inner: polling::Poller,
    waker: Waker,
}

impl Poller {
    /// A poller with nothing to wait for but its [`waker`](Poller::waker).
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

    /// What ends a wait of this poller from elsewhere.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Starts to report `fd` as `token`.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when `fd` is registered, `InvalidInput` when `token`
    /// exceeds [`MAX_TOKEN`](super::MAX_TOKEN); and what the system says.
    pub fn add(
        &self,
        fd: BorrowedFd<'_>,
        token: u64,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.register(fd, interest_as(token, interest)?, mode(trigger))
    }

    /// Changes what is reported about `fd`, and as which token. If it is ready
    /// for the new interest, that is reported, edge-triggered or not.
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

    /// Reports nothing more about `fd`. To be called before it is closed.
    ///
    /// # Errors
    ///
    /// `NotFound` when `fd` is not registered.
    pub fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.inner.delete(fd)
    }

    /// Closes `fd` and reports nothing more about it.
    ///
    /// Where the file is open under another number too (after a fork, say)
    /// events under its token may still come.
    pub fn remove_and_close(&self, fd: OwnedFd) {
        // Not every system forgets what is closed. One that never knew it is
        // no harm.
        let _ = self.remove(fd.as_fd());
    }

    /// Waits until something is ready, a wake-up comes, or `timeout` is over:
    /// `None` waits for ever, zero does not wait.
    ///
    /// What is ready replaces the content of `events`; a wake-up leaves no
    /// trace there. It may return empty-handed before the time is over.
    ///
    /// # Errors
    ///
    /// `Interrupted` when a signal came: whether to wait on is up to the caller.
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

    /// Waits for the poller itself to become readable. Its own wait would do,
    /// but goes on after a signal without telling anybody.
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
        // SAFETY: `fd` is open now, and nobody reads or writes through the
        // registration later on: it is a number in the kernel's table, which
        // forgets it when the file is closed. A caller that does not remove
        // it first can but see `AlreadyExists` when the number comes again.
        unsafe { self.inner.add_with_mode(fd.as_raw_fd(), interest, mode) }
    }
}

/// Ends the wait of a [`Poller`], now or the next one.
///
/// Outlives its poller without harm: it then wakes nobody.
#[derive(Clone, Debug)]
pub struct Waker {
    pair: Arc<Pair>,
}

/// Both ends live as long as any waker does, or the last `wake` would write to
/// a closed socket and raise `SIGPIPE`.
#[derive(Debug)]
struct Pair {
    receiver: UnixStream,
    sender: UnixStream,
}

impl Waker {
    /// Ends the current wait, or the next one if nobody waits now.
    ///
    /// One `write`, no lock and no allocation: it may be called from any
    /// thread and from a signal handler.
    pub fn wake(&self) {
        // It fails when the socket is full: then the wake-up is already there.
        let _ = rustix::io::write(&self.pair.sender, &[1]);
    }

    /// How many share the file descriptors: this one, its clones, its poller.
    #[cfg(all(test, not(any(target_os = "linux", target_os = "android"))))]
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.pair)
    }

    /// How many wake-ups there were since this was last asked.
    #[cfg(all(test, not(any(target_os = "linux", target_os = "android"))))]
    pub(crate) fn take_count(&self) -> u64 {
        let mut bytes = [0; 256];
        rustix::io::read(&self.pair.receiver, &mut bytes).map_or(0, |count| count as u64)
    }
}

impl Pair {
    fn drain(&self) {
        let mut bytes = [0; 256];
        // A short read has emptied the socket; what comes later counts as new.
        while let Ok(count) = rustix::io::read(&self.receiver, &mut bytes) {
            if count < bytes.len() {
                break;
            }
        }
    }
}

/// What a wait found: a buffer to be used again and again.
pub struct Events {
    inner: polling::Events,
    /// How many events the last wait brought, wake-ups not counted.
    len: usize,
}

impl Events {
    /// Room for `capacity` events (at least one) from one wait. More are no
    /// loss: the next wait brings them.
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

    /// How many events the last wait brought.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the last wait brought none.
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
            format!("token {token} does not fit into this system's word"),
        )
    })?;
    Ok(polling::Event::new(key, interest.readable, interest.writable))
}
