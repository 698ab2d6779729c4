//! Native coroutines: what an `async def` of asyncio is here.
//!
//! A [`Coroutine`] is the object that is awaited; the [`Program`](crate::core::dispatch::Program) in it says
//! what happens between one wait and the next. Nothing happens before the
//! first step, as with any coroutine, and `create_task` takes it.

mod awaiting;
mod coroutine_check;
mod introspection;
mod object;
mod origins;
mod routine;

pub use awaiting::awaiting;
pub use coroutine_check::{is_coroutine, iscoroutine};
pub use introspection::{Steps, code_of, conceal_iteration};
pub use object::{Coroutine, Flow, install_slots};
pub use origins::_want_origins;
pub use origins::{are_wanted as origins_are_wanted, of as origin_of, remember as remember_origin};
pub use routine::{Completed, Input, ResumePoint, Routine, Step};
