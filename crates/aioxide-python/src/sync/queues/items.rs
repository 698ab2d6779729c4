//! What is in a queue.

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

/// In which order a queue gives things back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// First in, first out.
    Fifo,
    /// Last in, first out.
    Lifo,
    /// The lowest first.
    Priority,
}

/// The things.
pub enum Items {
    /// In a first-in-first-out queue that nobody has looked into.
    Native(VecDeque<Py<PyAny>>),
    /// In the object that asyncio keeps as `_queue`: a list, or a deque from
    /// the moment that somebody asked for it.
    Object(Py<PyAny>),
}

impl Items {
    /// No things yet, for a queue of this order.
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

    /// How many there are; None if only Python can tell.
    fn native_len(&mut self) -> Option<usize> {
        match self {
            Self::Native(items) => Some(items.len()),
            Self::Object(_) => None,
        }
    }

    /// Puts one behind the others; hands it back if that is Python's to do.
    fn push_native(&mut self, item: Py<PyAny>) -> Option<Py<PyAny>> {
        match self {
            Self::Native(items) => {
                items.push_back(item);
                None
            }
            Self::Object(_) => Some(item),
        }
    }

    /// Takes the first one, if there is one here.
    fn pop_native(&mut self) -> Option<Py<PyAny>> {
        match self {
            Self::Native(items) => items.pop_front(),
            Self::Object(_) => None,
        }
    }

    /// The object that holds the things, or references to the things.
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
    /// The object that holds the things, made now if there is none yet: from
    /// then on it is what counts.
    pub(super) fn items_object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let deque_type = stdlib::deque(py)?;
        loop {
            let items = match self.state.items.looked_at(py) {
                Ok(object) => return Ok(object.into_bound(py)),
                Err(items) => items,
            };
            // The things stay where they are until the deque has them all.
            let count = items.len();
            let items = items.into_iter().map(|item| item.into_bound(py)).collect::<Vec<_>>();
            let deque = deque_type.call1((allocate::list(py, items)?,))?;
            // Making it has run who knows what.
            if self.state.items.native_len(py) == Some(count) {
                let kept = Items::Object(deque.clone().unbind());
                drop(self.state.items.replace(py, kept));
                return Ok(deque);
            }
        }
    }

    /// The object likewise, if there is one.
    fn object_in_use<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.state.items.native_len(py) {
            Some(_) => Ok(None),
            None => self.items_object(py).map(Some),
        }
    }

    /// Puts `item` where it belongs, without looking for room.
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

    /// Takes the next item out; there must be one.
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

    /// How many things there are.
    #[inline]
    pub(super) fn size(&self, py: Python<'_>) -> PyResult<usize> {
        match self.state.items.native_len(py) {
            Some(size) => Ok(size),
            None => self.items_object(py)?.len(),
        }
    }

    /// Whether there are none: whether `_queue` is false, whatever that is.
    pub(super) fn holds_nothing(&self, py: Python<'_>) -> PyResult<bool> {
        match self.state.items.native_len(py) {
            Some(size) => Ok(size == 0),
            None => Ok(!self.items_object(py)?.is_truthy()?),
        }
    }

    /// The things as a list, for whoever looks on.
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
