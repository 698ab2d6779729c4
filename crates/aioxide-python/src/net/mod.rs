//! Networking: servers, transports, TLS, streams, socket calls, files sent to
//! sockets.

pub mod accepting;
pub mod byte_stream;
pub mod connecting;
pub mod file_send;
pub mod http;
mod received;
pub mod server;
pub mod sock;
pub mod socket_calls;
pub mod streams;
pub mod tls;
pub mod tls_options;
pub mod transports;
mod unsent;
