//! `wait`.

use std::ffi::CStr;

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyAssertionError, PyTypeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PySet, PyTuple};

use super::done_callback::{self, DoneCallback, Role};
use super::outcomes::{exception_of, is_cancelled, is_done};
use super::timer::Timer;
use crate::core::coroutines::is_coroutine;
use crate::core::coroutines::{Coroutine, Input, Routine, Step};
use crate::core::current_task::running_loop;
use crate::core::dispatch::as_native;
use crate::core::futures::{Future, edges, is_future};
use crate::ffi::allocate;
use crate::ffi::fastcall::{CallArguments, FastFunction, Parsed, Signature, unless_none};
use crate::ffi::gil_cell::GilCell;

/// `wait(fs, *, timeout=None, return_when=ALL_COMPLETED)`.
pub struct WaitFunction;

const WAIT: Signature<1, 2> =
    Signature::function("wait", ["fs"], ["timeout", "return_when"]).keyword_only();

impl FastFunction for WaitFunction {
    const NAME: &'static CStr = c"wait";
    const DOC: &'static CStr = c"wait(fs, *, timeout=None, return_when='ALL_COMPLETED')\n--\n\nWaits for the futures and tasks of the iterable `fs`; returns the set of those\nthat are done and the set of those that are not.\n\n`timeout` is in seconds. That it is over raises nothing, and nothing is\ncancelled then, nor when the wait itself is cancelled. `return_when` is\nALL_COMPLETED, FIRST_COMPLETED or FIRST_EXCEPTION. ValueError for anything else\nand for nothing to wait for, TypeError for coroutines.\n\nhttps://docs.python.org/3/library/asyncio-task.html#asyncio.wait";

    fn call<'py>(py: Python<'py>, arguments: CallArguments<'_, 'py>) -> PyResult<Py<PyAny>> {
        let Parsed { required: [fs], optional: [timeout, return_when], .. } =
            WAIT.parse(&arguments)?;
        let fs = fs.clone().unbind();
        let timeout = timeout.and_then(unless_none);
        let return_when = return_when.map(|it| it.clone().unbind());
        let wait = Wait { fs, timeout, return_when, waiting: None };
        Coroutine::new(py, wait).map(Py::into_any)
    }
}

/// What ends the wait.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum ReturnWhen {
    FirstCompleted,
    FirstException,
    #[default]
    AllCompleted,
}

impl ReturnWhen {
    fn given(value: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(value) = value else {
            return Ok(Self::AllCompleted);
        };
        let py = value.py();
        for (name, it) in [
            (crate::intern!(py, "FIRST_COMPLETED"), Self::FirstCompleted),
            (crate::intern!(py, "FIRST_EXCEPTION"), Self::FirstException),
            (crate::intern!(py, "ALL_COMPLETED"), Self::AllCompleted),
        ] {
            if value.is(name) || value.eq(name)? {
                return Ok(it);
            }
        }
        let message = format!("Invalid return_when value: {}", value.str()?);
        Err(PyValueError::new_err(message))
    }
}

/// How many of the futures are not done, and what happens when they are.
///
/// If only the last future matters, a native one is counted when it is done, and only the
/// last one gets a place in the ready queue. So the wait ends in the same iteration as
/// asyncio's.
#[derive(Clone, Copy, Default)]
pub struct Count {
    left: usize,
    when: ReturnWhen,
    /// Whether each future is counted when the loop runs its callback, because some are
    /// foreign or because each may matter.
    one_by_one: bool,
    /// Whether a future that ends the wait has a place in the ready queue.
    is_decided: bool,
    /// Whether the wait was ended by a future.
    is_over: bool,
}

impl Count {
    /// A native future is done. Whether it needs a place in the ready queue.
    #[inline]
    pub fn notice(&mut self) -> bool {
        if self.one_by_one {
            return true;
        }
        if self.when == ReturnWhen::FirstCompleted {
            return !std::mem::replace(&mut self.is_decided, true);
        }
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    /// The loop runs the callback of `child`.
    pub fn one_more(
        cell: &GilCell<Self>,
        waiter: &Bound<'_, Future>,
        caller: Option<&Bound<'_, PyAny>>,
        child: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = child.py();
        let (mut ends, when) = cell.update(py, |count| {
            if count.one_by_one {
                count.left = count.left.saturating_sub(1);
            }
            (count.left == 0 || count.when == ReturnWhen::FirstCompleted, count.when)
        });
        if !ends && when == ReturnWhen::FirstException {
            ends = !is_cancelled(child)? && exception_of(child)?.is_some();
        }
        if ends {
            if !waiter.get().is_done(py) {
                cell.update(py, |count| count.is_over = true);
            }
            done_callback::release(waiter)?;
        }
        edges::forget_edge(child, caller)
    }
}

/// The members of a set, as a copy: a future's own methods may change the set meanwhile.
pub fn members<'py>(set: &Bound<'py, PySet>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    set.try_iter()?.collect()
}

