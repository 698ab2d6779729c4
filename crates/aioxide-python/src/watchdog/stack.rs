//! The Python stack of a thread while native code keeps the GIL.
//!
//! The interpreter's fault handler can write the stack of the thread that a signal arrives at,
//! from inside the signal's handler (`faulthandler.register`). It writes into a pipe that is read
//! here.

use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::ffi::file_descriptor::numbered;

/// How long the thread may take to react to the signal before the report goes out without it.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long it may take at most: on a busy machine it has to wait for a processor.
const LONGEST_PATIENCE: Duration = Duration::from_secs(1);
/// The handler writes piece by piece; after so long without one it has finished.
const PAUSE: Duration = Duration::from_millis(2);
/// More than the fault handler writes of one stack.
const MOST_BYTES: usize = 64 * 1024;

/// Where stacks come from.
pub struct StackSource {
    /// The signal that the fault handler is registered for.
    signal: i32,
    /// The end of the pipe that it does not write into.
    reader: OwnedFd,
    /// The folders of files that are not the program's own.
    folders: Vec<String>,
}

impl StackSource {
    /// From the fault handler that writes to the other end of the pipe `reader` on `signal`.
    ///
    /// # Errors
    ///
    /// When the process is out of descriptors.
    pub fn new(signal: i32, reader: RawFd, folders: Vec<String>) -> std::io::Result<Self> {
        let reader = rustix::io::fcntl_dupfd_cloexec(numbered(reader), 3)?;
        Ok(Self { signal, reader, folders })
    }

    /// The stack of a thread of this process, the innermost frame first; empty if none came.
    pub fn ask(&self, kernel_thread: i32) -> String {
        // What an earlier request has left.
        self.read(Duration::ZERO);
        if kernel_thread == 0 || !send(kernel_thread, self.signal) {
            return String::new();
        }
        self.frames(PATIENCE)
    }

    /// The stack that did not come at once when it was asked for.
    pub fn late(&self) -> String {
        self.frames(LONGEST_PATIENCE)
    }

    fn frames(&self, patience: Duration) -> String {
        let text = String::from_utf8_lossy(&self.read(patience)).into_owned();
        let frames = text.lines().filter(|line| line.starts_with("  File ")).take(100);
        frames.flat_map(|line| [line, "\n"]).collect()
    }

    /// The innermost frame of the program's own code, or the innermost one of all.
    pub fn own_frame(&self, frames: &str) -> Option<String> {
        let mut all = frames.lines().filter_map(place_of);
        let first = all.clone().next();
        let is_own = |(file, _): &(&str, String)| {
            !file.starts_with('<')
                && !self.folders.iter().any(|folder| file.starts_with(folder.as_str()))
        };
        all.find(is_own).or(first).map(|(_, text)| text)
    }

    fn read(&self, patience: Duration) -> Vec<u8> {
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        let mut patience = patience;
        while read.len() < MOST_BYTES && is_readable(&self.reader, patience) {
            match rustix::io::read(&self.reader, &mut buffer) {
                Ok(count @ 1..) => read.extend_from_slice(&buffer[..count]),
                Err(rustix::io::Errno::INTR) => continue,
                _ => break,
            }
            patience = PAUSE;
        }
        read
    }
}

/// The file of a line of the fault handler, and the line as `file:line in function`.
fn place_of(line: &str) -> Option<(&str, String)> {
    let (file, rest) = line.strip_prefix("  File \"")?.split_once("\", line ")?;
    Some((file, format!("{file}:{rest}")))
}

fn is_readable(reader: &OwnedFd, patience: Duration) -> bool {
    let timeout = Timespec {
        tv_sec: patience.as_secs().cast_signed(),
        tv_nsec: i64::from(patience.subsec_nanos()),
    };
    let mut polled = [PollFd::from_borrowed_fd(reader.as_fd(), PollFlags::IN)];
    matches!(poll(&mut polled, Some(&timeout)), Ok(1..))
}

#[cfg(target_os = "linux")]
fn send(kernel_thread: i32, signal: i32) -> bool {
    // Named by process and thread, so that the number of a thread that has ended, and may be
    // another process's by now, is refused.
    let process = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: takes numbers only.
    unsafe { libc::syscall(libc::SYS_tgkill, process, kernel_thread, signal) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn send(_kernel_thread: i32, _signal: i32) -> bool {
    false
}

/// Writes `text`, in one call if the system takes it.
pub fn write_to_standard_error(text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(rustix::stdio::stderr(), rest) {
            Ok(0) | Err(_) => return,
            Ok(count) => rest = &rest[count..],
        }
    }
}
