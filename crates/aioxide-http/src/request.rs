//! Request heads.

use crate::connection::{Connection, Offer};
use crate::error::{Error, Excerpt};
use crate::framing::{Facts, Framing, Version};
use crate::syntax;

/// The four forms of a request target (RFC 9112 §3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target<'a> {
    /// `/path?query`: to an origin server, the usual one.
    Origin(&'a [u8]),
    /// `http://host/path?query`: to a proxy.
    Absolute(&'a [u8]),
    /// `host:port`: for `CONNECT`, and only for it.
    Authority(&'a [u8]),
    /// `*`: for `OPTIONS` about the whole server.
    Asterisk,
}

impl<'a> Target<'a> {
    /// The form that this target has: by the method for `CONNECT`, otherwise by how it begins.
    pub fn of(method: &[u8], target: &'a [u8]) -> Self {
        match target {
            _ if method == b"CONNECT" => Self::Authority(target),
            b"*" => Self::Asterisk,
            [b'/', ..] => Self::Origin(target),
            _ => Self::Absolute(target),
        }
    }
}

/// The first line of a request (RFC 9112 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestLine<'a> {
    /// Sent as it is: methods are case-sensitive.
    pub method: &'a [u8],
    /// What is asked for.
    pub target: Target<'a>,
    /// HTTP/1.1, except towards servers that cannot do with it.
    pub version: Version,
}

impl<'a> RequestLine<'a> {
    /// An HTTP/1.1 request.
    pub fn new(method: &'a [u8], target: Target<'a>) -> Self {
        Self { method, target, version: Version::Http11 }
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        if !syntax::is_token(self.method) {
            return Err(Error::InvalidMethod(Excerpt::new(self.method)));
        }
        let target = match self.target {
            Target::Origin(bytes) | Target::Absolute(bytes) | Target::Authority(bytes) => bytes,
            Target::Asterisk => b"*",
        };
        let is_connect = self.method == b"CONNECT";
        let has_form = match self.target {
            Target::Origin(path) => !is_connect && path.starts_with(b"/"),
            Target::Absolute(uri) => !is_connect && has_scheme(uri),
            Target::Authority(_) => is_connect && !target.contains(&b'/'),
            Target::Asterisk => self.method == b"OPTIONS",
        };
        if !has_form || !syntax::is_target(target) {
            return Err(Error::InvalidTarget(Excerpt::new(target)));
        }
        out.reserve(self.method.len() + target.len() + 256);
        out.extend_from_slice(self.method);
        out.push(b' ');
        out.extend_from_slice(target);
        out.extend_from_slice(match self.version {
            Version::Http10 => b" HTTP/1.0\r\n",
            Version::Http11 | Version::Http2 => b" HTTP/1.1\r\n",
        });
        Ok(())
    }
}

/// RFC 3986 §3: a letter, more of a scheme's characters, a colon.
fn has_scheme(uri: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', uri) else { return false };
    let scheme = &uri[..colon];
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
}

/// Writes the head of one request into the caller's buffer, header by header, in the
/// order and case in which they are given.
///
/// Made by [`Connection::start_request`]. Nothing is sent, and the connection has not
/// changed, until [`finish`](Self::finish): if a header is refused or the writer is
/// dropped, the buffer is as it was before.
#[must_use = "the request begins with `finish`"]
pub struct RequestWriter<'a> {
    connection: &'a mut Connection,
    out: &'a mut Vec<u8>,
    /// How long `out` was before.
    start: usize,
    version: Version,
    /// What the final response depends on.
    is_head: bool,
    is_connect: bool,
    facts: Facts,
    is_finished: bool,
}

impl<'a> RequestWriter<'a> {
    pub(crate) fn new(
        connection: &'a mut Connection,
        line: &RequestLine<'_>,
        out: &'a mut Vec<u8>,
    ) -> Result<Self, Error> {
        let start = out.len();
        line.write(out)?;
        Ok(Self {
            connection,
            out,
            start,
            version: line.version,
            is_head: line.method == b"HEAD",
            is_connect: line.method == b"CONNECT",
            facts: Facts::default(),
            is_finished: false,
        })
    }

