//! Python references that Rust futures hold.
//!
//! What an `async` block captures is hidden from the garbage collector. So it holds no `Py`, but
//! a [`Held`]: a place in a table, [`References`], that a Python object owns and shows to the
//! collector.

use std::cell::OnceCell;
use std::marker::PhantomData;
use std::rc::Rc;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use slab::Slab;

use super::gil_cell::{GilCell, unsafe_cell_methods};

/// A table of references, made when the first is held.
///
/// The Python object that owns it visits it in `__traverse__` and empties it in `__clear__`. What
/// was held finds it empty then.
#[derive(Default)]
pub struct References {
    table: OnceCell<Rc<GilCell<Table>>>,
}

#[derive(Default)]
struct Table {
    slots: Slab<Py<PyAny>>,
    /// Nothing is added any more.
    closed: bool,
}

impl Table {
    fn insert(&mut self, object: Py<PyAny>) -> Result<usize, Py<PyAny>> {
        if self.closed { Err(object) } else { Ok(self.slots.insert(object)) }
    }

    fn remove(&mut self, index: usize) -> Option<Py<PyAny>> {
        self.slots.try_remove(index)
    }

    fn take_all(&mut self) -> Slab<Py<PyAny>> {
        self.closed = true;
        std::mem::take(&mut self.slots)
    }

    fn look_up(&mut self, py: Python<'_>, index: usize) -> Option<Py<PyAny>> {
        self.slots.get(index).map(|object| object.clone_ref(py))
    }
}

// SAFETY (of the methods): references are moved in and out, or counted up.
unsafe_cell_methods!(Table {
    /// Keeps a reference; it comes back if the table is closed.
    fn insert(&mut self, object: Py<PyAny>) -> Result<usize, Py<PyAny>>;
    /// Takes a reference out.
    fn remove(&mut self, index: usize) -> Option<Py<PyAny>>;
    /// Takes all out, for good.
    fn take_all(&mut self) -> Slab<Py<PyAny>>;
} with py {
    /// Another reference to what is kept there.
    fn look_up(&mut self, index: usize) -> Option<Py<PyAny>>;
});

impl References {
    /// Keeps a reference to `object` until what is returned is dropped.
    pub fn hold<T>(&self, object: Bound<'_, T>) -> Held<T> {
        let py = object.py();
        let table = self.table.get_or_init(Rc::default);
        let index = match table.insert(py, object.into_any().unbind()) {
            Ok(index) => index,
            Err(refused) => {
                drop(refused);
                usize::MAX
            }
        };
        Held { table: Rc::clone(table), index, kind: PhantomData }
    }

    /// Whether `held` is kept here.
    pub fn has<T>(&self, held: &Held<T>) -> bool {
        self.table.get().is_some_and(|table| Rc::ptr_eq(table, &held.table))
    }

    /// Drops all references; each [`Held`] is empty from now on.
    pub fn clear(&self, py: Python<'_>) {
        if let Some(table) = self.table.get() {
            drop(table.take_all(py));
        }
    }

    /// Visits them, for the garbage collector.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(table) = self.table.get() else { return Ok(()) };
        table.traverse(|table| table.slots.iter().try_for_each(|(_, it)| visit.call(it)))
    }
}

/// A reference in a table. Dropped with the GIL held.
pub struct Held<T> {
    table: Rc<GilCell<Table>>,
    index: usize,
    kind: PhantomData<T>,
}

impl<T> Held<T> {
    /// The object; None once the table has been emptied.
    pub fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, T>> {
        let object = self.table.look_up(py, self.index)?.into_bound(py);
        // SAFETY: what was put into the place was a `T`, and the index is used for nothing else
        // before this value is dropped: an emptied table takes nothing in.
        Some(unsafe { object.cast_into_unchecked::<T>() })
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        // SAFETY: futures and the objects that own them are dropped with the GIL held: a
        // `Turn` ends them, or the object's deallocation.
        let py = unsafe { Python::assume_attached() };
        if let Some(object) = self.table.remove(py, self.index) {
            // Registered with PyO3 or not, it is dropped here and now.
            drop(object.into_bound(py));
        }
    }
}
