//! What a future of another extension module waits for.

use std::cell::Cell;
use std::future::Future as RustFutureTrait;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use aioxide_abi as abi;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::super::awaited::Awaited;
use super::super::blocking::{Blocking, blocking};
use super::super::readiness::{Readiness, ready};
use super::super::turn::{self, Turn};
use super::super::{Sleep, sleep_until};
use super::ForeignCall;
use crate::core::event_loop::{Direction, LoopCore};
use crate::ffi::held::References;

/// A leaf, which the extension holds by a pointer.
pub struct Leaf {
    /// The address of its loop, which tells only whether it is the same.
    home: usize,
    /// The loop, if it has to be told when the leaf is dropped elsewhere. A weak reference: the
    /// collector does not see what a leaf refers to.
    told: Option<Py<PyWeakrefReference>>,
    /// Absent while it is polled, and once it is over.
    waits: Cell<Option<Waits>>,
}

enum Waits {
    Time(Sleep),
    Readiness(Readiness),
    Python(Awaited),
    Thread(Blocking<()>),
}

impl Leaf {
    fn of(turn: &Turn<'_, '_>, waits: Waits) -> Rc<Self> {
        Rc::new(Self { home: home(turn), told: None, waits: Cell::new(Some(waits)) })
    }

    pub fn sleep_until(turn: &Turn<'_, '_>, deadline: f64) -> PyResult<Rc<Self>> {
        if deadline.is_nan() {
            return Err(PyValueError::new_err(crate::name!("a deadline that is no number")));
        }
        Ok(Self::of(turn, Waits::Time(sleep_until(deadline))))
    }

    pub fn ready(turn: &Turn<'_, '_>, descriptor: RawFd, direction: i32) -> PyResult<Rc<Self>> {
        let direction = match direction {
            abi::READABLE => Direction::Read,
            abi::WRITABLE => Direction::Write,
            other => {
                return Err(PyValueError::new_err(format!(
                    "no direction of a descriptor: {other}"
                )));
            }
        };
        if descriptor < 0 {
            return Err(PyValueError::new_err(format!("Invalid file descriptor: {descriptor}")));
        }
        let told = turn.core_if_begun().map(|core| PyWeakrefReference::new(core.as_any()));
        Ok(Rc::new(Self {
            home: home(turn),
            told: told.transpose()?.map(Bound::unbind),
            waits: Cell::new(Some(Waits::Readiness(ready(descriptor, direction)))),
        }))
    }

    pub fn await_python(turn: &Turn<'_, '_>, awaitable: &Bound<'_, PyAny>) -> PyResult<Rc<Self>> {
        Ok(Self::of(turn, Waits::Python(turn.wait_for(awaitable)?)))
    }

    pub fn in_thread(turn: &Turn<'_, '_>, call: ForeignCall) -> PyResult<Rc<Self>> {
        Ok(Self::of(turn, Waits::Thread(blocking(move || call.make())?)))
    }

    /// # Errors
    ///
    /// `RuntimeError` if it is over, is being polled, or belongs to another loop; and what it
    /// ends with.
    pub fn poll(self: Rc<Self>, turn: &Turn<'_, '_>, waker: &Waker) -> PyResult<Poll<Py<PyAny>>> {
        if self.home != home(turn) {
            return Err(PyRuntimeError::new_err(crate::name!(
                "poll_leaf: it belongs to another loop"
            )));
        }
        // It is taken out meanwhile, since Python code that runs may come back here.
        let Some(mut waits) = self.waits.take() else {
            return Err(PyRuntimeError::new_err(crate::name!(
                "poll_leaf: it is over, or is being polled"
            )));
        };
        let mut context = Context::from_waker(waker);
        let polled = match &mut waits {
            Waits::Time(sleep) => Pin::new(sleep).poll(&mut context).map(|()| Ok(None)),
            Waits::Readiness(ready) => {
                Pin::new(ready).poll(&mut context).map(|result| result.map(|()| None))
            }
            Waits::Python(awaited) => {
                Pin::new(awaited).poll(&mut context).map(|result| result.map(Some))
            }
            Waits::Thread(call) => Pin::new(call).poll(&mut context).map(|()| Ok(None)),
        };
        match polled {
            Poll::Pending => {
                self.waits.set(Some(waits));
                Ok(Poll::Pending)
            }
            Poll::Ready(result) => {
                drop(waits);
                Ok(Poll::Ready(result?.unwrap_or_else(|| turn.py().None())))
            }
        }
    }

    /// Drops it, in the turn that runs if that is one of its loop, else in one of its own.
    pub fn end(self: Rc<Self>, py: Python<'_>) {
        if turn::try_with(|turn| self.home == home(turn)) == Some(true) {
            return drop(self);
        }
        let told = self.told.as_ref().and_then(|told| told.bind(py).upgrade());
        match told.as_ref().and_then(LoopCore::of) {
            Some(core) => {
                turn::run(py, Some(core), None, &References::default(), || drop(self));
            }
            None => turn::run_without_loop(py, || drop(self)),
        }
    }
}

fn home(turn: &Turn<'_, '_>) -> usize {
    turn.core_if_begun().map_or(0, |core| core.as_ptr().addr())
}
