//! An HTTP/1.1 server that costs little: one thread, epoll, answers that lie ready.
//!
//! Connections are kept alive; one request of each is answered at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};

use crate::http::request::{Nonsense, Reader};
use crate::http::response::{BLOCK, Response, respond};
use crate::stream::{Identity, Stream};

const EVENTS_PER_WAIT: usize = 1024;
const READ_BUFFER: usize = 256 * 1024;
const BACKLOG: i32 = 4096;
/// Events of a listener have its index above this.
const LISTENERS: u64 = 1 << 32;
/// What the kernel buffers of a long body, so that the client is not waited for often.
const SEND_BUFFER: usize = 1024 * 1024;

/// A listening server.
pub struct HttpServer {
    listeners: Vec<OwnedFd>,
    address: SocketAddrV4,
    identity: Option<Identity>,
}

impl HttpServer {
    /// Listens on a free port of 127.0.0.1, and on the same port of as many of the loopback
    /// addresses after it as make `addresses`.
    ///
    /// # Errors
    /// The system's error when there is no socket or no port left.
    pub fn bind(addresses: u8, identity: Option<Identity>) -> io::Result<Self> {
        let first = listen(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        let address = SocketAddrV4::try_from(net::getsockname(&first)?)?;
        let mut listeners = vec![first];
        for last in 2..=addresses {
            let other = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), address.port());
            listeners.push(listen(other)?);
        }
        Ok(Self { listeners, address, identity })
    }

    /// The first address that the server listens on.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Answers without end.
    ///
    /// # Errors
    /// When waiting for events or accepting fails. A connection that fails is
    /// closed and does not end the server.
    pub fn run(self) -> io::Result<Infallible> {
        let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (index, listener) in self.listeners.iter().enumerate() {
            let data = EventData::new_u64(LISTENERS + index as u64);
            epoll::add(&poller, listener, data, EventFlags::IN)?;
        }
        // Indexed by descriptor, as the echo server's.
        let mut connections: Vec<Option<Connection>> = Vec::new();
        let mut delayed: BinaryHeap<Reverse<(Instant, usize, u64)>> = BinaryHeap::new();
        let mut accepted = 0;
        let mut events = Vec::with_capacity(EVENTS_PER_WAIT);
        let mut buffer = vec![0; READ_BUFFER];
        loop {
            events.clear();
            let patience = delayed.peek().map(|Reverse((due, ..))| timespec(*due));
            match epoll::wait(
                &poller,
                rustix::buffer::spare_capacity(&mut events),
                patience.as_ref(),
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let mut due = Vec::new();
            while let Some(Reverse((when, index, number))) = delayed.peek().copied()
                && when <= Instant::now()
            {
                delayed.pop();
                due.push((index, number));
            }
            let mut serve = |index: usize, slot: &mut Option<Connection>, is_due: bool| {
                let Some(connection) = slot else { return };
                match connection.serve(is_due, &mut buffer) {
                    Ok(None) => {}
                    Ok(Some(due)) => delayed.push(Reverse((due, index, connection.number))),
                    Err(Closed) => *slot = None,
                }
            };
            for event in &events {
                let data = event.data.u64();
                if data >= LISTENERS {
                    let listener = &self.listeners[usize::try_from(data - LISTENERS).unwrap_or(0)];
                    self.accept(listener, &poller, &mut connections, &mut accepted)?;
                } else if let Ok(index) = usize::try_from(data) {
                    serve(index, &mut connections[index], false);
                }
            }
            for (index, number) in due {
                let slot = &mut connections[index];
                // Another connection may have the descriptor by now.
                if slot.as_ref().is_some_and(|connection| connection.number == number) {
                    serve(index, slot, true);
                }
            }
        }
    }

    fn accept(
        &self,
        listener: &OwnedFd,
        poller: &OwnedFd,
        connections: &mut Vec<Option<Connection>>,
        accepted: &mut u64,
    ) -> io::Result<()> {
        loop {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = match net::accept_with(listener, flags) {
                Ok(socket) => socket,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(error) => return Err(error.into()),
            };
            sockopt::set_tcp_nodelay(&socket, true)?;
            sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER)?;
            let index = socket.as_raw_fd() as usize;
            epoll::add(
                poller,
                &socket,
                EventData::new_u64(index as u64),
                EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET,
            )?;
            if connections.len() <= index {
                connections.resize_with(index + 1, || None);
            }
            *accepted += 1;
            connections[index] = Some(Connection {
                stream: Stream::accepted(socket, self.identity.as_ref())?,
                number: *accepted,
                reader: Reader::default(),
                answer: None,
                sent: 0,
                permitted: false,
            });
        }
    }
}

