//! `Semaphore` and `BoundedSemaphore`.

use aioxide_engine::recorder::ObjectRecord;
use aioxide_trace::ObjectKind;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};

use super::attributes::lock_attributes;
use super::binding::LoopBinding;
use super::count::Count;
use super::holders::Holders;
use super::waiters::Waiters;
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::attributes::{Collected, collected_fields, uninitialized};
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::ffi::omittable::Omittable;
use crate::recorder;

/// A counter that limits how many tasks hold it at once. `acquire` decrements it, and
/// waits while it is zero; `release` increments it.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.Semaphore
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.locks")]
pub struct Semaphore {
    pub(super) state: Contents<State>,
}

pub(super) struct State {
    pub value: Count,
    /// The first value, if it is a whole number: as many permits there are unless one is released
    /// that was not acquired. For the lints.
    permits: GilCell<Option<u64>>,
    pub waiters: GilCell<Waiters>,
    pub binding: LoopBinding,
    pub holders: Holders,
}

/// A semaphore that cannot be released more often than it was acquired.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.BoundedSemaphore
#[pyclass(frozen, extends = Semaphore, subclass, module = "asyncio.locks")]
pub struct BoundedSemaphore {
    bound: Contents<Count>,
}

impl State {
    /// Tells the recorder how many permits are free.
    #[inline(always)]
    pub fn note_value(&self, py: Python<'_>) {
        self.binding.note_length(py, || self.value.whole(py));
    }

    /// Tells the recorder that the running task has acquired a permit, or (false) released one.
    /// While nothing is recorded, two instructions.
    #[inline(always)]
    pub fn note_permit(&self, py: Python<'_>, acquired: bool) {
        if recorder::is_on() {
            self.record_permit(py, acquired);
        }
    }

    #[cold]
    fn record_permit(&self, py: Python<'_>, acquired: bool) {
        if let Some((record, task)) = self.binding.record_and_task(py) {
            self.holders.change(py, task, acquired, record);
        }
        self.note_value(py);
    }
}

impl Semaphore {
    /// The initial value; 1 unless it was given.
    fn first_value<'py>(py: Python<'py>, value: Omittable<'py>) -> PyResult<Bound<'py, PyAny>> {
        match value.0 {
            Some(value) => Ok(value),
            None => allocate::int(py, 1).map(Bound::into_any),
        }
    }

    fn begin<'py>(slf: &Bound<'py, Self>, value: &Bound<'py, PyAny>) -> PyResult<()> {
        if value.lt(0)? {
            return Err(PyValueError::new_err(crate::name!(
                "Semaphore initial value must be >= 0"
            )));
        }
        let state = &slf.get().state;
        drop(state.waiters.abandon(slf.py()));
        state.value.set(value);
        state.permits.set(slf.py(), state.value.whole(slf.py()));
        state.binding.note_creation(slf.py());
        if recorder::is_on() {
            state.holders.begin(slf.py());
        }
        state.note_value(slf.py());
        Ok(())
    }

    /// The current value.
    fn value<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let value = slf.get().state.value.shown(slf.py())?;
        value.ok_or_else(|| uninitialized(slf.as_any(), "_value"))
    }

    /// Acquires the semaphore if it is free and no task waits for it.
    #[inline]
    pub(super) fn try_acquire(&self, py: Python<'_>) -> bool {
        let state = &self.state;
        let acquired = state.value.is_free(py) == Some(true)
            && !(state.waiters.len(py) > 0 && state.waiters.any_alive(py))
            && state.value.step(py, -1);
        if acquired {
            state.note_permit(py, true);
        }
        acquired
    }

    /// Whether no method that asyncio's methods call is overridden.
    #[inline]
    pub(super) fn is_native(slf: &Bound<'_, Self>) -> bool {
        super::is_plain(slf) || slf.cast_exact::<BoundedSemaphore>().is_ok_and(super::is_plain)
    }

    /// Whether `acquire` has to wait, as the class sees it.
    pub(super) fn is_taken(slf: &Bound<'_, Self>) -> PyResult<bool> {
        if Self::is_native(slf) {
            return Self::is_locked(slf);
        }
        slf.call_method0(crate::intern!(slf.py(), "locked"))?.is_truthy()
    }

    fn is_locked(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let state = &slf.get().state;
        let free = match state.value.is_free(py) {
            Some(free) => free,
            None => !Self::value(slf)?.eq(0)?,
        };
        Ok(!free || state.waiters.any_alive(py))
    }

    pub(super) fn is_positive(slf: &Bound<'_, Self>) -> PyResult<bool> {
        match slf.get().state.value.is_positive(slf.py()) {
            Some(positive) => Ok(positive),
            None => Self::value(slf)?.gt(0),
        }
    }

    /// Adds `by` to the value.
    #[inline]
    pub(super) fn step(slf: &Bound<'_, Self>, by: i8) -> PyResult<()> {
        let state = &slf.get().state;
        if !state.value.step(slf.py(), by) {
            state.value.set(&Self::value(slf)?.add(by)?);
        }
        state.note_value(slf.py());
        Ok(())
    }

    /// Wakes the first waiter that was not woken yet, and decrements the value for it.
    /// Whether there was one.
    pub(super) fn wake_next(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let Some(next) = slf.get().state.waiters.wake_next(py) else {
            return Ok(false);
        };
        Self::step(slf, -1)?;
        let woken = PyBool::new(py, true).to_owned().into_any().unbind();
        Future::finish(&next.into_bound(py), woken)?;
        Ok(true)
    }

    pub(super) fn give_back(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::step(slf, 1)?;
        slf.get().state.note_permit(slf.py(), false);
        Self::wake_next(slf).map(drop)
    }

    /// How `repr` describes it: by the `locked()` of a subclass.
    fn repr_state(slf: &Bound<'_, Self>) -> PyResult<String> {
        if slf.call_method0(crate::intern!(slf.py(), "locked"))?.is_truthy()? {
            return Ok("locked".to_owned());
        }
        Ok(format!("unlocked, value:{}", Self::value(slf)?.str()?))
    }
}

