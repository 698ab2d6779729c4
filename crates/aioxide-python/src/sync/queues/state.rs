//! The fields of a queue, and whether its class overrides a method that others call.

use aioxide_trace::ObjectKind;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

use super::Queue;
use super::items::{Items, Order};
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::gil_cell::GilCell;
use crate::ffi::unadorned::has_attributes;
use crate::sync::locks::{Event, LoopBinding, Waiters};

pub(super) struct State {
    /// What was found out about the class.
    class: GilCell<Known>,
    pub limit: GilCell<Limit>,
    /// The limit as it was given.
    pub given_limit: GilCell<Option<Py<PyAny>>>,
    pub order: Order,
    pub items: GilCell<Items>,
    pub getters: GilCell<Waiters>,
    pub putters: GilCell<Waiters>,
    /// How many items were added and not yet marked as finished.
    pub unfinished: GilCell<i64>,
    /// The event that is set while there are none.
    pub finished: GilCell<Option<Py<Event>>>,
    pub shut_down: GilCell<bool>,
    pub binding: LoopBinding,
}

/// What was found when the class was last examined.
#[derive(Clone, Copy)]
struct Known {
    /// The class as it was then, by the number that the interpreter gives to each state of
    /// each class; 0 for none.
    version: u32,
    /// Whether it overrides methods that the others have to call.
    overridden: bool,
}

/// How many items there may be.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// `__init__` never ran.
    Absent,
    /// This many, if it is above zero.
    Whole(isize),
    /// What only Python can compare with.
    Odd,
}

/// The synchronous fast path of `put`: adds `item` if there is room and no method is
/// overridden. Returns the getter to wake, if one waits; None, with nothing changed,
/// if the full method has to do it.
#[inline]
pub(super) fn try_put(queue: &Bound<'_, Queue>, item: &Py<PyAny>) -> Option<Option<Py<Future>>> {
    let py = queue.py();
    let state = &queue.get().state;
    let Limit::Whole(limit) = state.limit.get(py) else {
        return None;
    };
    // The event of `join` is set and has to be cleared.
    let clears_event = state.unfinished.get(py) == 0 && state.finished.is_some(py);
    if !state.has_asyncios_methods(queue) || state.shut_down.get(py) || clears_event {
        return None;
    }
    let size = state.items.native_len(py)?;
    if limit > 0 && size >= limit.unsigned_abs() {
        return None;
    }
    let getter = take_first(&state.getters, py)?;
    // The items are native, so it returns nothing to drop.
    std::mem::forget(state.items.push_native(py, item.clone_ref(py)));
    state.unfinished.set(py, state.unfinished.get(py).wrapping_add(1));
    state.note_length(py);
    Some(getter)
}

/// The same for `get`: removes the next item, and returns it with the putter to wake.
#[inline]
pub(super) fn try_get(queue: &Bound<'_, Queue>) -> Option<(Py<PyAny>, Option<Py<Future>>)> {
    let py = queue.py();
    let state = &queue.get().state;
    if !state.has_asyncios_methods(queue) || state.items.native_len(py)? == 0 {
        return None;
    }
    let putter = take_first(&state.putters, py)?;
    let item = state.items.pop_native(py)?;
    state.note_length(py);
    Some((item, putter))
}

/// Removes the first waiter, if there is one; None if it is done already, and others
/// may have to be examined.
#[inline]
fn take_first(waiters: &GilCell<Waiters>, py: Python<'_>) -> Option<Option<Py<Future>>> {
    if waiters.len(py) == 0 { Some(None) } else { waiters.take_first_pending(py).map(Some) }
}

/// The methods that asyncio's own methods call, and that a subclass may override.
const HOOKS: [&str; 8] =
    ["_init", "_get", "_put", "qsize", "empty", "full", "put_nowait", "get_nowait"];

/// Their names as strings, and the methods of [`Queue`].
static ORIGINALS: PyOnceLock<Vec<(Py<PyString>, Py<PyAny>)>> = PyOnceLock::new();

/// What was last found for each order, with which a new queue begins.
static KNOWN: [GilCell<Known>; 3] = [const { GilCell::new(Known::NOTHING) }; 3];

impl Known {
    const NOTHING: Self = Self { version: 0, overridden: false };
}

impl State {
    pub fn new(py: Python<'_>, order: Order, limit: Limit) -> PyResult<Self> {
        Ok(Self {
            class: GilCell::new(KNOWN[order as usize].get(py)),
            limit: GilCell::new(limit),
            given_limit: GilCell::new(None),
            order,
            items: GilCell::new(Items::empty(py, order)?),
            getters: GilCell::new(Waiters::default()),
            putters: GilCell::new(Waiters::default()),
            unfinished: GilCell::new(0),
            finished: GilCell::new(None),
            shut_down: GilCell::new(false),
            binding: LoopBinding::new(ObjectKind::Queue),
        })
    }

    /// Tells the recorder how many items there are, if they are ours to count.
    #[inline(always)]
    pub fn note_length(&self, py: Python<'_>) {
        self.binding.note_length(py, || self.items.native_len(py).map(|length| length as u64));
    }

    /// Whether no method is overridden, and the class is unchanged since it was examined.
    #[inline]
    fn has_asyncios_methods(&self, queue: &Bound<'_, Queue>) -> bool {
        let known = self.class.get(queue.py());
        // SAFETY: the reference is alive, and so is its class.
        let version = unsafe { (*ffi::Py_TYPE(queue.as_ptr())).tp_version_tag };
        version == known.version
            && version != 0
            && !known.overridden
            && !has_attributes(queue.as_any())
    }
}

impl Queue {
    /// Remembers the methods that are bypassed unless they are overridden. Called once, at
    /// module initialisation, when all of them are in place.
    pub(super) fn remember_methods(py: Python<'_>) -> PyResult<()> {
        let class = py.get_type::<Self>();
        let originals = HOOKS.iter().map(|name| {
            let name = allocate::string(py, name)?;
            let method = class.getattr(&name)?.unbind();
            Ok((name.unbind(), method))
        });
        let originals = originals.collect::<PyResult<Vec<_>>>()?;
        ORIGINALS.get_or_init(py, || originals);
        Ok(())
    }

    /// Whether the object or its class overrides one of the methods. A class is examined
    /// again when it has changed, or is another one.
    #[inline]
    pub(super) fn is_overridden(slf: &Bound<'_, Self>) -> PyResult<bool> {
        if slf.get().state.has_asyncios_methods(slf) { Ok(false) } else { Self::has_hooks(slf) }
    }

    #[cold]
    fn has_hooks(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let state = &slf.get().state;
        let class = slf.get_type();
        // SAFETY: the reference is alive.
        let version = || unsafe { (*class.as_type_ptr()).tp_version_tag };
        let known = state.class.get(py);
        let originals = ORIGINALS.get(py).map(Vec::as_slice).unwrap_or_default();
        let overridden = if version() == known.version && known.version != 0 {
            known.overridden
        } else {
            let mut overridden = false;
            for (name, original) in originals {
                overridden |= !class.getattr(name.bind(py))?.is(original);
            }
            let known = Known { version: version(), overridden };
            state.class.set(py, known);
            KNOWN[state.order as usize].set(py, known);
            overridden
        };
        if overridden || !has_attributes(slf.as_any()) {
            return Ok(overridden);
        }
        let attributes = slf.getattr(crate::intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
        for (name, _) in originals {
            if attributes.contains(name.bind(py))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
