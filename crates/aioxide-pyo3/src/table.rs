//! aioxide's table, if aioxide is in the process.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use aioxide_abi::{CAPSULE, MAJOR, Table};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Once it was found. It is never freed.
static FOUND: AtomicPtr<Table> = AtomicPtr::new(null_mut());

/// The table. None if aioxide is not imported, or is of another version; then its loops are loops
/// like any other.
#[inline]
pub(crate) fn find(py: Python<'_>) -> Option<&'static Table> {
    let found = FOUND.load(Ordering::Acquire);
    // SAFETY: what is stored there is a table that lives as long as the process.
    if found.is_null() { look_up(py) } else { Some(unsafe { &*found }) }
}

/// The table that was found: for code that runs because of it.
pub(crate) fn found() -> Option<&'static Table> {
    let found = FOUND.load(Ordering::Acquire);
    // SAFETY: as in `find`.
    unsafe { found.as_ref() }
}

#[cold]
fn look_up(py: Python<'_>) -> Option<&'static Table> {
    // SAFETY: the thread is attached; a borrowed reference, or null while there are no modules.
    let modules = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyImport_GetModuleDict())? };
    let modules = modules.cast_into::<PyDict>().ok()?;
    let module = modules.get_item(pyo3::intern!(py, "aioxide._aioxide")).ok()??;
    let capsule = module.getattr(pyo3::intern!(py, "_loop_v1")).ok()?;
    // SAFETY: the reference is alive and the name ends with 0.
    let table = unsafe {
        if ffi::PyCapsule_IsValid(capsule.as_ptr(), CAPSULE.as_ptr()) == 0 {
            return None;
        }
        ffi::PyCapsule_GetPointer(capsule.as_ptr(), CAPSULE.as_ptr()).cast::<Table>()
    };
    // SAFETY: a capsule of that name holds a table that lives as long as the process.
    let found = unsafe { table.as_ref() }.filter(|table| table.major == MAJOR)?;
    FOUND.store(table, Ordering::Release);
    Some(found)
}
