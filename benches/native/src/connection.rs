//! One connection of the load generator.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{self, Shutdown};

use crate::messages::Messages;

/// A registered, non-blocking connection and how far its batch has come.
pub struct Connection {
    /// Its place among the connections: chooses what it sends.
    number: usize,
    socket: OwnedFd,
    /// Batches answered so far: chooses what it sends next.
    answered: usize,
    /// Bytes of the current batch that the kernel has taken.
    sent: usize,
    /// Bytes of the current batch that have come back.
    received: usize,
    /// When the current batch began, or the connection with `ConnectClose`.
    started: Instant,
    /// We have sent our end of stream: the server's is what we wait for.
    finishing: bool,
}

/// What one readiness event brought.
#[derive(Default)]
pub struct Received {
    /// Messages that are complete now.
    pub messages: u64,
    /// The server has answered our end of stream with its own.
    pub closed: bool,
}

impl Connection {
    /// Registers `socket` once, edge-triggered, under `number`.
    ///
    /// # Errors
    /// When the system refuses to register it.
    pub fn new(
        number: usize,
        socket: OwnedFd,
        started: Instant,
        poller: &OwnedFd,
    ) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        epoll::add(
            poller,
            &socket,
            EventData::new_u64(number as u64),
            EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET,
        )?;
        Ok(Self { number, socket, answered: 0, sent: 0, received: 0, started, finishing: false })
    }

    /// Sends what the kernel takes of the current batch.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn send(&mut self, messages: &Messages) -> io::Result<()> {
        let batch = messages.batch(self.number, self.answered);
        while self.sent < batch.len() {
            match rustix::io::write(&self.socket, &batch[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Begins the next batch.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn send_next(&mut self, messages: &Messages) -> io::Result<()> {
        self.answered += 1;
        (self.sent, self.received) = (0, 0);
        self.started = Instant::now();
        self.send(messages)
    }

    /// Reads and checks all that has come back.
    ///
    /// # Errors
    /// When it is not what was sent, when the server closes before it has
    /// answered all, or when the connection is broken.
    pub fn receive(
        &mut self,
        flags: EventFlags,
        messages: &Messages,
        buffer: &mut [u8],
    ) -> io::Result<Received> {
        let batch = messages.batch(self.number, self.answered);
        let mut received = Received::default();
        loop {
            let count = match rustix::io::read(&self.socket, &mut *buffer) {
                Ok(0) if self.finishing => {
                    received.closed = true;
                    return Ok(received);
                }
                Ok(0) => return Err(closed_early()),
                Ok(count) => count,
                Err(Errno::AGAIN) => return Ok(received),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            received.messages += messages.check(batch, self.received, &buffer[..count])?;
            self.received += count;
            // A short read has drained the socket: what comes later is a new
            // edge. Only an end of stream that was already reported is not.
            if count < buffer.len() && !flags.contains(EventFlags::RDHUP) {
                return Ok(received);
            }
        }
    }

    /// Whether all of the current batch has come back.
    pub fn is_answered(&self, messages: &Messages) -> bool {
        self.received == messages.batch(self.number, self.answered).len()
    }

    /// Time since the current batch or connection began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Sends our end of stream; the server answers it with its own.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn finish(&mut self) -> io::Result<()> {
        self.finishing = true;
        Ok(net::shutdown(&self.socket, Shutdown::Write)?)
    }
}

/// Sends one batch on a blocking `socket` and waits for the answer.
///
/// # Errors
/// As [`Connection::receive`].
pub fn exchange(socket: &OwnedFd, batch: &[u8], messages: &Messages) -> io::Result<()> {
    let mut sent = 0;
    while sent < batch.len() {
        sent += rustix::io::write(socket, &batch[sent..])?;
    }
    let mut received = 0;
    let mut buffer = vec![0; batch.len()];
    while received < batch.len() {
        match rustix::io::read(socket, &mut buffer)? {
            0 => return Err(closed_early()),
            count => {
                messages.check(batch, received, &buffer[..count])?;
                received += count;
            }
        }
    }
    Ok(())
}

fn closed_early() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the server closed a connection before it had answered",
    )
}
