//! Running the items of the ready queue.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::Ready;
use crate::core::event_loop::LoopCore;
use crate::core::futures::{Future, FutureCallback, LoopRef};
#[cfg(Py_3_14)]
use crate::core::handles::ThreadSafeHandle;
use crate::core::handles::{
    Arguments, Handle, TimerHandle, may_step_foreign_task, report_callback_error,
};
use crate::core::tasks;
use crate::ffi::{allocate, context, free_list};
use crate::net::transports::Lifecycle;
use crate::sync::taskgroups::TaskGroup;
use crate::sync::timeouts::Timeout;
use crate::sync::waiting::{DoneCallback, GatheringFuture};

impl LoopCore {
    /// Runs one ready item. Its exceptions are reported to the loop's exception handler;
    /// only one that ends the loop is returned.
    ///
    /// Inlined where an item is taken out of the ready queue: its two words are never put
    /// together anywhere else then.
    #[inline(always)]
    pub(in crate::core) fn run_item(slf: &Bound<'_, Self>, item: Ready) -> PyResult<()> {
        let py = slf.py();
        if !item.is_task_step() {
            slf.get().current_task().flush(py, slf.as_any().as_unbound())?;
        }
        let steps_foreign_task = match &item {
            Ready::Handle(handle) => handle.get().may_step_foreign_task(py),
            Ready::FutureCallback(parts) => may_step_foreign_task(parts.function.bind(py)),
            _ => false,
        };
        if steps_foreign_task {
            slf.get().current_task().remove_entry(py, slf.as_any().as_unbound())?;
        }
        match item {
            Ready::Step(task) => {
                let task = task.into_bound(py);
                let result = tasks::run_step(slf, &task);
                Self::after_step(slf, task, result)
            }
            Ready::Wake(task) => {
                let task = task.into_bound(py);
                let result = tasks::run_wake(slf, &task);
                Self::after_step(slf, task, result)
            }
            Ready::Throw(parts) => {
                let (task, exception) = *parts;
                let task = task.into_bound(py);
                let result = tasks::run_throw(slf, &task, exception);
                Self::after_step(slf, task, result)
            }
            Ready::Handle(handle) => run_handle(&handle.into_bound(py)),
            Ready::Alarm(future) if future.get().is_done(py) => Ok(()),
            Ready::Alarm(future) => Future::finish(&future.into_bound(py), py.None()),
            Ready::Deadline(number, timeout) => Self::run_deadline(slf, number, timeout),
            Ready::TaskDone(parts) => Self::run_task_done(slf, *parts),
            Ready::FutureCallback(parts) => Self::run_future_callback(slf, *parts),
            Ready::Gathered(parts) => GatheringFuture::run_child_done(slf, *parts),
            Ready::Noticed(parts) => DoneCallback::run(slf, *parts),
            Ready::Socket(event, transport) => {
                transport.get().handle(slf, transport.bind(py), event)
            }
            Ready::Datagram(event, transport) => {
                transport.get().handle(slf, transport.bind(py), event)
            }
            Ready::ReadPipe(event, transport) => {
                transport.get().handle(slf, transport.bind(py), event)
            }
            Ready::WritePipe(event, transport) => {
                transport.get().handle(slf, transport.bind(py), event)
            }
            Ready::Accept(index, server) => server.get().accept(slf, server.bind(py), index),
            Ready::SocketIo(call) => call.get().resume_when_ready(slf, call.bind(py)),
            Ready::Poll(key) => slf.get().wake_future(py, key),
            Ready::Woken => slf.get().flush_woken(py),
            Ready::Ring(alarm) => alarm.ring(slf),
            Ready::Signals => Self::process_signals(slf),
            Ready::Native(work) => work.conclude(slf),
        }
    }

    /// The same where it is not worth its instructions a second time.
    #[inline(never)]
    pub(in crate::core) fn run_item_apart(slf: &Bound<'_, Self>, item: Ready) -> PyResult<()> {
        Self::run_item(slf, item)
    }

