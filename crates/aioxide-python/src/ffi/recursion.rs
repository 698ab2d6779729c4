//! A bound for native calls that nest along what a program has built.
//!
//! Futures that wait for futures, and coroutines that await coroutines, can be nested as
//! deep as a program likes. Where asyncio's own calls nest with them, a program sees a
//! `RecursionError` when that gets too deep; where ours do, it sees the same, before the
//! stack of the thread is used up.

use std::cell::Cell;

use pyo3::exceptions::PyRecursionError;
use pyo3::ffi;
use pyo3::prelude::*;

const WHERE: &std::ffi::CStr = c" while calling a Python object";

/// One level of nested calls; over when it is dropped.
pub struct Level<'py> {
    /// The thread is attached.
    _attached: Python<'py>,
}

impl<'py> Level<'py> {
    /// One level deeper.
    ///
    /// # Errors
    ///
    /// `RecursionError` at the interpreter's limit, or near the end of the stack: the
    /// interpreter's limit knows nothing of how much of the stack a native call takes.
    #[inline]
    pub fn enter(py: Python<'py>) -> PyResult<Self> {
        let mark = 0_u8;
        let here = std::ptr::from_ref(std::hint::black_box(&mark)).addr();
        if END.get().holds(here) && find_end().holds(here) {
            return Err(too_deep());
        }
        // SAFETY: the thread is attached.
        match unsafe { ffi::Py_EnterRecursiveCall(WHERE.as_ptr()) } {
            0 => Ok(Self { _attached: py }),
            _ => Err(PyErr::fetch(py)),
        }
    }
}

impl Drop for Level<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the thread is attached, and has entered before.
        unsafe { ffi::Py_LeaveRecursiveCall() };
    }
}

/// The interpreter's error for calls that are nested too deep.
#[cold]
pub fn too_deep() -> PyErr {
    PyRecursionError::new_err(crate::name!(
        "maximum recursion depth exceeded while calling a Python object"
    ))
}

/// The last part of a stack, which is left to calls of other code.
///
/// What lies elsewhere altogether is not on this stack, as with a sanitizer that has
/// variables of its own place, and says nothing of how deep a call is.
#[derive(Clone, Copy)]
struct End {
    lowest: usize,
    size: usize,
}

impl End {
    /// Not looked for yet: every address may be there.
    const UNKNOWN: Self = Self { lowest: 0, size: usize::MAX };

    #[inline]
    fn holds(self, address: usize) -> bool {
        address.wrapping_sub(self.lowest) < self.size
    }
}

thread_local! {
    static END: Cell<End> = const { Cell::new(End::UNKNOWN) };
}

/// How large it is, unless the stack is small.
const RESERVE: usize = 512 * 1024;

#[cold]
fn find_end() -> End {
    if END.get().size == usize::MAX {
        let (lowest, size) = stack().unwrap_or((0, 0));
        END.set(End { lowest, size: RESERVE.min(size / 4) });
    }
    END.get()
}

/// The lowest address of this thread's stack, and its size; None if it is not known.
#[cfg(target_os = "linux")]
fn stack() -> Option<(usize, usize)> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the first call fills the attributes in if it returns 0; the last releases
    // what they hold.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let known = libc::pthread_attr_getstack(attributes.as_ptr(), &mut lowest, &mut size) == 0;
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        known.then(|| (lowest.addr(), size))
    }
}

/// The lowest address of this thread's stack, and its size; None if it is not known.
#[cfg(target_os = "macos")]
fn stack() -> Option<(usize, usize)> {
    // SAFETY: the calls read what the system knows of the thread.
    let (highest, size) = unsafe {
        let thread = libc::pthread_self();
        (libc::pthread_get_stackaddr_np(thread).addr(), libc::pthread_get_stacksize_np(thread))
    };
    Some((highest - size, size))
}

/// Elsewhere only the interpreter's limit counts.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn stack() -> Option<(usize, usize)> {
    None
}
