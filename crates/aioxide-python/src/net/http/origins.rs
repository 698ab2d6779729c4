//! The small numbers by which the client of `aioxide-http` knows where to connect.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use slab::Slab;

use crate::ffi::allocate;
use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};

/// With so many keys those that are not in use are forgotten.
const MANY: usize = 256;

/// The keys that the program calls its origins by, and their numbers.
pub struct Origins {
    numbers: GilCell<Option<Py<PyDict>>>,
    keys: GilCell<Keys>,
}

#[derive(Default)]
struct Keys {
    slots: Slab<Py<PyAny>>,
    /// At this many they are looked through.
    look_at: usize,
}

impl Keys {
    fn insert(&mut self, key: Py<PyAny>) -> usize {
        self.slots.insert(key)
    }

    fn remove(&mut self, number: usize) -> Option<Py<PyAny>> {
        self.slots.try_remove(number)
    }

    fn len(&mut self) -> usize {
        self.slots.len()
    }

    fn numbers(&mut self) -> Vec<usize> {
        self.slots.iter().map(|(number, _)| number).collect()
    }

    fn take_all(&mut self) -> Slab<Py<PyAny>> {
        std::mem::take(&mut self.slots)
    }

    fn look_up(&mut self, py: Python<'_>, number: usize) -> Option<Py<PyAny>> {
        self.slots.get(number).map(|key| key.clone_ref(py))
    }
}

// SAFETY (of the methods): references are moved in and out, or counted up.
unsafe_cell_methods!(Keys {
    /// Keeps a key.
    fn insert(&mut self, key: Py<PyAny>) -> usize;
    /// Takes a key out.
    fn remove(&mut self, number: usize) -> Option<Py<PyAny>>;
    /// How many there are.
    fn len(&mut self) -> usize;
    /// The numbers that are in use.
    fn numbers(&mut self) -> Vec<usize>;
    /// Takes all out.
    fn take_all(&mut self) -> Slab<Py<PyAny>>;
} with py {
    /// Another reference to a key.
    fn look_up(&mut self, number: usize) -> Option<Py<PyAny>>;
});

impl Origins {
    /// None yet.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            numbers: GilCell::new(Some(allocate::dict(py)?.unbind())),
            keys: GilCell::new(Keys { slots: Slab::new(), look_at: MANY }),
        })
    }

    /// The number of a key, a new one if there is none. `is_used` tells whether the pool still
    /// has to do with an origin; if it has not, its number may be given to another key.
    ///
    /// # Errors
    ///
    /// What the key's hash or comparison raises; `MemoryError`.
    pub fn number(&self, key: &Bound<'_, PyAny>, is_used: impl Fn(u32) -> bool) -> PyResult<u32> {
        let py = key.py();
        let Some(numbers) = self.numbers.clone_ref(py) else {
            return Err(allocate::out_of_memory());
        };
        let numbers = numbers.bind(py);
        if let Some(number) = numbers.get_item(key)? {
            return number.extract();
        }
        if self.keys.len(py) >= self.keys.read(py, |keys| keys.look_at) {
            self.forget_unused(numbers, is_used)?;
        }
        let number = self.keys.insert(py, key.clone().unbind());
        let entered =
            allocate::int(py, number as i64).and_then(|number| numbers.set_item(key, number));
        if let Err(error) = entered {
            drop(self.keys.remove(py, number));
            return Err(error);
        }
        Ok(number as u32)
    }

    fn forget_unused(
        &self,
        numbers: &Bound<'_, PyDict>,
        is_used: impl Fn(u32) -> bool,
    ) -> PyResult<()> {
        let py = numbers.py();
        for number in self.keys.numbers(py) {
            if !is_used(number as u32)
                && let Some(key) = self.keys.look_up(py, number)
            {
                if numbers.contains(&key)? {
                    numbers.del_item(key)?;
                }
                drop(self.keys.remove(py, number));
            }
        }
        let left = self.keys.len(py);
        // SAFETY: a plain number changes.
        unsafe { self.keys.with(py, |keys| keys.look_at = MANY.max(left * 2)) };
        Ok(())
    }

    /// The key of a number.
    pub fn key(&self, py: Python<'_>, number: u32) -> Option<Py<PyAny>> {
        self.keys.look_up(py, number as usize)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.numbers.traverse(|it| visit.call(it))?;
        self.keys.traverse(|keys| keys.slots.iter().try_for_each(|(_, key)| visit.call(key)))
    }

    pub fn clear(&self, py: Python<'_>) {
        let taken = (self.numbers.take(py), self.keys.take_all(py));
        drop(taken);
    }
}
