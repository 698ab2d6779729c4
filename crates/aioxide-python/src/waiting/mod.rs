//! How a coroutine waits for time and for others (`asyncio.tasks`).

mod sleeping;

pub use sleeping::{Sleep, sleep};
