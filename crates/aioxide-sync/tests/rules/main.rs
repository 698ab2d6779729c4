//! The rules of what tasks wait for one another with, one test each; the same under cancellation
//! at every point; and random programs against models.

mod barrier;
mod cancellation;
mod channels;
mod condition;
mod driving;
mod event;
mod lock;
mod models;
mod queue;
mod semaphore;
mod watch;
