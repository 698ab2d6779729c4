//! asyncio's loop, futures, tasks and transports as a Python extension module.
//!
//! One module here answers to one module of asyncio; what needs no Python
//! lives in `aioxide-engine`. `docs/design.md` tells how the parts fit.

// Python's private attributes keep asyncio's names: `get__loop` is the getter
// of `_loop`.
#![allow(non_snake_case)]

mod allocate;
mod attributes;
mod buffers;
mod children;
mod context;
mod coroutine_functions;
mod coroutines;
mod deallocation;
mod descriptor;
mod entry;
mod errors;
mod event_loop;
mod exiting;
mod file_send;
mod finalizer;
mod futures;
mod gil_cell;
mod given;
mod handles;
mod interning;
#[cfg(Py_3_14)]
mod interpreter;
mod locks;
mod metaclass;
mod methods;
mod queues;
mod recursion;
mod recycle;
mod running;
mod server;
mod sock;
mod standard;
mod streams;
mod taskgroups;
mod tasks;
mod threads;
mod timeouts;
mod tls;
mod transports;
mod unadorned;
mod waiting;

/// The native half of the package `aioxide`. It needs the GIL: `GilCell` rests
/// on it.
#[pyo3::pymodule(gil_used = true)]
mod _aioxide {
    use pyo3::prelude::*;
    use pyo3::types::PyType;

    #[pymodule_export]
    use crate::coroutines::Coroutine;
    #[pymodule_export]
    use crate::event_loop::LoopCore;
    #[pymodule_export]
    use crate::file_send::FileSend;
    #[pymodule_export]
    use crate::futures::{Future, FutureIterator};
    #[cfg(Py_3_14)]
    #[pymodule_export]
    use crate::handles::ThreadSafeHandle;
    #[pymodule_export]
    use crate::handles::{Handle, TimerHandle};
    #[pymodule_export]
    use crate::locks::{Barrier, BoundedSemaphore, Condition, Event, Lock, Semaphore};
    #[pymodule_export]
    use crate::queues::{LifoQueue, PriorityQueue, Queue};
    #[pymodule_export]
    use crate::server::ServerCore;
    #[pymodule_export]
    use crate::sock::SocketCall;
    #[pymodule_export]
    use crate::streams::{StreamProtocolCore, StreamReader, StreamWriter};
    #[pymodule_export]
    use crate::taskgroups::TaskGroup;
    #[pymodule_export]
    use crate::tasks::{Task, TaskStep, TaskWakeup};
    #[pymodule_export]
    use crate::timeouts::{Timeout, timeout, timeout_at};
    #[pymodule_export]
    use crate::tls::{SslProtocol, SslTransport};
    #[pymodule_export]
    use crate::transports::{
        DatagramTransport, ReadPipeTransport, SocketTransport, WritePipeTransport,
    };

    #[pymodule_export]
    use crate::waiting::{
        AsCompletedIterator, DoneCallback, GatherCallback, GatheringFuture, current_task,
        ensure_future, isfuture, run_coroutine_threadsafe, shield,
    };

    #[cfg(not(Py_3_13))]
    #[pymodule_export]
    use crate::waiting::_in_order_of_completion;
    #[cfg(Py_3_13)]
    #[pymodule_export]
    use crate::waiting::as_completed;

    #[pymodule_export]
    use crate::coroutines::{_want_origins, iscoroutine};
    #[pymodule_export]
    use crate::futures::wrap_future;
    #[pymodule_export]
    use crate::standard::_load_names;
    #[cfg(not(Py_3_14))]
    #[pymodule_export]
    use crate::waiting::all_tasks;

    use crate::errors::Settled;
    use crate::{finalizer, recycle};

    #[pymodule_export]
    use crate::event_loop::_own_hot_methods;

    #[pymodule_export]
    use crate::metaclass::_set_metaclass;

    #[pymodule_export]
    use crate::children::{_reap_child, _use_exit_descriptors};
    #[cfg(Py_3_14)]
    #[pymodule_export]
    use crate::futures::{future_add_to_awaited_by, future_discard_from_awaited_by};

    /// Whether tasks are where CPython's tools look for them.
    #[cfg(Py_3_14)]
    #[pyfunction]
    fn _tasks_are_public() -> bool {
        crate::interpreter::ThreadState::is_known()
    }

    /// Every task of ours that is not done, newest first.
    #[cfg(not(Py_3_14))]
    #[pyfunction]
    fn _live_tasks(py: Python<'_>) -> Vec<Py<Task>> {
        crate::tasks::live_tasks(py)
    }

    /// Lets the interpreter's own messages call a class by its name alone, as
    /// they call a class that is written in Python.
    fn shorten_names(module: &Bound<'_, PyModule>) -> PyResult<()> {
        for value in module.dict().values() {
            if let Ok(class) = value.cast_into::<PyType>()
                && class.module()?.to_str()?.starts_with("asyncio.")
            {
                class.setattr("__name__", class.name()?)?;
            }
        }
        Ok(())
    }

    #[pymodule_init]
    fn initialize(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        crate::interning::make_all(py)?;
        // What PyO3 makes when it looks at an error for the first time.
        drop(pyo3::exceptions::PyMemoryError::new_err(()).settled(py));
        crate::methods::prepare(py);
        recycle::install::<Handle>(py);
        recycle::install::<TimerHandle>(py);
        recycle::install::<Future>(py);
        recycle::install::<FutureIterator>(py);
        recycle::install::<Task>(py);
        crate::methods::install_single::<crate::futures::SetResult>(py)?;
        recycle::install::<SocketCall>(py);
        recycle::install::<GatheringFuture>(py);
        crate::futures::install_await::<Future>(py);
        crate::futures::install_await::<Task>(py);
        crate::futures::install_await::<GatheringFuture>(py);
        crate::waiting::install_functions(module)?;
        crate::threads::install_to_thread(module)?;
        crate::event_loop::install_fast_methods(py)?;
        crate::methods::install_plain::<crate::handles::CancelTimer>(py)?;
        crate::futures::prepare_stop_iteration(py)?;
        recycle::install::<Coroutine>(py);
        crate::coroutines::install_slots(py);
        crate::coroutines::conceal_iteration::<SocketCall>(py)?;
        crate::locks::install_lock(py)?;
        crate::locks::install_semaphore(py)?;
        crate::queues::install_queue(py)?;
        crate::streams::install_streams(py)?;
        crate::transports::install_socket_transport(py)?;
        recycle::install::<Timeout>(py);
        crate::timeouts::install_timeout(py)?;
        crate::taskgroups::install_task_group(py)?;
        shorten_names(module)?;
        crate::deallocation::install_all(py);
        crate::coroutine_functions::disguise(module)?;
        py.get_type::<Coroutine>().setattr("__name__", "coroutine")?;
        py.get_type::<SocketCall>().setattr("__name__", "coroutine")?;
        finalizer::install::<Future>(py);
        finalizer::install::<Task>(py);
        finalizer::install::<GatheringFuture>(py);
        finalizer::install::<SocketCall>(py);
        finalizer::install::<Coroutine>(py);
        finalizer::install::<SocketTransport>(py);
        finalizer::install::<SslTransport>(py);
        finalizer::install::<StreamWriter>(py);
        finalizer::install::<DatagramTransport>(py);
        finalizer::install::<ReadPipeTransport>(py);
        finalizer::install::<WritePipeTransport>(py);
        #[cfg(Py_3_14)]
        crate::interpreter::initialize(py)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
