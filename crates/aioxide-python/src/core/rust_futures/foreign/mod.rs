//! Futures of other extension modules, by the C table of [`aioxide_abi`].
//!
//! A [`ForeignBody`] is a body of a [`RustFuture`](super::RustFuture) beside our own, and is
//! polled and dropped in the same turns. What it waits for are [`Leaf`]s, which are our own
//! futures in a box. All that the extension says is looked at: pointers that are null, texts
//! that are none, calls outside of a turn, answers that mean nothing raise. What cannot be seen,
//! such as a leaf that is used after it was dropped, is the extension's to keep.

mod body;
mod call;
mod leaf;
mod table;
mod wake;

pub use body::{Answer, ForeignBody};
pub use table::publish;

use call::ForeignCall;
use leaf::Leaf;
use wake::waker;
