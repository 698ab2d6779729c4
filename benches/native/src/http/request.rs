//! Requests as the server reads them: a head, and a body that is counted and dropped.

use std::ops::Range;

/// The longest head that is waited for.
const HEAD_LIMIT: usize = 64 * 1024;

/// Where the bytes of one connection are in the current request.
#[derive(Debug)]
pub enum Reader {
    /// Within the head, all of which is kept.
    Head(Vec<u8>),
    /// Within a body of known length.
    Length(Head, u64),
    /// Within a chunked body.
    Chunked(Head, Chunk),
}

/// Where within a chunked body.
#[derive(Debug)]
pub enum Chunk {
    /// In the line with the size, which is kept.
    Size(Vec<u8>),
    /// So many bytes of the chunk and its end of line are left.
    Data(u64),
    /// In the line that ends the last chunk, or in trailers.
    Trailers(Vec<u8>),
}

/// What is known of a request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Head {
    /// The path, without the query.
    pub path: String,
    /// Bytes of the body that have arrived.
    pub received: u64,
    /// The client waits for permission to send the body.
    pub expects: bool,
}

/// The peer does not speak HTTP/1.1.
#[derive(Debug, PartialEq, Eq)]
pub struct Nonsense;

impl Default for Reader {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

impl Reader {
    /// Whether a body is awaited that the client holds back.
    pub fn holds_back(&self) -> bool {
        match self {
            Self::Head(_) => false,
            Self::Length(head, _) | Self::Chunked(head, _) => head.expects && head.received == 0,
        }
    }

    /// Takes bytes off the front of `data`; a request when it is complete.
    ///
    /// # Errors
    /// When they cannot be one.
    pub fn take(&mut self, data: &mut &[u8]) -> Result<Option<Head>, Nonsense> {
        while !data.is_empty() {
            let done = match self {
                Self::Head(kept) => {
                    // All heads but a few arrive whole, and then nothing is copied.
                    let (length, next) = if kept.is_empty()
                        && let Some(end) = end_of_head(data)
                    {
                        (end, after_head(&data[..end])?)
                    } else {
                        let before = kept.len();
                        kept.extend_from_slice(data);
                        let Some(end) = end_of_head(kept) else {
                            *data = &[];
                            return if kept.len() > HEAD_LIMIT { Err(Nonsense) } else { Ok(None) };
                        };
                        (end - before, after_head(&kept[..end])?)
                    };
                    *data = &data[length..];
                    *self = next;
                    matches!(self, Self::Length(_, 0))
                }
                Self::Length(head, left) => {
                    let count = skip(data, *left);
                    *left -= count;
                    head.received += count;
                    *left == 0
                }
                Self::Chunked(head, chunk) => chunk.take(data, &mut head.received)?,
            };
            if done && let Self::Length(head, _) | Self::Chunked(head, _) = std::mem::take(self) {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }
}

impl Chunk {
    /// Takes bytes off the front; whether the body is complete.
    fn take(&mut self, data: &mut &[u8], received: &mut u64) -> Result<bool, Nonsense> {
        match self {
            Self::Size(line) => {
                if !take_line(data, line) {
                    return Ok(false);
                }
                let text = str::from_utf8(line).map_err(|_| Nonsense)?;
                let digits = text.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(digits, 16).map_err(|_| Nonsense)?;
                *self = if size == 0 {
                    Self::Trailers(Vec::new())
                } else {
                    *received += size;
                    Self::Data(size.checked_add(2).ok_or(Nonsense)?)
                };
                Ok(false)
            }
            Self::Data(left) => {
                *left -= skip(data, *left);
                if *left == 0 {
                    *self = Self::Size(Vec::new());
                }
                Ok(false)
            }
            Self::Trailers(line) => {
                if !take_line(data, line) {
                    return Ok(false);
                }
                let is_end = line.trim_ascii().is_empty();
                line.clear();
                Ok(is_end)
            }
        }
    }
}

/// Drops up to `most` bytes of the front; how many.
fn skip(data: &mut &[u8], most: u64) -> u64 {
    let count = data.len().min(usize::try_from(most).unwrap_or(usize::MAX));
    *data = &data[count..];
    count as u64
}

/// Moves bytes up to a line feed into `line`; whether it came.
fn take_line(data: &mut &[u8], line: &mut Vec<u8>) -> bool {
    let end = data.iter().position(|byte| *byte == b'\n');
    let count = end.map_or(data.len(), |end| end + 1);
    line.extend_from_slice(&data[..count]);
    *data = &data[count..];
    end.is_some()
}

/// Where a head ends, with the empty line.
pub fn end_of_head(data: &[u8]) -> Option<usize> {
    data.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// The value of the first field of a name in lower case.
pub fn field<'head>(head: &'head [u8], name: &str) -> Option<&'head [u8]> {
    head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let found = line[..colon].eq_ignore_ascii_case(name.as_bytes());
        found.then(|| line[colon + 1..].trim_ascii())
    })
}

/// What comes after a head.
fn after_head(bytes: &[u8]) -> Result<Reader, Nonsense> {
    let line: Range<usize> = 0..bytes.iter().position(|byte| *byte == b'\r').ok_or(Nonsense)?;
    let target = bytes[line].split(|byte| *byte == b' ').nth(1).ok_or(Nonsense)?;
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let head = Head {
        path: String::from_utf8(path.to_vec()).map_err(|_| Nonsense)?,
        received: 0,
        expects: field(bytes, "expect").is_some(),
    };
    if field(bytes, "transfer-encoding").is_some() {
        return Ok(Reader::Chunked(head, Chunk::Size(Vec::new())));
    }
    let length = match field(bytes, "content-length") {
        Some(digits) => {
            str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(Nonsense)?
        }
        None => 0,
    };
    Ok(Reader::Length(head, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(bytes: &[u8], piece: usize) -> Result<Vec<Head>, Nonsense> {
        let mut reader = Reader::default();
        let mut found = Vec::new();
        for mut data in bytes.chunks(piece) {
            while let Some(head) = reader.take(&mut data)? {
                found.push(head);
            }
        }
        Ok(found)
    }

    #[test]
    fn bodies_are_counted_however_the_bytes_arrive() {
        let bytes = b"GET /json?a=1 HTTP/1.1\r\nHost: x\r\n\r\n\
            POST /sink HTTP/1.1\r\ncontent-LENGTH: 5\r\n\r\nhello\
            POST /sink HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
            3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nfoo: bar\r\n\r\n\
            GET /last HTTP/1.1\r\n\r\n";
        for piece in [1, 2, 7, 30, bytes.len()] {
            let found = requests(bytes, piece).unwrap();
            let found: Vec<_> =
                found.iter().map(|head| (head.path.as_str(), head.received)).collect();
            assert_eq!(found, [("/json", 0), ("/sink", 5), ("/sink", 13), ("/last", 0)]);
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert_eq!(requests(b"nonsense\r\n\r\n", 100), Err(Nonsense));
        assert_eq!(requests(b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n", 100), Err(Nonsense));
        assert_eq!(requests(&[b'x'; 2 * HEAD_LIMIT], 1000), Err(Nonsense));
    }
}
