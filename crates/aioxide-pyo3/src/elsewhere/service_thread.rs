//! The thread that does for loops without `add_reader` what they cannot: it waits for descriptors,
//! and tells a loop what other threads have woken.
//!
//! Only this thread takes the GIL for that. Whoever wakes may hold a lock that code with the GIL
//! waits for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use libc::{POLLIN, POLLOUT, pollfd};
use pyo3::prelude::*;
use pyo3::types::PyCFunction;

use super::alarm::Alarm;
use super::mailbox::Mailbox;
use crate::readiness::Direction;

/// How long the end of the process waits for the thread to give the GIL back.
const PATIENCE: Duration = Duration::from_secs(1);

/// The thread of a process, started when it is first needed.
pub(super) struct ServiceThread {
    /// A child of `fork` has no such thread, and starts its own.
    process: u32,
    work: Mutex<Work>,
    /// A byte here makes the thread look at its work.
    bell: UnixStream,
    /// Locked by the thread while it asks for the GIL and has it. True when the process ends.
    ended: Mutex<bool>,
}

#[derive(Default)]
struct Work {
    /// The number of the next watch. Numbers are not used again, as those of descriptors are.
    next: u64,
    watches: BTreeMap<u64, Entry>,
    /// Loops that are to be told.
    told: Vec<Arc<Mailbox>>,
}

struct Entry {
    descriptor: pollfd,
    alarm: Arc<Alarm>,
}

/// A descriptor that is watched until it is ready, once, or this is dropped.
pub(super) struct Watch {
    thread: Arc<ServiceThread>,
    number: u64,
}

impl Watch {
    /// Rings `alarm` when `fd`, which is open until the watch is dropped, is ready.
    ///
    /// # Errors
    ///
    /// For what the system cannot wait for; if no thread can be started.
    pub(super) fn new(
        py: Python<'_>,
        fd: RawFd,
        direction: Direction,
        alarm: &Arc<Alarm>,
    ) -> PyResult<Self> {
        refuse_files(fd)?;
        let thread = ServiceThread::of_this_process(py)?;
        let events = match direction {
            Direction::Read => POLLIN,
            Direction::Write => POLLOUT,
        };
        let descriptor = pollfd { fd, events, revents: 0 };
        let entry = Entry { descriptor, alarm: Arc::clone(alarm) };
        let mut work = lock(&thread.work);
        let number = work.next;
        work.next += 1;
        work.watches.insert(number, entry);
        drop(work);
        thread.ring();
        Ok(Self { thread, number })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Another thread of the parent may have held the lock when this child was made.
        if self.thread.process != std::process::id() {
            return;
        }
        let entry = lock(&self.thread.work).watches.remove(&self.number);
        // A descriptor that is being polled stays open in the kernel until the poll is over.
        if entry.is_some() {
            self.thread.ring();
        }
    }
}

/// `poll` calls a file ready at all times. Loops refuse it, as `epoll` does.
fn refuse_files(fd: RawFd) -> io::Result<()> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is not negative, and the caller's until this returns; a number that is not open
    // makes the call fail.
    let descriptor = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()?;
    let kind = File::from(descriptor).metadata()?.file_type();
    if kind.is_file() || kind.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    Ok(())
}

/// It is locked only with the GIL, which `os.fork` takes: no child finds it locked.
static CURRENT: Mutex<Option<Arc<ServiceThread>>> = Mutex::new(None);

/// No panic happens under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ServiceThread {
    fn known() -> Option<Arc<Self>> {
        let process = std::process::id();
        lock(&CURRENT).as_ref().filter(|thread| thread.process == process).map(Arc::clone)
    }

    /// # Errors
    ///
    /// If no thread can be started.
    pub(super) fn of_this_process(py: Python<'_>) -> PyResult<Arc<Self>> {
        if let Some(known) = Self::known() {
            return Ok(known);
        }
        let end = PyCFunction::new_closure(py, None, None, |arguments, _| {
            if let Some(thread) = Self::known() {
                thread.end(arguments.py());
            }
        })?;
        py.import("atexit")?.call_method1("register", (end,))?;
        // Python code that ran meanwhile may have been here.
        if let Some(known) = Self::known() {
            return Ok(known);
        }
        let (bell, rung) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        rung.set_nonblocking(true)?;
        let process = std::process::id();
        let (work, ended) = (Mutex::default(), Mutex::default());
        let service = Arc::new(Self { process, work, bell, ended });
        let thread = std::thread::Builder::new().name("aioxide-service".to_owned());
        let in_thread = Arc::clone(&service);
        thread.spawn(move || in_thread.run(&rung))?;
        // That of a parent is leaked: the reference of its thread is left.
        *lock(&CURRENT) = Some(Arc::clone(&service));
        Ok(service)
    }

    /// Has the loop of `mailbox` told. On any thread, without the GIL.
    pub(super) fn tell(&self, mailbox: Arc<Mailbox>) {
        if self.process == std::process::id() {
            lock(&self.work).told.push(mailbox);
            self.ring();
        }
    }

    fn ring(&self) {
        // It fails when it is full: then the thread is about to look.
        drop((&self.bell).write(&[0]));
    }

    /// Until the end of the process.
    fn run(&self, mut rung: &UnixStream) {
        let (mut numbers, mut descriptors) = (Vec::new(), Vec::new());
        loop {
            numbers.clear();
            descriptors.clear();
            descriptors.push(pollfd { fd: rung.as_raw_fd(), events: POLLIN, revents: 0 });
            for (number, entry) in &lock(&self.work).watches {
                numbers.push(*number);
                descriptors.push(entry.descriptor);
            }
            let count = descriptors.len() as libc::nfds_t;
            // SAFETY: that is how many there are. One that was closed meanwhile is an event.
            let failed = unsafe { libc::poll(descriptors.as_mut_ptr(), count, -1) } < 0;
            if failed && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted {
                continue;
            }
            let mut bytes = [0; 64];
            while rung.read(&mut bytes).is_ok_and(|count| count == bytes.len()) {}
            for (number, descriptor) in numbers.iter().zip(&descriptors[1..]) {
                // Out of memory, whoever waits looks for itself.
                if descriptor.revents != 0 || failed {
                    let entry = lock(&self.work).watches.remove(number);
                    if let Some(entry) = entry {
                        // Wakers may be of any crate.
                        drop(catch_unwind(AssertUnwindSafe(|| entry.alarm.ring())));
                    }
                }
            }
            self.tell_loops();
        }
    }

    fn tell_loops(&self) {
        let told = std::mem::take(&mut lock(&self.work).told);
        if told.is_empty() {
            return;
        }
        // When the process ends, up to Python 3.13 a thread that asks for the GIL is ended where it
        // stands, and its Rust frames cannot be.
        let ended = lock(&self.ended);
        if !*ended {
            Python::try_attach(|py| told.iter().for_each(|mailbox| mailbox.call(py)));
        }
    }

    /// At exit.
    fn end(&self, py: Python<'_>) {
        let deadline = Instant::now() + PATIENCE;
        py.detach(|| {
            loop {
                if let Ok(mut ended) = self.ended.try_lock() {
                    *ended = true;
                    return;
                }
                if Instant::now() > deadline {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    }
}
