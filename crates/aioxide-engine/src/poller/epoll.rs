//! Readiness on Linux: epoll, and an eventfd to end a wait.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, epoll, eventfd};

use super::{Event, Interest, MAX_TOKEN, Trigger, check_token};

/// The token of the poller's own wake-ups, which are not reported as events.
const WAKE_TOKEN: u64 = MAX_TOKEN + 1;

const READABLE: u32 =
    (libc::EPOLLIN | libc::EPOLLPRI | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;
const WRITABLE: u32 = (libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) as u32;
const HANGUP: u32 = (libc::EPOLLRDHUP | libc::EPOLLHUP) as u32;
const ERROR: u32 = libc::EPOLLERR as u32;

/// Reports which of the registered file descriptors are ready.
///
/// One thread waits; [`add`](Poller::add), [`modify`](Poller::modify) and
/// [`remove`](Poller::remove) may be called from any thread meanwhile and
/// affect the wait in progress.
///
#[cfg_attr(not(miri), doc = "```")]
#[cfg_attr(miri, doc = "```no_run")]
/// use std::io::Write;
/// use std::os::{fd::AsFd, unix::net::UnixStream};
/// use aioxide_engine::{Events, Interest, Poller, Trigger};
///
/// let poller = Poller::new()?;
/// let (ours, mut theirs) = UnixStream::pair()?;
/// poller.add(ours.as_fd(), 7, Interest::READ, Trigger::Level)?;
/// theirs.write_all(b"hello")?;
///
/// let mut events = Events::with_capacity(64);
/// poller.wait(&mut events, None)?;
/// let event = events.iter().next().unwrap();
/// assert!(event.token == 7 && event.readable && !event.writable);
///
/// poller.remove(ours.as_fd())?; // always before it is closed
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    waker: Waker,
    /// Whether the kernel has timeouts in nanoseconds (`epoll_pwait2`, Linux
    /// 5.11). Assumed until a call is refused, by an old kernel or a sandbox.
    has_nanoseconds: AtomicBool,
}

impl Poller {
    /// A poller with no registered descriptor but that of its
    /// [`waker`](Poller::waker).
    ///
    /// # Errors
    ///
    /// When the process is out of file descriptors (a poller takes two).
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let counter = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Every write to an edge-triggered eventfd is a new edge, whether the
        // counter was read or not. So it is never read, which saves a system call.
        epoll::add(
            &epoll,
            &counter,
            epoll::EventData::new_u64(WAKE_TOKEN),
            epoll::EventFlags::IN | epoll::EventFlags::ET,
        )?;
        Ok(Self {
            epoll,
            waker: Waker { counter: Arc::new(counter) },
            // Miri knows the older call only.
            has_nanoseconds: AtomicBool::new(!cfg!(miri)),
        })
    }

    /// The handle by which any thread ends a wait of this poller.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Starts to report `fd` as `token`.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when `fd` is registered, `PermissionDenied` when it is
    /// always ready (a regular file), `InvalidInput` when `token` exceeds
    /// [`MAX_TOKEN`](super::MAX_TOKEN); and other errors of `epoll_ctl`.
    pub fn add(
        &self,
        fd: BorrowedFd<'_>,
        token: u64,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        check_token(token)?;
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::add(&self.epoll, fd, data, flags(interest, trigger))?)
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
        check_token(token)?;
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::modify(&self.epoll, fd, data, flags(interest, trigger))?)
    }

    /// Stops reporting `fd`. Must be called before it is closed.
    ///
    /// # Errors
    ///
    /// `NotFound` when `fd` is not registered.
    pub fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Closes `fd` and stops reporting it. Saves the system call of
    /// [`remove`](Poller::remove): closing removes the registration.
    ///
    /// If the file is also open under another number (after a fork, for example),
    /// the registration lasts until that is closed, and events with its token may
    /// still arrive.
    #[allow(unsafe_code)]
    pub fn remove_and_close(&self, fd: OwnedFd) {
        // Not by dropping it: if other code has closed the number, a build of the standard
        // library that checks for this would abort the process.
        // SAFETY: this function owns the descriptor.
        unsafe { rustix::io::close(fd.into_raw_fd()) }
    }

    /// Waits until a descriptor is ready, a wake-up arrives, or `timeout` has
    /// passed: `None` waits without limit, zero does not wait. One system call.
    ///
    /// The ready descriptors replace the content of `events`; a wake-up adds no
    /// event. Before the timeout it returns without an event only after a
    /// wake-up or, on kernels without nanosecond timeouts, after 24 days.
    ///
    /// # Errors
    ///
    /// `Interrupted` when a signal arrived; the caller decides whether to wait
    /// again.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        let count = self.wait_any_precision(&mut events.list, timeout)?;
        events.keep(count);
        Ok(())
    }

    fn wait_any_precision(
        &self,
        list: &mut [libc::epoll_event],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        if self.has_nanoseconds.load(Ordering::Relaxed) {
            match wait_nanoseconds(self.epoll.as_fd(), list, timeout) {
                Err(error) if is_refusal(&error) => {
                    self.has_nanoseconds.store(false, Ordering::Relaxed);
                }
                outcome => return outcome,
            }
        }
        wait_milliseconds(self.epoll.as_fd(), list, timeout)
    }

    /// A poller that behaves as on a kernel without `epoll_pwait2`.
    #[cfg(test)]
    pub(super) fn without_nanoseconds() -> io::Result<Self> {
        let poller = Self::new()?;
        poller.has_nanoseconds.store(false, Ordering::Relaxed);
        Ok(poller)
    }
}

