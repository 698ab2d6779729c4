//! `run_in_executor` and the loop's thread pool.

mod exit;
mod gil_handoff;
mod pool;
mod run_in_executor;

pub use exit::abandon_pools;
pub use gil_handoff::GilHandoff;
pub use pool::{Call, PoolThread, ThreadPool};
pub use run_in_executor::DefaultExecutor;
