//! The native programs of the benchmarks, as a library.
//!
//! - [`echo`]: an epoll echo server that does nothing else. It is the baseline:
//!   no event loop can answer more requests on the same kernel.
//! - [`load`]: a closed-loop load generator. Every connection sends a batch of
//!   messages, waits until all of it has come back, checks every byte, and
//!   sends the next.
//! - [`http`]: a server for the rows of HTTP clients that costs little, and the load of
//!   the rows in which a web application is such a client.
//!
//! All are single-threaded and for Linux only.
//!
//! ```
//! use aioxide_bench_native::{echo::EchoServer, load, options::{Mode, Options}};
//! use std::time::Duration;
//!
//! let server = EchoServer::bind()?;
//! let options = Options {
//!     address: server.address(),
//!     mode: Mode::Steady,
//!     connections: 4,
//!     size: 1024,
//!     pipeline: 1,
//!     lines: false,
//!     tls: None,
//!     warmup: Duration::ZERO,
//!     measured: Duration::from_millis(50),
//! };
//! std::thread::spawn(move || server.run());
//! let report = load::run(&options)?;
//! assert!(report.requests > 0);
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod connection;
pub mod dial;
pub mod echo;
pub mod http;
pub mod load;
pub mod messages;
pub mod options;
pub mod report;
pub mod stream;
