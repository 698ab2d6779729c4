//! The table itself: what other extension modules call.

use std::ffi::{CStr, c_int, c_void};
use std::panic::catch_unwind;
use std::ptr::{NonNull, null_mut};
use std::rc::Rc;
use std::task::Poll;

use aioxide_abi as abi;
use aioxide_engine::futures::waker_of_word;
use pyo3::PyTypeInfo;
use pyo3::exceptions::{PyRuntimeError, PySystemError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use super::super::awaited::WakeOnDone;
use super::super::routine::RustFuture;
use super::super::turn::{self, Turn};
use super::{ForeignBody, ForeignCall, Leaf, waker};
use crate::core::coroutines::Coroutine;
use crate::core::current_task::running_loop_or_none;
use crate::core::event_loop::LoopCore;
use crate::ffi::definition::Definition;
use crate::ffi::entry::{Attach, Returned, enter};
use crate::ffi::held::Held;

/// Adds the capsule to the module.
pub fn publish(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // Made now, because later it might fail for want of memory.
    WakeOnDone::type_object_raw(module.py());
    let table = NonNull::from(&TABLE).cast();
    // SAFETY: the table is a static, and nobody writes to it.
    let capsule = unsafe { PyCapsule::new_with_pointer(module.py(), table, abi::CAPSULE)? };
    module.add(crate::name!("_loop_v1"), capsule)
}

static TABLE: abi::Table = abi::Table {
    size: size_of::<abi::Table>(),
    major: abi::MAJOR,
    minor: abi::MINOR,
    running_loop,
    coroutine,
    wake,
    time,
    sleep_until,
    ready,
    await_python,
    in_thread,
    poll_leaf,
    drop_leaf,
    hold,
    held,
    drop_held,
    spawn,
};

/// A new reference, the handle of a box, or null.
struct Handle(*mut c_void);

impl Handle {
    const NULL: Self = Self(null_mut());

    fn of(object: Bound<'_, PyAny>) -> Self {
        Self(object.into_ptr().cast())
    }

    fn leaf(leaf: Rc<Leaf>) -> Self {
        Self(Rc::into_raw(leaf).cast_mut().cast())
    }
}

impl Returned for Handle {
    type Raw = *mut c_void;
    const FAILED: *mut c_void = null_mut();

    fn into_raw(self) -> *mut c_void {
        self.0
    }
}

impl Returned for Poll<()> {
    type Raw = abi::Answer;
    const FAILED: abi::Answer = abi::RAISED;

    fn into_raw(self) -> abi::Answer {
        if self.is_ready() { abi::READY } else { abi::PENDING }
    }
}

/// Runs an entry, in the main interpreter only. An extension that sub-interpreters may import
/// brings the table along in a static.
///
/// It is asked before the thread is registered with PyO3: in a sub-interpreter of CPython 3.11
/// that waits for ever.
///
/// # Safety
///
/// The GIL is held.
#[inline]
unsafe fn enter_main<R: Returned>(
    name: &'static CStr,
    entry: impl FnOnce(Python<'_>) -> PyResult<R>,
) -> R::Raw {
    // SAFETY: the caller's promise.
    unsafe {
        if !is_main_interpreter() {
            refuse();
            return R::FAILED;
        }
        enter(name, Attach::Registered, entry)
    }
}

/// # Safety
///
/// The GIL is held.
#[inline]
unsafe fn is_main_interpreter() -> bool {
    // SAFETY: the caller's promise.
    unsafe { ffi::PyInterpreterState_Get() == ffi::PyInterpreterState_Main() }
}

/// Raises what a sub-interpreter is told.
///
/// # Safety
///
/// The GIL is held.
#[cold]
unsafe fn refuse() {
    let text = c"aioxide runs in the main interpreter only";
    // SAFETY: the caller's promise. All interpreters have the same class, and the text is theirs.
    unsafe { ffi::PyErr_SetString(ffi::PyExc_RuntimeError, text.as_ptr()) };
}

/// Runs an entry for which the caller has to be in a turn, which is the innermost of this thread.
///
/// # Safety
///
/// The GIL is held.
#[inline]
unsafe fn in_turn<R: Returned>(
    name: &'static CStr,
    entry: impl FnOnce(&Turn<'_, '_>) -> PyResult<R>,
) -> R::Raw {
    // SAFETY: the caller's promise.
    unsafe { enter_main(name, |_py| turn::try_with(entry).unwrap_or_else(|| Err(outside(name)))) }
}

#[cold]
fn outside(name: &CStr) -> PyErr {
    let name = name.to_string_lossy();
    PyRuntimeError::new_err(format!(
        "{name} is called outside of a turn: not from a poll or a drop"
    ))
}

#[cold]
fn null(name: &'static str) -> PyErr {
    PySystemError::new_err(format!("{name} is given a null pointer"))
}

/// The object, as the caller has it.
///
/// # Safety
///
/// It is null, or one of Python's.
unsafe fn borrowed<'py>(
    turn: &Turn<'_, 'py>,
    name: &'static str,
    object: abi::Object,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the caller's promise.
    unsafe { Bound::from_borrowed_ptr_or_opt(turn.py(), object.cast()) }.ok_or_else(|| null(name))
}

unsafe extern "C" fn running_loop() -> abi::Object {
    // SAFETY: it is the contract that the GIL is held.
    unsafe {
        if !is_main_interpreter() {
            return null_mut();
        }
        enter(c"running_loop", Attach::Registered, |py| {
            // What cannot be asked is not one of ours.
            let running = running_loop_or_none(py).ok();
            let core = running.as_ref().and_then(LoopCore::of);
            Ok(core.map_or(Handle::NULL, |core| Handle::of(core.clone().into_any())))
        })
    }
}

unsafe extern "C" fn coroutine(
    body: abi::Body,
    definition: *const abi::Definition,
    owner: abi::Object,
) -> abi::Object {
    // SAFETY: it is the contract that the GIL is held, and what the arguments are.
    unsafe {
        if !is_main_interpreter() {
            let py = Python::assume_attached();
            turn::run_without_loop(py, || drop(ForeignBody::take(py, body)));
            refuse();
            return null_mut();
        }
        enter(c"coroutine", Attach::Registered, |py| {
            let body = ForeignBody::take(py, body)?;
            let (qualname, definition) = match Definition::of(py, definition) {
                Ok(named) => named,
                Err(error) => {
                    turn::run_without_loop(py, || drop(body));
                    return Err(error);
                }
            };
            let owner = Bound::from_borrowed_ptr_or_opt(py, owner.cast()).map(Bound::unbind);
            let routine = RustFuture::foreign(qualname, definition, owner, body);
            Ok(Handle::of(Coroutine::new(py, routine)?.into_bound(py).into_any()))
        })
    }
}

unsafe extern "C" fn wake(word: usize) {
    // No GIL, perhaps no interpreter any more: nothing of Python is touched.
    drop(catch_unwind(|| waker_of_word(word).wake()));
}

unsafe extern "C" fn time(seconds: *mut f64) -> abi::Answer {
    // SAFETY: the contract: the GIL is held, and there is room for a number.
    unsafe {
        in_turn(c"time", |turn| {
            let core = turn.loop_of("time")?;
            let seconds = seconds.as_mut().ok_or_else(|| null("time"))?;
            *seconds = core.get().now(turn.py());
            Ok(Poll::Ready(()))
        })
    }
}

unsafe extern "C" fn sleep_until(deadline: f64) -> abi::Leaf {
    // SAFETY: it is the contract that the GIL is held.
    unsafe {
        in_turn(c"sleep_until", |turn| {
            turn.loop_of("sleep_until")?;
            Leaf::sleep_until(turn, deadline).map(Handle::leaf)
        })
    }
}

unsafe extern "C" fn ready(descriptor: c_int, direction: c_int) -> abi::Leaf {
    // SAFETY: it is the contract that the GIL is held.
    unsafe {
        in_turn(c"ready", |turn| {
            turn.loop_of("ready")?;
            Leaf::ready(turn, descriptor, direction).map(Handle::leaf)
        })
    }
}

unsafe extern "C" fn await_python(awaitable: abi::Object) -> abi::Leaf {
    // SAFETY: the contract: the GIL is held, and this is an object of Python's.
    unsafe {
        in_turn(c"await_python", |turn| {
            turn.loop_of("await_python")?;
            let awaitable = borrowed(turn, "await_python", awaitable)?;
            Leaf::await_python(turn, &awaitable).map(Handle::leaf)
        })
    }
}

unsafe extern "C" fn in_thread(
    call: unsafe extern "C" fn(usize),
    drop: unsafe extern "C" fn(usize),
    data: usize,
) -> abi::Leaf {
    // SAFETY: the contract: the GIL is held, and the functions may be called from now on.
    unsafe {
        let call = ForeignCall::new(call, drop, data);
        in_turn(c"in_thread", |turn| {
            turn.loop_of("in_thread")?;
            Leaf::in_thread(turn, call).map(Handle::leaf)
        })
    }
}

unsafe extern "C" fn poll_leaf(
    leaf: abi::Leaf,
    wake: abi::Wake,
    result: *mut abi::Object,
) -> abi::Answer {
    // SAFETY: the contract: the GIL is held, the leaf is one that has not been dropped, and there
    // is room for the result. The leaf is counted once more meanwhile, so that it may be dropped.
    unsafe {
        let waker = waker(wake);
        in_turn(c"poll_leaf", |turn| {
            if leaf.is_null() || result.is_null() {
                return Err(null("poll_leaf"));
            }
            let leaf: *const Leaf = leaf.cast();
            Rc::increment_strong_count(leaf);
            Ok(Rc::from_raw(leaf)
                .poll(turn, &waker)?
                .map(|value| *result = value.into_ptr().cast()))
        })
    }
}

unsafe extern "C" fn drop_leaf(leaf: abi::Leaf) {
    if leaf.is_null() {
        return;
    }
    // SAFETY: the contract: the GIL is held, and the leaf is not used any more.
    unsafe {
        crate::ffi::entry::enter_silently(c"drop_leaf", |py| {
            Rc::from_raw(leaf.cast::<Leaf>().cast_const()).end(py);
        });
    }
}

unsafe extern "C" fn hold(object: abi::Object) -> abi::Held {
    // SAFETY: the contract: the GIL is held, and this is an object of Python's.
    unsafe {
        in_turn(c"hold", |turn| {
            let held = turn.hold(borrowed(turn, "hold", object)?);
            Ok(Handle(Box::into_raw(Box::new(held)).cast()))
        })
    }
}

unsafe extern "C" fn held(held: abi::Held) -> abi::Object {
    // SAFETY: the contract: the GIL is held, and this comes from `hold` and was not dropped.
    unsafe {
        enter_main(c"held", |py| {
            let held = held.cast::<Held<PyAny>>().as_ref().ok_or_else(|| null("held"))?;
            Ok(held.get(py).map_or(Handle::NULL, Handle::of))
        })
    }
}

unsafe extern "C" fn drop_held(held: abi::Held) {
    if held.is_null() {
        return;
    }
    // SAFETY: the contract: the GIL is held, and this comes from `hold` and is not used any more.
    unsafe {
        crate::ffi::entry::enter_silently(c"drop_held", |_py| {
            drop(Box::from_raw(held.cast::<Held<PyAny>>()));
        });
    }
}

unsafe extern "C" fn spawn(coroutine: abi::Object) -> abi::Object {
    // SAFETY: the contract: the GIL is held, and this is an object of Python's.
    unsafe {
        in_turn(c"spawn", |turn| {
            turn.loop_of("spawn")?;
            turn.spawn(borrowed(turn, "spawn", coroutine)?).map(Handle::of)
        })
    }
}
