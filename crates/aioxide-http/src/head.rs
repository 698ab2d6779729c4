//! Response heads.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Response, Status};

use crate::Limits;
use crate::error::{Error, Excerpt};
use crate::fields::{self, FEW, Fields};
use crate::framing::Version;
use crate::section::{Bounds, Section};

/// The status line and the headers of a response (RFC 9112 §4, §5).
///
/// Two allocations hold all of it: the bytes as they were received, and where each
/// header is in them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResponseHead {
    version: Version,
    status: u16,
    /// How long the reason phrase is.
    reason: u32,
    headers: Fields,
}

/// "HTTP/1.1 200 ": where the reason phrase begins.
const REASON: usize = 13;

impl ResponseHead {
    /// The version of the server's message.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Three digits, from 100 to 999.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whatever stands behind the status; often empty, and not always ASCII. Programs
    /// should not rely on it (RFC 9112 §4).
    pub fn reason(&self) -> &[u8] {
        let line = self.headers.as_bytes();
        if self.reason == 0 { &[] } else { &line[REASON..REASON + self.reason as usize] }
    }

    /// The headers.
    pub fn headers(&self) -> &Fields {
        &self.headers
    }

    /// The headers alone; their buffer still holds the status line.
    pub fn into_headers(self) -> Fields {
        self.headers
    }

    /// The head of a response of HTTP/2, which has no reason phrase.
    pub(crate) fn of_http2(status: u16, headers: Fields) -> Self {
        Self { version: Version::Http2, status, reason: 0, headers }
    }

    /// Takes a head off the front of `input`, or all of it if the head is not complete.
    ///
    /// Lines end with CRLF, or with LF alone where that is tolerated. No empty line may come before: RFC 9112 §2.2 lets servers
    /// skip one, not clients. The space behind the status may be missing if the reason
    /// is empty, as most implementations have it.
    pub(crate) fn receive(
        section: &mut Section,
        input: &mut &[u8],
        limits: &Limits,
    ) -> Result<Option<Self>, Error> {
        if section.len() == 0
            && let Some(head) = Self::receive_at_once(input, limits)
        {
            return Ok(Some(head));
        }
        expect_http(section.len(), input)?;
        let Some(lines) = section.take(input, &Bounds::head(limits))? else {
            return Ok(None);
        };
        // The status line is one of them.
        let count = lines.count.saturating_sub(1);
        let parse = |bytes: &[u8]| {
            if count <= FEW {
                Self::parse(bytes, &mut [const { MaybeUninit::uninit() }; FEW])
            } else {
                Self::parse(bytes, &mut vec![MaybeUninit::uninit(); count])
            }
        };
        let parsed = match parse(&lines.bytes) {
            None if limits.tolerance.controls => fields::mask_controls(&lines.bytes)
                .and_then(|masked| parse(&masked))
                .map(|(head, length)| {
                    (Self { headers: head.headers.over(&lines.bytes), ..head }, length)
                }),
            parsed => parsed,
        };
        let (mut head, _) = parsed.ok_or_else(|| fields::why_invalid(&lines.bytes, true))?;
        if head.headers.len() < count {
            head.headers.unfold();
        }
        Ok(Some(head))
    }

    /// The usual case, which is to arrive in one piece, without looking for the end of
    /// each line beforehand. What is not plainly right is left to the long way, which
    /// finds out what is wrong with it.
    fn receive_at_once(input: &mut &[u8], limits: &Limits) -> Option<Self> {
        let (head, length) = Self::parse(input, &mut [const { MaybeUninit::uninit() }; FEW])?;
        let (bytes, rest) = input.split_at(length);
        // With all of it in the bounds of a line, every line is.
        let is_small = length <= limits.head_size.min(limits.line_length) as usize
            && head.headers.len() <= limits.header_count as usize;
        // Status line, headers and empty line have one end each if nothing is folded. httparse
        // accepts no CR but before an LF, so with as many of either no LF is bare.
        let ends = head.headers.len() + 2;
        let count = |byte| memchr::memchr_iter(byte, bytes).count();
        let are_lines = count(b'\n') == ends && (limits.tolerance.bare_lf || count(b'\r') == ends);
        if !is_small || !are_lines {
            return None;
        }
        *input = rest;
        Some(head)
    }

    /// The head at the front of `bytes` and its length. None if it is not complete, not
    /// valid, or has more headers than there is room for.
    fn parse<'b>(bytes: &'b [u8], room: &mut [MaybeUninit<Header<'b>>]) -> Option<(Self, usize)> {
        let mut response = Response::new(&mut []);
        let parsed = ParserConfig::default()
            .allow_obsolete_multiline_headers_in_responses(true)
            .parse_response_with_uninit_headers(&mut response, bytes, room);
        let (Ok(Status::Complete(length)), Some(version), Some(status @ 100..)) =
            (parsed, response.version, response.code)
        else {
            return None;
        };
        let bytes = &bytes[..length];
        // httparse has no reason phrase if it is not ASCII, and skips empty lines before.
        let end = memchr::memchr2(b'\r', b'\n', bytes).filter(|_| bytes[0] == b'H')?;
        let head = Self {
            version: if version == 0 { Version::Http10 } else { Version::Http11 },
            status,
            reason: end.saturating_sub(REASON) as u32,
            headers: Fields::new(bytes, response.headers),
        };
        Some((head, length))
    }
}

/// Refuses what is not HTTP/1 at its first byte, not when the limits are reached: a
/// server that speaks another protocol may wait for us meanwhile.
fn expect_http(seen: usize, input: &[u8]) -> Result<(), Error> {
    const START: &[u8] = b"HTTP/";
    let expected = START.get(seen..).unwrap_or_default();
    let length = expected.len().min(input.len());
    if input[..length] == expected[..length] {
        Ok(())
    } else {
        Err(Error::InvalidStatusLine(Excerpt::of_line(input)))
    }
}
