//! How to wait for the end of a child process.
//!
//! *That* a child has ended is reported by a descriptor of the child
//! ([`exit_descriptor`]), which a poller can wait for, or, where the system has
//! no such descriptor, by a thread ([`on_exit`]). Neither reaps the child: it
//! stays a zombie and keeps its process number until [`reap`] reads *how* it
//! ended. So a signal cannot go to another process that was given the number
//! meanwhile.

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
    /// Unknown: other code of this process has reaped the child, or the process
    /// ignores `SIGCHLD`.
    Lost,
}

/// Whether the kernel is asked for descriptors of processes.
static DESCRIPTORS: AtomicBool = AtomicBool::new(true);

/// Sets whether [`exit_descriptor`] may ask the kernel; by default it may. For
/// sandboxes that kill a process for an unknown system call, and for tests of
/// the fallback.
pub fn use_exit_descriptors(allowed: bool) {
    DESCRIPTORS.store(allowed, Ordering::Relaxed);
}

/// A descriptor that becomes readable when process `pid` ends; it is readable
/// from the start if the process has ended. It must be removed from a poller
/// before it is closed: a forked process may hold it open.
///
/// # Errors
///
/// `ESRCH` if there is no such process. Any other error means that there is no
/// descriptor (`Unsupported` before Linux 5.3 and on other systems,
/// `PermissionDenied` in some sandboxes, or the process is out of descriptors);
/// use [`on_exit`] then.
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

/// Starts a thread that calls `notify` when child `pid` has ended, or at once if
/// `pid` is not, or no longer, a child of this process.
///
/// The thread holds nothing but `notify` and does not keep the process alive:
/// it need not be joined.
///
/// # Errors
///
/// When the thread cannot be started; `notify` is dropped then.
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

/// Reaps child `pid` without waiting: returns how it ended, or `None` while it
/// runs. Afterwards the system may give the number to another process.
///
/// # Errors
///
/// `InvalidInput` if `pid` is not the number of a process.
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
    // Zero and negative numbers name process groups.
    let checked = if pid > 0 { Pid::from_raw(pid) } else { None };
    checked.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{pid} is not a process number"))
    })
}
