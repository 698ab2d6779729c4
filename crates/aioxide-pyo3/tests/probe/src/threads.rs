//! Other threads.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use aioxide_pyo3::{in_thread, sleep, tokio_scope};
use pyo3::prelude::*;

use crate::Guard;

/// Waits until each of `count` threads has woken it at least once.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn woken_by_threads(count: usize) -> usize {
    let arrived = Arc::new(AtomicUsize::new(0));
    let waker: Arc<Mutex<Option<Waker>>> = Arc::default();
    for _ in 0..count {
        let (arrived, waker) = (Arc::clone(&arrived), Arc::clone(&waker));
        std::thread::spawn(move || {
            arrived.fetch_add(1, Ordering::SeqCst);
            // Under the lock for which the poll waits with the GIL: a waker must not need that.
            let waker = waker.lock().unwrap();
            if let Some(waker) = &*waker {
                waker.wake_by_ref();
            }
        });
    }
    poll_fn(|context| {
        *waker.lock().unwrap() = Some(context.waker().clone());
        match arrived.load(Ordering::SeqCst) {
            arrived if arrived == count => Poll::Ready(arrived),
            _ => Poll::Pending,
        }
    })
    .await
}

/// The waker of a coroutine that is not waited for any more.
static LATE: Mutex<Vec<Waker>> = Mutex::new(Vec::new());

/// Keeps the waker and waits; with `wake`, wakes all that were kept, from a thread.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn wakes_late(wake: bool) {
    if wake {
        let wakers = std::mem::take(&mut *LATE.lock().unwrap());
        std::thread::spawn(move || wakers.into_iter().for_each(Waker::wake)).join().unwrap();
        return;
    }
    poll_fn(|context| {
        LATE.lock().unwrap().push(context.waker().clone());
        Poll::<()>::Pending
    })
    .await;
}

/// A call on a thread that takes `seconds`, and panics with a text.
#[aioxide_pyo3::pyfunction]
#[pyo3(signature = (seconds, text = None))]
pub(crate) async fn blocks(seconds: f64, text: Option<String>) -> PyResult<bool> {
    let here = std::thread::current().id();
    in_thread(move || {
        std::thread::sleep(Duration::from_secs_f64(seconds));
        if let Some(text) = text {
            panic!("{text}");
        }
        std::thread::current().id() != here
    })
    .await
}

/// A body that is not `Send`.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn local() -> usize {
    let counter = Rc::new(Cell::new(0));
    for _ in 0..3 {
        counter.set(counter.get() + 1);
        sleep(Duration::ZERO).await;
    }
    counter.get()
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn tokio_hop() -> PyResult<u32> {
    tokio_scope(async { 1 }).await
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn tokio_sleep(seconds: f64) -> PyResult<String> {
    tokio_scope(async move {
        let _guard = Guard;
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        std::thread::current().name().unwrap_or_default().to_owned()
    })
    .await
}

/// Whether a thread of the runtime has the GIL, and how many threads it has used.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn tokio_gil() -> PyResult<i32> {
    tokio_scope(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        // SAFETY: it only looks at the thread.
        unsafe { pyo3::ffi::PyGILState_Check() }
    })
    .await
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn tokio_panics(text: String) -> PyResult<()> {
    tokio_scope(async move { panic!("{text}") }).await
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn tokio_never() -> PyResult<()> {
    // It may be dropped before it has begun.
    let guard = Guard;
    tokio_scope(async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    })
    .await
}

/// Occupies a thread of the runtime for ever.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn tokio_spin() -> PyResult<()> {
    tokio_scope(async {
        loop {
            std::thread::sleep(Duration::from_millis(10));
        }
    })
    .await
}

/// What belongs to the loop cannot be used on the runtime.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn tokio_uses_loop() -> PyResult<()> {
    tokio_scope(async {
        let made = std::panic::catch_unwind(|| drop(aioxide_pyo3::time()));
        if let Err(panic) = made {
            std::panic::resume_unwind(panic);
        }
    })
    .await
}
