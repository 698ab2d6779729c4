//! What is said on the console's socket: frames of `{ u32 length, u8 kind, payload }`, little endian,
//! where `length` is the payload's. A frame holds a JSON message, or a chunk as it stands in a
//! [`file`](mod@crate::file).
//!
//! The watched process greets with a [`Greeting`]. Then the client sends one [`Request`] at a time and
//! reads one answer: what the request says, or a [`Refusal`]. The answer to [`Request::Events`] is
//! followed by frames of chunks. Bytes that are no frame close the connection.
//!
//! A field that is missing in a message is its type's default, and fields that are not known are
//! ignored, so that either side may be newer within one version.

mod answers;
mod frames;
mod requests;

pub use answers::{
    CancelAnswer, DumpAnswer, EventsAnswer, LoopInfo, ObjectInfo, Running, StackAnswer, StackFrame,
    State, TaskInfo, TasksAnswer, WaitsFor,
};
pub use frames::{Decoder, Frame, FrameError, read_frame, write_chunk, write_message};
pub use requests::{BadRequest, Greeting, Refusal, Request, Since, Sort};

/// The version of the frames and messages.
pub const VERSION: u32 = 1;
/// The longest payload of a frame, in bytes.
pub const MAX_FRAME: usize = 64 << 20;
/// The longest payload of a frame that a client may send, in bytes: a request is short.
pub const MAX_REQUEST: usize = 64 << 10;
