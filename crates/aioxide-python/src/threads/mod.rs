//! Calls that block, on other threads (`asyncio.threads`, and
//! `run_in_executor`).

mod executing;
mod exit;
mod gate;
mod pool;
mod to_thread;

pub use executing::DefaultExecutor;
pub use exit::abandon_pools;
pub use gate::Gate;
pub use pool::{PoolThread, ThreadPool};
pub use to_thread::{CallInThread, install_to_thread};
