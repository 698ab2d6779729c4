//! What can go wrong, and whose fault it is.

use std::fmt;

use crate::{ClientState, Limit, ServerState};

/// Why a request was refused, or a response is not valid.
///
/// Each variant is the fault of one side, which [`Error::side`] tells. After an
/// error of the peer the connection can only be closed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    // ---- the caller's ----
    /// The method is not a token (RFC 9110 §9.1).
    InvalidMethod(Excerpt),
    /// The target has a byte that no target may have, or not the form that the
    /// method asks for (RFC 9112 §3.2).
    InvalidTarget(Excerpt),
    /// The name of a header or trailer is not a token (RFC 9110 §5.1).
    InvalidHeaderName(Excerpt),
    /// The value has a CR, LF, NUL or another control character (RFC 9110 §5.5).
    InvalidHeaderValue {
        /// The header's name.
        name: Excerpt,
        /// What was refused.
        value: Excerpt,
    },
    /// An HTTP/1.1 request needs a `Host` (RFC 9112 §3.2).
    MissingHost,
    /// A request must not have two `Host` lines (RFC 9112 §3.2).
    RepeatedHost,
    /// The headers of the request contradict each other about its body.
    RequestFraming(FramingError),
    /// HTTP/1.0 has no chunked bodies (RFC 9112 §6.1).
    ChunkedInHttp10,
    /// More data than the request's `Content-Length` says.
    BodyTooLong {
        /// How many bytes are too many.
        excess: u64,
    },
    /// The body ended before the request's `Content-Length`.
    BodyTooShort {
        /// How many bytes are missing.
        missing: u64,
    },
    /// Only a chunked body can be followed by trailers (RFC 9112 §7.1.2).
    TrailersWithoutChunked,
    /// A field that must not be a trailer: it frames or routes the message
    /// (RFC 9110 §6.5.1).
    ForbiddenTrailer(Excerpt),
    /// The call does not fit the state of the connection; a second request before
    /// the cycle is over is one of these.
    WrongState {
        /// What was called.
        call: &'static str,
        /// The client's side at that time.
        client: ClientState,
        /// The server's side at that time.
        server: ServerState,
    },

    // ---- the peer's ----
    /// What arrived does not begin with a status line (RFC 9112 §4).
    InvalidStatusLine(Excerpt),
    /// A version other than HTTP/1.0 and HTTP/1.1.
    UnsupportedVersion(Excerpt),
    /// A line that is not a header: no colon, or a name that is not a token.
    InvalidHeaderLine(Excerpt),
    /// Whitespace between name and colon (RFC 9112 §5.1).
    SpaceBeforeColon(Excerpt),
    /// Whitespace before the first header (RFC 9112 §2.2).
    LeadingWhitespace(Excerpt),
    /// A NUL or another control character in a header's value (RFC 9110 §5.5).
    ControlCharacter(Excerpt),
    /// A line that ends with LF alone (RFC 9112 §2.2).
    BareLf(Excerpt),
    /// A CR that no LF follows (RFC 9112 §2.2).
    BareCr(Excerpt),
    /// The headers of the response contradict each other about its body.
    ResponseFraming(FramingError),
    /// Not a chunk size: no hexadecimal digits, or too many (RFC 9112 §7.1).
    InvalidChunkSize(Excerpt),
    /// A chunk extension with a control character (RFC 9112 §7.1.1).
    InvalidChunkExtension(Excerpt),
    /// No CRLF behind the data of a chunk (RFC 9112 §7.1).
    InvalidChunkEnd(Excerpt),
    /// One of the [`Limits`](crate::Limits) was exceeded.
    TooLarge {
        /// Which one.
        limit: Limit,
        /// Its value.
        value: u32,
    },
    /// A response that switches protocols although the request offered none, or
    /// before the request was complete (RFC 9110 §7.8).
    UnexpectedUpgrade,
    /// Bytes that belong to no response (RFC 9112 §9.2).
    UnexpectedData(Excerpt),
    /// The peer closed the connection without a byte of a response. If the
    /// connection had been idle before, the request may be sent again on another
    /// one when that is safe (RFC 9110 §9.2.2).
    ClosedBeforeResponse,
    /// The peer closed the connection within a response head (RFC 9112 §8).
    ClosedInHead,
    /// The peer closed the connection within a body (RFC 9112 §8).
    ClosedInBody {
        /// How many bytes are missing; None if the body is chunked.
        missing: Option<u64>,
    },
    /// The peer ended one request of an HTTP/2 connection (RST_STREAM, RFC 9113 §6.4).
    StreamReset {
        /// The error code (RFC 9113 §7).
        reason: u32,
    },
    /// The peer ended an HTTP/2 connection before it has seen the request (GOAWAY, RFC 9113
    /// §6.8).
    GoAway {
        /// The error code (RFC 9113 §7).
        reason: u32,
    },
    /// What the peer sent is against the rules of HTTP/2.
    InvalidHttp2 {
        /// The error code that the peer was told (RFC 9113 §7).
        reason: u32,
    },
}

