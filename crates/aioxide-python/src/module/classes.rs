//! The classes whose instances need nothing when they go but to go in turn.

use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::ffi::deallocation::{Chained, install};

macro_rules! chained {
    ($($(#[$attribute:meta])* $class:ty),* $(,)?) => {
        $(
            $(#[$attribute])*
            impl Chained for $class {
                fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
                    static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
                    &ORIGINAL
                }
            }
        )*

        /// Has every class that is neither recycled nor finalized deallocated in turn.
        /// Called once, at module initialisation, before any instance exists.
        pub fn install_all(py: Python<'_>) {
            $($(#[$attribute])* install::<$class>(py);)*
        }
    };
}

chained! {
    crate::core::event_loop::LoopCore,
    crate::net::file_send::FileSend,
    crate::core::futures::ChainCallback,
    #[cfg(Py_3_14)]
    crate::core::handles::ThreadSafeHandle,
    crate::sync::locks::Barrier,
    crate::sync::locks::BoundedSemaphore,
    crate::sync::locks::Condition,
    crate::sync::locks::Event,
    crate::sync::locks::Lock,
    crate::sync::locks::Semaphore,
    #[cfg(not(Py_3_14))]
    crate::ffi::fastcall::SpecialMethod,
    crate::sync::queues::LifoQueue,
    crate::sync::queues::PriorityQueue,
    crate::sync::queues::Queue,
    crate::net::server::ServerCore,
    crate::net::streams::ClientDone,
    crate::net::streams::StreamProtocolCore,
    crate::net::streams::StreamReader,
    crate::sync::taskgroups::TaskGroup,
    crate::core::tasks::TaskStep,
    crate::core::tasks::TaskWakeup,
    crate::core::executor::PoolThread,
    crate::net::tls::SslProtocol,
    crate::sync::waiting::AsCompletedIterator,
    crate::sync::waiting::DoneCallback,
    crate::sync::waiting::GatherCallback,
    crate::sync::waiting::Submission,
}
