//! What the recorder is told by a loop: its iterations, and each item that it runs.

use std::sync::atomic::Ordering;

use aioxide_engine::recorder::{
    Address, LoopRecord, LoopStatus, ObjectRecord, TaskRecord, loops, ticks,
};
use aioxide_engine::{Cancellable, Wait};
use aioxide_trace::{Event, ItemKind, Kind, ObjectKind, Outcome, WakerKind};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::LoopCore;
use super::scheduling::thread_identity;
use crate::core::current_task::running_loop_or_none;
use crate::core::dispatch::Ready;
use crate::core::executor::ThreadPool;
use crate::core::handles::{TimerHandle, stepped_task};
use crate::core::tasks::{self, Task, standard};
use crate::ffi::free_list;
use crate::ffi::gil_cell::GilCell;
use crate::recorder::{self, ObjectMark};

/// The record of a loop, and the number that the record had when the loop got it: another one
/// means that it is another loop's by now. The record is given back with the loop.
#[derive(Default)]
pub struct LoopMark(GilCell<Option<(&'static LoopRecord, u32)>>);

impl LoopMark {
    #[inline(always)]
    fn get(&self, py: Python<'_>) -> Option<(&'static LoopRecord, u32)> {
        self.0.get(py)
    }

    fn set(&self, py: Python<'_>, record: Option<(&'static LoopRecord, u32)>) {
        self.0.set(py, record);
    }

    fn give_back(&self, py: Python<'_>) {
        let record = self.get(py).filter(|(record, id)| record.id() == *id);
        self.set(py, None);
        if let Some((record, _)) = record {
            loops().close(record);
        }
    }
}

impl Drop for LoopMark {
    fn drop(&mut self) {
        // SAFETY: an object is deallocated with the GIL held.
        self.give_back(unsafe { Python::assume_attached() });
    }
}

/// The mark of a transport, and where that was made.
type Marked<'a> = (&'a ObjectMark, u32);

/// What is known of a loop that is recorded before its poll.
pub struct BeforePoll {
    record: &'static LoopRecord,
    /// The number of the last poll.
    polls: u32,
}

