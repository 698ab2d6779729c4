//! The extension module `aioxide._aioxide`: what is in it, and what has to be done before
//! the first object of a class is made. The only place, with `core::dispatch`, that names
//! every class.

mod classes;
mod coroutine_functions;

/// The native half of the package `aioxide`. It needs the GIL: `GilCell` rests
/// on it.
#[pyo3::pymodule(gil_used = true)]
mod _aioxide {
    use pyo3::prelude::*;
    use pyo3::types::PyType;

    #[pymodule_export]
    use crate::core::coroutines::Coroutine;
    #[pymodule_export]
    use crate::core::event_loop::LoopCore;
    #[pymodule_export]
    use crate::core::futures::{Future, FutureIterator};
    #[cfg(Py_3_14)]
    #[pymodule_export]
    use crate::core::handles::ThreadSafeHandle;
    #[pymodule_export]
    use crate::core::handles::{Handle, TimerHandle};
    #[pymodule_export]
    use crate::core::rust_futures::RustFutures;
    #[pymodule_export]
    use crate::core::tasks::{Task, TaskStep, TaskWakeup};
    #[pymodule_export]
    use crate::net::byte_stream::ByteStream;
    #[pymodule_export]
    use crate::net::file_send::FileSend;
    #[pymodule_export]
    use crate::net::http::{HttpExchange, HttpLease, HttpPool, HttpResponse, parse_json};
    #[pymodule_export]
    use crate::net::server::ServerCore;
    #[pymodule_export]
    use crate::net::sock::SocketCall;
    #[pymodule_export]
    use crate::net::streams::{StreamProtocolCore, StreamReader, StreamWriter};
    #[pymodule_export]
    use crate::net::tls::{SslProtocol, SslTransport};
    #[pymodule_export]
    use crate::net::transports::{
        DatagramTransport, ReadPipeTransport, SocketTransport, WritePipeTransport,
    };
    #[pymodule_export]
    use crate::sync::locks::{Barrier, BoundedSemaphore, Condition, Event, Lock, Semaphore};
    #[pymodule_export]
    use crate::sync::queues::{LifoQueue, PriorityQueue, Queue};
    #[pymodule_export]
    use crate::sync::taskgroups::TaskGroup;
    #[pymodule_export]
    use crate::sync::timeouts::{Timeout, timeout, timeout_at};

    #[pymodule_export]
    use crate::sync::waiting::{
        AsCompletedIterator, DoneCallback, GatherCallback, GatheringFuture, current_task,
        ensure_future, run_coroutine_threadsafe, shield,
    };

    #[cfg(not(Py_3_13))]
    #[pymodule_export]
    use crate::sync::waiting::_in_order_of_completion;
    #[cfg(Py_3_13)]
    #[pymodule_export]
    use crate::sync::waiting::as_completed;

    #[pymodule_export]
    use crate::core::coroutines::{_want_origins, iscoroutine};
    #[pymodule_export]
    use crate::core::futures::{isfuture, wrap_future};
    #[pymodule_export]
    use crate::stdlib::_load_names;
    #[cfg(not(Py_3_14))]
    #[pymodule_export]
    use crate::sync::waiting::all_tasks;
    #[pymodule_export]
    use crate::sync::{_created_at, _permits, _recorded_holders, _recorded_releases};
    #[pymodule_export]
    use crate::watchdog::{
        _tell_lints, _watchdog_next, _watchdog_start, _watchdog_stop, _watchdog_take,
    };

    use crate::ffi::errors::Settled;
    use crate::ffi::{finalizer, free_list};

    #[pymodule_export]
    use crate::core::event_loop::{_own_connecting_methods, _own_hot_methods};

    #[pymodule_export]
    use crate::ffi::metaclass::_set_metaclass;

    #[pymodule_export]
    use crate::core::event_loop::_mark_recording;
    #[pymodule_export]
    use crate::core::tasks::{_adopt_tasks, _task_id};
    #[pymodule_export]
    use crate::recorder::{_console_path, _note_wait, _start_console, _stop_console};
    #[pymodule_export]
    use crate::recorder::{
        _dump_recording, _is_recording, _made_on_behalf_of, _note_failure, _note_finding,
        _recorded_loops, _recorded_objects, _recorder_after_fork, _recording_state,
        _start_recording, _stop_recording,
    };

    #[cfg(Py_3_14)]
    #[pymodule_export]
    use crate::core::futures::{future_add_to_awaited_by, future_discard_from_awaited_by};
    #[pymodule_export]
    use crate::platform::children::{_reap_child, _use_exit_descriptors};

    /// Whether tasks are where CPython's tools look for them.
    #[cfg(Py_3_14)]
    #[pyfunction]
    fn _tasks_are_public() -> bool {
        crate::ffi::debug_offsets::ThreadState::is_known()
    }

    /// Every native task that is not done, newest first.
    #[cfg(not(Py_3_14))]
    #[pyfunction]
    fn _live_tasks(py: Python<'_>) -> Vec<Py<Task>> {
        crate::core::tasks::live_tasks(py)
    }

    /// Makes the interpreter's messages name a class without its module, as for a class
    /// that is written in Python.
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
        // It starts nothing: PyO3 asks once in a process whether the interpreter runs, and this
        // is when it does. PyO3 makes the exception of an error when somebody looks at it, which
        // may be while the interpreter goes, and asking then for the first time is a panic.
        Python::initialize();
        crate::ffi::interning::make_all(py)?;
        crate::ffi::at_fork::register();
        // What PyO3 makes when it looks at an error for the first time.
        drop(pyo3::exceptions::PyMemoryError::new_err(()).settled(py));
        crate::ffi::fastcall::prepare(py);
        free_list::install::<Handle>(py);
        free_list::install::<TimerHandle>(py);
        free_list::install::<Future>(py);
        free_list::install::<FutureIterator>(py);
        free_list::install::<Task>(py);
        crate::ffi::fastcall::install_single::<crate::core::futures::SetResult>(py)?;
        free_list::install::<SocketCall>(py);
        free_list::install::<GatheringFuture>(py);
        crate::core::futures::install_await::<Future>(py);
        crate::core::futures::install_await::<Task>(py);
        crate::core::futures::install_await::<GatheringFuture>(py);
        crate::sync::waiting::install_functions(module)?;
        crate::platform::to_thread::install_to_thread(module)?;
        crate::core::event_loop::install_fast_methods(py)?;
        crate::ffi::fastcall::install_plain::<crate::core::handles::CancelTimer>(py)?;
        crate::core::futures::prepare_stop_iteration(py)?;
        free_list::install::<Coroutine>(py);
        crate::core::coroutines::install_slots(py);
        crate::core::coroutines::conceal_iteration::<SocketCall>(py)?;
        crate::sync::locks::install_lock(py)?;
        crate::sync::locks::install_semaphore(py)?;
        crate::sync::queues::install_queue(py)?;
        crate::net::streams::install_streams(py)?;
        crate::net::transports::install_socket_transport(py)?;
        free_list::install::<Timeout>(py);
        crate::sync::timeouts::install_timeout(py)?;
        crate::sync::taskgroups::install_task_group(py)?;
        shorten_names(module)?;
        super::classes::install_all(py);
        super::coroutine_functions::disguise(module)?;
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
        crate::ffi::debug_offsets::initialize(py, |offsets| Task::is_laid_out_as(py, offsets))?;
        crate::core::rust_futures::publish(module)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
