//! Who is told when a future is done.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::Future;
use crate::core::dispatch::Waiter;

/// One party that waits for a future.
pub enum Callback {
    /// Something of ours that waits for it: no Python callable is made for that.
    Waiter(Waiter),
    /// What `add_done_callback` was given. In a box, because most futures never have
    /// one, and every future would have the room for it.
    Python(Box<FutureCallback>),
}

/// A Python callable that wants to know.
pub struct FutureCallback {
    /// Called with the future.
    pub function: Py<PyAny>,
    /// The context it is called in.
    pub context: Py<PyAny>,
    /// The future, once it is done and the callback is ready: the same box waits its
    /// turn then.
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
    /// What `add_done_callback` was given.
    #[inline]
    pub fn python(function: Py<PyAny>, context: Py<PyAny>) -> Self {
        Self::Python(Box::new(FutureCallback { function, context, future: None }))
    }

    /// The callable and the context that stand for it in Python.
    pub fn into_python(self, py: Python<'_>) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        match self {
            Self::Python(callback) => Ok((callback.function, callback.context)),
            Self::Waiter(waiter) => waiter.into_python(py),
        }
    }

    /// Whether both are the same registration, as far as anybody can tell.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Waiter(one), Self::Waiter(other)) => one.is_same(other),
            (Self::Python(one), Self::Python(other)) => {
                one.function.is(&other.function) && one.context.is(&other.context)
            }
            _ => false,
        }
    }

    /// Another reference to the same party.
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
    /// Nobody waits.
    #[default]
    None,
    /// One party waits.
    One(Callback),
    /// Two or more. In a box, as above.
    #[expect(clippy::box_collection, reason = "one word instead of three")]
    Many(Box<Vec<Callback>>),
}

impl Callbacks {
    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::None => true,
            Self::One(_) => false,
            Self::Many(callbacks) => callbacks.is_empty(),
        }
    }

    /// Adds one behind the others.
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

    /// Takes out the one that is `party`, if it is there.
    pub fn take_waiter(&mut self, party: &Bound<'_, PyAny>) -> Option<Callback> {
        self.take(|callback| match callback {
            Callback::Waiter(waiter) => waiter.is(party),
            Callback::Python(_) => false,
        })
    }

    /// Puts a callback in the place of the one that is `party`, or hands it back.
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

    /// Takes out the first one that this is said of.
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

    /// All of them, in order.
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
