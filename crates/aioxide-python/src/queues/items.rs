//! What is in a queue.

use std::collections::VecDeque;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::Queue;
use crate::standard;

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
    pub fn empty(py: Python<'_>, order: Order) -> Self {
        match order {
            Order::Fifo => Self::Native(VecDeque::new()),
            Order::Lifo | Order::Priority => Self::Object(PyList::empty(py).into_any().unbind()),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Native(items) => items.iter().try_for_each(|item| visit.call(item)),
            Self::Object(object) => visit.call(object),
        }
    }
}

impl Queue {
    /// The object that holds the things, made now if there is none yet: from
    /// then on it is what counts.
    pub(super) fn items_object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let native = self.state.with(py, |state| match &mut state.items {
            Items::Native(items) => Err(std::mem::take(items)),
            Items::Object(object) => Ok(object.bind(py).clone()),
        });
        match native {
            Ok(object) => Ok(object),
            Err(items) => {
                let deque = standard::deque(py)?.call1((Vec::from(items),))?;
                let kept = deque.clone().unbind();
                drop(
                    self.state
                        .with(py, |state| std::mem::replace(&mut state.items, Items::Object(kept))),
                );
                Ok(deque)
            }
        }
    }

    /// Puts `item` where it belongs, without looking for room.
    #[inline]
    pub(super) fn store(&self, item: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = item.py();
        let kept = item.clone().unbind();
        let refused = self.state.with(py, |state| match &mut state.items {
            Items::Native(items) => {
                items.push_back(kept);
                None
            }
            Items::Object(object) => Some((object.bind(py).clone(), kept)),
        });
        let Some((object, item)) = refused else {
            return Ok(());
        };
        if self.order == Order::Priority {
            standard::heappush(py)?.call1((object, item)).map(drop)
        } else {
            object.call_method1(pyo3::intern!(py, "append"), (item,)).map(drop)
        }
    }

    /// Takes the next item out; there must be one.
    #[inline]
    pub(super) fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let taken = self.state.with(py, |state| match &mut state.items {
            Items::Native(items) => items.pop_front().ok_or(None),
            Items::Object(object) => Err(Some(object.bind(py).clone())),
        });
        let object = match taken {
            Ok(item) => return Ok(item),
            Err(Some(object)) => object,
            Err(None) => {
                return Err(pyo3::exceptions::PyIndexError::new_err("pop from an empty deque"));
            }
        };
        let item = match self.order {
            Order::Fifo => object.call_method0(pyo3::intern!(py, "popleft"))?,
            Order::Lifo => object.call_method0(pyo3::intern!(py, "pop"))?,
            Order::Priority => standard::heappop(py)?.call1((object,))?,
        };
        Ok(item.unbind())
    }

    /// How many things there are.
    #[inline]
    pub(super) fn size(&self, py: Python<'_>) -> PyResult<usize> {
        let size = self.state.with(py, |state| match &state.items {
            Items::Native(items) => Ok(items.len()),
            Items::Object(object) => Err(object.bind(py).clone()),
        });
        size.or_else(|object| object.len())
    }
}
