//! Headers and trailers as they were received.

use std::ops::Range;

use crate::error::{Error, Excerpt};
use crate::section::Lines;
use crate::{Limits, syntax};

/// Header or trailer lines: one buffer with all of them, and where each begins and
/// ends in it.
///
/// No line has an object of its own. Names keep their case, lines their order; values
/// have no whitespace at their ends.
///
/// ```
/// # use aioxide_http::{Connection, Event, Limits, RequestLine, Target};
/// # let mut connection = Connection::new(Limits::default());
/// # let mut out = Vec::new();
/// # let mut request = connection.start_request(&RequestLine::new(b"GET", Target::Origin(b"/")), &mut out)?;
/// # request.header(b"Host", b"example.org")?;
/// # request.finish()?;
/// let mut input: &[u8] = b"HTTP/1.1 204 No Content\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\r\n";
/// let Event::Head { head, .. } = connection.receive(&mut input)? else { unreachable!() };
///
/// assert_eq!(head.headers().get("SET-COOKIE"), Some(&b"a=1"[..]));
/// assert_eq!(head.headers().get_all("set-cookie").count(), 2);
/// assert_eq!(head.headers().iter().last(), Some((&b"set-cookie"[..], &b"b=2"[..])));
/// # Ok::<(), aioxide_http::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Fields {
    /// For a head, the status line too: everything from one allocation.
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

/// Where one line's name and value are. 32 bits: a head is smaller than that.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    name: (u32, u32),
    value: (u32, u32),
}

/// As many headers as fit on the stack while a head is parsed.
pub(crate) const FEW: usize = 64;

impl Fields {
    /// No lines.
    pub(crate) const EMPTY: Self = Self { bytes: Vec::new(), spans: Vec::new() };

    /// Those of a trailer section (RFC 9112 §7.1.2), which ends with an empty line.
    /// Obsolete folding is refused here.
    pub(crate) fn parse_trailers(section: Lines<'_>, limits: &Limits) -> Result<Self, Error> {
        let masked = match limits.tolerance.controls {
            true => mask_controls(&section.bytes),
            false => None,
        };
        let bytes = masked.as_deref().unwrap_or(&section.bytes);
        let mut few = [httparse::EMPTY_HEADER; FEW];
        let mut many = Vec::new();
        let room = if section.count <= FEW {
            &mut few[..section.count]
        } else {
            many.resize(section.count, httparse::EMPTY_HEADER);
            &mut many[..]
        };
        match httparse::parse_headers(bytes, room) {
            Ok(httparse::Status::Complete((_, headers))) => {
                let spans = spans(bytes, headers);
                Ok(Self { bytes: section.bytes.into_owned(), spans })
            }
            _ => Err(why_invalid(&section.bytes, false)),
        }
    }

    /// The same lines, over the original of what was [masked](mask_controls).
    pub(crate) fn over(self, original: &[u8]) -> Self {
        Self { bytes: original.to_vec(), ..self }
    }

    /// `headers` are those that were found in `bytes`.
    pub(crate) fn new(bytes: &[u8], headers: &[httparse::Header<'_>]) -> Self {
        Self { spans: spans(bytes, headers), bytes: bytes.to_vec() }
    }

    /// Those that were received in another form than lines.
    pub(crate) fn from_pairs<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut fields = Self::default();
        for (name, value) in pairs {
            let mut add = |part: &[u8]| {
                let start = fields.bytes.len() as u32;
                fields.bytes.extend_from_slice(part);
                (start, fields.bytes.len() as u32)
            };
            let span = Span { name: add(name), value: add(value) };
            fields.spans.push(span);
        }
        fields
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Names and values, in the order in which they came.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.spans.iter().map(|span| (self.slice(span.name), self.slice(span.value)))
    }