/// The body of `wait`.
pub struct Wait {
    /// What was given; once it waits, a set that only this routine refers to.
    fs: Py<PyAny>,
    timeout: Option<Py<PyAny>>,
    return_when: Option<Py<PyAny>>,
    /// Boxed, since every program has the size of the largest one.
    waiting: Option<Box<(Py<DoneCallback>, Timer)>>,
}

impl Wait {
    fn begin(&mut self, py: Python<'_>) -> PyResult<Step> {
        let fs = self.fs.bind(py);
        if is_future(fs)? || is_coroutine(fs)? {
            return Err(PyTypeError::new_err(format!(
                "expect a list of futures, not {}",
                fs.get_type().name()?
            )));
        }
        if !fs.is_truthy()? {
            return Err(PyValueError::new_err(crate::name!("Set of Tasks/Futures is empty.")));
        }
        let when = ReturnWhen::given(self.return_when.as_ref().map(|when| when.bind(py)))?;
        let fs = py.get_type::<PySet>().call1((fs,))?.cast_into::<PySet>()?;
        let futures = members(&fs)?;
        for future in &futures {
            if as_native(future).is_none() && is_coroutine(future)? {
                return Err(PyTypeError::new_err(crate::name!(
                    "Passing coroutines is forbidden, use tasks explicitly."
                )));
            }
        }
        let running = running_loop(py)?;
        if futures.is_empty() {
            // The iterator was empty.
            return Err(PyAssertionError::new_err(crate::name!("Set of Futures is empty.")));
        }
        let waiter = Future::for_any_loop(&running)?;
        let timer = match &self.timeout {
            Some(timeout) => Timer::start(&running, timeout.bind(py), &waiter)?,
            None => Timer::None,
        };
        let caller = edges::caller(py)?;
        let count = Count {
            left: futures.len(),
            when,
            one_by_one: when == ReturnWhen::FirstException
                || !futures.iter().all(DoneCallback::is_called_natively_by),
            is_decided: false,
            is_over: false,
        };
        let kept = caller.as_ref().map(|caller| caller.clone().unbind());
        let role = Role::Count { waiter: waiter.clone_ref(py), caller: kept };
        let callback = DoneCallback::counting(py, role, count)?.into_bound(py);
        for future in &futures {
            // Before a callback may count it as done.
            edges::note_edge(future, caller.as_ref())?;
            DoneCallback::listen_to(&callback, future)?;
        }
        self.fs = fs.into_any().unbind();
        self.waiting = Some(Box::new((callback.unbind(), timer)));
        Ok(Step::Wait(waiter))
    }

    /// The wait has ended, for whatever reason.
    fn end(&mut self, py: Python<'_>, failed: bool) -> PyResult<()> {
        let Some(waiting) = self.waiting.take() else {
            return Ok(());
        };
        let (callback, mut timer) = *waiting;
        let callback = callback.into_bound(py);
        if failed || callback.get().count().get(py).is_over {
            timer.call_off(py)?;
        } else {
            timer.has_rung(py)?;
        }
        let caller = callback.get().caller_of_count(py);
        for future in members(self.fs.bind(py).cast()?)? {
            DoneCallback::leave(&callback, &future)?;
            edges::forget_edge(&future, caller.as_ref())?;
        }
        timer.release(py);
        Ok(())
    }

    /// The futures that are done, and those that are not.
    fn sorted<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let fs = self.fs.bind(py).cast::<PySet>()?;
        let mut pending = Vec::new();
        for future in members(fs)? {
            if !is_done(&future)? {
                pending.push(future);
            }
        }
        let none = PySet::empty(py)?;
        if pending.is_empty() {
            return allocate::tuple(py, [fs.clone(), none]);
        }
        if pending.len() == fs.len() {
            return allocate::tuple(py, [none, fs.clone()]);
        }
        let pending = PySet::new(py, pending)?;
        let done = fs.call_method1(crate::intern!(py, "difference"), (&pending,))?;
        allocate::tuple(py, [done, pending.into_any()])
    }
}

impl Routine for Wait {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match input {
            Input::Start => self.begin(py),
            Input::Value(_) => {
                self.end(py, false)?;
                Ok(Step::Return(self.sorted(py)?.into_any().unbind()))
            }
            Input::Error(error) => {
                self.end(py, true)?;
                Err(error)
            }
        }
    }

    fn qualname(&self) -> &'static str {
        "wait"
    }

    fn release(self, py: Python<'_>) {
        self.fs.drop_ref(py);
        for given in [self.timeout, self.return_when].into_iter().flatten() {
            given.drop_ref(py);
        }
        if let Some(waiting) = self.waiting {
            let (callback, timer) = *waiting;
            callback.drop_ref(py);
            timer.release(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.fs)?;
        visit.call(&self.timeout)?;
        visit.call(&self.return_when)?;
        match &self.waiting {
            Some(waiting) => {
                visit.call(&waiting.0)?;
                waiting.1.traverse(visit)
            }
            None => Ok(()),
        }
    }
}
