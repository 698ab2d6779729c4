//! Queues between producers and consumers, of which there may be any number.

mod core;
mod error;
mod order;

use std::fmt;

pub use error::{GetNowaitError, PutNowaitError, QueueShutDown};

use self::core::Core;
use order::{Fifo, Lifo, Priority};

/// Items that some tasks put and others get, bounded or not: asyncio's `Queue`. [`PriorityQueue`]
/// and [`LifoQueue`] give them in another order.
///
/// Tasks that wait are served in the order in which they came, and none is overtaken: an item for
/// which a `get` waits is not there for [`Queue::get_nowait`], nor is a slot for which a `put`
/// waits there for [`Queue::put_nowait`].
///
/// Where all senders may go away and the receiver is to see that, use an [`mpsc`](crate::mpsc)
/// channel. A queue ends by [`Queue::shutdown`].
///
/// # Cancellation
///
/// A `get` that is dropped has taken no item: if one was meant for it, the next `get` has it. A
/// `put` that is dropped before it has returned has put nothing, and its item is dropped with it.
///
/// # Example
///
/// ```
/// use aioxide_sync::Queue;
///
/// # futures_lite::future::block_on(async {
/// let urls = Queue::bounded(10);
/// let worker = async {
///     let mut seen = Vec::new();
///     while let Ok(url) = urls.get().await {
///         seen.push(url);
///         urls.task_done();
///     }
///     seen
/// };
/// let producer = async {
///     urls.put("/first").await.unwrap();
///     urls.put("/second").await.unwrap();
///     urls.join().await;
///     urls.shutdown();
/// };
/// let (seen, ()) = futures_lite::future::zip(worker, producer).await;
/// assert_eq!(seen, ["/first", "/second"]);
/// # });
/// ```
pub struct Queue<T> {
    core: Core<T, Fifo<T>>,
}

/// A [`Queue`] that gives the lowest item first, and of equal ones that which was put first.
///
/// Turn the order round with [`Reverse`](std::cmp::Reverse). An `Ord` of items that uses the queue
/// itself makes it panic.
///
/// ```
/// use aioxide_sync::PriorityQueue;
///
/// let queue = PriorityQueue::new();
/// for item in [(2, "later"), (1, "first"), (3, "last")] {
///     queue.put_nowait(item).unwrap();
/// }
/// assert_eq!(queue.get_nowait(), Ok((1, "first")));
/// ```
pub struct PriorityQueue<T: Ord> {
    core: Core<T, Priority<T>>,
}

/// A [`Queue`] that gives the newest item first.
///
/// ```
/// use aioxide_sync::LifoQueue;
///
/// let queue = LifoQueue::new();
/// queue.put_nowait("old").unwrap();
/// queue.put_nowait("new").unwrap();
/// assert_eq!(queue.get_nowait(), Ok("new"));
/// ```
pub struct LifoQueue<T> {
    core: Core<T, Lifo<T>>,
}

/// The same methods for each kind.
macro_rules! queue {
    ($($name:ident<T$(: $bound:ident)?>),*) => {$(
        impl<T$(: $bound)?> $name<T> {
            /// A queue without a bound.
            pub fn new() -> Self {
                Self { core: Core::new() }
            }

            /// A queue of at most `capacity` items.
            ///
            /// # Panics
            ///
            /// If `capacity` is 0.
            #[track_caller]
            pub fn bounded(capacity: usize) -> Self {
                Self { core: Core::bounded(capacity) }
            }

            /// Puts an item, waiting for a free slot.
            ///
            /// # Errors
            ///
            /// [`QueueShutDown`] with the item if the queue is shut down, also while it waits.
            ///
            /// # Cancellation
            ///
            /// Dropped, it has put nothing, and the item is dropped.
            pub async fn put(&self, item: T) -> Result<(), QueueShutDown<T>> {
                self.core.put(item).await
            }

            /// Puts an item if there is a free slot.
            ///
            /// # Errors
            ///
            /// With the item, if the queue is full, if tasks wait for a slot, or if it is shut down.
            pub fn put_nowait(&self, item: T) -> Result<(), PutNowaitError<T>> {
                self.core.put_nowait(item)
            }

            /// Takes an item, waiting for one.
            ///
            /// # Errors
            ///
            /// [`QueueShutDown`] if the queue is shut down and has no item left.
            ///
            /// # Cancellation
            ///
            /// Dropped, it has taken nothing.
            pub async fn get(&self) -> Result<T, QueueShutDown> {
                self.core.get().await
            }

            /// Takes an item if there is one.
            ///
            /// # Errors
            ///
            /// If there is no item, if tasks wait for it, or if the queue is shut down and has none
            /// left.
            pub fn get_nowait(&self) -> Result<T, GetNowaitError> {
                self.core.get_nowait()
            }

            /// Says that the work on an item that was taken is done.
            ///
            /// # Panics
            ///
            /// If it is called more often than items were put.
            #[track_caller]
            pub fn task_done(&self) {
                self.core.task_done();
            }

            /// Returns when [`task_done`](Self::task_done) was called for each item that was put; at
            /// once if it was.
            pub async fn join(&self) {
                self.core.join().await;
            }

            /// Ends the queue: nothing can be put any more. Items that are there can be taken; when
            /// they are gone, each `get` fails, those that wait too.
            pub fn shutdown(&self) {
                self.core.shutdown();
            }

            /// The same, and drops the items that are there, as if they were done: asyncio's
            /// `shutdown(immediate=True)`.
            pub fn shutdown_immediately(&self) {
                self.core.shutdown_immediately();
            }

            /// How many items there are, with those that are meant for a `get` that was woken.
            pub fn len(&self) -> usize {
                self.core.len()
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.core.is_empty()
            }

            /// Whether a `put` would have to wait.
            pub fn is_full(&self) -> bool {
                self.core.is_full()
            }

            /// How many items there can be. None if there is no bound.
            pub fn capacity(&self) -> Option<usize> {
                self.core.capacity()
            }

            /// Whether it was shut down.
            pub fn is_shut_down(&self) -> bool {
                self.core.is_shut_down()
            }
        }

        impl<T$(: $bound)?> Default for $name<T> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<T$(: $bound)?> fmt::Debug for $name<T> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.core.debug(stringify!($name), formatter)
            }
        }
    )*};
}

queue!(Queue<T>, PriorityQueue<T: Ord>, LifoQueue<T>);
