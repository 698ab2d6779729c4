//! Rust futures that one thread polls: where they are kept, and how they are woken.
//!
//! An [`Arena`] holds the futures of one loop. Inserting one gives its [`Key`], which fits into
//! an item of the loop's ready queue. The [`Waker`](std::task::Waker) of a future is one word
//! that packs the loop, the slot and the slot's generation: cloning and dropping it does
//! nothing, and it may outlive the future and the loop.
//!
//! | a wake | what happens |
//! |---|---|
//! | on the loop's thread, inside [`Arena::enter`] | the key is among those that [`Arena::take_woken`] gives |
//! | on another thread | the key goes to the function that the arena was made with |
//! | of a future that has been woken and not been polled since | nothing |
//! | of a future that has ended, or whose loop is closed | nothing |
//!
//! ```
//! use std::collections::VecDeque;
//! use std::future::Future;
//! use std::pin::Pin;
//! use std::sync::mpsc;
//! use std::task::{Context, Poll};
//!
//! use aioxide_engine::futures::{Arena, Key};
//!
//! // A future that another thread wakes.
//! #[derive(Debug)]
//! struct Message(Option<mpsc::Sender<std::task::Waker>>, mpsc::Receiver<&'static str>);
//! impl Future for Message {
//!     type Output = &'static str;
//!     fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<&'static str> {
//!         match self.0.take() {
//!             Some(ask) => {
//!                 ask.send(context.waker().clone()).unwrap();
//!                 Poll::Pending
//!             }
//!             None => Poll::Ready(self.1.recv().unwrap()),
//!         }
//!     }
//! }
//!
//! let (ask, asked) = mpsc::channel();
//! let (answer, answers) = mpsc::channel();
//! std::thread::spawn(move || {
//!     let waker: std::task::Waker = asked.recv().unwrap();
//!     answer.send("from another thread").unwrap();
//!     waker.wake();
//! });
//!
//! let (sender, inbox) = mpsc::channel::<Key>();
//! let mut arena = Arena::new(move |key| sender.send(key).expect("the loop waits"));
//! let mut ready = VecDeque::from([arena.insert(Box::pin(Message(Some(ask), answers))).unwrap()]);
//! let result = loop {
//!     let key = ready.pop_front().unwrap_or_else(|| inbox.recv().unwrap());
//!     let Some(mut future) = arena.begin(key) else { continue };
//!     let waker = arena.waker(key);
//!     let entered = arena.enter();
//!     let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
//!     drop(entered);
//!     match polled {
//!         Poll::Ready(result) => {
//!             arena.finish(key);
//!             break result;
//!         }
//!         Poll::Pending => {
//!             if arena.suspend(key, future).is_err() {
//!                 unreachable!("nobody has cancelled it");
//!             }
//!         }
//!     }
//!     ready.extend(arena.take_woken());
//! };
//! assert_eq!(result, "from another thread");
//! ```

mod arena;
mod key;
mod registry;
mod shared;
#[cfg(all(test, not(loom)))]
mod tests;
mod waker;

/// What the tests of every order look at.
#[cfg(all(test, loom))]
pub(crate) mod every_order {
    pub(crate) use super::shared::Shared;

    /// The first future of an arena.
    pub(crate) const KEY: super::Key = super::Key { slot: 0, generation: 0 };
}

pub use arena::{Arena, Entered};
pub use key::Key;
pub use waker::waker_of_word;

/// In the child of a `fork`, before anything else: wakers wait for no lock that a thread of the
/// parent may have held. Those of an arena do nothing until [`Arena::renew_after_fork`].
pub fn forget_parents_arenas() {
    registry::forget_parents();
}
