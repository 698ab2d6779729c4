//! TLS over any stream transport (`asyncio.sslproto`).
//!
//! The caller's `ssl.SSLContext` creates the session, so its certificates,
//! protocol versions and callbacks apply; records pass through the session's
//! two memory buffers. Everything around them is native: [`SslProtocol`], the
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
