//! The options of the load generator.

use std::ffi::OsString;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

/// How to use the program, as `--help` prints it.
pub const HELP: &str = "\
Usage: loadgen ADDRESS:PORT [OPTIONS]

Sends messages to an echo server over many connections, checks every byte that
comes back, and prints one line of JSON. Each connection sends a batch, waits
for all of it, and sends the next (a closed loop).

Options:
  --connections N   connections, or with --connect-close how many at a time [100]
  --size BYTES      bytes of a message [1024; 64 with --lines]
  --pipeline N      messages in a batch [1]
  --lines           every message is one line of text
  --connect-close   for every batch: connect, send, receive, close in order;
                    with --size 0 connect and close only
  --tls FILE        speak TLS; the server's certificate must be issued by one of
                    the authorities in the PEM file
  --hold            connect, exchange one batch on each connection, then hold
                    them all open until standard input ends
  --warmup SECONDS  not measured, before [1]
  --seconds SECONDS measured [3]";

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch after batch on the same connection.
    Steady,
    /// A new connection for every batch.
    ConnectClose,
    /// One batch, then nothing.
    Hold,
}

/// The command line, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The echo server.
    pub address: SocketAddrV4,
    /// What each connection does.
    pub mode: Mode,
    /// How many connections are open at a time.
    pub connections: usize,
    /// Bytes of one message.
    pub size: usize,
    /// Messages that are sent before the first answer is awaited.
    pub pipeline: usize,
    /// Whether a message is one line of text.
    pub lines: bool,
    /// The PEM file of the trusted authorities; None for no TLS.
    pub tls: Option<PathBuf>,
    /// Time before the measurement starts.
    pub warmup: Duration,
    /// Time that is measured.
    pub measured: Duration,
}

impl Options {
    /// Reads a command line; `None` when it asks for help.
    ///
    /// # Errors
    /// A sentence that names the argument and the value that is wrong.
    pub fn parse<I>(arguments: I) -> Result<Option<Self>, lexopt::Error>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let mut parser = Parser::from_args(arguments);
        let mut address = None;
        let mut mode = Mode::Steady;
        let (mut connections, mut size, mut pipeline, mut lines) = (100, None, 1, false);
        let mut tls = None;
        let (mut warmup, mut measured) = (Duration::from_secs(1), Duration::from_secs(3));
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("connections") => connections = at_least(1, &mut parser)?,
                Arg::Long("size") => size = Some(at_least(0, &mut parser)?),
                Arg::Long("pipeline") => pipeline = at_least(1, &mut parser)?,
                Arg::Long("lines") => lines = true,
                Arg::Long("connect-close") => mode = Mode::ConnectClose,
                Arg::Long("tls") => tls = Some(PathBuf::from(parser.value()?)),
                Arg::Long("hold") => mode = Mode::Hold,
                Arg::Long("warmup") => warmup = seconds(&mut parser)?,
                Arg::Long("seconds") => measured = seconds(&mut parser)?,
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Value(value) if address.is_none() => {
                    address = Some(value.parse_with(SocketAddrV4::from_str)?);
                }
                other => return Err(other.unexpected()),
            }
        }
        let address = address.ok_or("the server's ADDRESS:PORT is missing")?;
        let size = size.unwrap_or(if lines { 64 } else { 1024 });
        if size == 0 && mode != Mode::ConnectClose {
            return Err("--size 0 is for --connect-close only".into());
        }
        if size == 0 && tls.is_some() {
            return Err("--size 0 is not for --tls".into());
        }
        if measured.is_zero() {
            return Err("--seconds must be more than 0".into());
        }
        Ok(Some(Self { address, mode, connections, size, pipeline, lines, tls, warmup, measured }))
    }
}

fn at_least(least: usize, parser: &mut Parser) -> Result<usize, lexopt::Error> {
    parser.value()?.parse_with(|text| match text.parse() {
        Ok(number) if number >= least => Ok(number),
        _ => Err(format!("not a whole number of at least {least}")),
    })
}

fn seconds(parser: &mut Parser) -> Result<Duration, lexopt::Error> {
    parser.value()?.parse_with(|text| {
        let seconds = f64::from_str(text).map_err(|error| error.to_string())?;
        Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, String> {
        Options::parse(line.split_whitespace()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_the_ones_the_help_states() {
        let options = parse("127.0.0.1:7").unwrap().unwrap();
        assert_eq!((options.connections, options.size), (100, 1024));
        assert_eq!((options.pipeline, options.mode), (1, Mode::Steady));
        assert_eq!(parse("127.0.0.1:7 --lines").unwrap().unwrap().size, 64);
    }

    #[test]
    fn a_bad_value_is_named() {
        for (line, named) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1:7 --connections 0", "0"),
            ("127.0.0.1:7 --seconds soon", "soon"),
            ("127.0.0.1:7 --warmup -1", "-1"),
            ("127.0.0.1:7 --speed", "--speed"),
            ("127.0.0.1:7 --size 0", "--size 0"),
            ("127.0.0.1:7 --connect-close --size 0 --tls a.pem", "--tls"),
            ("127.0.0.1:7 --tls", "--tls"),
            ("127.0.0.1:7 --seconds 0", "--seconds"),
            ("", "ADDRESS:PORT"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(named), "{line:?}: {error}");
        }
    }

    #[test]
    fn help_is_not_an_error() {
        assert_eq!(parse("--help"), Ok(None));
    }
}
