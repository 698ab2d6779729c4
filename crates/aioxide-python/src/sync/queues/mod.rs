//! What tasks hand each other things by (`asyncio.queues`).

mod items;
mod methods;
mod object;
mod state;
mod waiting;

pub use methods::{install_queue, put_nowait};
pub use object::{LifoQueue, PriorityQueue, Queue};
pub use waiting::{GetItem, JoinQueue, PutItem};
