//! The items of a queue.

use std::collections::VecDeque;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyIndexError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::Queue;
use crate::ffi::allocate;
use crate::ffi::attributes::Collected;
use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};
use crate::stdlib;

/// The order in which a queue returns its items.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// First in, first out.
    Fifo,
    /// Last in, first out.
    Lifo,
    /// The lowest first.
    Priority,
}

/// The items.
pub enum Items {
    /// Of a first-in-first-out queue whose `_queue` was not read.
    Native(VecDeque<Py<PyAny>>),
    /// In the object that asyncio has as `_queue`: a list, or a deque once
    /// `_queue` was read.
    Object(Py<PyAny>),
}

impl Items {
    /// No items, for a queue of this order.
    ///
    /// # Errors
    ///
    /// `MemoryError`.
    pub fn empty(py: Python<'_>, order: Order) -> PyResult<Self> {
        match order {
            Order::Fifo => Ok(Self::Native(VecDeque::new())),
            Order::Lifo | Order::Priority => {
                let list = allocate::list::<PyAny>(py, [])?;
                Ok(Self::Object(list.into_any().unbind()))
            }
        }
    }

    /// The number of items; None if only Python can count them.
    fn native_len(&mut self) -> Option<usize> {
        match self {
            Self::Native(items) => Some(items.len()),
            Self::Object(_) => None,
        }
    }

    /// Adds an item at the end; returns it if only Python can add it.
    fn push_native(&mut self, item: Py<PyAny>) -> Option<Py<PyAny>> {
        match self {
            Self::Native(items) => {
                items.push_back(item);
                None
            }
            Self::Object(_) => Some(item),
        }
    }

    /// Removes the first item; None if there is none, or only Python can.
    fn pop_native(&mut self) -> Option<Py<PyAny>> {
        match self {
            Self::Native(items) => items.pop_front(),
            Self::Object(_) => None,
        }
    }

    /// The object that holds the items, or references to the items.
    fn looked_at(&mut self, py: Python<'_>) -> Result<Py<PyAny>, Vec<Py<PyAny>>> {
        match self {
            Self::Native(items) => Err(items.iter().map(|item| item.clone_ref(py)).collect()),
            Self::Object(object) => Ok(object.clone_ref(py)),
        }
    }
}

impl Collected for GilCell<Items> {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.traverse(|items| match items {
            Items::Native(items) => items.iter().try_for_each(|item| visit.call(item)),
            Items::Object(object) => visit.call(object),
        })
    }

    fn clear(&self, py: Python<'_>) {
        drop(self.replace(py, Items::Native(VecDeque::new())));
    }
}

// SAFETY (of the methods): items are moved in and out and counted up, never down.
unsafe_cell_methods!(Items {
    /// See [`Items::native_len`].
    fn native_len(&mut self) -> Option<usize>;
    /// See [`Items::push_native`].
    fn push_native(&mut self, item: Py<PyAny>) -> Option<Py<PyAny>>;
    /// See [`Items::pop_native`].
    fn pop_native(&mut self) -> Option<Py<PyAny>>;
} with py {
    /// See [`Items::looked_at`].
    fn looked_at(&mut self) -> Result<Py<PyAny>, Vec<Py<PyAny>>>;
});

impl Queue {
    /// The object that holds the items. If there is none yet, it is made now and
    /// holds them from then on.
    pub(super) fn items_object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let deque_type = stdlib::deque(py)?;
        loop {
            let items = match self.state.items.looked_at(py) {
                Ok(object) => return Ok(object.into_bound(py)),
                Err(items) => items,
            };
            // The items stay where they are until the deque has them all.
            let count = items.len();
            let items = items.into_iter().map(|item| item.into_bound(py)).collect::<Vec<_>>();
            let deque = deque_type.call1((allocate::list(py, items)?,))?;
            // Making it may have run Python code that changed the queue.
            if self.state.items.native_len(py) == Some(count) {
                let kept = Items::Object(deque.clone().unbind());
                drop(self.state.items.replace(py, kept));
                return Ok(deque);
            }
        }
    }

    /// The object that holds the items, if there is one.
    fn object_in_use<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.state.items.native_len(py) {
            Some(_) => Ok(None),
            None => self.items_object(py).map(Some),
        }
    }

    /// Adds `item` in the queue's order, whether or not there is room.
    #[inline]
    pub(super) fn store(&self, item: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = item.py();
        let Some(object) = self.object_in_use(py)? else {
            drop(self.state.items.push_native(py, item.clone().unbind()));
            return Ok(());
        };
        if self.state.order == Order::Priority {
            stdlib::heappush(py)?.call1((object, item)).map(drop)
        } else {
            object.call_method1(crate::intern!(py, "append"), (item,)).map(drop)
        }
    }

    /// Removes the next item; there must be one.
    #[inline]
    pub(super) fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Some(object) = self.object_in_use(py)? else {
            let empty = || PyIndexError::new_err(crate::name!("pop from an empty deque"));
            return self.state.items.pop_native(py).ok_or_else(empty);
        };
        let item = match self.state.order {
            Order::Fifo => object.call_method0(crate::intern!(py, "popleft"))?,
            Order::Lifo => object.call_method0(crate::intern!(py, "pop"))?,
            Order::Priority => stdlib::heappop(py)?.call1((object,))?,
        };
        Ok(item.unbind())
    }

    /// The number of items.
    #[inline]
    pub(super) fn size(&self, py: Python<'_>) -> PyResult<usize> {
        match self.state.items.native_len(py) {
            Some(size) => Ok(size),
            None => self.items_object(py)?.len(),
        }
    }

    /// Whether there are none: whether `_queue` is false, as in asyncio.
    pub(super) fn holds_nothing(&self, py: Python<'_>) -> PyResult<bool> {
        match self.state.items.native_len(py) {
            Some(size) => Ok(size == 0),
            None => Ok(!self.items_object(py)?.is_truthy()?),
        }
    }

    /// The items as a list, for `repr`.
    pub(super) fn items_list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.state.items.looked_at(py) {
            Ok(object) => py.get_type::<PyList>().call1((object,)),
            Err(items) => {
                let items = items.into_iter().map(|item| item.into_bound(py)).collect::<Vec<_>>();
                allocate::list(py, items).map(Bound::into_any)
            }
        }
    }
}
