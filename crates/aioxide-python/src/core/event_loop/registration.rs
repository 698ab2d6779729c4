//! How a descriptor is registered with the poller.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use aioxide_engine::{Interest, Poller, Trigger};

use crate::core::dispatch::Watcher;

/// How a descriptor is registered with the poller.
pub type Registration = Option<(Interest, Trigger)>;

/// Callbacks and pipes are level-triggered, as in asyncio. If there are only `sock_*`
/// calls, one edge-triggered registration for both directions serves them and stays when a
/// call ends. Each call tries first and waits only after the kernel had nothing, so no
/// edge is missed, and the next call needs no system call to register.
pub fn wanted_registration(
    reader: Option<&Watcher>,
    writer: Option<&Watcher>,
    current: Registration,
) -> Registration {
    let only_by_call =
        [reader, writer].into_iter().flatten().all(|it| matches!(it, Watcher::Call(_)));
    if !only_by_call {
        let interest = Interest { readable: reader.is_some(), writable: writer.is_some() };
        return Some((interest, Trigger::Level));
    }
    if reader.is_some() || writer.is_some() {
        return Some((Interest::BOTH, Trigger::Edge));
    }
    current.filter(|(_, trigger)| *trigger == Trigger::Edge)
}

/// Adds or modifies a registration, whichever the kernel accepts: if other code has
/// closed a descriptor its registration is gone, and if the file was duplicated it
/// remains.
pub fn register(
    poller: &Poller,
    descriptor: BorrowedFd<'_>,
    token: u64,
    interest: Interest,
    trigger: Trigger,
    known: bool,
) -> io::Result<()> {
    let first = if known {
        poller.modify(descriptor, token, interest, trigger)
    } else {
        poller.add(descriptor, token, interest, trigger)
    };
    match first {
        Err(error) if known && error.kind() == io::ErrorKind::NotFound => {
            poller.add(descriptor, token, interest, trigger)
        }
        Err(error) if !known && error.kind() == io::ErrorKind::AlreadyExists => {
            poller.modify(descriptor, token, interest, trigger)
        }
        other => other,
    }
}

/// The token of a use of `fd`: its number and generation.
pub fn token(fd: RawFd, generation: u32) -> u64 {
    // The two highest tokens are reserved for the poller.
    (u64::from(generation & 0x7fff_ffff) << 32) | u64::from(fd as u32)
}
