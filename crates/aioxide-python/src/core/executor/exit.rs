//! Finishing the pools' jobs when the interpreter exits.
//!
//! As in `concurrent.futures`, the interpreter calls a function here before it joins its
//! threads. Pools then accept no more jobs, and all their threads are joined, also daemon
//! threads (of a loop that ran in a daemon thread) and those of closed or freed loops.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use aioxide_engine::BlockingPool;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::stdlib;

/// The thread objects of one pool.
type Threads = Arc<Mutex<Vec<Py<PyAny>>>>;

/// A pool that may have jobs at exit.
struct Registered {
    /// Weak: a loop's pool is dropped with the loop.
    pool: Weak<BlockingPool>,
    threads: Threads,
}

static POOLS: Mutex<Vec<Registered>> = Mutex::new(Vec::new());

/// Whether the interpreter has begun to exit.
static EXITING: AtomicBool = AtomicBool::new(false);

/// Registers a pool whose jobs must finish at exit.
pub fn register(py: Python<'_>, pool: &Arc<BlockingPool>, threads: &Threads) -> PyResult<()> {
    static HOOKED: AtomicBool = AtomicBool::new(false);
    if !HOOKED.load(Ordering::Relaxed) {
        let finish =
            pyo3::types::PyCFunction::new_closure(py, None, None, |arguments, _keywords| {
                finish_all(arguments.py())
            })?;
        stdlib::register_atexit(py)?.call1((finish,))?;
        HOOKED.store(true, Ordering::Relaxed);
    }
    // Without the lock, because checking the threads runs Python code.
    let mut pools = take_all();
    pools.retain(|registered| registered.may_have_jobs(py));
    pools.push(Registered { pool: Arc::downgrade(pool), threads: Arc::clone(threads) });
    lock().append(&mut pools);
    Ok(())
}

/// Raises `RuntimeError` if the interpreter is exiting: no job is accepted any more.
pub fn check_open() -> PyResult<()> {
    if EXITING.load(Ordering::Relaxed) {
        Err(PyRuntimeError::new_err(shutdown_message()))
    } else {
        Ok(())
    }
}

/// The message for a job that is submitted after shutdown.
pub fn shutdown_message() -> &'static str {
    if EXITING.load(Ordering::Relaxed) {
        "cannot schedule new futures after interpreter shutdown"
    } else {
        "cannot schedule new futures after shutdown"
    }
}

/// In the child of a `fork`: forgets all pools, because the parent's threads do not exist.
pub fn abandon_pools(py: Python<'_>) {
    // The lock is only held together with the GIL, which this thread holds, so it is free.
    // Locks of the pools may be held by threads that do not exist here, so the pools are
    // leaked.
    let _ = py;
    std::mem::forget(take_all());
}

fn lock() -> std::sync::MutexGuard<'static, Vec<Registered>> {
    POOLS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take_all() -> Vec<Registered> {
    std::mem::take(&mut *lock())
}

impl Registered {
    fn may_have_jobs(&self, py: Python<'_>) -> bool {
        self.pool.strong_count() > 0
            || self.thread_objects(py).iter().any(|thread| {
                let is_alive = thread.call_method0(py, crate::intern!(py, "is_alive"));
                is_alive.and_then(|alive| alive.is_truthy(py)).unwrap_or(false)
            })
    }

    fn thread_objects(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.iter().map(|thread| thread.clone_ref(py)).collect()
    }
}

fn finish_all(py: Python<'_>) -> PyResult<()> {
    EXITING.store(true, Ordering::Relaxed);
    let pools = take_all();
    for registered in &pools {
        if let Some(pool) = registered.pool.upgrade() {
            pool.shutdown(|| {});
        }
    }
    for registered in &pools {
        for thread in registered.thread_objects(py) {
            thread.call_method0(py, crate::intern!(py, "join"))?;
        }
    }
    Ok(())
}