fn listen(address: SocketAddrV4) -> io::Result<OwnedFd> {
    let listener = net::socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
        None,
    )?;
    net::bind(&listener, &address)?;
    net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

fn timespec(due: Instant) -> Timespec {
    // A little late rather than early: an early wake-up would find nothing due.
    let left = due.saturating_duration_since(Instant::now()) + Duration::from_micros(10);
    Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() }
}

struct Connection {
    stream: Stream,
    /// Counts connections, so that a delayed answer does not reach another one.
    number: u64,
    reader: Reader,
    /// What is being sent, or held back. Nothing is read meanwhile.
    answer: Option<Response>,
    /// Bytes of the answer that the kernel has accepted.
    sent: u64,
    /// The current request was told to go on.
    permitted: bool,
}

/// The connection has ended, with or without an error, and is dropped.
struct Closed;

impl From<io::Error> for Closed {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl From<Nonsense> for Closed {
    fn from(_: Nonsense) -> Self {
        Self
    }
}

impl Connection {
    /// Goes on as far as is possible now; when to come back, if an answer is held back.
    fn serve(&mut self, is_due: bool, buffer: &mut [u8]) -> Result<Option<Instant>, Closed> {
        if is_due && let Some(answer) = &mut self.answer {
            answer.delay = Duration::ZERO;
        }
        self.stream.flush()?;
        while self.answer.as_ref().is_none_or(|answer| answer.delay.is_zero()) {
            if self.answer.is_some() {
                if !self.send()? {
                    return Ok(None);
                }
                continue;
            }
            let mut data = match self.stream.receive(buffer)? {
                None => return Ok(None),
                Some(0) => return Err(Closed),
                Some(count) => &buffer[..count],
            };
            if let Some(request) = self.reader.take(&mut data)? {
                // A client of ours sends the next request after the answer.
                if !data.is_empty() {
                    return Err(Closed);
                }
                let answer = respond(&request);
                if answer.cuts {
                    return Err(Closed);
                }
                let delay = answer.delay;
                self.permitted = false;
                self.answer = Some(answer);
                if !delay.is_zero() {
                    return Ok(Some(Instant::now() + delay));
                }
            } else if self.reader.holds_back() && !self.permitted {
                self.permitted = true;
                self.stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
        }
        Ok(None)
    }

    /// Sends what the kernel accepts; whether that was all.
    fn send(&mut self) -> Result<bool, Closed> {
        let Some(answer) = &self.answer else { return Ok(true) };
        let short = answer.bytes.len() as u64;
        while self.sent < short + answer.block_bytes {
            let rest = if self.sent < short {
                &answer.bytes[usize::try_from(self.sent).unwrap_or(0)..]
            } else {
                let left = usize::try_from(short + answer.block_bytes - self.sent);
                &BLOCK[..left.unwrap_or(usize::MAX).min(BLOCK.len())]
            };
            match self.stream.send(rest)? {
                0 => return Ok(false),
                count => self.sent += count as u64,
            }
        }
        if !self.stream.flush()? {
            return Ok(false);
        }
        self.answer = None;
        self.sent = 0;
        Ok(true)
    }
}
