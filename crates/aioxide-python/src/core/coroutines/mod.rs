//! Native coroutines, for the functions that are an `async def` in asyncio.
//!
//! A [`Coroutine`] is the object that is awaited; the [`Program`](crate::core::dispatch::Program)
//! in it is the body. As with any coroutine, nothing runs before the first step, and
//! `create_task` accepts it.

mod awaiting;
mod coroutine_check;
mod introspection;
mod object;
mod origins;
mod phase;
mod routine;
mod stepping;

pub use awaiting::awaiting;
pub use coroutine_check::{is_coroutine, is_exact_coroutine, iscoroutine};
pub use introspection::{Steps, code_of, conceal_iteration};
pub use object::{Coroutine, install_slots};
pub use origins::_want_origins;
pub use origins::{of as origin_of, remember as remember_origin};
pub use routine::{Completed, Input, ResumePoint, Routine, Step};
pub use stepping::Flow;
