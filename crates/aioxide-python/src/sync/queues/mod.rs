//! Queues between tasks (`asyncio.queues`).

mod items;
mod methods;
mod object;
mod state;
mod waiting;

pub use methods::{install_queue, put_nowait};
pub use object::{LifoQueue, PriorityQueue, Queue};
pub use waiting::{GetItem, JoinQueue, PutItem};
