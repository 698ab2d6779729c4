//! What the Python tests of `aioxide-pyo3` call.

mod failing;
mod leaves;
mod objects;
mod page;
mod tasks;
mod threads;

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;

/// How many [`Guard`]s have been dropped.
static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// Counts when it is dropped.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

#[pyfunction]
fn dropped() -> usize {
    DROPPED.load(Ordering::SeqCst)
}

#[pymodule]
mod aioxide_pyo3_probe {
    #[pymodule_export]
    use super::dropped;
    #[pymodule_export]
    use super::failing::{panics, panics_in_drop, raises, stops};
    #[pymodule_export]
    use super::leaves::{
        at, clock, connect_and_echo, connect_any, forever, gives_way, join, later, outside, race,
        readable,
    };
    #[pymodule_export]
    use super::objects::{Client, Node, both, defaults, keeps, nothing, optional, same};
    #[pymodule_export]
    use super::page::page;
    #[pymodule_export]
    use super::tasks::{
        calls, cleans_up, context, detached, never_awaits_its_body, shielded, spawns,
    };
    #[pymodule_export]
    use super::threads::{
        blocks, local, tokio_gil, tokio_hop, tokio_never, tokio_panics, tokio_sleep, tokio_spin,
        tokio_uses_loop, wakes_late, woken_by_threads,
    };
}