impl LoopCore {
    /// Its record, which is begun now if it has none. None if nothing is recorded.
    #[inline(always)]
    pub fn loop_record(&self, py: Python<'_>) -> Option<&'static LoopRecord> {
        match self.recording.get(py) {
            Some((record, id)) if record.id() == id && record.status() == LoopStatus::Open => {
                Some(record)
            }
            _ => self.begin_recording(py),
        }
    }

    #[cold]
    fn begin_recording(&self, py: Python<'_>) -> Option<&'static LoopRecord> {
        if self.is_closed_now(py) {
            return None;
        }
        let record = recorder::open_loop(py)?;
        self.recording.set(py, Some((record, record.id())));
        if self.thread.load(Ordering::Relaxed) == thread_identity() {
            record.set_thread(native_thread());
        }
        Some(record)
    }

    /// The loop is closed.
    pub(super) fn end_recording(&self, py: Python<'_>) {
        self.recording.give_back(py);
    }

    /// A thread begins to run the loop.
    #[cold]
    pub(super) fn record_run(&self, py: Python<'_>) {
        if let Some(record) = self.loop_record(py) {
            record.set_thread(native_thread());
            let now = ticks();
            record.set_last(now);
            push(record, Event::iteration(now, self.engine.ready_len(py) as u64, 0, 0));
        }
    }

    /// The thread that ran the loop has left it.
    pub(super) fn record_end_of_run(&self, py: Python<'_>) {
        if let Some((record, _)) = self.recording.get(py) {
            record.set_running(0);
            record.set_thread(0);
        }
    }

    /// The loop comes to the poll of an iteration, which may wait.
    #[cold]
    pub(super) fn record_poll(&self, py: Python<'_>, wait: Wait) -> Option<BeforePoll> {
        let record = self.loop_record(py)?;
        if wait != Wait::Poll && !self.has_virtual_time(py) {
            let (timers, transports) = self.record_gauges(py, record);
            record.set_ready(0);
            push(record, Event::poll_wait(record.last(), 0, timers, transports));
        }
        Some(BeforePoll { record, polls: self.polls(py) })
    }

    /// An iteration is about to run `count` items. Returns the loop's record.
    #[inline]
    pub(super) fn record_iteration(
        &self,
        py: Python<'_>,
        before: BeforePoll,
        count: usize,
    ) -> &'static LoopRecord {
        let (record, ready) = (before.record, count as u64);
        if self.polls(py) != before.polls {
            let now = ticks();
            let (timers, transports) = self.record_gauges(py, record);
            record.set_last(now);
            push(record, Event::iteration(now, ready, timers, transports));
        } else if ready != record.ready() {
            // An iteration like the one before, without a poll, needs no event of its own.
            let timers = self.engine.timer_count(py) as u32;
            push(record, Event::iteration(0, ready, timers, record.transports() as u32));
        }
        record.count_iteration(ready);
        record
    }

    fn record_gauges(&self, py: Python<'_>, record: &'static LoopRecord) -> (u32, u32) {
        let timers = self.engine.timer_count(py);
        let transports = self.descriptors.transport_count(py);
        record.set_gauges(timers as u64, transports as u64);
        if let Some(threads) = self.pool.read(py, |pool| pool.as_ref().map(ThreadPool::threads)) {
            let busy = self.handoff.calls().min(threads);
            record.set_threads(busy as u32, (threads - busy) as u32);
        }
        (timers as u32, transports as u32)
    }

    /// The transport with this mark has received and sent so many bytes.
    #[cold]
    pub fn record_bytes(
        &self,
        py: Python<'_>,
        (mark, address): (Marked<'_>, impl FnOnce() -> Option<Address>),
        received: usize,
        sent: usize,
    ) {
        let Some(home) = self.loop_record(py) else { return };
        home.count_bytes(received as u64, sent as u64);
        let Some(object) = self.transport_record(py, mark, address) else { return };
        object.count_bytes(received as u64, sent as u64);
        let count = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        push(home, Event::bytes(0, object.id(), count(received), count(sent)));
    }

    /// So many bytes wait in the transport with this mark to be sent.
    #[cold]
    pub fn record_unsent(
        &self,
        py: Python<'_>,
        (mark, address): (Marked<'_>, impl FnOnce() -> Option<Address>),
        bytes: usize,
    ) {
        if bytes == 0 && mark.0.get(py).is_none() {
            return;
        }
        let Some(object) = self.transport_record(py, mark, address) else { return };
        if bytes as u64 > object.length() {
            object.set_owner(self.recorded_task(py));
        }
        object.set_length(bytes as u64);
    }

    /// The record of the transport with this mark, made when it is first needed.
    pub fn transport_record(
        &self,
        py: Python<'_>,
        (mark, made_at): Marked<'_>,
        address: impl FnOnce() -> Option<Address>,
    ) -> Option<&'static ObjectRecord> {
        let (object, is_new) = mark.get_or_begin(py, ObjectKind::Transport, || made_at)?;
        if is_new {
            object.set_address(address().as_ref());
        }
        self.record_object(py, object, is_new);
        Some(object)
    }

    /// Runs `count` ready items and records them. The record is that of the iteration: recording
    /// may have stopped since.
    pub(super) fn run_batch_recorded(
        slf: &Bound<'_, Self>,
        count: usize,
        home: &'static LoopRecord,
    ) -> PyResult<()> {
        for _ in 0..count {
            let Some(item) = slf.get().engine.next_ready(slf.py()) else {
                break;
            };
            if let Some(task) = item.task_ref()
                && let Some(record) = tasks::record_of(task.bind(slf.py()), home)
            {
                let outer = begin_step(home, record);
                Self::run_step_item(slf, item, |task| end_step(home, record, outer, task))?;
            } else {
                Self::run_recorded(slf, item, home, |item| Self::run_item_apart(slf, item))?;
            }
        }
        Ok(())
    }

    /// Runs one ready item by `run`, and records it.
    pub(super) fn run_recorded(
        slf: &Bound<'_, Self>,
        item: Ready,
        home: &'static LoopRecord,
        run: impl FnOnce(Ready) -> PyResult<()>,
    ) -> PyResult<()> {
        let py = slf.py();
        if let Some(task) = item.task_ref() {
            let task = task.bind(py).clone();
            let Some(record) = tasks::record_of(&task, home) else { return run(item) };
            let outer = begin_step(home, record);
            let result = run(item);
            end_step(home, record, outer, &task);
            // SAFETY: the reference is alive.
            if unsafe { pyo3::ffi::Py_REFCNT(task.as_ptr()) } == 1 {
                // As after a step that is not recorded: its finalizers may call `current_task()`.
                slf.get().current_task().flush(py, slf.as_any().as_unbound())?;
            }
            return result;
        }
        if item.is_cancelled() {
            return run(item);
        }
        if let Some(task) = standard_task(py, &item)
            && let Some(record) = standard::record_of(&task, home)
        {
            standard::note_requests(&task, home, 0);
            let outer = begin_step(home, record);
            let result = run(item);
            let (detail, now) = (standard::state_after(&task), ticks());
            step_ended(home, record, outer, (now, detail));
            standard::after_step(&task, record, detail);
            return result;
        }
        let (kind, location) = described(py, &item);
        let object = item.concerns(slf.get(), py);
        let outer = (home.running(), home.concern());
        let running = Kind::Callback as u64 | (kind as u64) << 8 | u64::from(location) << 16;
        home.set_running(running);
        home.set_concern(object);
        let result = run(item);
        let (begin, now) = (home.last(), ticks());
        home.count_step(now.saturating_sub(begin), None);
        push(home, Event::callback(now, location, kind, object));
        home.set_last(now);
        home.set_running(outer.0);
        home.set_concern(outer.1);
        result
    }

    /// The id of the task whose step runs; 0 if none does.
    pub fn recorded_task(&self, py: Python<'_>) -> u64 {
        match self.loop_record(py).map_or(0, LoopRecord::running) {
            step if Kind::from_byte(step as u8) == Kind::Step => step >> 8,
            _ => 0,
        }
    }

    /// An object is used on this loop, perhaps for the first time that it is recorded.
    pub fn record_object(&self, py: Python<'_>, object: &ObjectRecord, is_new: bool) {
        let Some(home) = self.loop_record(py) else { return };
        object.set_loop(home.id());
        if is_new {
            let kind = ObjectKind::from_byte(object.kind());
            push(home, Event::object_created(0, object.id(), kind, object.location()));
        }
    }

    /// An item was put into the ready queue because a future is done.
    #[cold]
    pub fn record_wakeup(&self, py: Python<'_>, ready: &Ready) {
        let Some(home) = self.loop_record(py) else { return };
        let record = match ready {
            Ready::Wake(task) => tasks::record_of(task.bind(py), home),
            _ => standard_task(py, ready).and_then(|task| {
                let record = standard::record_of(&task, home)?;
                standard::note_requests(&task, home, self.requester(py, ready));
                Some(record)
            }),
        };
        if let Some(record) = record {
            self.record_wakeup_of(py, record);
        }
    }

    /// The task that asks another one to cancel itself, if it does that now: the future that the other one
    /// waits for is cancelled then. 0 if that is not known.
    fn requester(&self, py: Python<'_>, woken: &Ready) -> u64 {
        match woken {
            Ready::FutureCallback(parts) => match &parts.future {
                Some(future) if !future.bind(py).is_instance_of::<Task>() => self.recorded_task(py),
                _ => 0,
            },
            _ => 0,
        }
    }

    /// The task with this record was put into the ready queue.
    #[cold]
    pub fn record_wakeup_of(&self, py: Python<'_>, record: &TaskRecord) {
        let Some(home) = self.loop_record(py) else { return };
        let running = home.running();
        let (waker, by) = match Kind::from_byte(running as u8) {
            Kind::Step => (WakerKind::Task, running >> 8),
            Kind::Callback => {
                let concern = home.concern();
                // The end of a sleep concerns the task that sleeps, which has not woken itself.
                let by = if concern == record.id() { 0 } else { concern };
                (waker_of(ItemKind::from_byte((running >> 8) as u8)), by)
            }
            _ => (WakerKind::Other, 0),
        };
        record.wake(home.last());
        push(home, Event::woken(0, record.id(), waker, by));
    }
}

/// A step of a task begins. Returns what ran outside of it.
#[inline(always)]
fn begin_step(home: &LoopRecord, record: &TaskRecord) -> u64 {
    let outer = home.running();
    home.set_running(Kind::Step as u64 | record.id() << 8);
    home.count_delay(record.begin_step(home.last()));
    outer
}

/// The step has ended; `outer` ran outside of it.
#[inline(always)]
fn end_step(home: &LoopRecord, record: &TaskRecord, outer: u64, task: &Bound<'_, Task>) {
    let (detail, now) = (tasks::state_after(task), ticks());
    if detail as u8 == Outcome::Failed as u8 {
        tasks::note_failure(task, record.id());
    }
    step_ended(home, record, outer, (now, detail));
}

/// The same of any task, with the time and the detail of the event.
#[inline(always)]
fn step_ended(home: &LoopRecord, record: &TaskRecord, outer: u64, (now, detail): (u64, u64)) {
    let begin = home.last();
    record.end_step(begin, now, detail);
    home.count_step(now.saturating_sub(begin), Some(record));
    home.ring().push([now, Kind::Step as u64 | record.id() << 8, detail]);
    home.set_last(now);
    home.set_running(outer);
}

#[inline(always)]
fn push(home: &LoopRecord, event: Event) {
    home.ring().push([event.ticks, event.what, event.detail]);
}

/// The calling thread, as the operating system numbers it.
fn native_thread() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return rustix::thread::gettid().as_raw_nonzero().get() as u64;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    thread_identity()
}

/// The task of asyncio's own class whose step the item is.
fn standard_task<'py>(py: Python<'py>, item: &Ready) -> Option<Bound<'py, PyAny>> {
    match item {
        Ready::Handle(handle) => stepped_task(handle.get()._callback(py)?.bind(py)),
        Ready::FutureCallback(parts) => stepped_task(parts.function.bind(py)),
        _ => None,
    }
}

