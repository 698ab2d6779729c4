//! How many connections to accept from a listening socket per iteration.

/// How many polls in a row have to report the socket before more than one
/// connection is accepted per poll.
const POLLS_BEFORE_DOUBLING: u32 = 8;

/// How many connections are accepted from one listening socket per report.
///
/// Only an `accept` that would block shows that no connection waits any more,
/// and such a call is expensive: the kernel creates a file first and discards
/// it. A poll costs a thirtieth of that, and it reports the socket again as
/// long as a connection waits, because the registration is level-triggered. So
/// one connection is accepted per report. If poll after poll reports the
/// socket, connections arrive faster than the loop iterates, and each time
/// twice as many are accepted, until an `accept` would block or a poll does not
/// report the socket.
#[derive(Default)]
pub struct Pace {
    /// The number of the poll that reported the socket last.
    last_poll: u32,
    /// How many polls before that one reported it in a row.
    in_a_row: u32,
}

impl Pace {
    /// Poll number `poll` has reported the socket. Returns how many connections
    /// to accept, at most `backlog`.
    pub fn after_report(&mut self, poll: u32, backlog: i32) -> i32 {
        let follows = poll == self.last_poll.wrapping_add(1);
        self.in_a_row = if follows { self.in_a_row.saturating_add(1) } else { 0 };
        self.last_poll = poll;
        let doublings = self.in_a_row.saturating_sub(POLLS_BEFORE_DOUBLING).min(16);
        (1 << doublings).min(backlog.max(1))
    }

    /// An `accept` would have blocked.
    pub fn accept_would_block(&mut self) {
        self.in_a_row = 0;
    }
}
