//! What the kinds of queues have in common.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;

use super::error::{GetNowaitError, PutNowaitError, QueueShutDown};
use super::order::Order;
use crate::Event;
use crate::permits::{Permits, Refused};

/// A queue whose items come in the order `O`.
pub struct Core<T, O> {
    items: RefCell<O>,
    /// A permit for each item that is not meant for a `get` already.
    ready: Permits,
    /// A permit for each free slot that is not meant for a `put` already. None if unbounded.
    slots: Option<Permits>,
    capacity: usize,
    is_shut_down: Cell<bool>,
    /// Items for which `task_done` was not called yet.
    unfinished: Cell<usize>,
    /// Set while there are none.
    finished: Event,
    _items: PhantomData<T>,
}

impl<T, O: Order<T>> Core<T, O> {
    pub fn new() -> Self {
        Self::with_slots(None, usize::MAX)
    }

    #[track_caller]
    pub fn bounded(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue needs room for at least one item");
        Self::with_slots(Some(Permits::new(capacity)), capacity)
    }

    fn with_slots(slots: Option<Permits>, capacity: usize) -> Self {
        let finished = Event::new();
        finished.set();
        Self {
            items: RefCell::default(),
            ready: Permits::new(0),
            slots,
            capacity,
            is_shut_down: Cell::new(false),
            unfinished: Cell::new(0),
            finished,
            _items: PhantomData,
        }
    }

    pub async fn put(&self, item: T) -> Result<(), QueueShutDown<T>> {
        if let Some(slots) = &self.slots
            && !self.is_shut_down()
        {
            // If it was closed meanwhile, the queue is shut down.
            let _granted = slots.acquire(1).await;
        }
        if self.is_shut_down() {
            return Err(QueueShutDown(item));
        }
        self.push(item);
        Ok(())
    }

    pub fn put_nowait(&self, item: T) -> Result<(), PutNowaitError<T>> {
        if self.is_shut_down() {
            return Err(PutNowaitError::ShutDown(item));
        }
        if let Some(slots) = &self.slots
            && slots.try_acquire(1).is_err()
        {
            return Err(PutNowaitError::Full(item));
        }
        self.push(item);
        Ok(())
    }

    pub async fn get(&self) -> Result<T, QueueShutDown> {
        // It is closed when the last item of a queue that is shut down is gone.
        match self.ready.acquire(1).await {
            Ok(()) => self.pop().ok_or(QueueShutDown(())),
            Err(_) => Err(QueueShutDown(())),
        }
    }

    pub fn get_nowait(&self) -> Result<T, GetNowaitError> {
        match self.ready.try_acquire(1) {
            Ok(()) => self.pop().ok_or(GetNowaitError::ShutDown),
            Err(Refused::Unavailable) => Err(GetNowaitError::Empty),
            Err(Refused::Closed) => Err(GetNowaitError::ShutDown),
        }
    }

    #[track_caller]
    pub fn task_done(&self) {
        let left = self.unfinished.get().checked_sub(1);
        self.leave_unfinished(left.expect("task_done() called too many times"));
    }

    pub async fn join(&self) {
        self.finished.wait().await;
    }

    pub fn shutdown(&self) {
        self.is_shut_down.set(true);
        self.close_if_drained();
        if let Some(slots) = &self.slots {
            slots.close();
        }
    }

    /// The items are dropped when the queue is empty and shut down already: they may look at it.
    pub fn shutdown_immediately(&self) {
        self.is_shut_down.set(true);
        let items = self.items.take();
        let dropped = items.len();
        drop(items);
        self.shutdown();
        if dropped > 0 {
            self.leave_unfinished(self.unfinished.get().saturating_sub(dropped));
        }
    }

    pub fn len(&self) -> usize {
        self.items.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_full(&self) -> bool {
        self.slots.as_ref().is_some_and(|slots| !slots.is_any_free())
    }

    pub fn capacity(&self) -> Option<usize> {
        self.slots.as_ref().map(|_| self.capacity)
    }

    pub fn is_shut_down(&self) -> bool {
        self.is_shut_down.get()
    }

    /// Puts an item into a slot that was acquired.
    fn push(&self, item: T) {
        self.items.borrow_mut().push(item);
        self.unfinished.set(self.unfinished.get() + 1);
        self.finished.clear();
        self.ready.release(1);
    }

    /// Takes the item that was acquired. None if a shutdown has dropped it.
    fn pop(&self) -> Option<T> {
        let item = self.items.borrow_mut().pop()?;
        if let Some(slots) = &self.slots {
            slots.release(1);
        }
        self.close_if_drained();
        Some(item)
    }

    /// Those that wait for an item fail when no more will come. An item that is meant for a `get`
    /// which was woken may still be theirs, if that one is dropped.
    fn close_if_drained(&self) {
        if self.is_shut_down() && self.is_empty() {
            self.ready.close();
        }
    }

    fn leave_unfinished(&self, count: usize) {
        self.unfinished.set(count);
        if count == 0 {
            self.finished.set();
        }
    }

    /// What the kind called `name` shows of itself.
    pub fn debug(&self, name: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct(name)
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("getting", &self.ready.waiting())
            .field("putting", &self.slots.as_ref().map_or(0, Permits::waiting))
            .field("unfinished", &self.unfinished.get())
            .field("is_shut_down", &self.is_shut_down())
            .finish()
    }
}
