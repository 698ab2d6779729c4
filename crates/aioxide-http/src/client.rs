//! An HTTP/1.1 client on the state machine: connections that are kept and shared, requests
//! sent, responses received. Over connections that have agreed on it ([`Stream::is_http2`]), the
//! same by HTTP/2, whose frames are the crate h2's. Plain futures over two traits; there is no
//! async runtime here, and no Python.
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
//!
//! ```
//! use aioxide_http::client::{Error, Pool, Request, RequestHead, Runtime, Timeouts, request};
//! use aioxide_http::{Limits, Target};
//!
//! /// Fetches `/` from what the program calls 7.
//! async fn fetch<R: Runtime>(pool: &Pool<R>) -> Result<Vec<u8>, Error<R::Error>> {
//!     let headers = [(&b"Host"[..], &b"example.org"[..]), (b"Accept", b"text/plain")];
//!     let head = RequestHead::new(b"GET", Target::Origin(b"/"), headers, Limits::default());
//!     let timeouts = Timeouts { connect: Some(5.0), read: Some(5.0), ..Timeouts::default() };
//!     let what = Request {
//!         origin: 7,
//!         head: head.map_err(Error::Request)?,
//!         body: None::<Vec<u8>>,
//!         timeouts,
//!         may_retry: true,
//!         expect_continue: false,
//!     };
//!     let response = request(pool.clone(), what).await?;
//!     response.read_all().await
//! }
//! ```
//!
//! A body that is not in memory is sent by hand, and may be answered meanwhile:
//!
//! ```
//! # use aioxide_http::client::{Error, Pool, RequestHead, Response, Runtime, Timeouts};
//! async fn upload<R: Runtime>(
//!     pool: &Pool<R>,
//!     head: RequestHead, // with `Transfer-Encoding: chunked`
//!     pieces: impl Iterator<Item = Vec<u8>>,
//! ) -> Result<Response<R>, Error<R::Error>> {
//!     let mut lease = pool.acquire(7).await?;
//!     lease.connect(None).await?;
//!     let exchange = lease.open(head, Timeouts::default())?;
//!     for piece in pieces {
//!         if !exchange.write(&piece).await? {
//!             return exchange.response().await; // the server does not want the rest
//!         }
//!     }
//!     exchange.end(&[]).await?;
//!     exchange.response().await
//! }
//! ```

mod error;
mod exchange;
mod http2;
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
