//! What a future remembers.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::Callbacks;
use crate::event_loop::LoopCore;
use crate::gil_cell::CloneRef;

/// The loop that a future, a task or a handle belongs to.
pub enum LoopRef {
    /// Ours: its ready queue is reached directly.
    Native(Py<LoopCore>),
    /// Any other, or one of ours whose `call_soon` was overridden: reached
    /// through its methods.
    Foreign(Py<PyAny>),
}

impl LoopRef {
    /// The way to reach `event_loop`.
    pub fn of(event_loop: &Bound<'_, PyAny>) -> Self {
        match LoopCore::of(event_loop) {
            Some(core) => Self::of_core(core),
            None => Self::Foreign(event_loop.clone().unbind()),
        }
    }

    /// The same for a loop that is known to be ours.
    #[inline]
    pub fn of_core(core: &Bound<'_, LoopCore>) -> Self {
        if core.get().schedules_natively(core.py()) {
            Self::Native(core.clone().unbind())
        } else {
            Self::Foreign(core.clone().into_any().unbind())
        }
    }

    /// The loop object.
    #[inline]
    pub fn as_any(&self) -> &Py<PyAny> {
        match self {
            Self::Native(core) => core.as_any(),
            Self::Foreign(event_loop) => event_loop,
        }
    }

    /// Its address, to compare with.
    #[inline]
    pub fn as_ptr(&self) -> *mut pyo3::ffi::PyObject {
        self.as_any().as_ptr()
    }

    /// The loop for the length of a call. A bound reference, unlike a `Py`,
    /// is given up without asking whether the thread holds the GIL.
    #[inline]
    pub fn bind<'py>(&self, py: Python<'py>) -> BoundLoop<'py> {
        match self {
            Self::Native(core) => BoundLoop::Native(core.bind(py).clone()),
            Self::Foreign(event_loop) => BoundLoop::Foreign(event_loop.bind(py).clone()),
        }
    }

    /// The same, and this reference is used up.
    #[inline]
    pub fn into_bound(self, py: Python<'_>) -> BoundLoop<'_> {
        match self {
            Self::Native(core) => BoundLoop::Native(core.into_bound(py)),
            Self::Foreign(event_loop) => BoundLoop::Foreign(event_loop.into_bound(py)),
        }
    }

    /// Lets go of the loop.
    #[inline]
    pub fn release(self, py: Python<'_>) {
        match self {
            Self::Native(core) => core.drop_ref(py),
            Self::Foreign(event_loop) => event_loop.drop_ref(py),
        }
    }
}

// SAFETY: a reference count goes up.
unsafe impl CloneRef for LoopRef {
    #[inline]
    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Native(core) => Self::Native(core.clone_ref(py)),
            Self::Foreign(event_loop) => Self::Foreign(event_loop.clone_ref(py)),
        }
    }
}

/// See [`LoopRef::bind`].
pub enum BoundLoop<'py> {
    /// Ours.
    Native(Bound<'py, LoopCore>),
    /// Any other.
    Foreign(Bound<'py, PyAny>),
}

impl<'py> BoundLoop<'py> {
    /// The loop object.
    #[inline]
    pub fn as_any(&self) -> &Bound<'py, PyAny> {
        match self {
            Self::Native(core) => core.as_any(),
            Self::Foreign(event_loop) => event_loop,
        }
    }

    /// `loop.get_debug()`.
    pub fn debug(&self) -> PyResult<bool> {
        match self {
            Self::Native(core) => Ok(core.get().debug(core.py())),
            Self::Foreign(event_loop) => {
                let name = pyo3::intern!(event_loop.py(), "get_debug");
                event_loop.call_method0(name)?.is_truthy()
            }
        }
    }

    /// Raises what `call_soon` raises when nothing may be scheduled now. A
    /// foreign loop checks for itself.
    #[inline]
    pub fn admit(&self) -> PyResult<()> {
        match self {
            Self::Native(core) => core.get().admit(core.py()),
            Self::Foreign(_) => Ok(()),
        }
    }
}

/// How far a future has come.
///
/// Two words, with everything that waits: what is done has no callbacks, and what is
/// not done has no value.
pub enum Outcome {
    /// Not done; these want to know when it is.
    Pending(Callbacks),
    /// Cancelled; of a task, by this `CancelledError`, to be raised once more as itself,
    /// so that its context survives.
    Cancelled(Option<Py<PyAny>>),
    /// Done with a value.
    Result(Py<PyAny>),
    /// Done with an exception.
    Exception(Py<PyAny>),
}

