//! Ends of child processes.
//!
//! That a child has ended and how it ended are two questions. The first is
//! answered by a descriptor of the child ([`exit_descriptor`]), which a poller
//! can wait for, or, where the system gives none, by a thread
//! ([`on_exit`]). Neither takes the exit status away: the child stays a zombie,
//! and its number its own, until [`reap`] asks the second question. So nobody
//! can send a signal to a steps_foreign_task that was given the number meanwhile.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, waitid, waitpid};

#[cfg(test)]
mod tests;

/// How a child ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// By itself, with this exit status.
    Code(i32),
    /// By the signal of this number.
    Signal(i32),
    /// Nobody knows any more: somebody else has asked before, or the process
    /// ignores `SIGCHLD`.
    Lost,
}

/// Whether the kernel is asked for descriptors of processes.
static DESCRIPTORS: AtomicBool = AtomicBool::new(true);

/// Whether [`exit_descriptor`] may ask the kernel; it may unless this says
/// otherwise. For sandboxes that end a process for a system call they do not
/// know, and for tests of what is done without.
pub fn use_exit_descriptors(allowed: bool) {
    DESCRIPTORS.store(allowed, Ordering::Relaxed);
}

/// A descriptor that becomes readable when process `pid` ends, and is so at
/// once if it has ended. It has to be taken out of a poller before it is
/// closed: a forked process may hold it open.
///
/// # Errors
///
/// `ESRCH` if there is no such process; else the descriptor cannot be had
/// (`Unsupported` before Linux 5.3 and on other systems, `PermissionDenied` in
/// some sandboxes, or the process is out of descriptors) and [`on_exit`] does
/// without.
pub fn exit_descriptor(pid: i32) -> io::Result<OwnedFd> {
    let pid = checked(pid)?;
    if !DESCRIPTORS.load(Ordering::Relaxed) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{PidfdFlags, pidfd_open};
        Ok(pidfd_open(pid, PidfdFlags::empty())?)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = pid;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Calls `notify` on a thread of its own when child `pid` has ended, or at
/// once if it is no child of this process (any more).
///
/// The thread holds nothing but `notify` and does not keep the process alive:
/// it need not be joined.
///
/// # Errors
///
/// When no thread can be started; `notify` is dropped then.
pub fn on_exit(pid: i32, notify: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let child = checked(pid)?;
    let wait = move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // Any other error than an interruption means that there is nothing to
        // wait for.
        while matches!(waitid(WaitId::Pid(child), options), Err(Errno::INTR)) {}
        notify();
    };
    // A system thread's name has room for 15 bytes.
    thread::Builder::new().name(format!("waitpid-{pid}")).spawn(wait)
}

/// Takes the exit status of child `pid`, without waiting. `None` while it
/// runs. Afterwards the number may be another process's.
///
/// # Errors
///
/// `InvalidInput` if `pid` is no number of a process.
pub fn reap(pid: i32) -> io::Result<Option<Exit>> {
    let pid = checked(pid)?;
    loop {
        match waitpid(Some(pid), WaitOptions::NOHANG) {
            Ok(None) => return Ok(None),
            Ok(Some((_, status))) => {
                let by_signal = status.terminating_signal().map(Exit::Signal);
                let by_itself = status.exit_status().map(Exit::Code);
                return Ok(by_signal.or(by_itself));
            }
            Err(Errno::INTR) => {}
            Err(Errno::CHILD) => return Ok(Some(Exit::Lost)),
            Err(error) => return Err(error.into()),
        }
    }
}

fn checked(pid: i32) -> io::Result<Pid> {
    // Zero and negative numbers mean groups of processes.
    let checked = if pid > 0 { Pid::from_raw(pid) } else { None };
    checked.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{pid} is no process number"))
    })
}
