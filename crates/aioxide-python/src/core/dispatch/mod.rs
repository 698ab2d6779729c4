//! The enumerations over classes of all layers: items of the ready queue, waiters of a
//! future, bodies of coroutines, watchers of a descriptor, receivers of data.
//!
//! A value of two words is cheaper than an object, and a `match` cheaper than a call through
//! a table. For this, these files name classes of the layers above; nothing else in `core`
//! does.

mod concern;
mod native_future;
mod program;
mod ready;
mod receiver;
mod run;
mod transport;
mod waiter;
mod watch;

pub use native_future::{as_native, cancel_with_message, kind_of_future};
pub use program::Program;
pub use ready::{AGAIN, HANGUP, NativeWork, READABLE, Ready, WRITABLE};
pub use receiver::{Receiver, byte_stream, direct_reader, feed_stream, feed_tls};
pub use run::{report as report_callback, run_handle};
pub use transport::{AnyTransport, TransportEvent};
pub use waiter::Waiter;
pub use watch::{Watch, Watcher};
