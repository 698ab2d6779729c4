//! What PyO3 lacks: cells, allocation, calling conventions, deallocation, and the
//! interpreter's own structures. Names nothing of asyncio but `stdlib`.

pub mod allocate;
pub mod at_fork;
pub mod attributes;
pub mod buffers;
pub mod context;
pub mod deallocation;
#[cfg(Py_3_14)]
pub mod debug_offsets;
pub mod definition;
pub mod entry;
pub mod errors;
pub mod exiting;
pub mod fastcall;
pub mod file_descriptor;
pub mod finalizer;
pub mod free_list;
pub mod gil_cell;
pub mod held;
pub mod interning;
pub mod items;
pub mod metaclass;
pub mod omittable;
pub mod recursion;
pub mod unadorned;