lock_attributes!(Semaphore { _waiters: if_any });

impl Semaphore {
    /// The ids under which the tasks are recorded that have permits; None unless all are known,
    /// and mean something.
    pub fn recorded_holders(&self, py: Python<'_>) -> Option<Vec<u64>> {
        self.record(py).filter(|record| !record.is_signal())?;
        self.state.holders.known(py)
    }

    /// Its record, if it has one.
    pub fn record(&self, py: Python<'_>) -> Option<&'static ObjectRecord> {
        self.state.binding.record(py)
    }

    /// How many permits there are, free ones and others; None if that is no whole number, or is
    /// not known.
    pub fn permits(&self, py: Python<'_>) -> Option<u64> {
        self.state.permits.get(py)
    }
}
collected_fields!(Semaphore { binding, value, waiters });

#[pymethods]
impl Semaphore {
    // A subclass may have other arguments, which its `__init__` takes.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(value=1)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            state: Contents::new(State {
                value: Count::absent(),
                permits: GilCell::new(None),
                waiters: GilCell::new(Waiters::default()),
                binding: LoopBinding::new(ObjectKind::Semaphore),
                holders: Holders::default(),
            }),
        }
    }

    #[pyo3(signature = (value=Omittable::OMITTED))]
    fn __init__<'py>(slf: &Bound<'py, Self>, value: Omittable<'py>) -> PyResult<()> {
        let value = Self::first_value(slf.py(), value)?;
        Self::begin(slf, &value)
    }

    /// Whether `acquire` would wait.
    fn locked(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::is_locked(slf)
    }

    /// Increments the value, and wakes the first waiter.
    fn release(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::give_back(slf)
    }

    #[getter]
    fn get__value<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::value(slf)
    }

    #[setter]
    fn set__value(&self, value: &Bound<'_, PyAny>) {
        self.state.value.set(value);
        self.state.permits.set(value.py(), None);
    }
}

#[pymethods]
impl BoundedSemaphore {
    #[new]
    #[pyo3(signature = (*arguments, **keywords), text_signature = "(value=1)")]
    fn __new__(
        arguments: &Bound<'_, PyTuple>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        let semaphore = Semaphore::__new__(arguments, keywords);
        PyClassInitializer::from(semaphore)
            .add_subclass(Self { bound: Contents::new(Count::absent()) })
    }

    #[pyo3(signature = (value=Omittable::OMITTED))]
    fn __init__<'py>(slf: &Bound<'py, Self>, value: Omittable<'py>) -> PyResult<()> {
        let value = Semaphore::first_value(slf.py(), value)?;
        slf.get().bound.set(&value);
        Semaphore::begin(slf.as_super(), &value)
    }

    /// Increments the value. `ValueError` if it would exceed the initial one.
    fn release(slf: &Bound<'_, Self>) -> PyResult<()> {
        let semaphore = slf.as_super();
        match semaphore.get().state.value.has_reached(slf.py(), &slf.get().bound)? {
            Some(false) => Semaphore::give_back(semaphore),
            Some(true) => {
                Err(PyValueError::new_err(crate::name!("BoundedSemaphore released too many times")))
            }
            None => Err(uninitialized(slf.as_any(), "_value")),
        }
    }

    #[getter]
    fn get__bound_value<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let bound = slf.get().bound.shown(slf.py())?;
        bound.ok_or_else(|| uninitialized(slf.as_any(), "_bound_value"))
    }

    #[setter]
    fn set__bound_value(&self, value: &Bound<'_, PyAny>) {
        self.bound.set(value);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.bound.traverse(|bound| Collected::traverse(bound, &visit))
    }

    fn __clear__(&self, py: Python<'_>) {
        self.bound.clear(py);
    }
}
