//! Chunked bodies (RFC 9112 §7.1).

use crate::error::{Error, Excerpt};
use crate::fields::Fields;
use crate::section::{Bounds, Section};
use crate::{Limit, Limits, syntax};

/// Finds the data in a chunked body, however its bytes are split over receives.
#[derive(Clone, Default, Debug)]
pub(crate) struct ChunkedBody {
    state: State,
    /// Bytes of extensions so far, with the whitespace around them.
    extensions: u32,
    trailers: Section,
}

#[derive(Clone, Copy, Default, Debug)]
enum State {
    /// Before the first digit of a size.
    #[default]
    Start,
    /// Behind a digit.
    Size {
        size: u64,
        digits: u8,
    },
    /// In whitespace behind the size; only an extension may follow (BWS), or the end of the line
    /// where that is tolerated.
    BeforeExtension {
        size: u64,
    },
    /// Behind a semicolon.
    Extension {
        size: u64,
    },
    /// Behind the CR that ends the line of the size.
    SizeLf {
        size: u64,
    },
    /// In data, with so many bytes to come.
    Data {
        remaining: u64,
    },
    /// Behind the data.
    DataCr,
    DataLf,
    /// Behind the line of the last chunk.
    Trailers,
}

/// What was at the front of the input.
pub(crate) enum Piece<'a> {
    /// Some of the body; never empty.
    Data(&'a [u8]),
    /// The whole input was taken, and there is more to come.
    NeedData,
    /// The body is complete.
    End(Fields),
}

/// Digits of a size: as many as 64 bits have. More are refused, zeros too.
const MAX_DIGITS: u8 = 16;

impl ChunkedBody {
    /// Whether the data that was taken last is the end of a chunk.
    pub fn is_behind_chunk(&self) -> bool {
        matches!(self.state, State::DataCr)
    }

    /// Takes the next piece off the front of `input`.
    pub fn take<'a>(&mut self, input: &mut &'a [u8], limits: &Limits) -> Result<Piece<'a>, Error> {
        loop {
            match &mut self.state {
                State::Data { remaining } => {
                    if input.is_empty() {
                        return Ok(Piece::NeedData);
                    }
                    let data = split_off(input, *remaining);
                    *remaining -= data.len() as u64;
                    if *remaining == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok(Piece::Data(data));
                }
                State::Trailers => {
                    let lines = self.trailers.take(input, &Bounds::trailers(limits))?;
                    return match lines {
                        None => Ok(Piece::NeedData),
                        // The usual case, which needs no memory.
                        Some(lines) if lines.count == 0 => Ok(Piece::End(Fields::default())),
                        Some(lines) => Fields::parse_trailers(lines, limits).map(Piece::End),
                    };
                }
                _ => {
                    let Some((&byte, rest)) = input.split_first() else {
                        return Ok(Piece::NeedData);
                    };
                    self.state = self.step(byte, input, limits)?;
                    *input = rest;
                }
            }
        }
    }

    /// The state behind `byte`, the first of `input`, which is not data.
    #[inline]
    fn step(&mut self, byte: u8, input: &[u8], limits: &Limits) -> Result<State, Error> {
        let invalid_size = || Error::InvalidChunkSize(Excerpt::of_line(input));
        match (self.state, byte) {
            (State::Start, _) => match digit(byte) {
                Some(size) => Ok(State::Size { size, digits: 1 }),
                None => Err(invalid_size()),
            },
            (State::Size { size, .. } | State::Extension { size }, b'\r') => {
                Ok(State::SizeLf { size })
            }
            (
                State::Size { .. } | State::BeforeExtension { .. } | State::Extension { .. },
                b'\n',
            ) => Err(Error::BareLf(Excerpt::new(input))),
            (State::Size { size, .. } | State::BeforeExtension { size }, b';') => {
                self.count_extension(limits)?;
                Ok(State::Extension { size })
            }
            (State::Size { size, .. } | State::BeforeExtension { size }, b' ' | b'\t') => {
                self.count_extension(limits)?;
                Ok(State::BeforeExtension { size })
            }
            (State::Size { size, digits }, _) => match digit(byte) {
                Some(value) if digits < MAX_DIGITS => {
                    Ok(State::Size { size: size << 4 | value, digits: digits + 1 })
                }
                _ => Err(invalid_size()),
            },
            (State::BeforeExtension { size }, b'\r') if limits.tolerance.space_after_chunk_size => {
                Ok(State::SizeLf { size })
            }
            (State::BeforeExtension { .. }, _) => Err(invalid_size()),
            (State::Extension { size }, _) => {
                if !syntax::is_field_byte(byte) {
                    return Err(Error::InvalidChunkExtension(Excerpt::of_line(input)));
                }
                self.count_extension(limits)?;
                Ok(State::Extension { size })
            }
            (State::SizeLf { size: 0 }, b'\n') => Ok(State::Trailers),
            (State::SizeLf { size }, b'\n') => Ok(State::Data { remaining: size }),
            (State::SizeLf { .. }, _) => Err(Error::BareCr(Excerpt::of_line(input))),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::Start),
            (State::DataCr | State::DataLf, _) => {
                Err(Error::InvalidChunkEnd(Excerpt::of_line(input)))
            }
            // Not stepped through byte by byte.
            (state @ (State::Data { .. } | State::Trailers), _) => Ok(state),
        }
    }

    fn count_extension(&mut self, limits: &Limits) -> Result<(), Error> {
        if self.extensions == limits.chunk_extensions {
            let (limit, value) = (Limit::ChunkExtensions, limits.chunk_extensions);
            return Err(Error::TooLarge { limit, value });
        }
        self.extensions += 1;
        Ok(())
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

/// Takes at most `length` bytes off the front of `input`.
pub(crate) fn split_off<'a>(input: &mut &'a [u8], length: u64) -> &'a [u8] {
    let all = *input;
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(all.len());
    let (taken, rest) = all.split_at(length);
    *input = rest;
    taken
}
