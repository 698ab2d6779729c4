//! What is reported about a file descriptor, and how often.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, sockopt};

use super::super::{Event, Interest, MAX_TOKEN, Trigger};
use super::{DEADLINE, Subject, on_every_poller, stream_pair};

on_every_poller!(
    silence_is_reported_as_nothing,
    tokens_come_back_as_they_were_given,
    level_trigger_repeats_until_the_data_is_read,
    edge_trigger_reports_each_arrival_once,
    edge_trigger_reports_what_was_there_before,
    modify_reports_a_spent_edge_again,
    modify_changes_interest_token_and_trigger,
    only_what_is_asked_for_is_reported,
    no_interest_hears_of_no_data,
    full_send_buffer_is_not_writable_until_the_peer_reads,
    half_close_is_readable,
    lost_connection_is_readable_and_writable,
    reset_connection_is_an_error,
    refused_connection_is_writable_and_an_error,
    new_connection_makes_a_listener_readable,
    more_events_than_room_come_with_the_next_waits,
    what_is_removed_and_closed_is_not_heard_of_again,
);

fn data(token: u64) -> Event {
    Event { token, readable: true, writable: false, hangup: false, error: false }
}

fn silence_is_reported_as_nothing<P: Subject>() {
    let (ours, _theirs) = stream_pair();
    let poller = P::create();
    assert_eq!(poller.poll(), []);
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Level).unwrap();
    assert_eq!(poller.poll(), []);
}

fn tokens_come_back_as_they_were_given<P: Subject>() {
    for token in [0, 1, 1 << 33, MAX_TOKEN] {
        let (ours, mut theirs) = stream_pair();
        let poller = P::create();
        poller.add(ours.as_fd(), token, Interest::READ, Trigger::Level).unwrap();
        theirs.write_all(b"x").unwrap();
        assert_eq!(poller.expect_one(), data(token));
    }
}

fn level_trigger_repeats_until_the_data_is_read<P: Subject>() {
    let (mut ours, mut theirs) = stream_pair();
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Level).unwrap();
    theirs.write_all(b"ab").unwrap();
    assert_eq!(poller.expect_one(), data(1));
    assert_eq!(poller.expect_one(), data(1));
    ours.read_exact(&mut [0]).unwrap();
    assert_eq!(poller.expect_one(), data(1));
    ours.read_exact(&mut [0]).unwrap();
    assert_eq!(poller.poll(), []);
}

fn edge_trigger_reports_each_arrival_once<P: Subject>() {
    let (ours, mut theirs) = stream_pair();
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Edge).unwrap();
    for _ in 0..3 {
        theirs.write_all(b"x").unwrap();
        assert_eq!(poller.expect_one(), data(1));
        assert_eq!(poller.poll(), []);
    }
}

fn edge_trigger_reports_what_was_there_before<P: Subject>() {
    let (ours, mut theirs) = stream_pair();
    theirs.write_all(b"x").unwrap();
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Edge).unwrap();
    assert_eq!(poller.expect_one(), data(1));
    assert_eq!(poller.poll(), []);
}

fn modify_reports_a_spent_edge_again<P: Subject>() {
    let (ours, mut theirs) = stream_pair();
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Edge).unwrap();
    theirs.write_all(b"x").unwrap();
    assert_eq!(poller.expect_one(), data(1));
    assert_eq!(poller.poll(), []);
    poller.modify(ours.as_fd(), 1, Interest::READ, Trigger::Edge).unwrap();
    assert_eq!(poller.expect_one(), data(1));
}

fn modify_changes_interest_token_and_trigger<P: Subject>() {
    let (ours, mut theirs) = stream_pair();
    theirs.write_all(b"x").unwrap();
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::WRITE, Trigger::Edge).unwrap();
    let event = poller.expect_one();
    assert_eq!((event.token, event.readable, event.writable), (1, false, true));
    assert_eq!(poller.poll(), []);
    poller.modify(ours.as_fd(), 2, Interest::READ, Trigger::Level).unwrap();
    assert_eq!(poller.expect_one(), data(2));
    assert_eq!(poller.expect_one(), data(2));
}

fn only_what_is_asked_for_is_reported<P: Subject>() {
    let (ours, mut theirs) = stream_pair();
    theirs.write_all(b"x").unwrap();
    for (interest, readable, writable) in [
        (Interest::READ, true, false),
        (Interest::WRITE, false, true),
        (Interest::BOTH, true, true),
    ] {
        let poller = P::create();
        poller.add(ours.as_fd(), 1, interest, Trigger::Level).unwrap();
        let event = poller.expect_one();
        assert_eq!((event.readable, event.writable), (readable, writable));
        assert!(!event.hangup && !event.error);
    }
}

fn no_interest_hears_of_no_data<P: Subject>() {
    let (ours, mut theirs) = stream_pair();
    theirs.write_all(b"x").unwrap();
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::NONE, Trigger::Level).unwrap();
    assert_eq!(poller.poll(), []);
    poller.modify(ours.as_fd(), 1, Interest::READ, Trigger::Level).unwrap();
    assert_eq!(poller.expect_one(), data(1));
}

