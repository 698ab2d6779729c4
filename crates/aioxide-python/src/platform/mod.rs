//! What the operating system does beside the loop: child processes, calls in threads.

pub mod children;
pub mod to_thread;
