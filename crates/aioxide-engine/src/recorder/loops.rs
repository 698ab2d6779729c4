//! The table of loops: the ring and the counters of each.

use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::ring::Ring;
use super::tasks::{Counter, TaskRecord, TaskView};

/// How many buckets the histogram of scheduling delays has: bucket *n* counts delays of less than
/// 2ⁿ ticks (the last one, all longer ones).
pub const DELAY_BUCKETS: usize = 48;

/// How many closed loops keep their events until another one needs a record.
const CLOSED_KEPT: usize = 8;

/// Whether a record is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LoopStatus {
    /// It names no loop.
    Free = 0,
    /// Its loop is recorded.
    Open = 1,
    /// Its loop is closed, or not recorded any more; its events are there still.
    Closed = 2,
}

/// One loop. Written under the lock of the recorder, read by anybody.
#[repr(align(64))]
pub struct LoopRecord {
    ring: Ring,
    place: usize,
    id: AtomicU64,
    status: AtomicU8,
    /// When the last timed event of the loop was: the item that runs has begun then.
    last: AtomicU64,
    /// The item that runs, or 0 while the loop polls or does not run. A step: 2 and the task's id
    /// above 8 bits. A callback: 3, its kind (8 bits), the location of its function (32 bits).
    running: AtomicU64,
    /// The thread that runs it, as the operating system numbers it; 0 if none.
    thread: AtomicU64,
    iterations: AtomicU64,
    ready: AtomicU64,
    timers: AtomicU64,
    transports: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    threads: AtomicU64,
    longest: AtomicU64,
    /// The item that took so long, as in `running`.
    longest_item: AtomicU64,
    /// The record of its task as it was then: the task may be forgotten before the loop is.
    longest_task: TaskRecord,
    /// The task or object that the callback that runs concerns, by its id; 0 if none is known.
    concern: AtomicU64,
    delays: [AtomicU64; DELAY_BUCKETS],
}

/// The table.
#[derive(Default)]
pub struct Loops {
    records: Vec<&'static LoopRecord>,
    closed: Vec<&'static LoopRecord>,
    last_id: u64,
}

/// That of the process. The lock is held for moments, and never while another one is waited for.
pub fn loops() -> MutexGuard<'static, Loops> {
    static LOOPS: LazyLock<Mutex<Loops>> = LazyLock::new(Mutex::default);
    LOOPS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Loops {
    /// All records that are not free, in the order of their loops.
    pub fn all(&self) -> Vec<&'static LoopRecord> {
        let mut used: Vec<_> =
            self.records.iter().copied().filter(|it| it.status() != LoopStatus::Free).collect();
        used.sort_by_key(|record| record.id());
        used
    }

    /// The numbers of the loops that are not free, or only of those that are open.
    pub fn numbers(&self, open_only: bool) -> Vec<u32> {
        let is_wanted = |record: &LoopRecord| match record.status() {
            LoopStatus::Open => true,
            LoopStatus::Closed => !open_only,
            LoopStatus::Free => false,
        };
        self.records.iter().filter(|it| is_wanted(it)).map(|it| it.id()).collect()
    }

    /// The number of the last loop that got a record; 0 before the first.
    pub fn last_id(&self) -> u32 {
        self.last_id as u32
    }

    /// A record for a loop, whose ring has room for `capacity` events. It may have been another
    /// loop's before, whose events are gone now: see [`Allotment::open`](super::Allotment::open).
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn open(&mut self, capacity: usize) -> io::Result<&'static LoopRecord> {
        let capacity = Ring::rounded(capacity);
        let fits = |record: &&'static LoopRecord| record.ring.capacity() == capacity;
        let free = self.records.iter().find(|it| it.status() == LoopStatus::Free && fits(it));
        let found = match free {
            Some(record) => Some(*record),
            None if self.closed.len() >= CLOSED_KEPT => {
                self.closed.iter().position(fits).map(|index| self.closed.remove(index))
            }
            None => None,
        };
        let record = match found {
            Some(record) => {
                record.ring.clear()?;
                record
            }
            None => {
                let ring = Ring::in_memory(capacity)?;
                let record = Box::leak(Box::new(LoopRecord::new(ring, self.records.len())));
                self.records.push(record);
                &*record
            }
        };
        self.last_id += 1;
        record.begin(self.last_id);
        Ok(record)
    }

    /// The loop is closed, or not recorded any more. Its events stay until another loop needs
    /// the record.
    pub fn close(&mut self, record: &'static LoopRecord) {
        if record.status() == LoopStatus::Open {
            record.status.store(LoopStatus::Closed as u8, Ordering::Release);
            self.closed.push(record);
        }
    }

    /// Forgets the events of all loops that are closed, and gives their memory back.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn forget_closed(&mut self) -> io::Result<()> {
        for record in std::mem::take(&mut self.closed) {
            record.ring.clear()?;
            record.status.store(LoopStatus::Free as u8, Ordering::Release);
        }
        Ok(())
    }
}