fn full_send_buffer_is_not_writable_until_the_peer_reads<P: Subject>() {
    let (mut ours, mut theirs) = stream_pair();
    while ours.write(&[0; 4096]).is_ok() {}
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::WRITE, Trigger::Edge).unwrap();
    assert_eq!(poller.poll(), []);
    while theirs.read(&mut [0; 4096]).is_ok() {}
    let event = poller.expect_one();
    assert!(event.writable && !event.readable);
}

fn half_close_is_readable<P: Subject>() {
    let (mut ours, theirs) = stream_pair();
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Level).unwrap();
    theirs.shutdown(Shutdown::Write).unwrap();
    let event = poller.expect_one();
    assert!(event.readable && !event.writable && !event.error);
    assert_eq!(event.hangup, P::TELLS_HALF_CLOSE);
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);
    ours.write_all(b"the other direction is still open").unwrap();
}

fn lost_connection_is_readable_and_writable<P: Subject>() {
    for interest in [Interest::READ, Interest::WRITE, Interest::BOTH] {
        let (ours, theirs) = stream_pair();
        let poller = P::create();
        poller.add(ours.as_fd(), 1, interest, Trigger::Level).unwrap();
        drop(theirs);
        let event = poller.expect_one();
        assert_eq!(event.readable, interest.readable || P::TELLS_LOSS);
        assert_eq!(event.writable, interest.writable || P::TELLS_LOSS);
        assert_eq!(event.hangup, P::TELLS_LOSS);
    }
}

fn reset_connection_is_an_error<P: Subject>() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Level).unwrap();
    // Closing a socket that must not linger resets the connection.
    sockopt::set_socket_linger(&theirs, Some(Duration::ZERO)).unwrap();
    drop(theirs);
    let event = poller.expect_one();
    assert!(event.readable);
    assert_eq!(event.writable, P::TELLS_LOSS);
    assert_eq!((event.hangup, event.error), (P::TELLS_LOSS, P::TELLS_LOSS));
    let error = (&ours).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

fn refused_connection_is_writable_and_an_error<P: Subject>() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::io::ioctl_fionbio(&socket, true).unwrap();
    // On loopback the refusal may be there before the call returns.
    let outcome = rustix::net::connect(&socket, &address).unwrap_err();
    let poller = P::create();
    poller.add(socket.as_fd(), 1, Interest::WRITE, Trigger::Level).unwrap();
    let event = poller.expect_one();
    assert!(event.writable);
    assert_eq!(event.hangup, P::TELLS_LOSS);
    if outcome == rustix::io::Errno::INPROGRESS {
        assert_eq!(event.error, P::TELLS_LOSS);
        let error = sockopt::socket_error(&socket).unwrap().unwrap_err();
        assert_eq!(error, rustix::io::Errno::CONNREFUSED);
    }
}

fn new_connection_makes_a_listener_readable<P: Subject>() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let poller = P::create();
    poller.add(listener.as_fd(), 1, Interest::READ, Trigger::Level).unwrap();
    assert_eq!(poller.poll(), []);
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert_eq!(poller.expect_one(), data(1));
    listener.accept().unwrap();
    assert_eq!(poller.poll(), []);
}

fn more_events_than_room_come_with_the_next_waits<P: Subject>() {
    let poller = P::create();
    let pairs: Vec<_> = (0..10).map(|_| stream_pair()).collect();
    for (token, (ours, theirs)) in pairs.iter().enumerate() {
        let token = token as u64;
        poller.add(ours.as_fd(), token, Interest::READ, Trigger::Edge).unwrap();
        let mut theirs = theirs;
        theirs.write_all(b"x").unwrap();
    }
    let mut tokens = Vec::new();
    while tokens.len() < pairs.len() {
        let events = poller.wait_with_room(4, Some(DEADLINE)).unwrap();
        assert!((1..=4).contains(&events.len()), "{events:?}");
        tokens.extend(events.iter().map(|event| event.token));
    }
    tokens.sort_unstable();
    assert_eq!(tokens, (0..10).collect::<Vec<u64>>());
    assert_eq!(poller.poll(), []);
}

fn what_is_removed_and_closed_is_not_heard_of_again<P: Subject>() {
    let poller = P::create();
    let (ours, mut theirs) = stream_pair();
    let number = ours.as_raw_fd();
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Edge).unwrap();
    theirs.write_all(b"x").unwrap();
    poller.remove_and_close(ours.into());
    assert_eq!(poller.poll(), []);

    // The lowest free number is given out next; another test may be faster.
    let (next, mut peer) = stream_pair();
    poller.add(next.as_fd(), 2, Interest::READ, Trigger::Edge).unwrap();
    peer.write_all(b"x").unwrap();
    assert_eq!(poller.expect_one(), data(2), "{number} and {}", next.as_raw_fd());
}
