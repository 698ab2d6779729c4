//! An HTTP/1.1 client on the state machine: connections that are kept and shared, requests
//! sent, responses received. Plain futures over two traits; there is no async runtime here, and
//! no Python.
//!
//! | to | there is |
//! |---|---|
//! | tell it how to connect, receive, send and sleep | [`Runtime`], [`Stream`] |
//! | keep connections and limit them | [`Pool`], [`Config`] |
//! | send a request whose body is in memory | [`request`](fn@request), [`Request`], [`RequestHead`] |
//! | send a body piece by piece | [`Lease`], [`Exchange`] |
//! | read a response | [`Response`] |
//! | limit how long anything takes | [`Timeouts`] |
//! | learn what went wrong | [`Error`] |
//!
//! A request goes through these hands; each is dropped to give up, and then the connection is
//! closed unless it is fit for another request:
//!
//! ```text
//!  Pool ── acquire ──► Lease ── connect, open ──► Exchange ── response ──► Response
//!   ▲                    │ unused                                            │ complete
//!   └────────────────────┴───────────────────────────────────────────────────┘
//! ```
//!
//! Nothing here is `Send`: all futures of a pool run on one thread.

mod error;
mod exchange;
mod lease;
mod link;
mod pool;
mod request;
mod response;
mod runtime;
mod timing;

pub use error::{Error, Timeout};
pub use exchange::Exchange;
pub use lease::Lease;
pub use pool::{Acquire, Config, Pool};
pub use request::{Request, RequestHead, request};
pub use response::{Response, Upgraded};
pub use runtime::{Runtime, Stream};
pub use timing::Timeouts;
