//! Which of several addresses is connected to: RFC 8305, *Happy Eyeballs*.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::time::{Sleep, sleep};

/// How long an attempt is waited for before the next one begins beside it: the *Connection Attempt
/// Delay* of RFC 8305, section 5.
const DELAY: Duration = Duration::from_millis(250);

/// What `connect` makes of the first address for which it succeeds. What else is being attempted is
/// dropped then.
///
/// # Errors
///
/// The last failure, when every attempt has failed.
pub(super) async fn first<T, F>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut race = Race { untried: by_turns(addresses), attempts: Vec::new(), delay: None };
    let mut failure = None;
    while race.begin(&connect) {
        match poll_fn(|context| race.poll(context)).await {
            Event::Connected(connection) => return Ok(connection),
            Event::Failed(error) => failure = Some(error),
            Event::Late => {}
        }
    }
    Err(failure.unwrap_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "there is no address to connect to")
    }))
}

struct Race<F> {
    untried: VecDeque<SocketAddr>,
    attempts: Vec<Pin<Box<F>>>,
    /// For the attempt that has begun last, while there are others to be made.
    delay: Option<Sleep>,
}

enum Event<T> {
    Connected(T),
    /// An attempt has failed: the next one begins at once.
    Failed(io::Error),
    /// The last attempt takes long: the next one begins beside it.
    Late,
}

impl<T, F: Future<Output = io::Result<T>>> Race<F> {
    /// Begins the next attempt, if there is one. False when nothing is left to be waited for.
    fn begin(&mut self, connect: impl Fn(SocketAddr) -> F) -> bool {
        if let Some(address) = self.untried.pop_front() {
            self.attempts.push(Box::pin(connect(address)));
        }
        self.delay = (!self.untried.is_empty()).then(|| sleep(DELAY));
        !self.attempts.is_empty()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event<T>> {
        for index in 0..self.attempts.len() {
            if let Poll::Ready(outcome) = self.attempts[index].as_mut().poll(context) {
                drop(self.attempts.remove(index));
                return Poll::Ready(match outcome {
                    Ok(connection) => Event::Connected(connection),
                    Err(error) => Event::Failed(error),
                });
            }
        }
        match &mut self.delay {
            Some(delay) => Pin::new(delay).poll(context).map(|()| Event::Late),
            None => Poll::Pending,
        }
    }
}

/// The addresses in the order in which they are tried: the families take turns, and that of the
/// first address begins (section 4).
fn by_turns(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let addresses = Vec::from_iter(addresses);
    let begins = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == begins);
    let mut families = [one, other];
    let mut ordered = VecDeque::new();
    while families.iter().any(|family| !family.is_empty()) {
        ordered.extend(families.iter_mut().filter_map(VecDeque::pop_front));
    }
    ordered
}