/// What kind of item it is, and where the function is defined that it calls.
fn described(py: Python<'_>, item: &Ready) -> (ItemKind, u32) {
    match item {
        Ready::Handle(handle) => {
            let handle = handle.bind(py);
            let is_timer = free_list::is_exactly::<TimerHandle>(handle);
            let kind = if is_timer { ItemKind::Timer } else { ItemKind::Handle };
            let callback = handle.get()._callback(py);
            (kind, callback.map_or(0, |callback| recorder::of_callable(callback.bind(py))))
        }
        Ready::FutureCallback(parts) => {
            (ItemKind::FutureCallback, recorder::of_callable(parts.function.bind(py)))
        }
        Ready::Alarm(_) | Ready::Deadline(..) => (ItemKind::Timer, 0),
        Ready::Gathered(_) | Ready::Noticed(_) | Ready::TaskDone(_) => {
            (ItemKind::FutureCallback, 0)
        }
        Ready::Socket(..)
        | Ready::Datagram(..)
        | Ready::ReadPipe(..)
        | Ready::WritePipe(..)
        | Ready::SocketIo(_) => (ItemKind::SocketEvent, 0),
        Ready::Accept(..) => (ItemKind::Accept, 0),
        Ready::Poll(_) | Ready::Woken | Ready::Ring(_) => (ItemKind::RustFuture, 0),
        Ready::Signals => (ItemKind::Signal, 0),
        Ready::Native(work) => (work.kind(), 0),
        Ready::Step(_) | Ready::Wake(_) | Ready::Throw(_) => (ItemKind::Other, 0),
    }
}

/// What has woken a task, by the item that runs.
fn waker_of(kind: ItemKind) -> WakerKind {
    match kind {
        ItemKind::Timer => WakerKind::Timer,
        ItemKind::SocketEvent | ItemKind::Accept => WakerKind::Descriptor,
        ItemKind::ThreadResult | ItemKind::Child => WakerKind::Thread,
        ItemKind::Signal => WakerKind::Signal,
        _ => WakerKind::Callback,
    }
}

/// Puts a mark with this text into the events of the running loop.
///
/// # Errors
///
/// `RuntimeError` without a running loop of ours.
#[pyfunction]
#[pyo3(signature = (text, /))]
pub fn _mark_recording(py: Python<'_>, text: &str) -> PyResult<()> {
    let running = running_loop_or_none(py)?;
    let Some(core) = LoopCore::of(&running) else {
        return Err(PyRuntimeError::new_err(crate::name!("no loop of aioxide is running")));
    };
    if recorder::is_on()
        && let Some(record) = core.get().loop_record(py)
    {
        recorder::mark(record, text);
    }
    Ok(())
}
