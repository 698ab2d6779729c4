//! Something that a body waits for, on any loop.

use std::ptr::{NonNull, null_mut};
use std::task::{Context, Poll};

use aioxide_abi::{Object, PENDING, READY, Table};
use pyo3::exceptions::PySystemError;
use pyo3::prelude::*;

use crate::turn::{self, Turn, World};
use crate::{elsewhere, waker};

/// What it waits for, once it was polled.
pub(crate) enum Leaf {
    /// A box of aioxide's.
    Native(Native),
    /// What asyncio offers for it.
    Elsewhere(elsewhere::Wait),
}

impl Leaf {
    /// Of what `make` gets from aioxide's table.
    pub(crate) fn native(
        py: Python<'_>,
        table: &'static Table,
        make: impl FnOnce(&'static Table) -> aioxide_abi::Leaf,
    ) -> PyResult<Self> {
        match NonNull::new(make(table)) {
            Some(raw) => Ok(Self::Native(Native { table, raw })),
            None => Err(fetched(py)),
        }
    }

    /// Ready with the result, which is None for what has none.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        match self {
            Self::Native(leaf) => leaf.poll(context),
            Self::Elsewhere(wait) => wait.poll(context),
        }
    }
}

/// A leaf that is begun when it is first polled.
pub(crate) fn begin(
    leaf: &mut Option<Leaf>,
    native: impl FnOnce(&'static Table) -> aioxide_abi::Leaf,
    elsewhere: impl FnOnce(Python<'_>, &Turn<'_>, &elsewhere::Driver) -> PyResult<elsewhere::Wait>,
) -> PyResult<()> {
    if leaf.is_some() {
        return Ok(());
    }
    *leaf = Some(turn::with(|py, turn| match turn.world {
        World::Native(table) => Leaf::native(py, table, native),
        World::Elsewhere(driver) => elsewhere(py, turn, driver).map(Leaf::Elsewhere),
        World::Nowhere => Err(nowhere()),
    })?);
    Ok(())
}

/// The error of what needs a loop in a coroutine that has none.
#[cold]
pub(crate) fn nowhere() -> PyErr {
    pyo3::exceptions::PyRuntimeError::new_err(
        "the coroutine was never awaited: it has no event loop",
    )
}

/// The exception that a function of the table has set.
pub(crate) fn fetched(py: Python<'_>) -> PyErr {
    PyErr::take(py).unwrap_or_else(|| {
        PySystemError::new_err("a function of aioxide has failed without a word")
    })
}

/// A box of aioxide's.
pub(crate) struct Native {
    table: &'static Table,
    raw: NonNull<std::ffi::c_void>,
}

impl Native {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        turn::with(|py, turn| {
            if !matches!(turn.world, World::Native(_)) {
                return Poll::Ready(Err(elsewhere::another_loop()));
            }
            let mut result: Object = null_mut();
            let wake = waker::for_leaf(context.waker());
            // SAFETY: the leaf is alive, the GIL is held, and the innermost turn of this thread is
            // that of the body that polls; `wake` is given away.
            let answer = unsafe { (self.table.poll_leaf)(self.raw.as_ptr(), wake, &mut result) };
            match answer {
                PENDING => Poll::Pending,
                // SAFETY: it has put a new reference there.
                READY => unsafe {
                    Poll::Ready(Ok(Bound::from_owned_ptr(py, result.cast()).unbind()))
                },
                _ => Poll::Ready(Err(fetched(py))),
            }
        })
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // Without an interpreter there is no loop that could still look at it.
        Python::try_attach(|_| {
            // SAFETY: the leaf is alive until now, and the GIL is held.
            unsafe { (self.table.drop_leaf)(self.raw.as_ptr()) }
        });
    }
}
