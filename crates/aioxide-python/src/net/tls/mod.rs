//! TLS over any stream transport (`asyncio.sslproto`).
//!
//! The caller's `ssl.SSLContext` makes the session, so certificates, protocol
//! versions and callbacks are what he set; records go through its two memory
//! buffers. What is native is everything around them: [`SslProtocol`], the
//! protocol of the transport below, and [`SslTransport`], the transport of the
//! protocol above.

mod failures;
mod handshake;
mod making;
mod private;
mod protocol;
mod reading;
mod session;
mod shutdown;
mod state;
mod transport;
mod water_marks;
mod writing;

pub use protocol::SslProtocol;
pub use state::Origin;
pub use transport::SslTransport;
