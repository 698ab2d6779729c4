//! What the operating system does outside the loop: child processes, calls in threads.

pub mod children;
pub mod to_thread;
