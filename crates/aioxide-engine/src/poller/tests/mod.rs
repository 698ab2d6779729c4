//! One specification, held against every poller that this system can run.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::epoll;
use super::{Event, Interest, Trigger, portable};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod against_model;
mod failures;
mod readiness;
mod waiting;

/// How long a test waits for what must come, before it fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// A poller under test. Its methods are those of [`super::Poller`].
trait Subject: Sized + Send + Sync + 'static {
    /// Whether a peer's half-close is reported as `hangup`.
    const TELLS_HALF_CLOSE: bool;
    /// Whether lost connections are reported as such, whatever the interest.
    const TELLS_LOSS: bool = cfg!(any(target_os = "linux", target_os = "android"));
    /// Whether timeouts are kept to the nanosecond.
    const HAS_NANOSECONDS: bool;

    fn create() -> Self;
    fn waker(&self) -> impl Fn() + Clone + Send + Sync + 'static;
    fn add(&self, fd: BorrowedFd<'_>, token: u64, i: Interest, t: Trigger) -> io::Result<()>;
    fn modify(&self, fd: BorrowedFd<'_>, token: u64, i: Interest, t: Trigger) -> io::Result<()>;
    fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()>;
    fn remove_and_close(&self, fd: OwnedFd);
    fn wait_with_room(&self, room: usize, timeout: Option<Duration>) -> io::Result<Vec<Event>>;

    fn wait(&self, timeout: Option<Duration>) -> Vec<Event> {
        match self.wait_with_room(64, timeout) {
            Ok(events) => merge_by_token(events),
            Err(error) => panic!("the wait failed: {error}"),
        }
    }

    /// What is ready now.
    fn poll(&self) -> Vec<Event> {
        self.wait(Some(Duration::ZERO))
    }

    /// The one event that must come.
    fn expect_one(&self) -> Event {
        let events = self.wait(Some(DEADLINE));
        assert_eq!(events.len(), 1, "{events:?}");
        events[0]
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
/// Epoll as it is on kernels before 5.11 and in some sandboxes.
struct EpollInMilliseconds(epoll::Poller);

macro_rules! impl_subject {
    (
        $type:ty, $module:ident, |$subject:ident| $poller:expr, $create:expr,
        half_close: $half_close:expr, nanoseconds: $nanoseconds:expr
    ) => {
        impl Subject for $type {
            const TELLS_HALF_CLOSE: bool = $half_close;
            const HAS_NANOSECONDS: bool = $nanoseconds;

            fn create() -> Self {
                $create.expect("file descriptors are left")
            }

            fn waker(&self) -> impl Fn() + Clone + Send + Sync + 'static {
                let $subject = self;
                let waker = $poller.waker();
                move || waker.wake()
            }

            fn add(&self, fd: BorrowedFd<'_>, u: u64, i: Interest, t: Trigger) -> io::Result<()> {
                let $subject = self;
                $poller.add(fd, u, i, t)
            }

            fn modify(
                &self,
                fd: BorrowedFd<'_>,
                u: u64,
                i: Interest,
                t: Trigger,
            ) -> io::Result<()> {
                let $subject = self;
                $poller.modify(fd, u, i, t)
            }

            fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
                let $subject = self;
                $poller.remove(fd)
            }

            fn remove_and_close(&self, fd: OwnedFd) {
                let $subject = self;
                $poller.remove_and_close(fd);
            }

            fn wait_with_room(
                &self,
                room: usize,
                timeout: Option<Duration>,
            ) -> io::Result<Vec<Event>> {
                let $subject = self;
                let mut events = $module::Events::with_capacity(room);
                $poller.wait(&mut events, timeout)?;
                let found: Vec<Event> = events.iter().collect();
                assert_eq!(events.len(), found.len());
                assert_eq!(events.is_empty(), found.is_empty());
                events.clear();
                assert!(events.is_empty() && events.iter().next().is_none());
                Ok(found)
            }
        }
    };
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl_subject!(
    epoll::Poller, epoll, |subject| subject, epoll::Poller::new(),
    half_close: true, nanoseconds: true
);
#[cfg(any(target_os = "linux", target_os = "android"))]
impl_subject!(
    EpollInMilliseconds, epoll, |subject| subject.0,
    epoll::Poller::without_nanoseconds().map(EpollInMilliseconds),
    half_close: true, nanoseconds: false
);
impl_subject!(
    portable::Poller, portable, |subject| subject, portable::Poller::new(),
    half_close: false, nanoseconds: true
);

/// Runs each of the named generic tests of a module on every poller.
macro_rules! on_every_poller {
    ($($test:ident),+ $(,)?) => {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        mod epoll {
            $(#[test]
            #[cfg_attr(miri, ignore = "needs the real system calls")]
            fn $test() {
                super::$test::<crate::poller::epoll::Poller>();
            })+
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        mod epoll_in_milliseconds {
            $(#[test]
            #[cfg_attr(miri, ignore = "needs the real system calls")]
            fn $test() {
                super::$test::<crate::poller::tests::EpollInMilliseconds>();
            })+
        }
        mod portable {
            $(#[test]
            #[cfg_attr(miri, ignore = "needs the real system calls")]
            fn $test() {
                super::$test::<crate::poller::portable::Poller>();
            })+
        }
    };
}
use on_every_poller;

/// Some systems report reading and writing apart.
fn merge_by_token(events: Vec<Event>) -> Vec<Event> {
    let mut merged: Vec<Event> = Vec::new();
    for event in events {
        match merged.iter_mut().find(|seen| seen.token == event.token) {
            Some(seen) => {
                seen.readable |= event.readable;
                seen.writable |= event.writable;
                seen.hangup |= event.hangup;
                seen.error |= event.error;
            }
            None => merged.push(event),
        }
    }
    merged
}

/// Two connected sockets, neither of which blocks.
fn stream_pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("file descriptors are left");
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    (ours, theirs)
}
