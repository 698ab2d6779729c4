//! An epoll echo server that does nothing else: the baseline for event loops.
//!
//! Prints `listening 127.0.0.1:PORT` and serves until it is killed.

use std::io::{self, Write};

use aioxide_bench_native::echo::EchoServer;

fn main() -> io::Result<()> {
    let server = EchoServer::bind()?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening {}", server.address())?;
    stdout.flush()?;
    match server.run()? {}
}
