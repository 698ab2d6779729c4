//! State that only code holding the GIL may touch.
//!
//! CPython may run arbitrary code whenever an object is allocated or a reference is dropped:
//! a collection, a finalizer. While such code runs, there must be no `&mut` to what it can
//! reach. So the cell gives none out: a value is read without a token, cloned, replaced, or
//! taken, and what was taken out is dropped by the caller, outside of the cell.

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ops::Deref;
#[cfg(Py_GIL_DISABLED)]
use std::sync::{Mutex, PoisonError};

use pyo3::{Py, PyTraverseError, Python};

/// One field of a native object, as `std::cell::Cell` with the GIL as its lock.
///
/// On an interpreter without a GIL each cell has a lock of its own. It is a leaf: no
/// method takes another lock, or runs Python code, while it is held.
#[cfg_attr(not(Py_GIL_DISABLED), repr(transparent))]
pub struct GilCell<T> {
    value: UnsafeCell<T>,
    #[cfg(Py_GIL_DISABLED)]
    lock: Mutex<()>,
}

// SAFETY: every access demands a `Python` token, or happens in a collection: the GIL is
// held, or the cell's own lock is.
unsafe impl<T> Sync for GilCell<T> {}
// SAFETY: the contents are `Py` references and plain values, which may move between
// threads; the cell adds no thread affinity.
unsafe impl<T> Send for GilCell<T> {}

