//! Frames, on anything that reads and writes.

use super::MAX_FRAME;
use serde::Serialize;
use std::fmt;
use std::io::{self, Read, Write};

/// What one frame holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Kind 0: a JSON message.
    Json(Vec<u8>),
    /// Kind 1: one or more whole chunks, as in a file; [`crate::file::decode_chunk`] reads them.
    Chunk(Vec<u8>),
}

/// Bytes that are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The payload would be longer than is allowed.
    TooLong(u32),
    /// The kind is none that exists.
    Kind(u8),
}

impl fmt::Display for FrameError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::TooLong(length) => write!(out, "a frame of {length} bytes is too long"),
            FrameError::Kind(kind) => write!(out, "there is no frame of kind {kind}"),
        }
    }
}

impl std::error::Error for FrameError {}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// Takes bytes as they come and gives frames. It holds what was received of one frame, and no more
/// than that is allocated.
pub struct Decoder {
    received: Vec<u8>,
    /// How much of `received` was given out already.
    given: usize,
    limit: usize,
}

impl Decoder {
    /// A decoder of frames whose payloads are at most `limit` bytes: [`super::MAX_REQUEST`] in the
    /// watched process, [`MAX_FRAME`] in a client.
    pub fn new(limit: usize) -> Self {
        Decoder { received: Vec::new(), given: 0, limit: limit.min(MAX_FRAME) }
    }

    /// Takes bytes that were received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.received.drain(..self.given);
        self.given = 0;
        self.received.extend_from_slice(bytes);
    }

    /// The next frame, if it is whole.
    ///
    /// # Errors
    /// Bytes that are no frame. What follows has no meaning: close the connection.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let rest = &self.received[self.given..];
        let Some((head, rest)) = rest.split_first_chunk::<5>() else { return Ok(None) };
        let (length, kind) = head_of(*head, self.limit)?;
        let Some(payload) = rest.get(..length) else { return Ok(None) };
        let payload = payload.to_vec();
        self.given += 5 + length;
        Ok(Some(if kind == 0 { Frame::Json(payload) } else { Frame::Chunk(payload) }))
    }
}

fn head_of([a, b, c, d, kind]: [u8; 5], limit: usize) -> Result<(usize, u8), FrameError> {
    let length = u32::from_le_bytes([a, b, c, d]);
    if length as usize > limit {
        return Err(FrameError::TooLong(length));
    }
    if kind > 1 {
        return Err(FrameError::Kind(kind));
    }
    Ok((length as usize, kind))
}

/// Reads one frame; `None` at the end of the stream. Memory grows with what is received, not with what a
/// length claims.
///
/// # Errors
/// Those of the stream; `UnexpectedEof` inside a frame; `InvalidData` for what is no frame.
pub fn read_frame(mut from: impl Read, limit: usize) -> io::Result<Option<Frame>> {
    let mut head = Vec::with_capacity(5);
    (&mut from).take(5).read_to_end(&mut head)?;
    if head.is_empty() {
        return Ok(None);
    }
    let head = head.try_into().map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let (length, kind) = head_of(head, limit.min(MAX_FRAME))?;
    let mut payload = Vec::new();
    from.take(length as u64).read_to_end(&mut payload)?;
    if payload.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(if kind == 0 { Frame::Json(payload) } else { Frame::Chunk(payload) }))
}

/// Writes a JSON message as one frame, by one `write_all`.
///
/// # Errors
/// Those of the stream; `InvalidInput` for a message that is longer than [`MAX_FRAME`].
pub fn write_message(into: impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; 5];
    serde_json::to_writer(&mut frame, message)?;
    finish(into, frame, 0)
}

/// Writes chunks as one frame, by one `write_all`; [`crate::file::encode_chunk`] makes them.
///
/// # Errors
/// As [`write_message`].
pub fn write_chunk(into: impl Write, chunk: &[u8]) -> io::Result<()> {
    let mut frame = Vec::with_capacity(5 + chunk.len());
    frame.resize(5, 0);
    frame.extend_from_slice(chunk);
    finish(into, frame, 1)
}

fn finish(mut into: impl Write, mut frame: Vec<u8>, kind: u8) -> io::Result<()> {
    let length = frame.len() - 5;
    if length > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the message is longer than 64 MiB",
        ));
    }
    frame[..4].copy_from_slice(&(length as u32).to_le_bytes());
    frame[4] = kind;
    into.write_all(&frame)
}