    /// Writes one header.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidHeaderName`] and [`Error::InvalidHeaderValue`]: a CR, LF or NUL
    /// would let the value end the header and begin another one (RFC 9110 §5.5). What
    /// was written before stays, so the caller may go on without this header.
    #[inline]
    pub fn header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        write_field(self.out, name, value)?;
        self.facts.note(name, value);
        Ok(())
    }

    /// Writes the headers of a block, which have been checked.
    ///
    /// It has to come before every other header.
    pub(crate) fn block(&mut self, block: &HeaderBlock) {
        debug_assert_eq!(self.facts.hosts, 0, "a block comes first");
        self.out.extend_from_slice(&block.bytes);
        self.facts = block.facts.clone();
    }

    /// Ends the head and begins the request. Tells how the body has to be sent, which
    /// follows from the headers: `Content-Length`, `Transfer-Encoding: chunked`, or no
    /// body (RFC 9112 §6.3). A request without a body is complete with this.
    ///
    /// # Errors
    ///
    /// [`Error::MissingHost`], [`Error::RepeatedHost`], [`Error::RequestFraming`] and
    /// [`Error::ChunkedInHttp10`].
    pub fn finish(mut self) -> Result<Framing, Error> {
        if self.facts.hosts > 1 {
            return Err(Error::RepeatedHost);
        }
        if self.facts.hosts == 0 && self.version == Version::Http11 {
            return Err(Error::MissingHost);
        }
        let framing = self.facts.request_framing().map_err(Error::RequestFraming)?;
        if framing == Framing::Chunked && self.version == Version::Http10 {
            return Err(Error::ChunkedInHttp10);
        }
        // A length of 0 needs no step of its own.
        let framing = if framing == Framing::Length(0) { Framing::None } else { framing };
        self.out.extend_from_slice(b"\r\n");
        self.is_finished = true;
        let persists =
            !self.facts.close && (self.version == Version::Http11 || self.facts.keep_alive);
        let offer = match (self.is_connect, self.facts.upgrade) {
            (true, _) => Offer::Tunnel,
            (false, true) => Offer::Upgrade,
            (false, false) => Offer::None,
        };
        let expects_continue = self.facts.expect_continue && self.version == Version::Http11;
        self.connection.begin(framing, self.is_head, offer, expects_continue, persists);
        Ok(framing)
    }
}

impl Drop for RequestWriter<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.out.truncate(self.start);
        }
    }
}

/// Headers that many requests have in common: checked and written once.
#[derive(Clone, Default, Debug)]
pub struct HeaderBlock {
    bytes: Vec<u8>,
    facts: Facts,
}

impl HeaderBlock {
    /// Checks and writes these headers.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidHeaderName`] and [`Error::InvalidHeaderValue`].
    pub fn new<'a>(headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Result<Self, Error> {
        let mut this = Self::default();
        for (name, value) in headers {
            write_field(&mut this.bytes, name, value)?;
            this.facts.note(name, value);
        }
        Ok(this)
    }
}

/// One header or trailer line.
#[inline]
pub(crate) fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Result<(), Error> {
    if !syntax::is_token(name) {
        return Err(Error::InvalidHeaderName(Excerpt::new(name)));
    }
    if !syntax::is_field_value(value) {
        let (name, value) = (Excerpt::new(name), Excerpt::new(value));
        return Err(Error::InvalidHeaderValue { name, value });
    }
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Whether a field may be sent as a trailer: not what frames or routes a message, or
/// says how to read its body (RFC 9110 §6.5.1).
pub(crate) fn may_be_trailer(name: &[u8]) -> bool {
    const FORBIDDEN: [&[u8]; 13] = [
        b"authorization",
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-range",
        b"content-type",
        b"expect",
        b"host",
        b"max-forwards",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    ];
    !FORBIDDEN.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden))
}
