//! Ending futures early, and what they leave to be cleaned up.

mod clean_up;
mod finally;
mod scope;
mod tidy;

pub(crate) use clean_up::{CleaningUp, drop_and_collect, hand_over};
pub use finally::{Finally, finally};
pub use scope::{CancelScope, ScopeRun};
pub(crate) use tidy::Tidy;
