//! Native coroutines: what an `async def` of asyncio is here.
//!
//! A [`Coroutine`] is the object that is awaited; the [`Program`](crate::core::dispatch::Program) in it says
//! what happens between one wait and the next. Nothing happens before the
//! first step, as with any coroutine, and `create_task` takes it.

mod awaiting;
mod object;
mod origins;
mod recognising;
mod routine;
mod showing;

pub use awaiting::awaiting;
pub use object::{Coroutine, Flow, install_slots};
pub use origins::_want_origins;
pub use origins::{are_wanted as origins_are_wanted, of as origin_of, remember as remember_origin};
pub use recognising::{is_coroutine, iscoroutine};
pub use routine::{AtOnce, Input, Moment, Routine, Step};
pub use showing::{Steps, code_of, conceal_iteration};
