//! State that only code holding the GIL may touch.

use std::cell::UnsafeCell;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::{PyTraverseError, Python};

/// A cell without a borrow flag: the GIL is the lock.
///
/// A closure passed to [`WithCell::with`] must not run Python code, which
/// includes allocating Python objects (a collection may start) and dropping
/// the last reference to one (its finalizer runs). Whatever is taken out of
/// the cell is therefore returned from the closure and dropped by the caller.
/// Debug builds check the rule at each access; release builds pay nothing.
///
/// The value comes first in memory: what CPython's tools look for in a task lies
/// at a fixed distance from its beginning.
#[repr(C)]
pub struct WithCell<T> {
    value: UnsafeCell<T>,
    /// False in memory that was zeroed but not filled in yet. Up to 3.11 the
    /// interpreter may start a collection at that moment of an object's life; from
    /// 3.12 on it does so between two instructions only. (From 3.14 on the flag is
    /// part of the distances that CPython's tools were told.)
    #[cfg(any(not(Py_3_12), Py_3_14))]
    filled: bool,
    #[cfg(debug_assertions)]
    borrowed: AtomicBool,
}

// SAFETY: every access demands a `Python` token (or happens in a collection,
// which runs under the GIL), and the module refuses free-threaded
// interpreters, so two threads are never inside `with` at once.
unsafe impl<T> Sync for WithCell<T> {}
// SAFETY: the contents are `Py` references and plain values, which may move
// between threads; the cell adds no thread affinity.
unsafe impl<T> Send for WithCell<T> {}

impl<T> WithCell<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self {
            value: UnsafeCell::new(value),
            #[cfg(any(not(Py_3_12), Py_3_14))]
            filled: true,
            #[cfg(debug_assertions)]
            borrowed: AtomicBool::new(false),
        }
    }

    /// Gives `access` the only reference to the value.
    #[inline(always)]
    pub fn with<R>(&self, _py: Python<'_>, access: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(debug_assertions)]
        let _guard = Exclusive::enter(&self.borrowed);
        // SAFETY: the token proves that this thread holds the GIL, and the
        // closure runs no Python code, so nothing else reaches the cell.
        access(unsafe { &mut *self.value.get() })
    }

    /// Puts `value` in the place of one that holds nothing, which is not dropped: what
    /// an emptied object contains is known, and to look at each field would cost as
    /// much as to fill it.
    #[inline(always)]
    pub fn fill(&self, py: Python<'_>, value: T) {
        self.with(py, |empty| std::mem::forget(std::mem::replace(empty, value)));
    }

    /// Visits the value's references during `__traverse__`, where there is no
    /// token.
    pub fn traverse(
        &self,
        visit: impl FnOnce(&T) -> Result<(), PyTraverseError>,
    ) -> Result<(), PyTraverseError> {
        #[cfg(any(not(Py_3_12), Py_3_14))]
        if !self.filled {
            return Ok(());
        }
        #[cfg(debug_assertions)]
        let _guard = Exclusive::enter(&self.borrowed);
        // SAFETY: a collection runs under the GIL and never inside `with`.
        visit(unsafe { &*self.value.get() })
    }
}

/// A [`WithCell`] of nothing but its value, for memory whose layout CPython's tools
/// prescribe. Zeroed memory must be a sound value, and no check is made in debug
/// builds.
#[cfg(Py_3_14)]
#[repr(transparent)]
pub struct BareCell<T> {
    value: UnsafeCell<T>,
}

// SAFETY: as for `WithCell`.
#[cfg(Py_3_14)]
unsafe impl<T> Sync for BareCell<T> {}
// SAFETY: as for `WithCell`.
#[cfg(Py_3_14)]
unsafe impl<T> Send for BareCell<T> {}

#[cfg(Py_3_14)]
impl<T> BareCell<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self { value: UnsafeCell::new(value) }
    }

    /// Gives `access`, which must not run Python code, the only reference.
    #[inline(always)]
    pub fn with<R>(&self, _py: Python<'_>, access: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: as in `WithCell::with`.
        access(unsafe { &mut *self.value.get() })
    }

    /// Visits the value's references during `__traverse__`.
    pub fn traverse(
        &self,
        visit: impl FnOnce(&T) -> Result<(), PyTraverseError>,
    ) -> Result<(), PyTraverseError> {
        // SAFETY: a collection runs under the GIL and never inside `with`.
        visit(unsafe { &*self.value.get() })
    }
}

#[cfg(debug_assertions)]
struct Exclusive<'a>(&'a AtomicBool);

#[cfg(debug_assertions)]
impl<'a> Exclusive<'a> {
    fn enter(borrowed: &'a AtomicBool) -> Self {
        assert!(
            !borrowed.swap(true, Ordering::Relaxed),
            "a WithCell was entered while in use: Python code ran inside `with`"
        );
        Self(borrowed)
    }
}

#[cfg(debug_assertions)]
impl Drop for Exclusive<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