impl LoopRecord {
    fn new(ring: Ring, place: usize) -> Self {
        Self {
            ring,
            place,
            id: AtomicU64::new(0),
            status: AtomicU8::new(LoopStatus::Free as u8),
            last: AtomicU64::new(0),
            running: AtomicU64::new(0),
            thread: AtomicU64::new(0),
            iterations: AtomicU64::new(0),
            ready: AtomicU64::new(0),
            timers: AtomicU64::new(0),
            transports: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            threads: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            longest_item: AtomicU64::new(0),
            longest_task: TaskRecord::default(),
            concern: AtomicU64::new(0),
            delays: [const { AtomicU64::new(0) }; DELAY_BUCKETS],
        }
    }

    fn begin(&self, id: u64) {
        let counters = [
            &self.running,
            &self.concern,
            &self.thread,
            &self.iterations,
            &self.ready,
            &self.timers,
            &self.transports,
            &self.received,
            &self.sent,
            &self.threads,
            &self.longest,
            &self.longest_item,
        ];
        for counter in counters.into_iter().chain(&self.delays) {
            counter.store(0, Ordering::Relaxed);
        }
        self.longest_task.vacate();
        self.last.store(super::ticks(), Ordering::Relaxed);
        self.id.store(id, Ordering::Relaxed);
        self.status.store(LoopStatus::Open as u8, Ordering::Release);
    }

    /// Its events.
    #[inline(always)]
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Its place in the table, for an [`Allotment`](super::Allotment).
    #[inline]
    pub fn place(&self) -> usize {
        self.place
    }

    /// The loop's number, from 1.
    pub fn id(&self) -> u32 {
        self.id.load(Ordering::Relaxed) as u32
    }

    /// Whether it is used.
    pub fn status(&self) -> LoopStatus {
        match self.status.load(Ordering::Acquire) {
            1 => LoopStatus::Open,
            2 => LoopStatus::Closed,
            _ => LoopStatus::Free,
        }
    }