/// Who broke the rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The program that uses this crate. Nothing was written.
    Caller,
    /// The server, or something between it and us.
    Peer,
}

impl Error {
    /// Whose fault this is.
    pub fn side(&self) -> Side {
        match self {
            Self::InvalidMethod(_)
            | Self::InvalidTarget(_)
            | Self::InvalidHeaderName(_)
            | Self::InvalidHeaderValue { .. }
            | Self::MissingHost
            | Self::RepeatedHost
            | Self::RequestFraming(_)
            | Self::ChunkedInHttp10
            | Self::BodyTooLong { .. }
            | Self::BodyTooShort { .. }
            | Self::TrailersWithoutChunked
            | Self::ForbiddenTrailer(_)
            | Self::WrongState { .. } => Side::Caller,
            Self::InvalidStatusLine(_)
            | Self::UnsupportedVersion(_)
            | Self::InvalidHeaderLine(_)
            | Self::SpaceBeforeColon(_)
            | Self::LeadingWhitespace(_)
            | Self::ControlCharacter(_)
            | Self::BareLf(_)
            | Self::BareCr(_)
            | Self::ResponseFraming(_)
            | Self::InvalidChunkSize(_)
            | Self::InvalidChunkExtension(_)
            | Self::InvalidChunkEnd(_)
            | Self::TooLarge { .. }
            | Self::UnexpectedUpgrade
            | Self::UnexpectedData(_)
            | Self::ClosedBeforeResponse
            | Self::ClosedInHead
            | Self::ClosedInBody { .. }
            | Self::StreamReset { .. }
            | Self::GoAway { .. }
            | Self::InvalidHttp2 { .. } => Side::Peer,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidMethod(method) => write!(f, "invalid method {method}"),
            Self::InvalidTarget(target) => write!(f, "invalid request target {target}"),
            Self::InvalidHeaderName(name) => write!(f, "invalid header name {name}"),
            Self::InvalidHeaderValue { name, value } => {
                write!(f, "invalid value {value} of header {name}")
            }
            Self::MissingHost => f.write_str("an HTTP/1.1 request needs a Host header"),
            Self::RepeatedHost => f.write_str("a request must have one Host header only"),
            Self::RequestFraming(error) => write!(f, "invalid request: {error}"),
            Self::ChunkedInHttp10 => f.write_str("an HTTP/1.0 request cannot be chunked"),
            Self::BodyTooLong { excess } => {
                write!(f, "the request body is {excess} bytes longer than its Content-Length")
            }
            Self::BodyTooShort { missing } => {
                write!(f, "the request body is {missing} bytes shorter than its Content-Length")
            }
            Self::TrailersWithoutChunked => {
                f.write_str("only a chunked request body can have trailers")
            }
            Self::ForbiddenTrailer(name) => write!(f, "{name} must not be sent as a trailer"),
            Self::WrongState { call, client, server } => {
                write!(f, "cannot {call}: the client is {client:?}, the server is {server:?}")
            }
            Self::InvalidStatusLine(line) => write!(f, "invalid status line {line}"),
            Self::UnsupportedVersion(line) => write!(f, "unsupported HTTP version in {line}"),
            Self::InvalidHeaderLine(line) => write!(f, "invalid header line {line}"),
            Self::SpaceBeforeColon(line) => {
                write!(f, "whitespace before the colon in header line {line}")
            }
            Self::LeadingWhitespace(line) => {
                write!(f, "whitespace before the first header in {line}")
            }
            Self::ControlCharacter(line) => write!(f, "control character in header line {line}"),
            Self::BareLf(line) => write!(f, "LF without CR at the end of line {line}"),
            Self::BareCr(line) => write!(f, "CR without LF in line {line}"),
            Self::ResponseFraming(error) => write!(f, "invalid response: {error}"),
            Self::InvalidChunkSize(line) => write!(f, "invalid chunk size {line}"),
            Self::InvalidChunkExtension(line) => write!(f, "invalid chunk extension {line}"),
            Self::InvalidChunkEnd(bytes) => write!(f, "no CRLF but {bytes} at the end of a chunk"),
            Self::TooLarge { limit, value } => write!(f, "more than {value} {limit}"),
            Self::UnexpectedUpgrade => {
                f.write_str("the server switched to a protocol that was not offered")
            }
            Self::UnexpectedData(bytes) => write!(f, "data {bytes} that belongs to no response"),
            Self::ClosedBeforeResponse => {
                f.write_str("the server closed the connection without sending a response")
            }
            Self::ClosedInHead => {
                f.write_str("the server closed the connection within the response head")
            }
            Self::ClosedInBody { missing: Some(missing) } => {
                write!(f, "the server closed the connection {missing} bytes before the body's end")
            }
            Self::ClosedInBody { missing: None } => {
                f.write_str("the server closed the connection before the chunked body's end")
            }
            Self::StreamReset { reason } => {
                write!(f, "the server reset the stream: {}", CodeName(*reason))
            }
            Self::GoAway { reason } => {
                write!(f, "the server is closing the connection: {}", CodeName(*reason))
            }
            Self::InvalidHttp2 { reason } => {
                write!(f, "the server broke the rules of HTTP/2: {}", CodeName(*reason))
            }
        }
    }
}

