//! The baseline: an epoll echo server and nothing else.
//!
//! One thread, one read buffer, two system calls a request besides the shared
//! `epoll_wait`. Sockets are registered once, edge-triggered, for reading and
//! writing, so that no `epoll_ctl` is needed later.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SendFlags, SocketFlags, SocketType, sockopt};

const EVENTS_PER_WAIT: usize = 1024;
const READ_BUFFER: usize = 64 * 1024;
const BACKLOG: i32 = 4096;
const LISTENER: u64 = u64::MAX;

/// A listening echo server.
pub struct EchoServer {
    listener: OwnedFd,
    address: SocketAddrV4,
}

impl EchoServer {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// The system's error when there is no socket or no port left.
    pub fn bind() -> io::Result<Self> {
        let listener = net::socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
            None,
        )?;
        net::bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        net::listen(&listener, BACKLOG)?;
        let address = SocketAddrV4::try_from(net::getsockname(&listener)?)?;
        Ok(Self { listener, address })
    }

    /// The address that the server listens on.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Echoes without end.
    ///
    /// # Errors
    /// When waiting for events or accepting fails. A connection that fails is
    /// closed and does not end the server.
    pub fn run(self) -> io::Result<Infallible> {
        let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&poller, &self.listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        // Indexed by descriptor: the kernel assigns the lowest free number, so this
        // is as dense as a slab and needs no free list.
        let mut connections: Vec<Option<Connection>> = Vec::new();
        let mut events = Vec::with_capacity(EVENTS_PER_WAIT);
        let mut buffer = vec![0; READ_BUFFER];
        loop {
            events.clear();
            match epoll::wait(&poller, rustix::buffer::spare_capacity(&mut events), None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                let (data, flags) = (event.data.u64(), event.flags);
                if data == LISTENER {
                    self.accept(&poller, &mut connections)?;
                    continue;
                }
                let slot = &mut connections[data as usize];
                let Some(connection) = slot else { continue };
                if connection.serve(flags, &mut buffer).is_err() {
                    *slot = None;
                }
            }
        }
    }

    fn accept(
        &self,
        poller: &OwnedFd,
        connections: &mut Vec<Option<Connection>>,
    ) -> io::Result<()> {
        loop {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = match net::accept_with(&self.listener, flags) {
                Ok(socket) => socket,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(error) => return Err(error.into()),
            };
            sockopt::set_tcp_nodelay(&socket, true)?;
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
            connections[index] = Some(Connection { socket, unsent: Vec::new() });
        }
    }
}

struct Connection {
    socket: OwnedFd,
    /// Bytes that the kernel did not accept. While there are any, nothing more is
    /// read: a client that does not read its answers must not fill our memory.
    unsent: Vec<u8>,
}

/// The connection has ended, with or without an error, and is dropped.
struct Closed;

impl Connection {
    fn serve(&mut self, flags: EventFlags, buffer: &mut [u8]) -> Result<(), Closed> {
        if !self.unsent.is_empty() {
            let sent = self.send(&self.unsent)?;
            self.unsent.drain(..sent);
        }
        while self.unsent.is_empty() {
            let count = match rustix::io::read(&self.socket, &mut *buffer) {
                Ok(0) => return Err(Closed),
                Ok(count) => count,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(_) => return Err(Closed),
            };
            let sent = self.send(&buffer[..count])?;
            self.unsent.extend_from_slice(&buffer[sent..count]);
            // A short read has drained the socket: later data is a new edge.
            // Only an end of stream that was already reported is not.
            if count < buffer.len() && !flags.contains(EventFlags::RDHUP) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn send(&self, bytes: &[u8]) -> Result<usize, Closed> {
        loop {
            // A closed connection must be an error here, not a signal.
            match net::send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => return Ok(sent),
                Err(Errno::AGAIN) => return Ok(0),
                Err(Errno::INTR) => {}
                Err(_) => return Err(Closed),
            }
        }
    }
}