const _: () = assert!(size_of::<Outcome>() == 2 * size_of::<usize>());

impl Outcome {
    /// Not done, and nobody waits.
    pub const NEW: Self = Self::Pending(Callbacks::None);

    /// asyncio's name for the state.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending(_) => "PENDING",
            Self::Cancelled(_) => "CANCELLED",
            Self::Result(_) | Self::Exception(_) => "FINISHED",
        }
    }
}

/// What few futures have, kept out of the way of the many.
#[derive(Default)]
pub struct Rare {
    /// The traceback that the exception had when it was set.
    pub exception_traceback: Option<Py<PyAny>>,
    /// What `cancel(msg)` was given.
    pub cancel_message: Option<Py<PyAny>>,
    /// Where the future was made (debug mode).
    pub source_traceback: Option<Py<PyAny>>,
    /// Where the next step of the task was scheduled (debug mode).
    pub step_traceback: Option<Py<PyAny>>,
}

/// The state of one future.
pub struct FutureState {
    /// None until `__init__` has run, and after the collector cleared it.
    pub event_loop: Option<LoopRef>,
    /// Pending, or how it ended.
    pub outcome: Outcome,
    /// Set by `await`, cleared by the task that takes note: tells `await
    /// future` from a bare `yield future`.
    pub blocking: bool,
    /// Whether the exception has to be reported when the future goes.
    pub log_traceback: bool,
    /// See [`Rare`].
    pub rare: Option<Box<Rare>>,
}

impl FutureState {
    /// A pending future of `event_loop`.
    #[inline]
    pub fn pending(event_loop: LoopRef) -> Self {
        Self { event_loop: Some(event_loop), ..Self::uninitialized() }
    }

    /// Before `__init__`.
    #[inline]
    pub fn uninitialized() -> Self {
        Self {
            event_loop: None,
            outcome: Outcome::NEW,
            blocking: false,
            log_traceback: false,
            rare: None,
        }
    }

    /// Everything it was; what stays is as before `__init__`.
    #[inline]
    pub fn take(&mut self) -> Self {
        std::mem::replace(self, Self::uninitialized())
    }

    /// Lets go of everything, most of which is not there.
    #[inline]
    pub fn release(self, py: Python<'_>) {
        if let Some(event_loop) = self.event_loop {
            event_loop.release(py);
        }
        match self.outcome {
            Outcome::Result(value)
            | Outcome::Exception(value)
            | Outcome::Cancelled(Some(value)) => value.drop_ref(py),
            Outcome::Pending(_) | Outcome::Cancelled(None) => {}
        }
    }

    /// Whether there is no result yet, no exception and no cancellation.
    #[inline]
    pub fn is_pending(&self) -> bool {
        matches!(self.outcome, Outcome::Pending(_))
    }

    /// Ends it, unless it has ended; hands out whoever has waited for that.
    #[inline]
    pub fn end(&mut self, outcome: Outcome) -> Callbacks {
        match std::mem::replace(&mut self.outcome, outcome) {
            Outcome::Pending(callbacks) => callbacks,
            _ => Callbacks::None,
        }
    }

    /// Who waits.
    pub fn callbacks(&self) -> &Callbacks {
        const NOBODY: &Callbacks = &Callbacks::None;
        match &self.outcome {
            Outcome::Pending(callbacks) => callbacks,
            _ => NOBODY,
        }
    }

    /// The rare fields, made on first use.
    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Remembers a cancel message and hands back the one it replaces.
    pub fn set_cancel_message(&mut self, message: Option<Py<PyAny>>) -> Option<Py<PyAny>> {
        match (message, self.rare.as_mut()) {
            (None, None) => None,
            (None, Some(rare)) => rare.cancel_message.take(),
            (Some(message), _) => self.rare_mut().cancel_message.replace(message),
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(event_loop) = &self.event_loop {
            visit.call(event_loop.as_any())?;
        }
        match &self.outcome {
            Outcome::Result(value)
            | Outcome::Exception(value)
            | Outcome::Cancelled(Some(value)) => visit.call(value)?,
            Outcome::Pending(_) | Outcome::Cancelled(None) => {}
        }
        if let Some(rare) = &self.rare {
            visit.call(&rare.exception_traceback)?;
            visit.call(&rare.cancel_message)?;
            visit.call(&rare.source_traceback)?;
            visit.call(&rare.step_traceback)?;
        }
        self.callbacks().iter().try_for_each(|callback| callback.traverse(visit))
    }
}
