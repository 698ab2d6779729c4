//! The future that a loop is run for. It is on the stack of whoever runs the loop, so it may
//! borrow; everything else treats it as a task.

use std::rc::Rc;
use std::task::Context;

use crate::task::{Header, Runnable, Turn};

/// Stands for the main future among the tasks.
pub(super) struct MainFuture {
    header: Header,
}

impl MainFuture {
    pub(super) fn new(header: Header) -> Rc<Self> {
        Rc::new(Self { header })
    }
}

impl Runnable for MainFuture {
    fn header(&self) -> &Header {
        &self.header
    }

    fn poll(&self, _context: &mut Context<'_>) -> Turn {
        Turn::Main
    }

    /// Its future is dropped by whoever has it on the stack.
    fn abandon(&self) {}
}
