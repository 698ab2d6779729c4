//! Lines up to an empty one, however they are split over receives: a head, or a
//! trailer section.

use std::borrow::Cow;
use std::mem;

use crate::error::{Error, Excerpt};
use crate::{Limit, Limits};

/// What has been seen of a section that is not complete yet.
///
/// Each byte is looked at once for the ends of lines, so a peer that sends a head
/// byte by byte costs no more than one that sends it at once. Nothing is kept when
/// the section arrives in one piece.
#[derive(Clone, Default, Debug)]
pub(crate) struct Section {
    /// Everything so far.
    seen: Vec<u8>,
    /// How many bytes at the end of `seen` are a line without end.
    line: usize,
    /// Complete lines in `seen`.
    count: usize,
}

/// A complete section, the empty line included.
pub(crate) struct Lines<'a> {
    /// The input's own bytes, if it arrived in one piece.
    pub bytes: Cow<'a, [u8]>,
    /// How many lines there are, without the empty one.
    pub count: usize,
}

/// The limits that hold for one kind of section.
pub(crate) struct Bounds {
    size: (Limit, u32),
    line: u32,
    count: u32,
    /// Lines that are not headers.
    others: u32,
    /// Whether lines may end with LF alone.
    bare_lf: bool,
}

impl Bounds {
    pub fn head(limits: &Limits) -> Self {
        Self {
            size: (Limit::HeadSize, limits.head_size),
            line: limits.line_length,
            count: limits.header_count,
            others: 1,
            bare_lf: limits.tolerance.bare_lf,
        }
    }

    pub fn trailers(limits: &Limits) -> Self {
        Self { size: (Limit::TrailerSize, limits.trailer_size), others: 0, ..Self::head(limits) }
    }
}

impl Section {
    /// How many bytes of the section have been received.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Takes what belongs to the section off the front of `input`; all of it unless
    /// the section is complete then.
    ///
    /// # Errors
    ///
    /// When a line ends without CR (unless that is tolerated), or a limit is exceeded. The first offending byte
    /// decides, so the error is the same however the input is split.
    pub fn take<'a>(
        &mut self,
        input: &mut &'a [u8],
        bounds: &Bounds,
    ) -> Result<Option<Lines<'a>>, Error> {
        let all = *input;
        let mut start = 0;
        loop {
            let rest = &all[start..];
            let room_in_line = (bounds.line as usize).saturating_sub(self.line);
            let room_in_all = (bounds.size.1 as usize).saturating_sub(self.seen.len() + start);
            let room = room_in_line.min(room_in_all);
            let Some(at) = memchr::memchr(b'\n', &rest[..rest.len().min(room)]) else {
                if rest.len() > room {
                    return Err(if room_in_line <= room_in_all {
                        Error::TooLarge { limit: Limit::LineLength, value: bounds.line }
                    } else {
                        Error::TooLarge { limit: bounds.size.0, value: bounds.size.1 }
                    });
                }
                self.line += rest.len();
                self.seen.extend_from_slice(all);
                *input = &[];
                return Ok(None);
            };
            let before = if at > 0 { rest.get(at - 1) } else { self.last_of_line() };
            let has_cr = before == Some(&b'\r');
            if !has_cr && !bounds.bare_lf {
                return Err(Error::BareLf(Excerpt::of_line(rest)));
            }
            start += at + 1;
            if mem::take(&mut self.line) + at == usize::from(has_cr) {
                let (section, rest) = all.split_at(start);
                *input = rest;
                return Ok(Some(self.complete(section)));
            }
            self.count += 1;
            if self.count > bounds.count.saturating_add(bounds.others) as usize {
                return Err(Error::TooLarge { limit: Limit::HeaderCount, value: bounds.count });
            }
        }
    }

    fn last_of_line(&self) -> Option<&u8> {
        if self.line > 0 { self.seen.last() } else { None }
    }

    fn complete<'a>(&mut self, section: &'a [u8]) -> Lines<'a> {
        let count = mem::take(&mut self.count);
        if self.seen.is_empty() {
            return Lines { bytes: Cow::Borrowed(section), count };
        }
        self.seen.extend_from_slice(section);
        Lines { bytes: Cow::Owned(mem::take(&mut self.seen)), count }
    }
}
