//! Requests for a web application, a number of them at a time.

use std::fmt;
use std::io;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use crate::connection::{PATIENCE, silent};
use crate::dial::Dialer;
use crate::http::request::{end_of_head, field};
use crate::stream::Stream;

const READ_BUFFER: usize = 64 * 1024;

/// What came back within the measured time.
pub struct Report {
    /// Requests answered with status 200 and a whole body.
    pub requests: u64,
    /// The time that was measured.
    pub measured: Duration,
    /// From sending a request to the last byte of its answer, in nanoseconds.
    pub latencies: Histogram<u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |quantile| {
            Duration::from_nanos(self.latencies.value_at_quantile(quantile)).as_secs_f64() * 1e3
        };
        write!(
            formatter,
            "{{\"requests\": {}, \"seconds\": {}, \"p50_ms\": {}, \"p99_ms\": {}}}",
            self.requests,
            self.measured.as_secs_f64(),
            milliseconds(0.5),
            milliseconds(0.99)
        )
    }
}

struct Connection {
    stream: Stream,
    /// Bytes of the current answer.
    received: Vec<u8>,
    started: Instant,
}

/// Sends GET requests for `path` on `connections` connections, each after the answer to the one
/// before, for so long.
///
/// # Errors
/// When a connection breaks, when an answer is not status 200 with a length, or when nothing is
/// answered for ten seconds.
pub fn run(
    address: SocketAddrV4,
    path: &str,
    connections: usize,
    lasting: Duration,
) -> io::Result<Report> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: */*\r\n\r\n");
    let request = request.as_bytes();
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut open = open(address, connections, &poller)?;
    let start = Instant::now();
    for connection in &mut open {
        connection.begin(request)?;
    }
    let mut buffer = vec![0; READ_BUFFER];
    let mut events = Vec::with_capacity(connections);
    let mut latencies = Histogram::new(3).map_err(io::Error::other)?;
    let mut under_way = connections;
    while under_way > 0 {
        events.clear();
        match epoll::wait(&poller, rustix::buffer::spare_capacity(&mut events), Some(&PATIENCE)) {
            Ok(0) => return Err(silent()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let index = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            let connection = &mut open[index];
            if !connection.receive(&mut buffer)? {
                continue;
            }
            let nanoseconds = u64::try_from(connection.started.elapsed().as_nanos());
            latencies.record(nanoseconds.unwrap_or(u64::MAX)).map_err(io::Error::other)?;
            if start.elapsed() < lasting {
                connection.begin(request)?;
            } else {
                under_way -= 1;
            }
        }
    }
    Ok(Report { requests: latencies.len(), measured: start.elapsed(), latencies })
}

fn open(
    address: SocketAddrV4,
    connections: usize,
    poller: &OwnedFd,
) -> io::Result<Vec<Connection>> {
    let mut dialer = Dialer::new(address);
    (0..connections)
        .map(|number| {
            let stream = Stream::new(dialer.dial()?, None)?;
            let data = EventData::new_u64(number as u64);
            epoll::add(poller, stream.socket(), data, EventFlags::IN)?;
            Ok(Connection { stream, received: Vec::new(), started: Instant::now() })
        })
        .collect()
}

impl Connection {
    fn begin(&mut self, request: &[u8]) -> io::Result<()> {
        self.received.clear();
        self.started = Instant::now();
        if self.stream.send(request)? == request.len() {
            return Ok(());
        }
        Err(io::Error::other("the kernel does not take a request at once"))
    }

    /// Reads what has arrived; whether the answer is complete.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        match self.stream.receive(buffer)? {
            None => return Ok(false),
            Some(0) => return Err(wrong("the application closed a connection")),
            Some(count) => self.received.extend_from_slice(&buffer[..count]),
        }
        let Some(end) = end_of_head(&self.received) else { return Ok(false) };
        if !self.received.starts_with(b"HTTP/1.1 200 ") {
            let text = String::from_utf8_lossy(&self.received);
            return Err(wrong(text.lines().next().unwrap_or_default()));
        }
        let length = field(&self.received[..end], "content-length")
            .and_then(|digits| str::from_utf8(digits).ok()?.parse::<usize>().ok())
            .ok_or_else(|| wrong("an answer without a length"))?;
        Ok(self.received.len() >= end + length)
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
