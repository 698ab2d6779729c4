//! What an event loop needs from the operating system, and the order of an
//! iteration. This crate knows nothing of Python.
//!
//! | to | use |
//! |---|---|
//! | wait for file descriptors | [`Poller`], [`Events`], [`Interest`], [`Trigger`] |
//! | end that wait from another thread | [`Waker`] |
//! | send to a loop from another thread | [`Inbox`] |
//! | run something later | [`Timers`], by the [`Clock`] |
//! | make a blocking call | [`BlockingPool`] |
//! | spin for a moment before sleeping | [`AdaptiveSpin`] |
//! | learn how a child process ended | [`children`] |
//! | keep and wake Rust futures | [`futures`] |
//! | record what happens, readable at any time | [`recorder`] |
//! | put all of it in order | [`Engine`]; its module, [`iteration`], states the order |
//! | test a program on virtual time, or in other orders | [`Clock::virtual_from`] with [`VirtualTime`], [`Interleaving`] |
//!
//! A complete loop, which runs a timer, a message from another thread and a
//! reader:
//!
// Miri compiles this example; it lacks the system calls to run it.
#![cfg_attr(not(miri), doc = "```")]
#![cfg_attr(miri, doc = "```no_run")]
//! use std::io::{Read, Write};
//! use std::os::{fd::AsFd, unix::net::UnixStream};
//! use aioxide_engine::{Cancellable, Clock, Engine, Events, Interest, Trigger};
//!
//! #[derive(Debug, PartialEq)]
//! enum Item {
//!     Greet(&'static str),
//!     Read,
//! }
//! impl Cancellable for Item {
//!     fn is_cancelled(&self) -> bool {
//!         false
//!     }
//! }
//!
//! let mut engine = Engine::new(Clock::real())?;
//! engine.schedule(Item::Greet("at once"));
//! engine.schedule_at(engine.clock().now() + 0.01, Item::Greet("ten milliseconds later"));
//!
//! let (mut ours, mut theirs) = UnixStream::pair()?;
//! engine.poller().add(ours.as_fd(), 1, Interest::READ, Trigger::Level)?;
//! let inbox = engine.inbox().clone();
//! std::thread::spawn(move || {
//!     inbox.push(Item::Greet("from another thread")).unwrap();
//!     theirs.write_all(b"over a socket").unwrap();
//! });
//!
//! let mut received = Vec::new();
//! let mut events = Events::with_capacity(64);
//! let mut deferred = Vec::new();
//! while received.len() < 4 {
//!     let wait = engine.prepare(&mut deferred); // 1
//!     let poller = engine.poller().clone();
//!     poller.wait(&mut events, wait.timeout())?; // 2
//!     for _event in events.iter() {
//!         engine.schedule(Item::Read); // 3
//!     }
//!     for _ in 0..engine.collect(&mut deferred) {
//!         match engine.next_ready().unwrap() { // 4
//!             Item::Greet(text) => received.push(text.to_owned()),
//!             Item::Read => {
//!                 let mut buffer = [0; 64];
//!                 let count = ours.read(&mut buffer)?;
//!                 received.push(String::from_utf8_lossy(&buffer[..count]).into_owned());
//!                 poller.remove(ours.as_fd())?;
//!             }
//!         }
//!     }
//!     deferred.clear();
//! }
//! received.sort();
//! assert_eq!(
//!     received,
//!     ["at once", "from another thread", "over a socket", "ten milliseconds later"]
//! );
//! # Ok::<(), std::io::Error>(())
//! ```

// The few system calls without a safe interface allow it one by one.
#![deny(unsafe_code)]

mod adaptive_spin;
pub mod children;
mod clock;
#[cfg(all(test, loom))]
mod every_order;
pub mod futures;
mod inbox;
mod interleaving;
pub mod iteration;
mod poller;
mod pool;
mod primitives;
pub mod recorder;
mod timers;
mod virtual_time;

pub use adaptive_spin::AdaptiveSpin;
pub use clock::Clock;
pub use inbox::Inbox;
pub use interleaving::{Interleaving, OrderingKeys};
pub use iteration::{Engine, Wait};
pub use poller::{Event, Events, Interest, MAX_TOKEN, Poller, Trigger, Waker};
pub use pool::{BlockingPool, FinishReporter, Job, SubmitError, Worker};
pub use timers::{Cancellable, Cancelled, Timers};
pub use virtual_time::{Idle, Outside, VirtualTime};
