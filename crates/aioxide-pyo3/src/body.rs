//! A Rust future as the body of a coroutine, behind functions of C.

use std::any::Any;
use std::cell::{Cell, OnceCell, UnsafeCell};
use std::ffi::{c_int, c_void};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::null_mut;
use std::task::{Context, Poll, Waker};

use aioxide_abi::{Answer, Body, BodyTable, Object, PENDING, RAISED, READY, Visit};
use pyo3::exceptions::{PyRuntimeError, PySystemError};
use pyo3::prelude::*;

use crate::elsewhere::Driver;
use crate::function::Function;
use crate::held::References;
use crate::turn::{self, Turn, World};
use crate::{table, waker};

/// What a body ends with.
pub(crate) type Output = PyResult<Py<PyAny>>;

/// What every body has, whatever its future.
pub(crate) struct Common {
    pub(crate) function: &'static Function,
    pub(crate) references: References,
    /// Where it runs, 0 for the thread that polls it first. What it captures may be of any thread
    /// until then, and is of that one from then on.
    thread: Cell<usize>,
    /// Whether it was polled.
    is_begun: Cell<bool>,
    /// Whether the future was dropped.
    is_over: Cell<bool>,
    /// Once it was polled on a loop that is none of aioxide's.
    driver: OnceCell<Driver>,
}

struct Inner<F> {
    common: Common,
    future: UnsafeCell<ManuallyDrop<F>>,
}

/// A body of `function` that polls `future` on this thread only.
pub(crate) fn here<F>(function: &'static Function, future: F) -> Body
where
    F: Future<Output = Output> + 'static,
{
    new(function, References::default(), turn::this_thread(), future)
}

/// A body of `function` that polls `future` on the thread on which it begins.
///
/// # Safety
///
/// `future` may be sent to another thread as long as it was not polled.
pub(crate) unsafe fn anywhere<F>(
    function: &'static Function,
    references: References,
    future: F,
) -> Body
where
    F: Future<Output = Output> + 'static,
{
    new(function, references, 0, future)
}

fn new<F>(function: &'static Function, references: References, thread: usize, future: F) -> Body
where
    F: Future<Output = Output> + 'static,
{
    let (thread, driver) = (Cell::new(thread), OnceCell::new());
    let (is_begun, is_over) = (Cell::new(false), Cell::new(false));
    let common = Common { function, references, thread, is_begun, is_over, driver };
    let future = UnsafeCell::new(ManuallyDrop::new(future));
    let data = Box::into_raw(Box::new(Inner { common, future }));
    Body { data: data.cast(), table: Inner::<F>::TABLE }
}

impl<F: Future<Output = Output> + 'static> Inner<F> {
    const TABLE: &'static BodyTable = &BodyTable {
        size: size_of::<BodyTable>(),
        poll: Self::poll,
        poll_elsewhere: Self::poll_elsewhere,
        drop: Self::drop,
        traverse: Self::traverse,
    };

    /// # Safety
    ///
    /// Nothing else uses the future.
    unsafe fn poll_future(&self, waker: &Waker) -> Result<Poll<Output>, Box<dyn Any + Send>> {
        // SAFETY: the future lies in a box, from which it is never moved; the caller's promise.
        let future = unsafe { Pin::new_unchecked(&mut **self.future.get()) };
        let mut context = Context::from_waker(waker);
        catch_unwind(AssertUnwindSafe(|| future.poll(&mut context)))
    }

    unsafe extern "C" fn poll(data: *mut c_void, word: usize, result: *mut Object) -> Answer {
        // SAFETY: the loop gives back the data of `new`, with the GIL held, and polls only what has
        // not ended and is not being polled.
        unsafe {
            Python::attach_unchecked(|py| {
                let this = &*data.cast::<Self>();
                let Some(table) = table::found() else {
                    return this.common.raised(py, PyRuntimeError::new_err("aioxide has no table"));
                };
                if let Err(error) = this.common.enter(py) {
                    return this.common.raised(py, error);
                }
                let turn = Turn { world: World::Native(table), common: &this.common };
                let waker = waker::of_word(word);
                let polled = turn::run(&turn, || this.poll_future(&waker));
                if !matches!(polled, Ok(Poll::Pending)) {
                    this.end(py);
                }
                this.common.answer(py, polled, result)
            })
        }
    }

    unsafe extern "C" fn poll_elsewhere(data: *mut c_void, result: *mut Object) -> Answer {
        // SAFETY: as in `poll`.
        unsafe {
            Python::attach_unchecked(|py| {
                let this = &*data.cast::<Self>();
                let begun = this.common.enter(py).and_then(|()| this.common.driver(py));
                let driver = match begun {
                    Ok(driver) => driver,
                    Err(error) => return this.common.raised(py, error),
                };
                let turn = Turn { world: World::Elsewhere(driver), common: &this.common };
                let waker = driver.begin();
                let polled = turn::run(&turn, || this.poll_future(waker));
                if !matches!(polled, Ok(Poll::Pending)) {
                    this.end(py);
                    return this.common.answer(py, polled, result);
                }
                match driver.suspend(py) {
                    Ok(future) => {
                        *result = future.map_or(null_mut(), |it| it.into_ptr().cast());
                        PENDING
                    }
                    Err(error) => this.common.raised(py, error),
                }
            })
        }
    }

    unsafe extern "C" fn drop(data: *mut c_void) {
        // SAFETY: as in `poll`; it is called once.
        unsafe {
            let this = Box::from_raw(data.cast::<Self>());
            // What has ended has let go of its references; its loop is one.
            if !this.common.is_over.get() || this.common.driver.get().is_some() {
                Python::attach_unchecked(move |py| this.end(py));
            }
        }
    }

    /// Drops the future, unless that was done.
    ///
    /// # Safety
    ///
    /// Nothing else uses the future, now or later.
    unsafe fn end(&self, py: Python<'_>) {
        if !self.common.is_over.replace(true) {
            // SAFETY: it is dropped once; the caller's promise.
            self.common.leave(py, || unsafe { ManuallyDrop::drop(&mut *self.future.get()) });
        }
    }

    unsafe extern "C" fn traverse(data: *mut c_void, visit: Visit, argument: *mut c_void) -> c_int {
        // SAFETY: the loop gives back the data of `new`; nothing but shared references is taken, and
        // not of the future.
        unsafe { (*data.cast::<Self>()).common.traverse(visit, argument) }
    }
}

