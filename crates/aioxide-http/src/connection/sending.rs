//! The body of a request.

use super::{ClientState, Connection};
use crate::error::Error;
use crate::framing::Framing;
use crate::request::{may_be_trailer, write_field};

/// What goes before and behind one piece of a body, for writes that gather several
/// buffers: data need not be copied.
#[derive(Clone, Copy, Debug)]
pub struct DataFrame {
    /// 16 digits and CRLF, right-aligned.
    size_line: [u8; 18],
    start: u8,
    after: &'static [u8],
}

impl DataFrame {
    const BARE: Self = Self { size_line: [0; 18], start: 18, after: b"" };

    /// The line with the size of a chunk (RFC 9112 §7.1).
    fn chunk(length: usize) -> Self {
        let mut size_line = *b"0000000000000000\r\n";
        let mut start = 16;
        let mut rest = length;
        while rest > 0 {
            start -= 1;
            size_line[start] = b"0123456789abcdef"[rest % 16];
            rest /= 16;
        }
        Self { size_line, start: start as u8, after: b"\r\n" }
    }

    /// Sent before the data; may be empty.
    pub fn before(&self) -> &[u8] {
        &self.size_line[self.start as usize..]
    }

    /// Sent behind the data; may be empty.
    pub fn after(&self) -> &'static [u8] {
        self.after
    }
}

impl Connection {
    /// Takes note of a piece of the body that the caller sends, and tells what it has to
    /// send around it. A piece without data needs nothing, and must get nothing: an
    /// empty chunk would end the body.
    ///
    /// # Errors
    ///
    /// [`Error::BodyTooLong`] if the data goes beyond the `Content-Length`, and
    /// [`Error::WrongState`] if the request has no body or has ended. Nothing has
    /// changed then.
    pub fn frame_data(&mut self, length: usize) -> Result<DataFrame, Error> {
        if !matches!(self.client, ClientState::AwaitContinue | ClientState::SendBody) {
            return Err(self.wrong_state("send data"));
        }
        let frame = match &mut self.request_body {
            Framing::Length(remaining) => {
                let length = length as u64;
                *remaining = remaining
                    .checked_sub(length)
                    .ok_or_else(|| Error::BodyTooLong { excess: length - *remaining })?;
                DataFrame::BARE
            }
            Framing::Chunked if length > 0 => DataFrame::chunk(length),
            _ => DataFrame::BARE,
        };
        self.client = ClientState::SendBody;
        Ok(frame)
    }

    /// Writes a piece of the body to the end of `out`, framed.
    ///
    /// # Errors
    ///
    /// As [`frame_data`](Self::frame_data).
    pub fn send_data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let frame = self.frame_data(data.len())?;
        out.reserve(frame.before().len() + data.len() + frame.after().len());
        out.extend_from_slice(frame.before());
        out.extend_from_slice(data);
        out.extend_from_slice(frame.after());
        Ok(())
    }

    /// Ends a request that has a body: writes the last chunk and the trailers, if it is
    /// chunked.
    ///
    /// # Errors
    ///
    /// [`Error::BodyTooShort`] if the `Content-Length` has not been reached;
    /// [`Error::TrailersWithoutChunked`], [`Error::ForbiddenTrailer`],
    /// [`Error::InvalidHeaderName`], [`Error::InvalidHeaderValue`];
    /// [`Error::WrongState`] if the request has no body or has ended. Nothing has
    /// changed then.
    pub fn end_request(
        &mut self,
        trailers: &[(&[u8], &[u8])],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if !matches!(self.client, ClientState::AwaitContinue | ClientState::SendBody) {
            return Err(self.wrong_state("end the request"));
        }
        match self.request_body {
            Framing::Length(missing @ 1..) => return Err(Error::BodyTooShort { missing }),
            Framing::Chunked => {
                let start = out.len();
                if let Err(error) = write_last_chunk(trailers, out) {
                    out.truncate(start);
                    return Err(error);
                }
            }
            _ if !trailers.is_empty() => return Err(Error::TrailersWithoutChunked),
            _ => {}
        }
        self.client = ClientState::Done;
        self.settle();
        Ok(())
    }
}

fn write_last_chunk(trailers: &[(&[u8], &[u8])], out: &mut Vec<u8>) -> Result<(), Error> {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        if !may_be_trailer(name) {
            return Err(Error::ForbiddenTrailer(crate::error::Excerpt::new(name)));
        }
        write_field(out, name, value)?;
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}
