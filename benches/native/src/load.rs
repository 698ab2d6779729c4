//! The load: connections that send, check the answer, and send again.

use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use crate::connection::{Connection, PATIENCE, exchange, silent};
use crate::dial::Dialer;
use crate::messages::Messages;
use crate::options::{Mode, Options};
use crate::report::{Report, latencies};
use crate::stream::{Stream, Tls};

const EVENTS_PER_WAIT: usize = 1024;
const READ_BUFFER: usize = 64 * 1024;

/// Connects and exchanges one batch on each connection, one after the other.
///
/// The answer proves that the server has accepted the connection, so the number of
/// connections is not limited by the backlog. They stay open as long as the result
/// lives.
///
/// # Errors
/// When connecting fails, an answer is wrong or missing, or the server answers
/// nothing for ten seconds.
pub fn hold(options: &Options) -> io::Result<Vec<Stream>> {
    let messages = Messages::new(options.size, options.pipeline, options.lines);
    let mut dialer = Dialer::new(options.address);
    let tls = tls(options)?;
    (0..options.connections)
        .map(|number| {
            let mut stream = Stream::new(dialer.dial()?, tls.as_ref())?;
            exchange(&mut stream, messages.batch(number, 0), &messages)?;
            Ok(stream)
        })
        .collect()
}

fn tls(options: &Options) -> io::Result<Option<Tls>> {
    options.tls.as_ref().map(|authorities| Tls::new(options.address, authorities)).transpose()
}

/// Warms up, measures, and closes every connection after its last answer.
///
/// # Errors
/// When connecting fails, an answer is wrong or missing, or the server answers
/// nothing for ten seconds.
pub fn run(options: &Options) -> io::Result<Report> {
    let mut generator = Generator::open(options)?;
    generator.run_until(Instant::now() + options.warmup)?;
    generator.latencies.reset();

    let processor = processor_time();
    let start = Instant::now();
    let end = generator.run_until(start + options.measured)?;
    let processor = processor_time() - processor;
    let latencies = generator.latencies.clone();
    generator.finish()?;
    Ok(Report {
        requests: latencies.len(),
        measured: end - start,
        processor,
        latencies,
        served: generator.served,
    })
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// All connections of a run and their shared state.
struct Generator {
    mode: Mode,
    poller: OwnedFd,
    dialer: Dialer,
    tls: Option<Tls>,
    messages: Messages,
    /// None in the place of a connection that has ended and is not replaced.
    connections: Vec<Option<Connection>>,
    /// Connections that have not ended yet; falls only while `finishing`.
    open: usize,
    /// The measurement is over: an answer is not followed by another batch.
    finishing: bool,
    latencies: Histogram<u64>,
    /// Requests answered since the first connection, whether measured or not.
    served: u64,
    /// One buffer for all connections, because data is checked as soon as it is read.
    buffer: Vec<u8>,
    events: Vec<epoll::Event>,
}

impl Generator {
    fn open(options: &Options) -> io::Result<Self> {
        let mut generator = Self {
            mode: options.mode,
            poller: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            dialer: Dialer::new(options.address),
            tls: tls(options)?,
            messages: Messages::new(options.size, options.pipeline, options.lines),
            connections: Vec::with_capacity(options.connections),
            open: options.connections,
            finishing: false,
            latencies: latencies(),
            served: 0,
            buffer: vec![0; READ_BUFFER],
            events: Vec::with_capacity(EVENTS_PER_WAIT),
        };
        if options.mode == Mode::ConnectClose {
            for number in 0..options.connections {
                let connection = generator.dial(number)?;
                generator.connections.push(Some(connection));
            }
        } else {
            generator.served = (options.connections * options.pipeline) as u64;
            for (number, stream) in hold(options)?.into_iter().enumerate() {
                let mut connection =
                    Connection::new(number, stream, Instant::now(), &generator.poller)?;
                connection.send(&generator.messages)?;
                generator.connections.push(Some(connection));
            }
        }
        Ok(generator)
    }

    /// A new connection with its batch under way. One that has nothing to send
    /// sends its end of stream, and the server's is the answer.
    fn dial(&mut self, number: usize) -> io::Result<Connection> {
        let started = Instant::now();
        let stream = Stream::new(self.dialer.dial()?, self.tls.as_ref())?;
        let mut connection = Connection::new(number, stream, started, &self.poller)?;
        if connection.is_answered(&self.messages) {
            connection.finish()?;
        } else {
            connection.send(&self.messages)?;
        }
        Ok(connection)
    }

    /// Serves events until `deadline` has passed; returns when that was.
    fn run_until(&mut self, deadline: Instant) -> io::Result<Instant> {
        loop {
            let now = Instant::now();
            if now >= deadline {
                return Ok(now);
            }
            self.iteration()?;
        }
    }

    /// Lets every connection end after the answer it is waiting for.
    fn finish(&mut self) -> io::Result<()> {
        self.finishing = true;
        while self.open > 0 {
            self.iteration()?;
        }
        Ok(())
    }

    fn iteration(&mut self) -> io::Result<()> {
        self.events.clear();
        let events = spare_capacity(&mut self.events);
        match epoll::wait(&self.poller, events, Some(&PATIENCE)) {
            Ok(0) => return Err(silent()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for index in 0..self.events.len() {
            let event = self.events[index];
            self.serve(event.data.u64() as usize, event.flags)?;
        }
        Ok(())
    }

    fn serve(&mut self, number: usize, flags: EventFlags) -> io::Result<()> {
        let Some(connection) = &mut self.connections[number] else {
            return Ok(());
        };
        connection.send(&self.messages)?;
        let received = connection.receive(flags, &self.messages, &mut self.buffer)?;
        let elapsed = connection.elapsed();
        if self.mode == Mode::Steady && received.messages > 0 {
            self.served += received.messages;
            self.latencies.saturating_record_n(elapsed.as_nanos() as u64, received.messages);
        }
        let answered = received.messages > 0 && connection.is_answered(&self.messages);
        if !answered && !received.closed {
            return Ok(());
        }
        if self.mode == Mode::Steady && !self.finishing {
            connection.send_next(&self.messages)
        } else {
            self.close(number, elapsed)
        }
    }

    fn close(&mut self, number: usize, elapsed: Duration) -> io::Result<()> {
        // Dropped first: its descriptor leaves the poller, so that a later event
        // of the old connection cannot be taken for one of the new.
        self.connections[number] = None;
        if self.mode == Mode::ConnectClose {
            self.served += 1;
            self.latencies.saturating_record(elapsed.as_nanos() as u64);
        }
        if self.finishing {
            self.open -= 1;
        } else {
            self.connections[number] = Some(self.dial(number)?);
        }
        Ok(())
    }
}