    /// The value of the first line with this name, whatever the case of either.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let name = name.as_bytes();
        self.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The values of all lines with this name.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes())).map(|pair| pair.1)
    }

    /// The buffer that [`ranges`](Self::ranges) are of: for a head, from the status
    /// line to the empty line.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each name and value is in [`as_bytes`](Self::as_bytes), for callers that
    /// keep the buffer and make their own objects later.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (Range<usize>, Range<usize>)> {
        let range = |(start, end): (u32, u32)| start as usize..end as usize;
        self.spans.iter().map(move |span| (range(span.name), range(span.value)))
    }

    fn slice(&self, (start, end): (u32, u32)) -> &[u8] {
        &self.bytes[start as usize..end as usize]
    }

    /// Replaces each obsolete folding in a value by one space (RFC 9112 §5.2), in
    /// place. What is empty before or behind a folding leaves no space.
    pub(crate) fn unfold(&mut self) {
        for span in &mut self.spans {
            let (start, end) = (span.value.0 as usize, span.value.1 as usize);
            let value = &mut self.bytes[start..end];
            if memchr::memchr(b'\n', value).is_none() {
                continue;
            }
            let mut unfolded = Vec::with_capacity(value.len());
            for line in value.split(|&byte| byte == b'\n') {
                let line = syntax::trim(line.strip_suffix(b"\r").unwrap_or(line));
                if !line.is_empty() && !unfolded.is_empty() {
                    unfolded.push(b' ');
                }
                unfolded.extend_from_slice(line);
            }
            value[..unfolded.len()].copy_from_slice(&unfolded);
            span.value.1 = span.value.0 + unfolded.len() as u32;
        }
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (Excerpt::new(name), Excerpt::new(value))))
            .finish()
    }
}

fn spans(bytes: &[u8], headers: &[httparse::Header<'_>]) -> Vec<Span> {
    let start = bytes.as_ptr() as usize;
    // `part` lies in `bytes`, whose length fits: `Limits` are of 32 bits.
    let span = |part: &[u8]| {
        let offset = part.as_ptr() as usize - start;
        (offset as u32, (offset + part.len()) as u32)
    };
    headers.iter().map(|h| Span { name: span(h.name.as_bytes()), value: span(h.value) }).collect()
}

/// A copy with control characters replaced, which httparse refuses in values: by a byte that no
/// name may have, so that they are refused there all the same. None if there are none, or if
/// there is a NUL.
#[cold]
pub(crate) fn mask_controls(bytes: &[u8]) -> Option<Vec<u8>> {
    let is_control = |byte: u8| byte.is_ascii_control() && !b"\t\r\n".contains(&byte);
    if memchr::memchr(0, bytes).is_some() || !bytes.iter().any(|&byte| is_control(byte)) {
        return None;
    }
    Some(bytes.iter().map(|&byte| if is_control(byte) { b'?' } else { byte }).collect())
}

/// Finds the line for which a head or trailer section was refused, and names it.
#[cold]
pub(crate) fn why_invalid(bytes: &[u8], has_status_line: bool) -> Error {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let strip = |line: &'_ [u8]| line.strip_suffix(b"\r").map_or(line.len(), <[u8]>::len);
    if has_status_line {
        let line = lines.next().unwrap_or_default();
        let line = &line[..strip(line)];
        if let Some(error) = why_invalid_status_line(line) {
            return error;
        }
    }
    for (index, line) in lines.enumerate() {
        let line = &line[..strip(line)];
        let excerpt = || Excerpt::new(line);
        let is_folded = matches!(line, [b' ' | b'\t', ..]);
        if line.contains(&b'\r') {
            return Error::BareCr(excerpt());
        }
        if is_folded && index == 0 {
            return Error::LeadingWhitespace(excerpt());
        }
        if is_folded && !has_status_line {
            return Error::InvalidHeaderLine(excerpt());
        }
        if !is_folded && !line.is_empty() {
            let Some(colon) = memchr::memchr(b':', line) else {
                return Error::InvalidHeaderLine(excerpt());
            };
            let name = &line[..colon];
            if matches!(name, [.., b' ' | b'\t']) && syntax::is_token(syntax::trim(name)) {
                return Error::SpaceBeforeColon(excerpt());
            }
            if !syntax::is_token(name) {
                return Error::InvalidHeaderLine(excerpt());
            }
        }
        if !syntax::is_field_value(line) {
            return Error::ControlCharacter(excerpt());
        }
    }
    Error::InvalidHeaderLine(Excerpt::new(bytes))
}

fn why_invalid_status_line(line: &[u8]) -> Option<Error> {
    let excerpt = || Excerpt::new(line);
    if line.contains(&b'\r') {
        return Some(Error::BareCr(excerpt()));
    }
    if !matches!(line, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0' | b'1', ..]) {
        return Some(Error::UnsupportedVersion(excerpt()));
    }
    let rest = &line[8..];
    let is_valid = match rest {
        [b' ', a, b, c, reason @ ..] => {
            [a, b, c].iter().all(|digit| digit.is_ascii_digit())
                && *a != b'0'
                && (reason.is_empty() || reason[0] == b' ')
                && syntax::is_field_value(reason)
        }
        _ => false,
    };
    (!is_valid).then(|| Error::InvalidStatusLine(excerpt()))
}
