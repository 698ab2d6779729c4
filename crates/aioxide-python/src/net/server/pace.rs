//! How many connections to accept at a listening socket before looking at the
//! rest of the world.

/// So many polls in a row have to report the socket before more than one
/// connection is accepted after each.
const PATIENCE: u32 = 8;

/// How fast connections are accepted at one listening socket.
///
/// Only an `accept` that fails tells that nobody waits any more, and it is
/// dearer than any other call that finds nothing: the kernel makes a file first
/// and throws it away. A poll costs a thirtieth, and reports the socket again
/// as long as somebody waits, since it is registered by the level. So one is
/// accepted for each report. When report follows report, connections come
/// faster than the loop turns, and each time twice as many are accepted, until
/// an `accept` fails or a poll reports nothing.
#[derive(Default)]
pub struct Pace {
    /// The number of the poll that reported the socket last.
    last_poll: u32,
    /// How many polls before that one reported it in a row.
    in_a_row: u32,
}

impl Pace {
    /// Poll number `poll` has reported the socket: how many to accept, never
    /// more than `backlog`.
    pub fn after_report(&mut self, poll: u32, backlog: i32) -> i32 {
        let follows = poll == self.last_poll.wrapping_add(1);
        self.in_a_row = if follows { self.in_a_row.saturating_add(1) } else { 0 };
        self.last_poll = poll;
        let doublings = self.in_a_row.saturating_sub(PATIENCE).min(16);
        (1 << doublings).min(backlog.max(1))
    }

    /// An `accept` has found nobody.
    pub fn found_nobody(&mut self) {
        self.in_a_row = 0;
    }
}