/// Ends a wait of a [`Poller`].
///
/// It may outlive its poller; then it has no effect.
#[derive(Clone, Debug)]
pub struct Waker {
    counter: Arc<OwnedFd>,
}

impl Waker {
    /// Ends the current wait, or else the next one.
    ///
    /// One `write`, no lock and no allocation: it may be called from any
    /// thread and from a signal handler.
    pub fn wake(&self) {
        // It can only fail when the counter is full, after 2^64 - 2 wake-ups.
        let _ = rustix::io::write(&*self.counter, &1u64.to_ne_bytes());
    }

    /// How many objects share the file descriptor: this one, its clones, its poller.
    #[cfg(test)]
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.counter)
    }

    /// The number of wake-ups since the last call.
    #[cfg(test)]
    pub(crate) fn take_count(&self) -> u64 {
        let mut count = [0; 8];
        match rustix::io::read(&*self.counter, &mut count) {
            Ok(_) => u64::from_ne_bytes(count),
            Err(_) => 0,
        }
    }
}

/// The events of a wait: a buffer that is reused.
pub struct Events {
    /// All of it is initialised: the kernel overwrites the front.
    list: Box<[libc::epoll_event]>,
    /// How many events at the front are those of the last wait.
    len: usize,
}

impl Events {
    /// A buffer for `capacity` events (at least one) of one wait. If more are
    /// ready, the next wait returns them.
    pub fn with_capacity(capacity: usize) -> Self {
        let unused = libc::epoll_event { events: 0, u64: 0 };
        Self { list: vec![unused; capacity.clamp(1, i32::MAX as usize)].into(), len: 0 }
    }

    /// The events of the last wait.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.list[..self.len].iter().map(|event| Event {
            token: event.u64,
            readable: event.events & READABLE != 0,
            writable: event.events & WRITABLE != 0,
            hangup: event.events & HANGUP != 0,
            error: event.events & ERROR != 0,
        })
    }

    /// The number of events of the last wait.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the last wait returned no event.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets the events of the last wait.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Keeps the first `count` events, without the wake-up if it is among them.
    /// There is at most one, because there is one eventfd.
    fn keep(&mut self, count: usize) {
        self.len = count;
        let found = &self.list[..count];
        if let Some(wake) = found.iter().position(|event| event.u64 == WAKE_TOKEN) {
            self.list.copy_within(wake + 1..count, wake);
            self.len -= 1;
        }
    }
}

fn flags(interest: Interest, trigger: Trigger) -> epoll::EventFlags {
    let mut flags = match trigger {
        Trigger::Level => epoll::EventFlags::empty(),
        Trigger::Edge => epoll::EventFlags::ET,
    };
    if interest.readable {
        flags |= epoll::EventFlags::IN | epoll::EventFlags::RDHUP;
    }
    if interest.writable {
        flags |= epoll::EventFlags::OUT;
    }
    flags
}

/// Old kernels do not have the call, and some sandboxes forbid unknown calls.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}

/// The kernel's `timespec`, 64 bits wide even where the C library's is not.
#[repr(C)]
struct KernelTimespec {
    seconds: i64,
    nanoseconds: i64,
}

#[allow(unsafe_code)]
fn wait_nanoseconds(
    epoll: BorrowedFd<'_>,
    list: &mut [libc::epoll_event],
    timeout: Option<Duration>,
) -> io::Result<usize> {
    let timeout = timeout.map(|timeout| KernelTimespec {
        seconds: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: i64::from(timeout.subsec_nanos()),
    });
    // SAFETY: the kernel writes at most `list.len()` events to `list` and reads
    // `timeout`; both outlive the call. No signal mask is passed.
    let count = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            epoll.as_raw_fd(),
            list.as_mut_ptr(),
            list.len() as libc::c_int,
            timeout.as_ref().map_or(ptr::null(), ptr::from_ref),
            ptr::null::<libc::sigset_t>(),
            0usize,
        )
    };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

#[allow(unsafe_code)]
fn wait_milliseconds(
    epoll: BorrowedFd<'_>,
    list: &mut [libc::epoll_event],
    timeout: Option<Duration>,
) -> io::Result<usize> {
    // SAFETY: the kernel writes at most `list.len()` events to `list`.
    let count = unsafe {
        libc::epoll_wait(
            epoll.as_raw_fd(),
            list.as_mut_ptr(),
            list.len() as libc::c_int,
            timeout.map_or(-1, milliseconds_rounded_up),
        )
    };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Rounds up: otherwise a loop would spin through the last millisecond before a timer.
fn milliseconds_rounded_up(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_rounded_up_and_bounded() {
        assert_eq!(milliseconds_rounded_up(Duration::ZERO), 0);
        assert_eq!(milliseconds_rounded_up(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds_rounded_up(Duration::from_millis(7)), 7);
        assert_eq!(milliseconds_rounded_up(Duration::from_nanos(7_000_001)), 8);
        assert_eq!(milliseconds_rounded_up(Duration::MAX), i32::MAX);
    }

    #[test]
    fn refusals_differ_from_failures() {
        assert!(is_refusal(&io::Error::from_raw_os_error(libc::ENOSYS)));
        assert!(is_refusal(&io::Error::from_raw_os_error(libc::EPERM)));
        assert!(!is_refusal(&io::Error::from_raw_os_error(libc::EINTR)));
    }
}
