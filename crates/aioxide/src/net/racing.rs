//! Which address of a name is connected to: RFC 8305.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::time::sleep;

/// The *Connection Attempt Delay* of RFC 8305, section 5.
const DELAY: Duration = Duration::from_millis(250);

/// What `connect` makes of the first address that it succeeds for. Each is tried a delay after the
/// one before, or at once when that one has failed. Attempts that are left are dropped.
///
/// # Errors
///
/// The failure of the last attempt.
pub(super) async fn first<T, F>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut untried = interleaved(addresses).into_iter();
    let mut attempts: Vec<Pin<Box<F>>> = Vec::new();
    let mut last = None;
    loop {
        match untried.next() {
            Some(address) => attempts.push(Box::pin(connect(address))),
            None if attempts.is_empty() => {
                return Err(last.unwrap_or_else(|| io::ErrorKind::NotFound.into()));
            }
            None => {}
        }
        let mut delay = (untried.len() > 0).then(|| Box::pin(sleep(DELAY)));
        let ended = poll_fn(|context| {
            for index in 0..attempts.len() {
                if let Poll::Ready(outcome) = attempts[index].as_mut().poll(context) {
                    drop(attempts.swap_remove(index));
                    return Poll::Ready(Some(outcome));
                }
            }
            match &mut delay {
                Some(delay) => delay.as_mut().poll(context).map(|()| None),
                None => Poll::Pending,
            }
        });
        match ended.await {
            Some(Ok(connected)) => return Ok(connected),
            Some(Err(error)) => last = Some(error),
            None => {}
        }
    }
}

/// The families take turns, beginning with that of the first address; within one the order stays
/// (section 4).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(begins) = addresses.first().map(SocketAddr::is_ipv6) else { return addresses };
    let count = addresses.len();
    let (ours, others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == begins);
    let (mut ours, mut others) = (ours.into_iter(), others.into_iter());
    let mut ordered = Vec::with_capacity(count);
    while ordered.len() < count {
        ordered.extend(ours.next());
        ordered.extend(others.next());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::pending;

    use super::*;
    use crate::{Instant, Runner};

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| format!("{text}:80").parse().unwrap()).collect()
    }

    /// What is tried when, in milliseconds, and what comes out. An address that ends in 1 is silent,
    /// one in 2 refuses at once, one in 3 connects after 100 milliseconds.
    fn tried(texts: &[&str]) -> (Vec<(u128, SocketAddr)>, io::Result<SocketAddr>) {
        let addresses = addresses(texts);
        Runner::new().virtual_time().run(async {
            let (begin, log) = (Instant::now(), RefCell::new(Vec::new()));
            let connect = |address: SocketAddr| {
                log.borrow_mut().push((begin.elapsed().as_millis(), address));
                async move {
                    match address.ip().to_string().chars().last() {
                        Some('2') => Err(io::ErrorKind::ConnectionRefused.into()),
                        Some('3') => {
                            sleep(Duration::from_millis(100)).await;
                            Ok(address)
                        }
                        _ => pending().await,
                    }
                }
            };
            let outcome = first(addresses, connect).await;
            (log.into_inner(), outcome)
        })
    }

    #[test]
    fn families_take_turns() {
        let given = addresses(&["[::1]", "[::2]", "[::3]", "1.0.0.1", "1.0.0.2"]);
        let expected = addresses(&["[::1]", "1.0.0.1", "[::2]", "1.0.0.2", "[::3]"]);
        assert_eq!(interleaved(given), expected);
        assert_eq!(interleaved(Vec::new()), []);
    }

    #[test]
    fn an_address_that_is_silent_holds_up_for_250_milliseconds() {
        let (tries, outcome) = tried(&["[::1]", "1.0.0.3", "1.0.0.1"]);
        let given = addresses(&["[::1]", "1.0.0.3"]);
        assert_eq!(tries, [(0, given[0]), (250, given[1])]);
        assert_eq!(outcome.unwrap(), given[1]);
    }

    #[test]
    fn one_that_refuses_does_not() {
        let (tries, outcome) = tried(&["1.0.0.2", "2.0.0.2", "1.0.0.3"]);
        assert_eq!(tries.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 0, 0]);
        assert_eq!(outcome.unwrap().ip().to_string(), "1.0.0.3");
    }

    #[test]
    fn an_attempt_goes_on_while_others_are_made() {
        // The first needs 100 milliseconds after its delay: both are under way then.
        let (tries, outcome) = tried(&["1.0.0.1", "1.0.0.3", "2.0.0.3"]);
        assert_eq!(tries.len(), 2);
        assert_eq!(outcome.unwrap().ip().to_string(), "1.0.0.3");
    }

    #[test]
    fn the_last_failure_is_that_of_all() {
        let (tries, outcome) = tried(&["1.0.0.2", "2.0.0.2"]);
        assert_eq!(tries.len(), 2);
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(tried(&[]).1.is_err());
    }
}