    /// Runs a step of a task. `ended` looks at the task behind it, before the reference to the
    /// task is dropped.
    #[inline(always)]
    pub(in crate::core) fn run_step_item(
        slf: &Bound<'_, Self>,
        item: Ready,
        ended: impl FnOnce(&Bound<'_, tasks::Task>),
    ) -> PyResult<()> {
        let py = slf.py();
        let (task, result) = match item {
            Ready::Step(task) => {
                let task = task.into_bound(py);
                let result = tasks::run_step(slf, &task);
                (task, result)
            }
            Ready::Wake(task) => {
                let task = task.into_bound(py);
                let result = tasks::run_wake(slf, &task);
                (task, result)
            }
            Ready::Throw(parts) => {
                let (task, exception) = *parts;
                let task = task.into_bound(py);
                let result = tasks::run_throw(slf, &task, exception);
                (task, result)
            }
            other => return Self::run_item_apart(slf, other),
        };
        ended(&task);
        Self::after_step(slf, task, result)
    }

    /// After a step: drops the reference to the task. If it is the last one, finalizers
    /// run, which may call `current_task()`.
    #[inline]
    fn after_step(
        slf: &Bound<'_, Self>,
        task: Bound<'_, tasks::Task>,
        result: PyResult<()>,
    ) -> PyResult<()> {
        let py = slf.py();
        // SAFETY: the reference is alive.
        if unsafe { pyo3::ffi::Py_REFCNT(task.as_ptr()) } == 1 {
            slf.get().current_task().flush(py, slf.as_any().as_unbound())?;
        }
        match result {
            Ok(()) => Ok(()),
            Err(error) => {
                slf.get().current_task().flush(py, slf.as_any().as_unbound())?;
                let step = tasks::TaskStep::new(py, task.unbind(), None)?.into_any();
                report(slf, step, PyTuple::empty(py), py.None(), error)
            }
        }
    }

    fn run_deadline(slf: &Bound<'_, Self>, number: u32, timeout: Py<Timeout>) -> PyResult<()> {
        let py = slf.py();
        let timeout = timeout.into_bound(py);
        if !timeout.get().awaits_alarm(py, number) {
            return Ok(());
        }
        match Timeout::expire(&timeout) {
            Ok(()) => Ok(()),
            Err(error) => {
                let callback = timeout.getattr(crate::intern!(py, "_on_timeout"))?.unbind();
                let context = context::copy_current(py)?;
                report(slf, callback, PyTuple::empty(py), context, error)
            }
        }
    }

    fn run_task_done(
        slf: &Bound<'_, Self>,
        (group, task): (Py<TaskGroup>, Py<Future>),
    ) -> PyResult<()> {
        let py = slf.py();
        let (group, task) = (group.into_bound(py), task.into_bound(py));
        match TaskGroup::task_done(&group, &task) {
            Ok(()) => Ok(()),
            Err(error) => {
                let callback = group.getattr(crate::intern!(py, "_on_task_done"))?.unbind();
                let context = context::copy_current(py)?;
                report(slf, callback, allocate::tuple(py, [task])?, context, error)
            }
        }
    }

    fn run_future_callback(slf: &Bound<'_, Self>, parts: FutureCallback) -> PyResult<()> {
        let py = slf.py();
        let FutureCallback { function, context, future } = parts;
        let future = future.expect("a callback is ready when its future is done");
        let result = context::run_in(context.bind(py), || {
            function.bind(py).call1((future.bind(py),)).map(drop)
        });
        match result {
            Ok(()) => Ok(()),
            Err(error) => {
                report(slf, function, allocate::tuple(py, [future.into_bound(py)])?, context, error)
            }
        }
    }
}

/// Runs a callback or a timer, unless it was cancelled.
#[inline]
pub fn run_handle(handle: &Bound<'_, Handle>) -> PyResult<()> {
    let py = handle.py();
    if free_list::is_exactly::<TimerHandle>(handle) {
        // SAFETY: checked above.
        unsafe { handle.cast_unchecked::<TimerHandle>() }.get().set_scheduled(py, false);
    }
    if handle.get().is_cancelled(py) {
        return Ok(());
    }
    #[cfg(Py_3_14)]
    if let Some(guarded) = ThreadSafeHandle::of(handle) {
        return ThreadSafeHandle::locked(guarded, || call(handle));
    }
    call(handle)
}

#[inline]
fn call(handle: &Bound<'_, Handle>) -> PyResult<()> {
    match handle.get().call(handle.py()) {
        Ok(()) => Ok(()),
        Err(error) => report_callback_error(handle, error),
    }
}

/// Reports an error of an item that has no handle.
pub fn report(
    core: &Bound<'_, LoopCore>,
    callback: Py<PyAny>,
    arguments: Bound<'_, PyTuple>,
    context: Py<PyAny>,
    error: PyErr,
) -> PyResult<()> {
    let py = core.py();
    let event_loop = LoopRef::of_core(core);
    let handle = Handle::create(py, callback, Arguments::of(&arguments), event_loop, context)?;
    report_callback_error(handle.bind(py), error)
}