/// Values that are cloned by counting references.
///
/// # Safety
///
/// `clone_ref` runs no Python code and drops nothing: it is called while the original is
/// borrowed from its cell.
pub unsafe trait CloneRef: Sized {
    /// Another reference to the same.
    fn clone_ref(&self, py: Python<'_>) -> Self;
}

// SAFETY: a reference count goes up.
unsafe impl<T> CloneRef for Py<T> {
    #[inline]
    fn clone_ref(&self, py: Python<'_>) -> Self {
        Py::clone_ref(self, py)
    }
}

// SAFETY: as the value within.
unsafe impl<T: CloneRef> CloneRef for Option<T> {
    #[inline]
    fn clone_ref(&self, py: Python<'_>) -> Self {
        self.as_ref().map(|value| value.clone_ref(py))
    }
}

// SAFETY: an atomic count goes up.
unsafe impl<T> CloneRef for std::sync::Arc<T> {
    #[inline]
    fn clone_ref(&self, _py: Python<'_>) -> Self {
        Self::clone(self)
    }
}

// SAFETY: as the values within.
unsafe impl<A: CloneRef, B: CloneRef> CloneRef for (A, B) {
    #[inline]
    fn clone_ref(&self, py: Python<'_>) -> Self {
        (self.0.clone_ref(py), self.1.clone_ref(py))
    }
}

impl<T> GilCell<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self {
            value: UnsafeCell::new(value),
            #[cfg(Py_GIL_DISABLED)]
            lock: Mutex::new(()),
        }
    }

    /// Puts `value` in, and hands out what was there.
    #[inline(always)]
    #[must_use = "what was there is dropped here and now: say so with `drop`"]
    pub fn replace(&self, _py: Python<'_>, value: T) -> T {
        // SAFETY: moving a value runs nothing.
        unsafe { self.reach(|it| std::mem::replace(it, value)) }
    }

    /// Takes the value out and leaves the default one.
    #[inline(always)]
    #[must_use = "what was there is dropped here and now: say so with `drop`"]
    pub fn take(&self, py: Python<'_>) -> T
    where
        T: Default,
    {
        self.replace(py, T::default())
    }

    /// Replaces a value that is known to hold nothing, without dropping it.
    #[inline(always)]
    pub fn fill(&self, py: Python<'_>, value: T) {
        std::mem::forget(self.replace(py, value));
    }

    /// A plain value.
    #[inline(always)]
    pub fn get(&self, _py: Python<'_>) -> T
    where
        T: Copy,
    {
        // SAFETY: copying runs nothing.
        unsafe { self.reach(|value| *value) }
    }

    /// Changes a plain value.
    #[inline(always)]
    pub fn set(&self, _py: Python<'_>, value: T)
    where
        T: Copy,
    {
        // SAFETY: a `Copy` value has no destructor.
        unsafe { self.reach(|it| *it = value) }
    }

    /// Changes a plain value by `change`, which works on a copy.
    #[inline(always)]
    pub fn update<R>(&self, py: Python<'_>, change: impl FnOnce(&mut T) -> R) -> R
    where
        T: Copy,
    {
        let mut value = self.get(py);
        let result = change(&mut value);
        self.set(py, value);
        result
    }

    /// Another reference to what is held.
    #[inline(always)]
    pub fn clone_ref(&self, py: Python<'_>) -> T
    where
        T: CloneRef,
    {
        // SAFETY: the trait's promise.
        unsafe { self.reach(|value| T::clone_ref(value, py)) }
    }

    /// Another reference to the part that `pick` names, if there is one.
    #[inline(always)]
    pub fn clone_of<U: CloneRef>(
        &self,
        py: Python<'_>,
        pick: impl FnOnce(&T) -> Option<&U> + Copy + Send,
    ) -> Option<U> {
        // SAFETY: as in `read`, and the trait's promise.
        unsafe { self.reach(|value| pick(value).map(|part| part.clone_ref(py))) }
    }

    /// The result of `look` for the value.
    ///
    /// The closure is `Copy` and `Send`, so that it owns no reference it could drop and
    /// holds neither a token nor a `Bound`: there is nothing in its reach by which Python
    /// code could run. (A token made out of nothing is what `clippy.toml` forbids, or `unsafe`.)
    #[inline(always)]
    pub fn read<R>(&self, _py: Python<'_>, look: impl FnOnce(&T) -> R + Copy + Send) -> R {
        // SAFETY: see above: the closure cannot run Python code.
        unsafe { self.reach(|value| look(value)) }
    }

    /// Gives `access` the only reference to the value.
    ///
    /// # Safety
    ///
    /// The closure runs no Python code: it allocates no Python object, gives up no
    /// reference to one, and calls nothing that might. It enters this cell not a second time.
    #[inline(always)]
    pub unsafe fn with<R>(&self, _py: Python<'_>, access: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(debug_assertions)]
        let _entered = entered::Entered::enter(self.value.get().addr());
        // SAFETY: the caller's promise.
        unsafe { self.locked(access) }
    }

    /// The same for the methods above, which run no Python code.
    #[inline(always)]
    unsafe fn reach<R>(&self, access: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(debug_assertions)]
        entered::assert_not_in(self.value.get().addr());
        // SAFETY: the caller's promise.
        unsafe { self.locked(access) }
    }

    #[inline(always)]
    unsafe fn locked<R>(&self, access: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(Py_GIL_DISABLED)]
        let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: a token proves that this thread holds the GIL (or the lock is held), and
        // by the caller's promise nothing else reaches the cell meanwhile.
        access(unsafe { &mut *self.value.get() })
    }

    /// Visits the value's references during `__traverse__`, where there is no token.
    pub fn traverse(
        &self,
        visit: impl FnOnce(&T) -> Result<(), PyTraverseError>,
    ) -> Result<(), PyTraverseError> {
        #[cfg(debug_assertions)]
        entered::assert_not_in(self.value.get().addr());
        // SAFETY: a collection runs with the GIL held, or all other threads stopped, and
        // never inside `with`.
        visit(unsafe { &*self.value.get() })
    }
}

impl<T: Default> Default for GilCell<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> GilCell<Option<T>> {
    /// Whether there is a value.
    #[inline(always)]
    pub fn is_some(&self, py: Python<'_>) -> bool {
        self.read(py, Option::is_some)
    }

    /// Whether there is none.
    #[inline(always)]
    pub fn is_none(&self, py: Python<'_>) -> bool {
        self.read(py, Option::is_none)
    }
}

/// Methods that a cell has because its value has them.
///
/// The macro is as unsafe as [`GilCell::with`]: above each list is the reason why none of
/// its methods runs Python code or drops a reference. A method that needs the token takes it
/// first, as `py`.
macro_rules! unsafe_cell_methods {
    ($type:ty $([$($generics:tt)*])? {
        $($(#[$attribute:meta])* fn $name:ident(&mut self $(, $argument:ident: $kind:ty)*) $(-> $result:ty)?;)*
    } $(with py {
        $($(#[$attribute2:meta])* fn $name2:ident(&mut self $(, $argument2:ident: $kind2:ty)*) $(-> $result2:ty)?;)*
    })?) => {
        impl $(<$($generics)*>)? $crate::ffi::gil_cell::GilCell<$type> {
            $(
                $(#[$attribute])*
                #[inline(always)]
                pub fn $name(&self, py: pyo3::Python<'_> $(, $argument: $kind)*) $(-> $result)? {
                    // SAFETY: see the reason above the list.
                    unsafe { self.with(py, |value| value.$name($($argument),*)) }
                }
            )*
            $($(
                $(#[$attribute2])*
                #[inline(always)]
                pub fn $name2(&self, py: pyo3::Python<'_> $(, $argument2: $kind2)*) $(-> $result2)? {
                    // SAFETY: see the reason above the list.
                    unsafe { self.with(py, |value| value.$name2(py $(, $argument2)*)) }
                }
            )*)?
        }
    };
}
pub(crate) use unsafe_cell_methods;

// SAFETY (of the methods): elements are moved in and out, and never dropped or compared.
unsafe_cell_methods!(Vec<T> [T] {
    /// Adds an element at the end.
    fn push(&mut self, value: T);
    /// Removes the last element.
    fn pop(&mut self) -> Option<T>;
    /// The number of elements.
    fn len(&mut self) -> usize;
    /// Whether there is no element.
    fn is_empty(&mut self) -> bool;
});

// SAFETY (of the methods): elements are moved in and out, and never dropped or compared.
unsafe_cell_methods!(VecDeque<T> [T] {
    /// Adds an element at the end.
    fn push_back(&mut self, value: T);
    /// Adds an element at the beginning.
    fn push_front(&mut self, value: T);
    /// Removes the first element.
    fn pop_front(&mut self) -> Option<T>;
    /// Removes the last element.
    fn pop_back(&mut self) -> Option<T>;
    /// The number of elements.
    fn len(&mut self) -> usize;
    /// Whether there is no element.
    fn is_empty(&mut self) -> bool;
});

impl<T: CloneRef> GilCell<VecDeque<T>> {
    /// References to all of them, in order.
    pub fn all(&self, py: Python<'_>) -> Vec<T> {
        // SAFETY: the trait's promise.
        unsafe { self.reach(|values| values.iter().map(|value| value.clone_ref(py)).collect()) }
    }
}

/// A value of one thread (an `Rc`, say) in an object that any thread may have: it is reached, and
/// dropped, under the GIL only.
pub struct UnderGil<T>(T);

// SAFETY: `get` demands a token, and the object is deallocated with the GIL held: no two threads
// are in the value at the same time. What it lends it does not lend for longer than the token.
unsafe impl<T> Sync for UnderGil<T> {}
// SAFETY: as above; each thread that takes the GIL sees what the one before has done.
unsafe impl<T> Send for UnderGil<T> {}

impl<T> UnderGil<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value.
    #[inline(always)]
    pub fn get<'a>(&'a self, _py: Python<'a>) -> &'a T {
        &self.0
    }
}

/// What a native object holds: cells, and values that never change.
///
/// An object's memory begins as zeroes, and the collector may visit it before it was filled
/// in: up to 3.12 when the class's base is made, before 3.14 at an allocation. The flag,
/// false in zeroed memory, keeps it away from values of which zeroes are none.
///
/// The value comes first in memory: what CPython's tools look for in a task lies at a fixed
/// distance from its beginning.
#[repr(C)]
pub struct Contents<S> {
    value: S,
    filled: bool,
}

impl<S> Contents<S> {
    /// Wraps what an object holds.
    pub const fn new(value: S) -> Self {
        Self { value, filled: true }
    }

    /// Visits its references during `__traverse__`: see the type.
    pub fn traverse(
        &self,
        visit: impl FnOnce(&S) -> Result<(), PyTraverseError>,
    ) -> Result<(), PyTraverseError> {
        if self.filled { visit(&self.value) } else { Ok(()) }
    }
}

impl<S> Deref for Contents<S> {
    type Target = S;

    #[inline(always)]
    fn deref(&self) -> &S {
        &self.value
    }
}

/// Debug builds, which the tests run, check that no cell is reached while it is in use.
#[cfg(debug_assertions)]
mod entered {
    use std::cell::Cell;

    thread_local! {
        /// The address of the cell that [`super::GilCell::with`] is in.
        static INNERMOST: Cell<usize> = const { Cell::new(0) };
    }

    pub struct Entered {
        before: usize,
    }

    impl Entered {
        pub fn enter(address: usize) -> Self {
            assert_not_in(address);
            Self { before: INNERMOST.replace(address) }
        }
    }

    impl Drop for Entered {
        fn drop(&mut self) {
            INNERMOST.set(self.before);
        }
    }

    pub fn assert_not_in(address: usize) {
        assert_ne!(
            INNERMOST.get(),
            address,
            "a GilCell was reached while in use: Python code ran inside `with`"
        );
    }
}
