//! The callbacks of a future.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::Future;
use crate::core::dispatch::Waiter;

/// One callback or native waiter of a future.
pub enum Callback {
    /// A native waiter, for which no Python callable is made.
    Waiter(Waiter),
    /// A callback of `add_done_callback`. In a box, because most futures never have
    /// one, and it would make every future larger.
    Python(Box<FutureCallback>),
}

/// A Python callable to call when the future is done.
pub struct FutureCallback {
    /// Called with the future.
    pub function: Py<PyAny>,
    /// The context that it is called in.
    pub context: Py<PyAny>,
    /// The future, once it is done and the callback is in the ready queue: the same box is
    /// used there.
    pub future: Option<Py<Future>>,
}

impl FutureCallback {
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.context)?;
        visit.call(&self.future)
    }
}

impl Callback {
    /// A callback of `add_done_callback`.
    #[inline]
    pub fn python(function: Py<PyAny>, context: Py<PyAny>) -> Self {
        Self::Python(Box::new(FutureCallback { function, context, future: None }))
    }

    /// The callable and the context that represent it in Python.
    pub fn into_python(self, py: Python<'_>) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        match self {
            Self::Python(callback) => Ok((callback.function, callback.context)),
            Self::Waiter(waiter) => waiter.into_python(py),
        }
    }

    /// Whether both are the same registration.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Waiter(one), Self::Waiter(other)) => one.is_same(other),
            (Self::Python(one), Self::Python(other)) => {
                one.function.is(&other.function) && one.context.is(&other.context)
            }
            _ => false,
        }
    }

    /// Clones the reference.
    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Waiter(waiter) => Self::Waiter(waiter.clone_ref(py)),
            Self::Python(callback) => {
                Self::python(callback.function.clone_ref(py), callback.context.clone_ref(py))
            }
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Waiter(waiter) => waiter.traverse(visit),
            Self::Python(callback) => callback.traverse(visit),
        }
    }
}

/// The callbacks of one future, in order. Nearly every future has one, so the
/// first is stored inline.
#[derive(Default)]
pub enum Callbacks {
    /// No callback.
    #[default]
    None,
    /// One callback.
    One(Callback),
    /// Two or more. In a box, to keep the enumeration small.
    #[expect(clippy::box_collection, reason = "one word instead of three")]
    Many(Box<Vec<Callback>>),
}

impl Callbacks {
    /// Whether there is no callback.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::None => true,
            Self::One(_) => false,
            Self::Many(callbacks) => callbacks.is_empty(),
        }
    }

    /// Appends a callback.
    #[inline]
    pub fn push(&mut self, callback: Callback) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(callback),
            Self::One(first) => Self::Many(Box::new(vec![first, callback])),
            Self::Many(mut callbacks) => {
                callbacks.push(callback);
                Self::Many(callbacks)
            }
        };
    }

    /// Removes the native waiter `party`, if it is there.
    pub fn take_waiter(&mut self, party: &Bound<'_, PyAny>) -> Option<Callback> {
        self.take(|callback| match callback {
            Callback::Waiter(waiter) => waiter.is(party),
            Callback::Python(_) => false,
        })
    }

    /// Replaces the native waiter `party` by a callback; returns the callback if `party` is
    /// not there.
    pub fn replace_waiter(
        &mut self,
        party: &Bound<'_, PyAny>,
        callback: Callback,
    ) -> Result<Callback, Callback> {
        let all = match self {
            Self::None => &mut [],
            Self::One(one) => std::slice::from_mut(one),
            Self::Many(callbacks) => callbacks.as_mut_slice(),
        };
        let is_it = |it: &&mut Callback| matches!(it, Callback::Waiter(it) if it.is(party));
        match all.iter_mut().find(is_it) {
            Some(place) => Ok(std::mem::replace(place, callback)),
            None => Err(callback),
        }
    }

    /// Removes the first callback for which the predicate is true.
    pub fn take(&mut self, is_it: impl Fn(&Callback) -> bool) -> Option<Callback> {
        match self {
            Self::None => None,
            Self::One(callback) if !is_it(callback) => None,
            Self::One(_) => std::mem::take(self).into_iter().next(),
            Self::Many(callbacks) => {
                let index = callbacks.iter().position(is_it)?;
                Some(callbacks.remove(index))
            }
        }
    }

    /// All callbacks, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Callback> {
        match self {
            Self::None => [].iter(),
            Self::One(callback) => std::slice::from_ref(callback).iter(),
            Self::Many(callbacks) => callbacks.iter(),
        }
    }
}

impl FromIterator<Callback> for Callbacks {
    fn from_iter<I: IntoIterator<Item = Callback>>(callbacks: I) -> Self {
        let mut collected = Self::None;
        for callback in callbacks {
            collected.push(callback);
        }
        collected
    }
}

impl IntoIterator for Callbacks {
    type Item = Callback;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Callback>, std::vec::IntoIter<Callback>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self {
            Self::None => (None, Vec::new()),
            Self::One(callback) => (Some(callback), Vec::new()),
            Self::Many(callbacks) => (None, *callbacks),
        };
        one.into_iter().chain(many)
    }
}
