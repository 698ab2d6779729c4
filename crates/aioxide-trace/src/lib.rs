//! What a running program records, and the forms in which it leaves the process. There is no Python
//! here and no I/O but through `std::io` traits: the recorder and the views share this crate, and
//! nothing else.
//!
//! | | |
//! |---|---|
//! | [`Event`] | 24 bytes: something that happened on a loop |
//! | [`file`](mod@file) | the `.aiotrace` file: chunks of events and of the tables that name their ids |
//! | [`ring`] | the ring file: the last events of a loop, readable after SIGKILL |
//! | [`wire`] | the frames and messages of the console's socket |
//!
//! The formats are described for other implementations in `docs/trace-format.md`.
//!
//! ```
//! use aioxide_trace::file::{Chunk, Meta, Reader, Writer};
//! use aioxide_trace::{Event, Outcome, WaitKind};
//!
//! let mut writer = Writer::new(Vec::new(), &Meta { pid: 42, ..Meta::default() })?;
//! writer.events(1, 0, &[Event::step(900, 7, Outcome::Waiting, WaitKind::Lock, 3)])?;
//!
//! let file = writer.into_inner();
//! let chunks: Vec<Chunk> = Reader::new(&file[..])?.collect();
//! assert!(matches!(&chunks[0], Chunk::Meta(meta) if meta.pid == 42));
//! assert!(matches!(&chunks[1], Chunk::Events(events) if events.events.len() == 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod event;
pub mod file;
mod kinds;
pub mod ring;
pub mod wire;

pub use event::{Event, What};
pub use kinds::{ItemKind, Kind, ObjectKind, Outcome, WaitKind, WakerKind};
