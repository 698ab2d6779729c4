//! Where a body ends, and what else the headers say about the connection.

use crate::error::{Excerpt, FramingError};
use crate::syntax;

/// How the end of a body is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks, the last of which is empty; trailers may follow.
    Chunked,
    /// Everything until the peer closes the connection. Responses only.
    UntilClose,
}

/// A version of HTTP that this crate speaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2, of a response that the [`client`](crate::client) has received.
    Http2,
}

/// What the headers of one message say about its body and its connection, gathered
/// line by line.
#[derive(Clone, Default, Debug)]
pub(crate) struct Facts {
    /// `Content-Length`, the same in all lines.
    length: Option<u64>,
    /// The last coding of `Transfer-Encoding`.
    coding: Option<Coding>,
    has_chunked: bool,
    /// The first contradiction. It counts only if there is a body at all.
    fault: Option<FramingError>,
    /// `Connection: close`
    pub close: bool,
    /// `Connection: keep-alive`
    pub keep_alive: bool,
    /// An `Upgrade` with something in it.
    pub upgrade: bool,
    /// `Expect: 100-continue`
    pub expect_continue: bool,
    /// How many `Host` lines there are.
    pub hosts: usize,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Coding {
    Chunked,
    Other,
}

impl Facts {
    pub fn gather<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut facts = Self::default();
        for (name, value) in headers {
            facts.note(name, value);
        }
        facts
    }

    #[inline]
    pub fn note(&mut self, name: &[u8], value: &[u8]) {
        // Most headers are none of these, and most of those differ in length.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.hosts += 1,
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expect_continue |= syntax::trim(value).eq_ignore_ascii_case(b"100-continue");
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrade |= syntax::list(value).next().is_some();
            }
            10 if name.eq_ignore_ascii_case(b"connection") => self.note_options(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                if let Err(fault) = self.note_length(value) {
                    self.fault.get_or_insert(fault);
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if let Err(fault) = self.note_codings(value) {
                    self.fault.get_or_insert(fault);
                }
            }
            _ => {}
        }
    }

    /// RFC 9110 §7.6.1: options, whatever their case.
    fn note_options(&mut self, value: &[u8]) {
        for option in syntax::list(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// RFC 9110 §8.6: repeated lengths, in a list or in lines, count once if they are
    /// the same.
    fn note_length(&mut self, value: &[u8]) -> Result<(), FramingError> {
        for element in value.split(|&byte| byte == b',').map(syntax::trim) {
            let length =
                decimal(element).ok_or_else(|| FramingError::InvalidLength(Excerpt::new(value)))?;
            match self.length {
                Some(other) if other != length => {
                    return Err(FramingError::DifferentLengths(other, length));
                }
                _ => self.length = Some(length),
            }
        }
        Ok(())
    }

    /// RFC 9112 §7: the codings that are registered, without parameters, `chunked`
    /// once. RFC 9110 §5.6.1 would have empty elements ignored; implementations differ
    /// in whether `chunked,` ends with `chunked`, so they are refused.
    fn note_codings(&mut self, value: &[u8]) -> Result<(), FramingError> {
        const OTHERS: [&[u8]; 5] = [b"gzip", b"deflate", b"compress", b"x-gzip", b"x-compress"];
        for element in value.split(|&byte| byte == b',').map(syntax::trim) {
            let is = |name: &[u8]| element.eq_ignore_ascii_case(name);
            let coding = if is(b"chunked") && !self.has_chunked {
                self.has_chunked = true;
                Coding::Chunked
            } else if OTHERS.into_iter().any(is) {
                Coding::Other
            } else {
                return Err(FramingError::InvalidTransferEncoding(Excerpt::new(value)));
            };
            self.coding = Some(coding);
        }
        Ok(())
    }

    /// Whether the message has a `Transfer-Encoding`.
    pub fn has_codings(&self) -> bool {
        self.coding.is_some()
    }

    /// RFC 9112 §6.3 for a request: rules 3 to 7.
    pub fn request_framing(&mut self) -> Result<Framing, FramingError> {
        match self.framing()? {
            Some(Framing::UntilClose) => {
                // Rule 4: a server cannot tell where such a request ends.
                Err(FramingError::InvalidTransferEncoding(Excerpt::new(b"not chunked at its end")))
            }
            framing => Ok(framing.unwrap_or(Framing::None)), // rule 7
        }
    }

    /// RFC 9112 §6.3 for a response that has a body (rules 1 and 2 are the caller's,
    /// since they depend on the request).
    pub fn response_framing(&mut self) -> Result<Framing, FramingError> {
        Ok(self.framing()?.unwrap_or(Framing::UntilClose)) // rule 8
    }

    fn framing(&mut self) -> Result<Option<Framing>, FramingError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault); // rules 4 and 5
        }
        match (self.coding, self.length) {
            // Rule 3 lets Transfer-Encoding win and calls it an attack: refused here.
            (Some(_), Some(_)) => Err(FramingError::LengthAndTransferEncoding),
            (Some(Coding::Chunked), None) => Ok(Some(Framing::Chunked)), // rule 4
            (Some(Coding::Other), None) => Ok(Some(Framing::UntilClose)), // rule 4
            (None, Some(length)) => Ok(Some(Framing::Length(length))),   // rule 6
            (None, None) => Ok(None),
        }
    }
}

/// 1*DIGIT, below 2⁶⁴: no sign, no space, no underscore.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
