//! One connection of the load generator.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use crate::messages::Messages;
use crate::stream::Stream;

/// A server that neither receives nor answers anything for this time is stuck.
pub const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// A registered, non-blocking connection and the progress of its batch.
pub struct Connection {
    /// Its index among the connections, which selects what it sends.
    number: usize,
    stream: Stream,
    /// The number of answered batches, which selects what it sends next.
    answered: usize,
    /// Bytes of the current batch that the kernel has accepted.
    sent: usize,
    /// Bytes of the current batch that have come back.
    received: usize,
    /// When the current batch began, or the connection with `ConnectClose`.
    started: Instant,
    /// We have sent our end of stream: the server's is what we wait for.
    finishing: bool,
}

/// The outcome of one readiness event.
#[derive(Default)]
pub struct Received {
    /// Messages that are complete now.
    pub messages: u64,
    /// The server has answered our end of stream with its own.
    pub closed: bool,
}

impl Connection {
    /// Registers `stream` once, edge-triggered, under `number`.
    ///
    /// # Errors
    /// When the system refuses to register it.
    pub fn new(
        number: usize,
        stream: Stream,
        started: Instant,
        poller: &OwnedFd,
    ) -> io::Result<Self> {
        epoll::add(
            poller,
            stream.socket(),
            EventData::new_u64(number as u64),
            EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET,
        )?;
        Ok(Self { number, stream, answered: 0, sent: 0, received: 0, started, finishing: false })
    }

    /// Sends as much of the current batch as the kernel accepts.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn send(&mut self, messages: &Messages) -> io::Result<()> {
        let batch = messages.batch(self.number, self.answered);
        self.stream.flush()?;
        while self.sent < batch.len() {
            match self.stream.send(&batch[self.sent..])? {
                0 => return Ok(()),
                count => self.sent += count,
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
            let count = match self.stream.receive(buffer)? {
                Some(0) if self.finishing => {
                    received.closed = true;
                    return Ok(received);
                }
                Some(0) => return Err(closed_early()),
                Some(count) => count,
                None => return Ok(received),
            };
            received.messages += messages.check(batch, self.received, &buffer[..count])?;
            self.received += count;
            // A short read has drained the socket: later data is a new edge.
            // Only an end of stream that was already reported is not.
            if self.stream.is_drained(count, buffer.len()) && !flags.contains(EventFlags::RDHUP) {
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
        self.stream.finish()
    }
}

/// Sends one batch on `stream` and waits for the answer.
///
/// Sends and receives alternately. Otherwise there would be a deadlock with a
/// server that stops reading until its answers are read, once a batch is larger
/// than all buffers between the two.
///
/// # Errors
/// As [`Connection::receive`], and when the server neither receives nor answers
/// anything for ten seconds.
pub fn exchange(stream: &mut Stream, batch: &[u8], messages: &Messages) -> io::Result<()> {
    let mut buffer = vec![0; batch.len()];
    let (mut sent, mut received) = (0, 0);
    while received < batch.len() {
        let flushed = stream.flush()?;
        if sent < batch.len() {
            sent += stream.send(&batch[sent..])?;
        }
        wait(stream.socket(), !flushed || sent < batch.len())?;
        // A read reports an error or an end of stream, whatever else is ready.
        match stream.receive(&mut buffer)? {
            None => {}
            Some(0) => return Err(closed_early()),
            Some(count) => {
                messages.check(batch, received, &buffer[..count])?;
                received += count;
            }
        }
    }
    Ok(())
}

/// Waits until `socket` can be read, or written if `sending`.
fn wait(socket: &OwnedFd, sending: bool) -> io::Result<()> {
    let wanted = if sending { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    match poll(&mut [PollFd::new(socket, wanted)], Some(&PATIENCE)) {
        Ok(0) => Err(silent()),
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn closed_early() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the server closed a connection before it had answered",
    )
}

/// The error of a server that let [`PATIENCE`] pass.
pub(crate) fn silent() -> io::Error {
    let silence = format!("the server has answered nothing for {} s", PATIENCE.tv_sec);
    io::Error::new(io::ErrorKind::TimedOut, silence)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    /// An echo server that stops reading until its answer is read.
    fn echo_on(mut stream: UnixStream) {
        let mut buffer = [0; 4096];
        while let Ok(count) = stream.read(&mut buffer) {
            if count == 0 || stream.write_all(&buffer[..count]).is_err() {
                return;
            }
        }
    }

    #[test]
    fn a_batch_larger_than_all_buffers_is_exchanged() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let server = thread::spawn(|| echo_on(theirs));
        // Linux gives each direction about 200 KiB.
        let messages = Messages::new(2 * 1024 * 1024, 1, false);
        let mut stream = Stream::new(ours.into(), None).unwrap();
        exchange(&mut stream, messages.batch(0, 0), &messages).unwrap();
        drop(stream);
        server.join().unwrap();
    }

    #[test]
    fn an_end_of_stream_before_the_answer_is_an_error() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        let messages = Messages::new(64, 1, false);
        let mut stream = Stream::new(ours.into(), None).unwrap();
        let error = exchange(&mut stream, messages.batch(0, 0), &messages).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
