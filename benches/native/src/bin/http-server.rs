//! The server of the rows of HTTP clients.
//!
//! ```text
//! http-server [--tls FILE] [--addresses COUNT]
//! ```
//!
//! Prints `listening 127.0.0.1:PORT` and serves until it is killed. With a PEM file of its
//! certificate and key it speaks TLS. With a count it listens on the same port of so many
//! loopback addresses.

use std::io::{self, Write};
use std::path::PathBuf;

use aioxide_bench_native::http::server::HttpServer;
use aioxide_bench_native::stream::Identity;
use lexopt::prelude::*;

fn main() -> Result<(), lexopt::Error> {
    let (mut identity, mut addresses) = (None, 1);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("tls") => {
                let file: PathBuf = parser.value()?.into();
                let read = Identity::new(&file);
                identity = Some(read.map_err(|error| lexopt::Error::Custom(error.into()))?);
            }
            Long("addresses") => addresses = parser.value()?.parse()?,
            _ => return Err(argument.unexpected()),
        }
    }
    serve(addresses, identity).map_err(|error| lexopt::Error::Custom(error.into()))
}

fn serve(addresses: u8, identity: Option<Identity>) -> io::Result<()> {
    let server = HttpServer::bind(addresses, identity)?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening {}", server.address())?;
    stdout.flush()?;
    match server.run()? {}
}
