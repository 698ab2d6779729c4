//! The client side of HTTP/1.1 (RFC 9110, RFC 9112), without I/O: requests are written
//! into the caller's buffer, received bytes go in, events come out. There is no Python
//! here and no async runtime. On top of that, [`client`] keeps connections and sends
//! requests, over streams that the program brings along.
//!
//! | to | there is |
//! |---|---|
//! | follow one connection | [`Connection`]; its page draws the states |
//! | write a request head | [`RequestLine`], [`Target`], [`RequestWriter`] |
//! | send a body, framed | [`Connection::send_data`]; without a copy [`Connection::frame_data`] |
//! | take received bytes | [`Connection::receive`], [`Event`] |
//! | read a response | [`ResponseHead`], [`Fields`], [`Framing`] |
//! | bound what a peer may send | [`Limits`] |
//! | learn what went wrong, and whose fault it is | [`Error`], [`Side`] |
//! | send requests over a pool of connections | [`client`] |
//!
//! A whole exchange, with a response that arrives in two parts:
//!
//! ```
//! use aioxide_http::{Connection, Event, Framing, Limits, RequestLine, Target};
//!
//! let mut connection = Connection::new(Limits::default());
//!
//! // The request, as it goes to the socket.
//! let mut out = Vec::new();
//! let line = RequestLine::new(b"POST", Target::Origin(b"/items?draft=1"));
//! let mut head = connection.start_request(&line, &mut out)?;
//! head.header(b"Host", b"example.org")?;
//! head.header(b"Transfer-Encoding", b"chunked")?;
//! assert_eq!(head.finish()?, Framing::Chunked);
//! connection.send_data(b"hello", &mut out)?;
//! connection.end_request(&[], &mut out)?;
//! assert_eq!(
//!     out,
//!     b"POST /items?draft=1 HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n\
//!       5\r\nhello\r\n0\r\n\r\n"
//! );
//!
//! // The response, as it comes from the socket.
//! let received: [&[u8]; 2] =
//!     [b"HTTP/1.1 201 Created\r\nContent-", b"Length: 8\r\nETag: \"7\"\r\n\r\n{\"id\":7}"];
//! let mut body = Vec::new();
//! let mut status = 0;
//! for mut input in received {
//!     loop {
//!         match connection.receive(&mut input)? {
//!             Event::NeedData => break,
//!             Event::Head { head, framing } => {
//!                 status = head.status();
//!                 assert_eq!(head.headers().get("etag"), Some(&b"\"7\""[..]));
//!                 assert_eq!(framing, Framing::Length(8));
//!             }
//!             Event::Data(data) => body.extend_from_slice(data),
//!             Event::End { trailers } => assert!(trailers.is_empty()),
//!             event => panic!("not expected here: {event:?}"),
//!         }
//!     }
//! }
//! assert_eq!((status, &body[..]), (201, &b"{\"id\":7}"[..]));
//!
//! // The connection may serve another request.
//! connection.next_cycle()?;
//! # Ok::<(), aioxide_http::Error>(())
//! ```
//!
//! # What is refused
//!
//! Where implementations read the same bytes differently, attackers hide requests and
//! responses. So the following is an [`Error`], although some of it could be read:
//!
//! - lines that end with LF alone, CR within a line, NUL and other controls (RFC 9112 §2.2,
//!   RFC 9110 §5.5);
//! - whitespace before a colon or before the first header (RFC 9112 §5.1, §2.2);
//! - `Content-Length` beside `Transfer-Encoding`, lengths that differ, and lengths that are
//!   not plain decimal numbers (RFC 9112 §6.1, §6.3);
//! - unknown transfer codings, `chunked` twice, and empty elements in the list of codings
//!   (RFC 9112 §7);
//! - chunk sizes with signs, prefixes, underscores or more than 16 digits, and whitespace
//!   around them unless a chunk extension follows (RFC 9112 §7.1);
//! - empty lines before a status line, and bytes behind a complete response;
//! - in what the caller passes, everything that would end a line early.
//!
//! Of this, a client that hands on nothing can have read what is unambiguous and what real
//! servers send: see [`Tolerance`].
//!
//! Obsolete line folding in a response head is read as RFC 9112 §5.2 tells user agents to:
//! each folding becomes one space. In trailers it is refused.

#![forbid(unsafe_code)]

mod chunked;
pub mod client;
mod connection;
mod error;
mod fields;
mod framing;
mod head;
mod limits;
mod request;
mod section;
mod syntax;

pub use connection::{ClientState, Connection, DataFrame, Event, ServerState};
pub use error::{Error, Excerpt, FramingError, Side};
pub use fields::Fields;
pub use framing::{Framing, Version};
pub use head::ResponseHead;
pub use limits::{Limit, Limits, Tolerance};
pub use request::{HeaderBlock, RequestLine, RequestWriter, Target};
