//! The C table through which other extension modules reach the event loop of aioxide.
//!
//! An extension is a shared object with a Rust of its own: another compiler, other profiles,
//! another PyO3. So what passes between it and the loop is C: numbers, pointers to objects of
//! Python, and functions of the C ABI that never unwind. Authors of extensions use the crate
//! `aioxide-pyo3`, which hides all of it.
//!
//! The module `aioxide._aioxide` publishes a [`Table`] as the PyCapsule [`CAPSULE`]. It is
//! never freed.
//!
//! # Versions
//!
//! The name of the capsule holds the major version. Within it, a table grows at its end only, and
//! no entry changes what it means: an extension looks at [`Table::size`] before it uses an entry
//! that came later than the first version ([`Table::has`]), and the loop does the same with the
//! [`BodyTable`] of an extension. An extension that finds no table of its version runs as it does
//! on other loops.
//!
//! # Rules
//!
//! - All functions are called with the GIL held, on any thread that has it, except for
//!   [`Table::wake`] and the functions of a [`Wake`].
//! - A function that returns [`RAISED`], or null where an object or a handle is expected, has set
//!   an exception of Python.
//! - A [`Body`] is polled and dropped inside a *turn* of its loop. The entries marked "in a turn"
//!   belong to the innermost turn of the calling thread; elsewhere they raise `RuntimeError`.
//! - Objects that are passed in are borrowed; those that come back are new references.
//! - No function unwinds. A panic is turned into an exception by the side in which it happens.

#![no_std]

use core::ffi::{CStr, c_int, c_void};

/// The name of the capsule, which is the attribute `_loop_v1` of `aioxide._aioxide`.
pub const CAPSULE: &CStr = c"aioxide._aioxide._loop_v1";

/// The version in the name of the capsule, and in [`Table::major`].
pub const MAJOR: u32 = 1;

/// How many times the table has grown, for messages. What is there is told by [`Table::size`].
pub const MINOR: u32 = 0;

/// A `PyObject *`.
pub type Object = *mut c_void;

/// The interpreter's `visitproc`.
pub type Visit = unsafe extern "C" fn(object: Object, argument: *mut c_void) -> c_int;

/// What a function answers.
pub type Answer = c_int;

/// It is to be polled again, once it has been woken.
pub const PENDING: Answer = 0;
/// It is done, or true.
pub const READY: Answer = 1;
/// An exception of Python is set.
pub const RAISED: Answer = -1;

/// The descriptor can be read from without blocking, or has an error.
pub const READABLE: c_int = 0;
/// The descriptor can be written to without blocking, or has an error.
pub const WRITABLE: c_int = 1;

/// Something that a body waits for: a box of the loop's.
pub type Leaf = *mut c_void;

/// A reference that the collector sees: a box of the loop's.
pub type Held = *mut c_void;

/// How to wake whoever waits. It is one word, or a waker of the extension's.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Wake {
    /// With [`Wake::wake`] absent, the word that [`BodyTable::poll`] was given, or another of
    /// that kind. Else what the functions are called with.
    pub data: usize,
    /// Wakes, and takes the data. Called on any thread, with or without the GIL, at any time.
    pub wake: Option<unsafe extern "C" fn(data: usize)>,
    /// Lets go of the data. Called in place of `wake`, under the same conditions.
    pub drop: Option<unsafe extern "C" fn(data: usize)>,
}

/// A future of the extension's.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Body {
    /// What the functions of the table are called with.
    pub data: *mut c_void,
    /// Lives as long as the process.
    pub table: *const BodyTable,
}

/// Text in UTF-8 that lives as long as the process.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Text {
    /// Where it begins.
    pub data: *const u8,
    /// Its length in bytes.
    pub length: usize,
}

/// The function whose coroutine it is. It lives as long as the process, so its address stands for
/// it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Definition {
    /// What Python calls it, as in `Client.get`: `__qualname__` of the coroutine.
    pub qualname: Text,
    /// What Rust calls it, as in `client::Client::get`: the name of its code object.
    pub path: Text,
    /// The file of its source, as the compiler was given it.
    pub file: Text,
    /// The line in `file` at which it begins, from 1 on.
    pub line: u32,
}

// SAFETY: it refers to text that nobody changes.
unsafe impl Sync for Definition {}

