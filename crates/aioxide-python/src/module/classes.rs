//! The classes whose instances are deallocated through [`deallocation`](crate::ffi::deallocation).

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

        /// Does so for every class without a free list or a finalizer. Called once, at module initialisation, before any instance exists.
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
    crate::net::byte_stream::ByteStream,
    crate::net::http::HttpExchange,
    crate::net::http::HttpLease,
    crate::net::http::HttpPool,
    crate::net::http::HttpResponse,
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
