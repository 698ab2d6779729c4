//! Signals of the operating system.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;

use signal_hook_registry::SigId;

use crate::net::Descriptor;

/// Ctrl-C.
pub const SIGINT: i32 = libc::SIGINT;
/// The request to end of `kill` and of service managers.
pub const SIGTERM: i32 = libc::SIGTERM;
/// The terminal was closed; many services load their settings anew by it.
pub const SIGHUP: i32 = libc::SIGHUP;
/// The first of two signals that mean what a program wants.
pub const SIGUSR1: i32 = libc::SIGUSR1;
/// The second.
pub const SIGUSR2: i32 = libc::SIGUSR2;

/// Listens for a signal: asyncio's `add_signal_handler`.
///
/// Any number of listeners, of this crate and of others, may listen for one signal; each has it.
/// Signals that come before the listener is polled count as one.
///
/// When the last listener is dropped the signal has no effect: its default action does not come
/// back. Call [`end_process`] to have that.
///
/// ```
/// use aioxide::signal::{SIGUSR1, Signal};
///
/// aioxide::run(async {
///     let mut signal = Signal::new(SIGUSR1)?;
///     std::process::Command::new("kill")
///         .args(["-USR1", &std::process::id().to_string()])
///         .status()?;
///     signal.recv().await;
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Cancellation
///
/// A `recv` that is dropped has taken no signal.
pub struct Signal {
    number: i32,
    id: SigId,
    receiver: Descriptor<UnixStream>,
}

impl Signal {
    /// Begins to listen for the signal `number`.
    ///
    /// # Errors
    ///
    /// If the system does not allow to handle it, and when the process is out of descriptors.
    ///
    /// # Panics
    ///
    /// If no loop runs on this thread.
    #[expect(unsafe_code, reason = "what runs in a signal handler is restricted")]
    #[track_caller]
    pub fn new(number: i32) -> io::Result<Self> {
        let refused = || {
            let text = format!("signal {number} cannot be listened for");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        if number <= 0 || signal_hook_registry::FORBIDDEN.contains(&number) {
            return Err(refused());
        }
        let (sender, receiver) = UnixStream::pair()?;
        sender.set_nonblocking(true)?;
        receiver.set_nonblocking(true)?;
        let receiver = Descriptor::new(receiver)?;
        let send = move || {
            // It fails when it is full: the listener is woken already.
            let _ = rustix::net::send(&sender, &[0], rustix::net::SendFlags::empty());
        };
        // SAFETY: the action makes one system call that may be made in a signal handler. It
        // neither allocates nor locks, and does not panic.
        let registered = unsafe { signal_hook_registry::register(number, send) };
        let id = registered.map_err(|_| refused())?;
        Ok(Self { number, id, receiver })
    }

    /// Returns when the signal has come since the last call.
    ///
    /// # Panics
    ///
    /// If the loop on which it was made has ended.
    pub async fn recv(&mut self) {
        let read = self.receiver.read_with(|mut socket| socket.read(&mut [0; 64])).await;
        if let Err(error) = read {
            panic!("signal {}: {error}", self.number);
        }
    }
}

/// Returns when Ctrl-C is pressed.
///
/// # Errors
///
/// Those of [`Signal::new`].
pub async fn ctrl_c() -> io::Result<()> {
    Signal::new(SIGINT)?.recv().await;
    Ok(())
}

/// Ends the process as the default action of a signal does, so that a shell or a service manager
/// knows why: what a program does last that was asked to end by a signal. Destructors do not run.
#[expect(unsafe_code, reason = "the C library has no safe interface to dispositions of signals")]
pub fn end_process(number: i32) -> ! {
    // SAFETY: neither call has a pointer to memory. `SIG_DFL` is a disposition of every signal;
    // where the number is none, both calls fail.
    unsafe {
        libc::signal(number, libc::SIG_DFL);
        libc::raise(number);
    }
    // The default action was none that ends a process.
    std::process::exit(128_i32.saturating_add(number))
}

impl Drop for Signal {
    fn drop(&mut self) {
        signal_hook_registry::unregister(self.id);
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Signal").field("number", &self.number).finish_non_exhaustive()
    }
}