/// What the loop does with a [`Body`].
#[derive(Debug)]
#[repr(C)]
pub struct BodyTable {
    /// `size_of::<BodyTable>()` in the version that the extension was built with.
    pub size: usize,
    /// Polls the future, in a turn of its loop. `word` wakes the coroutine: see [`Table::wake`].
    ///
    /// [`READY`] puts the result, a new reference, into `result`. After [`READY`] and [`RAISED`]
    /// it is not polled again.
    pub poll: unsafe extern "C" fn(data: *mut c_void, word: usize, result: *mut Object) -> Answer,
    /// Polls the future where the running loop is none of aioxide's.
    ///
    /// [`PENDING`] puts a new reference to what the coroutine is to await into `result`: a future
    /// of that loop. It is called again when that has a result. An exception that comes out of it,
    /// as one that is thrown into the coroutine, does not come here: it drops the body and is
    /// raised. With null in place of a future, the coroutine lets the loop run once, as
    /// `asyncio.sleep(0)` does.
    ///
    /// It is called in a turn without a loop, in which [`Table::hold`] is all that works.
    pub poll_elsewhere: unsafe extern "C" fn(data: *mut c_void, result: *mut Object) -> Answer,
    /// Drops the future: in a turn of its loop if it was polled in one, else in a turn without
    /// a loop. Called once, whether the future has ended or not.
    pub drop: unsafe extern "C" fn(data: *mut c_void),
    /// Shows the collector the references that the extension keeps itself. Not those of
    /// [`Table::hold`]. Called at any time, also while the future is being polled, so it only
    /// reads; what it returns is what a `tp_traverse` returns.
    pub traverse:
        unsafe extern "C" fn(data: *mut c_void, visit: Visit, argument: *mut c_void) -> c_int,
}

/// What the loop does for an extension.
#[derive(Debug)]
#[repr(C)]
pub struct Table {
    /// `size_of::<Table>()` in the version of aioxide that runs.
    pub size: usize,
    /// [`MAJOR`] of it.
    pub major: u32,
    /// [`MINOR`] of it.
    pub minor: u32,

    /// The running loop of this thread if it is one of aioxide's, else null without an exception.
    pub running_loop: unsafe extern "C" fn() -> Object,

    /// A coroutine that polls `body` on whatever loop awaits it. It takes the body: also when it
    /// fails, the body is dropped.
    ///
    /// Its `cr_code` has the path, file and line of `definition`. `owner` is an object to be kept
    /// until the coroutine has ended, or null.
    pub coroutine:
        unsafe extern "C" fn(body: Body, definition: *const Definition, owner: Object) -> Object,

    /// Wakes the coroutine whose body was polled with `word`. On any thread, with or without the
    /// GIL, at any time: a coroutine that has ended, or whose loop is closed, is not woken.
    pub wake: unsafe extern "C" fn(word: usize),

    /// In a turn: the time of the loop's clock in seconds, into `seconds`. It may be a virtual
    /// clock.
    pub time: unsafe extern "C" fn(seconds: *mut f64) -> Answer,

    /// In a turn: becomes ready when the loop's clock shows `deadline`, in seconds.
    pub sleep_until: unsafe extern "C" fn(deadline: f64) -> Leaf,

    /// In a turn: becomes ready when the descriptor is: [`READABLE`] or [`WRITABLE`]. It stays
    /// open until the leaf is dropped, and nothing else watches it in that direction.
    pub ready: unsafe extern "C" fn(descriptor: c_int, direction: c_int) -> Leaf,

    /// In a turn: awaits a Python awaitable: a future in place, a coroutine as a task of the loop,
    /// which takes its first step at once, as `await` does. Dropped before it is ready, it is
    /// cancelled.
    pub await_python: unsafe extern "C" fn(awaitable: Object) -> Leaf,

    /// In a turn: calls `call(data)` on a thread of the loop's default pool, without the GIL.
    /// `call` takes the data; `drop(data)` is called in its place if it is never called.
    pub in_thread: unsafe extern "C" fn(
        call: unsafe extern "C" fn(data: usize),
        drop: unsafe extern "C" fn(data: usize),
        data: usize,
    ) -> Leaf,

    /// In a turn: polls a leaf, which takes `wake`. [`READY`] puts a new reference to the result,
    /// None for what has none, into `result`. The turn may be that of another coroutine than the
    /// one that has made the leaf; on another loop it raises `RuntimeError`.
    pub poll_leaf: unsafe extern "C" fn(leaf: Leaf, wake: Wake, result: *mut Object) -> Answer,

    /// Drops a leaf, which calls off what it has not waited for. In a turn or not: a socket that is
    /// being waited for may be dropped with the object that it belongs to.
    pub drop_leaf: unsafe extern "C" fn(leaf: Leaf),

    /// In a turn: keeps a reference for the body, where the collector sees it.
    pub hold: unsafe extern "C" fn(object: Object) -> Held,

    /// The object. Null without an exception once the collector has cleared it.
    pub held: unsafe extern "C" fn(held: Held) -> Object,

    /// Lets go of the reference.
    pub drop_held: unsafe extern "C" fn(held: Held),

    /// In a turn: makes a task of a coroutine, as `loop.create_task` does.
    pub spawn: unsafe extern "C" fn(coroutine: Object) -> Object,
}

// SAFETY: it holds numbers and functions, and nothing writes to it.
unsafe impl Sync for Table {}

impl Table {
    /// Whether the table of the running aioxide has the entry at `offset` (`offset_of!(Table,
    /// entry)`). Those of the first version are always there.
    pub const fn has(&self, offset: usize) -> bool {
        offset + size_of::<usize>() <= self.size
    }
}

// What another compiler has laid out is the same: no entry moves.
#[cfg(target_pointer_width = "64")]
const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(Table, running_loop) == 16);
    assert!(offset_of!(Table, spawn) == 16 + 8 * 13);
    assert!(offset_of!(BodyTable, traverse) == 32);
    assert!(size_of::<Wake>() == 24);
};
