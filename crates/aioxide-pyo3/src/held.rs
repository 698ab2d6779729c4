//! References of a body that the garbage collector sees.

use std::ffi::{c_int, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aioxide_abi::Visit;
use pyo3::prelude::*;
use slab::Slab;

use crate::turn;

/// The references of one body, made when the first is held.
#[derive(Clone, Default)]
#[expect(missing_debug_implementations, reason = "the macros alone see it")]
pub struct References {
    places: OnceLock<Arc<Places>>,
}

#[derive(Default)]
struct Places {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    slots: Slab<Py<PyAny>>,
    /// The body has ended: nothing is added any more.
    closed: bool,
}

impl Places {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl References {
    /// Keeps a reference to `object` until what is returned is dropped, or the body has ended.
    pub fn hold<T>(&self, object: Bound<'_, T>) -> Held<T> {
        let places = Arc::clone(self.places.get_or_init(Arc::default));
        let object = object.into_any();
        let mut table = places.lock();
        let index = match table.closed {
            true => usize::MAX,
            false => table.slots.insert(object.unbind()),
        };
        drop(table);
        Held { places, index, kind: PhantomData }
    }

    /// Drops all of them, for good.
    pub(crate) fn clear(&self) {
        let Some(places) = self.places.get() else { return };
        let mut table = places.lock();
        table.closed = true;
        let slots = std::mem::take(&mut table.slots);
        drop(table);
        drop(slots); // It may run Python code.
    }

    /// Shows them to the collector.
    ///
    /// # Safety
    ///
    /// `visit` and `argument` are those of a `tp_traverse` that runs.
    pub(crate) unsafe fn traverse(&self, visit: Visit, argument: *mut c_void) -> c_int {
        // Nothing is visited while another thread changes it: the collector then takes the
        // references for those of somebody else, and keeps the objects.
        let Some(Ok(table)) = self.places.get().map(|places| places.table.try_lock()) else {
            return 0;
        };
        for (_, object) in &table.slots {
            // SAFETY: the caller's promise; the reference is alive.
            let stop = unsafe { visit(object.as_ptr().cast(), argument) };
            if stop != 0 {
                return stop;
            }
        }
        0
    }
}

/// A reference to a Python object that a coroutine keeps where the garbage collector sees it.
///
/// What an `async` block captures is hidden from the collector. A plain `Py` in it is enough for
/// objects that do not lead back to the coroutine. One that may do so, such as the object whose
/// method this is, is kept as a `Held`, or else a coroutine that waits forever is never freed.
///
/// [`hold`] makes one; arguments of `#[aioxide_pyo3::pyfunction]` and
/// `#[aioxide_pyo3::pymethods]` may be of this type, `slf: Held<Self>` too.
pub struct Held<T> {
    places: Arc<Places>,
    index: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Held<T> {
    /// The object. None once the coroutine has ended, or the collector has cleared it.
    pub fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, T>> {
        let object = self.places.lock().slots.get(self.index)?.clone_ref(py).into_bound(py);
        // SAFETY: what was put into the place was a `T`; the index is used for nothing else before
        // this value is dropped, since an emptied table takes nothing in.
        Some(unsafe { object.cast_into_unchecked::<T>() })
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        let object = self.places.lock().slots.try_remove(self.index);
        drop(object); // It may run Python code.
    }
}

/// Keeps a reference to `object` for the coroutine that runs, where the garbage collector sees it.
///
/// # Panics
///
/// Outside of a coroutine of this crate.
pub fn hold<T>(object: Bound<'_, T>) -> Held<T> {
    turn::with(|_, turn| turn.common.references.hold(object))
}

impl<T> fmt::Debug for Held<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Held").finish_non_exhaustive()
    }
}