    /// When its last timed event was.
    #[inline(always)]
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }

    /// A timed event was at `now`.
    #[inline(always)]
    pub fn set_last(&self, now: u64) {
        self.last.store(now, Ordering::Relaxed);
    }

    /// The item that runs: see the field. 0 if none does.
    pub fn running(&self) -> u64 {
        self.running.load(Ordering::Relaxed)
    }

    /// Sets the item that runs.
    #[inline(always)]
    pub fn set_running(&self, what: u64) {
        self.running.store(what, Ordering::Relaxed);
    }

    /// What the callback that runs concerns: see the field. While a step runs, what the callback
    /// around it concerns.
    pub fn concern(&self) -> u64 {
        self.concern.load(Ordering::Relaxed)
    }

    /// Sets what the callback that runs concerns.
    #[inline(always)]
    pub fn set_concern(&self, id: u64) {
        self.concern.store(id, Ordering::Relaxed);
    }

    /// The thread that runs it; 0 if none does.
    pub fn thread(&self) -> u64 {
        self.thread.load(Ordering::Relaxed)
    }

    /// Sets the thread that runs it.
    pub fn set_thread(&self, thread: u64) {
        self.thread.store(thread, Ordering::Relaxed);
    }

    /// Counts an iteration that is to run `ready` items.
    #[inline(always)]
    pub fn count_iteration(&self, ready: u64) {
        self.iterations.add_relaxed(1);
        self.set_ready(ready);
    }

    /// Sets how many items are to run.
    #[inline(always)]
    pub fn set_ready(&self, ready: u64) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Sets how many timers are set and how many transports open.
    #[inline(always)]
    pub fn set_gauges(&self, timers: u64, transports: u64) {
        self.timers.store(timers, Ordering::Relaxed);
        self.transports.store(transports, Ordering::Relaxed);
    }

    /// Sets how many threads of its pool have a job, and how many have none.
    pub fn set_threads(&self, busy: u32, idle: u32) {
        self.threads.store(u64::from(busy) | u64::from(idle) << 32, Ordering::Relaxed);
    }

    /// How many threads of its pool have a job, and how many have none.
    pub fn threads(&self) -> (u32, u32) {
        let threads = self.threads.load(Ordering::Relaxed);
        (threads as u32, (threads >> 32) as u32)
    }

    /// Counts bytes of its transports.
    #[inline]
    pub fn count_bytes(&self, received: u64, sent: u64) {
        self.received.add_relaxed(received);
        self.sent.add_relaxed(sent);
    }

    /// Counts for how many ticks a task was ready before its step began.
    #[inline(always)]
    pub fn count_delay(&self, delay: u64) {
        let bucket = (u64::BITS - delay.leading_zeros()) as usize;
        if let Some(counter) = self.delays.get(bucket.min(DELAY_BUCKETS - 1)) {
            counter.add_relaxed(1);
        }
    }

    /// The item that runs took so many ticks; `task` is the one whose step it is.
    #[inline(always)]
    pub fn count_step(&self, took: u64, task: Option<&TaskRecord>) {
        if took > self.longest.load(Ordering::Relaxed) {
            self.keep_longest(took, task);
        }
    }

    #[cold]
    fn keep_longest(&self, took: u64, task: Option<&TaskRecord>) {
        self.longest.store(took, Ordering::Relaxed);
        match task {
            Some(task) => self.longest_task.copy_from(task),
            None => self.longest_task.vacate(),
        }
        self.longest_item.store(self.running(), Ordering::Relaxed);
    }

    /// Iterations so far.
    pub fn iterations(&self) -> u64 {
        self.iterations.load(Ordering::Relaxed)
    }

    /// How many items the iteration was to run that runs; 0 while the loop waits.
    pub fn ready(&self) -> u64 {
        self.ready.load(Ordering::Relaxed)
    }

    /// How many timers are set.
    pub fn timers(&self) -> u64 {
        self.timers.load(Ordering::Relaxed)
    }

    /// How many transports are open.
    pub fn transports(&self) -> u64 {
        self.transports.load(Ordering::Relaxed)
    }

    /// Bytes received and sent.
    pub fn bytes(&self) -> (u64, u64) {
        (self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed))
    }

    /// The longest item so far: how many ticks it took, and which it was, as [`Self::running`] says.
    pub fn longest(&self) -> (u64, u64) {
        (self.longest.load(Ordering::Relaxed), self.longest_item.load(Ordering::Relaxed))
    }

    /// What was known of the task of the longest item when that ended. None of a callback.
    pub fn longest_task(&self) -> Option<TaskView> {
        self.longest_task.view()
    }

    /// The histogram of scheduling delays.
    pub fn delays(&self) -> [u64; DELAY_BUCKETS] {
        std::array::from_fn(|bucket| self.delays[bucket].load(Ordering::Relaxed))
    }
}