impl Error {
    /// Whether the peer has said that it answers over HTTP/1.1 only (HTTP_1_1_REQUIRED, RFC 9113
    /// §7).
    #[must_use]
    pub fn asks_for_http1(&self) -> bool {
        matches!(self, Self::StreamReset { reason: 13 } | Self::GoAway { reason: 13 })
    }
}

impl std::error::Error for Error {}

/// Headers that do not say where the body ends, or say it twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FramingError {
    /// A `Content-Length` that is not a decimal number below 2⁶⁴ (RFC 9110 §8.6).
    InvalidLength(Excerpt),
    /// Two lengths that differ (RFC 9112 §6.3, rule 5).
    DifferentLengths(u64, u64),
    /// `Content-Length` beside `Transfer-Encoding` (RFC 9112 §6.1): what smuggling
    /// attacks are made of.
    LengthAndTransferEncoding,
    /// A `Transfer-Encoding` with an unknown coding, with `chunked` twice, or, in a
    /// request, without `chunked` at its end (RFC 9112 §6.1, §7).
    InvalidTransferEncoding(Excerpt),
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidLength(value) => write!(f, "Content-Length is {value}"),
            Self::DifferentLengths(first, second) => {
                write!(f, "Content-Length is both {first} and {second}")
            }
            Self::LengthAndTransferEncoding => {
                f.write_str("both Content-Length and Transfer-Encoding")
            }
            Self::InvalidTransferEncoding(value) => write!(f, "Transfer-Encoding is {value}"),
        }
    }
}

impl std::error::Error for FramingError {}

/// What RFC 9113 §7 calls an error code of HTTP/2.
struct CodeName(u32);

impl fmt::Display for CodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 14] = [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "FLOW_CONTROL_ERROR",
            "SETTINGS_TIMEOUT",
            "STREAM_CLOSED",
            "FRAME_SIZE_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "COMPRESSION_ERROR",
            "CONNECT_ERROR",
            "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY",
            "HTTP_1_1_REQUIRED",
        ];
        match NAMES.get(self.0 as usize) {
            Some(name) => f.write_str(name),
            None => write!(f, "error code {}", self.0),
        }
    }
}

/// The first bytes of what was refused, for messages: escaped, in quotes, and never
/// longer than [`Excerpt::MAX`] bytes of the original.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(Box<str>);

impl Excerpt {
    /// How many bytes of the original are shown.
    pub const MAX: usize = 64;

    pub(crate) fn new(bytes: &[u8]) -> Self {
        let shown = &bytes[..bytes.len().min(Self::MAX)];
        let rest = if shown.len() < bytes.len() { "..." } else { "" };
        Self(format!("\"{}\"{rest}", shown.escape_ascii()).into())
    }

    /// The same, up to the end of the line.
    pub(crate) fn of_line(bytes: &[u8]) -> Self {
        let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
        Self::new(bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]))
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_escaped_and_bounded() {
        assert_eq!(Excerpt::new(b"a\r\n\0\xff\"").to_string(), r#""a\r\n\x00\xff\"""#);
        let long = Excerpt::new(&[b'x'; 1000]).to_string();
        assert_eq!(long, format!("\"{}\"...", "x".repeat(64)));
    }

    #[test]
    fn an_excerpt_of_a_line_ends_with_the_line() {
        assert_eq!(Excerpt::of_line(b"first\r\nsecond").to_string(), "\"first\"");
        assert_eq!(Excerpt::of_line(b"first\nsecond").to_string(), "\"first\"");
    }
}
