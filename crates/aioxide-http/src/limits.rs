//! How much a peer may make the client keep or read, and how well it has to write.

use std::fmt;

/// Bounds on what the peer sends, each with the default of the client that is
/// named.
///
/// Exceeding one is [`Error::TooLarge`](crate::Error::TooLarge). Body data has no
/// bound: it is handed out as it arrives, and never kept.
///
/// h11 knows one bound, on the size of the head. A caller that wants its
/// behaviour sets `line_length` and `header_count` to the value of `head_size`.
///
/// ```
/// use aioxide_http::Limits;
///
/// let limits = Limits { header_count: 500, ..Limits::default() };
/// assert_eq!(limits.line_length, 8_190);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of a response head, from the status line to the empty line. 102,400,
    /// as httpx has it (httpcore's argument to h11).
    pub head_size: u32,
    /// Bytes of one line of a head or of trailers, its end included. 8,190, as
    /// aiohttp has it.
    pub line_length: u32,
    /// Header lines of one head, and of one trailer section. 128, as aiohttp has it.
    pub header_count: u32,
    /// Bytes of all chunk extensions of one body. 16,384, as hyper has it.
    pub chunk_extensions: u32,
    /// Bytes of a trailer section. 16,384, as hyper has it.
    pub trailer_size: u32,
    /// Interim responses (1xx) before the final one. 100: other clients have no bound.
    pub interim_responses: u32,
    /// What is read although no server should send it. Nothing.
    pub tolerance: Tolerance,
}

/// What is read although no server should send it, each as h11 and aiohttp read it both.
///
/// Two readers may find different things in such bytes. That is how attackers get requests
/// and responses past a proxy. For a client that hands on nothing, what each of these stands
/// for is not in doubt. What could hide a response is refused all the same: two lengths, a
/// length beside chunks, LF behind a chunk size or chunk data, a NUL, a CR in a line.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tolerance {
    /// Lines of heads and trailers that end with LF alone. RFC 9112 §2.2 allows it to
    /// recipients.
    pub bare_lf: bool,
    /// Control characters in header values and in the reason phrase, except NUL, CR and LF.
    pub controls: bool,
    /// Whitespace between a chunk size and the end of its line, which some servers use to pad
    /// sizes.
    pub space_after_chunk_size: bool,
}

impl Tolerance {
    /// Nothing that RFC 9112 forbids: the default.
    pub const STRICT: Self =
        Self { bare_lf: false, controls: false, space_after_chunk_size: false };
    /// All of it: for clients that hand on nothing.
    pub const CLIENT: Self = Self { bare_lf: true, controls: true, space_after_chunk_size: true };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_size: 102_400,
            line_length: 8_190,
            header_count: 128,
            chunk_extensions: 16_384,
            trailer_size: 16_384,
            interim_responses: 100,
            tolerance: Tolerance::STRICT,
        }
    }
}

/// Which of the [`Limits`] was exceeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// [`Limits::head_size`]
    HeadSize,
    /// [`Limits::line_length`]
    LineLength,
    /// [`Limits::header_count`]
    HeaderCount,
    /// [`Limits::chunk_extensions`]
    ChunkExtensions,
    /// [`Limits::trailer_size`]
    TrailerSize,
    /// [`Limits::interim_responses`]
    InterimResponses,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HeadSize => "bytes in the response head",
            Self::LineLength => "bytes in one line",
            Self::HeaderCount => "header lines",
            Self::ChunkExtensions => "bytes of chunk extensions",
            Self::TrailerSize => "bytes of trailers",
            Self::InterimResponses => "interim responses",
        })
    }
}