impl Common {
    /// The body is about to be polled.
    fn enter(&self, py: Python<'_>) -> PyResult<()> {
        let thread = turn::this_thread();
        if self.thread.get() == 0 {
            self.thread.set(thread);
        }
        if self.thread.get() != thread {
            return Err(self.moved(py));
        }
        self.is_begun.set(true);
        Ok(())
    }

    #[cold]
    fn moved(&self, _py: Python<'_>) -> PyErr {
        PyRuntimeError::new_err(format!(
            "{} belongs to another thread and cannot run here",
            self.function.qualname()
        ))
    }

    /// The driver of the running loop, on which it has begun or begins.
    fn driver(&self, py: Python<'_>) -> PyResult<&Driver> {
        if let Some(driver) = self.driver.get() {
            return Ok(driver);
        }
        let driver = Driver::new(py)?;
        Ok(self.driver.get_or_init(|| driver))
    }

    fn answer(
        &self,
        py: Python<'_>,
        polled: Result<Poll<Output>, Box<dyn Any + Send>>,
        result: *mut Object,
    ) -> Answer {
        match polled {
            Ok(Poll::Pending) => PENDING,
            Ok(Poll::Ready(Ok(value))) => {
                // SAFETY: the loop has given a place for it.
                unsafe { *result = value.into_ptr().cast() };
                READY
            }
            Ok(Poll::Ready(Err(error))) => self.raised(py, error),
            Err(panic) => self.raised(py, panicked(panic)),
        }
    }

    #[cold]
    fn raised(&self, py: Python<'_>, error: PyErr) -> Answer {
        self.function.raise(py, error);
        RAISED
    }

    /// Drops the future by `drop_future`. Not on another thread than its own: it need not be `Send`.
    /// There it is leaked, but for its references.
    fn leave(&self, py: Python<'_>, drop_future: impl FnOnce()) {
        let thread = self.thread.get();
        if thread != 0 && thread != turn::this_thread() {
            self.moved(py).write_unraisable(py, None);
        } else {
            let world = match (self.driver.get(), table::found()) {
                (Some(driver), _) => World::Elsewhere(driver),
                (None, Some(table)) if self.is_begun.get() => World::Native(table),
                _ => World::Nowhere,
            };
            let turn = Turn { world, common: self };
            // A panic in a destructor must not leave a function of C.
            let dropped = turn::run(&turn, || catch_unwind(AssertUnwindSafe(drop_future)));
            if let Err(panic) = dropped {
                panicked(panic).write_unraisable(py, None);
            }
        }
        if let Some(driver) = self.driver.get() {
            driver.end(py);
        }
        self.references.clear();
    }

    /// # Safety
    ///
    /// `visit` and `argument` are those of a `tp_traverse` that runs.
    unsafe fn traverse(&self, visit: Visit, argument: *mut c_void) -> c_int {
        // SAFETY: the caller's promise.
        unsafe {
            let stop = self.references.traverse(visit, argument);
            match self.driver.get() {
                Some(driver) if stop == 0 => driver.traverse(visit, argument),
                _ => stop,
            }
        }
    }
}

/// The exception for a panic.
#[cold]
pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> PyErr {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "without a text".to_owned(),
    };
    // A payload may panic when it is dropped.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    // Not PyO3's `PanicException`: PyO3 panics again when it meets one.
    PySystemError::new_err(format!("a Rust future panicked: {text}"))
}
