//! The body of a native coroutine: an enumeration of all routines.

use aioxide_trace::WaitKind;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::core::coroutines::{Completed, Input, ResumePoint, Routine, Step};
use crate::core::rust_futures::RustFuture;
use crate::ffi::definition::Definition;
use crate::ffi::gil_cell::unsafe_cell_methods;
use crate::net::accepting::AcceptConnection;
use crate::net::streams::{
    Drain, LineBySubclass, Read, ReadAllBySubclass, ReadExactly, ReadUntil, StartTls, WaitClosed,
    WaitForData, WaitForDrain,
};
use crate::platform::to_thread::CallInThread;
use crate::sync::locks::{
    AcquireLock, AcquireSemaphore, ChangeBarrier, EnterBarrier, EnterBySubclass, LeaveBarrier,
    ReleaseBySubclass, ReleaseLock, ReleaseSemaphore, WaitAtBarrier, WaitEvent, WaitForNotice,
    WaitUntil,
};
use crate::sync::queues::{GetItem, JoinQueue, PutItem};
use crate::sync::taskgroups::{EnterGroup, ExitGroup};
use crate::sync::timeouts::{EnterTimeout, ExitTimeout};
use crate::sync::waiting::{Sleep, Wait, WaitFor, WaitForOne};

// SAFETY (of the method): each routine's promise.
unsafe_cell_methods!(Program {
} with py {
    /// See [`Routine::try_complete`].
    fn try_complete(&mut self, point: ResumePoint) -> Option<Completed>;
    /// See [`Program::rust_wait`].
    fn rust_wait(&mut self) -> Option<(WaitKind, Option<Py<PyAny>>)>;
});

macro_rules! programs {
    ($($name:ident),* $(,)?) => {
        /// A program of any kind. An enumeration, not a boxed trait object: a
        /// coroutine that never waits allocates nothing but itself.
        pub enum Program {
            /// The coroutine is over, or a step is running.
            Absent,
            $(
                #[allow(missing_docs, reason = "see the routine of the same name")]
                $name($name),
            )*
        }

        impl Program {
            #[inline]
            pub(in crate::core) fn try_complete(&mut self, py: Python<'_>, point: ResumePoint) -> Option<Completed> {
                match self {
                    Self::Absent => None,
                    $(Self::$name(routine) => routine.try_complete(py, point),)*
                }
            }

            #[inline]
            pub(in crate::core) fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
                match self {
                    Self::Absent => unreachable!("the coroutine looks at its phase first"),
                    $(Self::$name(routine) => routine.resume(py, input),)*
                }
            }

            #[inline]
            pub(in crate::core) fn release(self, py: Python<'_>) {
                match self {
                    Self::Absent => {}
                    $(Self::$name(routine) => routine.release(py),)*
                }
            }

            pub(in crate::core) fn qualname(&self) -> &'static str {
                match self {
                    Self::Absent => "coroutine",
                    $(Self::$name(routine) => routine.qualname(),)*
                }
            }

            pub(in crate::core) fn definition(&self) -> Option<&'static Definition> {
                match self {
                    Self::Absent => None,
                    $(Self::$name(routine) => routine.definition(),)*
                }
            }

            pub(in crate::core) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
                match self {
                    Self::Absent => Ok(()),
                    $(Self::$name(routine) => routine.traverse(visit),)*
                }
            }
        }

        $(
            impl From<$name> for Program {
                #[inline]
                fn from(routine: $name) -> Self {
                    Self::$name(routine)
                }
            }
        )*
    };
}

impl Program {
    /// What a Rust future waits for; see [`RustFuture::waits`]. None for other programs.
    fn rust_wait(&mut self, py: Python<'_>) -> Option<(WaitKind, Option<Py<PyAny>>)> {
        match self {
            Self::RustFuture(future) => future.waits(py),
            _ => None,
        }
    }

    /// What it waits for when it waits for a future.
    pub(in crate::core) fn wait_kind(&self) -> WaitKind {
        match self {
            Self::AcceptConnection(_) => WaitKind::Accept,
            Self::AcquireLock(_) | Self::ReleaseLock(_) => WaitKind::Lock,
            Self::AcquireSemaphore(_) | Self::ReleaseSemaphore(_) => WaitKind::Semaphore,
            Self::CallInThread(_) => WaitKind::Thread,
            Self::ChangeBarrier(_)
            | Self::EnterBarrier(_)
            | Self::LeaveBarrier(_)
            | Self::WaitAtBarrier(_) => WaitKind::Barrier,
            Self::Drain(_) | Self::WaitClosed(_) | Self::WaitForDrain(_) => WaitKind::Write,
            Self::EnterGroup(_) | Self::ExitGroup(_) => WaitKind::TaskGroup,
            Self::EnterTimeout(_) | Self::ExitTimeout(_) | Self::WaitFor(_) => WaitKind::Timeout,
            Self::GetItem(_) => WaitKind::QueueGet,
            Self::PutItem(_) => WaitKind::QueuePut,
            Self::JoinQueue(_) => WaitKind::QueueJoin,
            Self::LineBySubclass(_)
            | Self::Read(_)
            | Self::ReadAllBySubclass(_)
            | Self::ReadExactly(_)
            | Self::ReadUntil(_)
            | Self::WaitForData(_) => WaitKind::Read,
            Self::RustFuture(future) => future.wait_kind(),
            Self::Sleep(_) => WaitKind::Sleep,
            Self::StartTls(_) => WaitKind::Connect,
            Self::Wait(_) | Self::WaitForOne(_) => WaitKind::Gather,
            Self::WaitEvent(_) => WaitKind::Event,
            Self::WaitForNotice(_) | Self::WaitUntil(_) => WaitKind::Condition,
            Self::EnterBySubclass(_) | Self::ReleaseBySubclass(_) | Self::Absent => {
                WaitKind::Unknown
            }
        }
    }
}

programs! {
    AcceptConnection,
    AcquireLock,
    ReleaseLock,
    AcquireSemaphore,
    CallInThread,
    ChangeBarrier,
    Drain,
    EnterBarrier,
    EnterBySubclass,
    EnterGroup,
    EnterTimeout,
    ExitGroup,
    ExitTimeout,
    GetItem,
    JoinQueue,
    LeaveBarrier,
    LineBySubclass,
    PutItem,
    Read,
    ReadAllBySubclass,
    ReadExactly,
    ReadUntil,
    ReleaseBySubclass,
    ReleaseSemaphore,
    RustFuture,
    Sleep,
    StartTls,
    Wait,
    WaitAtBarrier,
    WaitClosed,
    WaitEvent,
    WaitFor,
    WaitForData,
    WaitForDrain,
    WaitForNotice,
    WaitForOne,
    WaitUntil,
}
