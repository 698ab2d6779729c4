//! Requests and responses in turn: interim responses, upgrades, reuse, ends.

use aioxide_http::{
    ClientState, Connection, Error, Event, Framing, Limits, RequestLine, ServerState, Side, Target,
    Version,
};

mod support;
use support::{Seen, after, after_get, events};

const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn states(connection: &Connection) -> (ClientState, ServerState) {
    (connection.client_state(), connection.server_state())
}

fn upload(headers: &[(&[u8], &[u8])]) -> Connection {
    let all = [&[(&b"Content-Length"[..], &b"2"[..])], headers].concat();
    after(b"PUT", &all)
}

fn finish(connection: &mut Connection) {
    connection.send_data(b"ab", &mut Vec::new()).unwrap();
    connection.end_request(&[], &mut Vec::new()).unwrap();
}

mod reuse {
    use super::*;

    /// Whether another request may follow this request and response.
    fn persists(request: &[(&[u8], &[u8])], response: &str) -> bool {
        let mut connection = after(b"GET", request);
        let seen = events(&mut connection, &[response.as_bytes()], false);
        assert!(matches!(seen.last(), Some(Seen::End(_))), "{seen:?}");
        let is_reusable = connection.is_reusable();
        let expected = if is_reusable {
            (ClientState::Done, ServerState::Done)
        } else {
            (ClientState::MustClose, ServerState::MustClose)
        };
        assert_eq!(states(&connection), expected);
        assert_eq!(connection.next_cycle().is_ok(), is_reusable);
        is_reusable
    }

    #[test]
    fn http_11_persists_unless_a_side_says_close() {
        assert!(persists(&[], "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"));
        assert!(persists(&[], "HTTP/1.1 204 \r\n\r\n"));
        assert!(persists(&[], "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
        let close: &[(&[u8], &[u8])] = &[(b"connection", b"a, Close")];
        assert!(!persists(close, "HTTP/1.1 204 \r\n\r\n"));
        assert!(!persists(&[], "HTTP/1.1 204 \r\nConnection: close\r\n\r\n"));
        assert!(!persists(
            &[],
            "HTTP/1.1 204 \r\nConnection: keep-alive\r\nConnection: x,CLOSE\r\n\r\n"
        ));
        assert!(persists(&[], "HTTP/1.1 204 \r\nConnection: closed\r\n\r\n"));
    }

    #[test]
    fn http_10_persists_only_if_the_server_says_so() {
        assert!(!persists(&[], "HTTP/1.0 204 \r\n\r\n"));
        assert!(persists(&[], "HTTP/1.0 204 \r\nConnection: Keep-Alive\r\n\r\n"));
        assert!(!persists(&[], "HTTP/1.0 204 \r\nConnection: keep-alive, close\r\n\r\n"));
        // RFC 9112 §6.1: its framing is not to be relied on.
        let chunked = "HTTP/1.0 200 \r\nConnection: keep-alive\r\n\
                       Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert!(!persists(&[], chunked));
    }

    #[test]
    fn an_http_10_request_has_to_ask_for_it() {
        for (asks, is_reusable) in [(true, true), (false, false)] {
            let (mut connection, mut out) = (Connection::new(Limits::default()), Vec::new());
            let mut line = RequestLine::new(b"GET", Target::Origin(b"/"));
            line.version = Version::Http10;
            let mut request = connection.start_request(&line, &mut out).unwrap();
            if asks {
                request.header(b"Connection", b"keep-alive").unwrap();
            }
            request.finish().unwrap();
            events(&mut connection, &[EMPTY], false);
            assert_eq!(connection.is_reusable(), is_reusable);
        }
    }

    #[test]
    fn bytes_behind_the_response_prevent_it() {
        let (mut connection, mut input) = (after_get(), &[EMPTY, b"HTTP/1.1 200"].concat()[..]);
        connection.receive(&mut input).unwrap();
        assert!(matches!(connection.receive(&mut input), Ok(Event::End { .. })));
        assert!(!connection.is_reusable());
        assert!(matches!(connection.receive(&mut input), Err(Error::UnexpectedData(_))));
        // The same if they come later.
        let mut connection = after_get();
        events(&mut connection, &[EMPTY], false);
        assert!(connection.is_reusable());
        assert!(matches!(connection.receive(&mut &b"H"[..]), Err(Error::UnexpectedData(_))));
        assert!(!connection.is_reusable());
        // Or between two cycles.
        let mut connection = Connection::new(Limits::default());
        assert_eq!(connection.receive(&mut &b""[..]), Ok(Event::NeedData));
        assert!(matches!(connection.receive(&mut &b"H"[..]), Err(Error::UnexpectedData(_))));
    }

    #[test]
    fn a_body_that_204_must_not_have_prevents_it() {
        let response = b"HTTP/1.1 204 \r\nContent-Length: 2\r\n\r\nab";
        let (mut connection, mut input) = (after_get(), &response[..]);
        connection.receive(&mut input).unwrap();
        assert!(matches!(connection.receive(&mut input), Ok(Event::End { .. })));
        assert!(!connection.is_reusable());
    }

    #[test]
    fn many_cycles_on_one_connection() {
        let mut connection = Connection::new(Limits::default());
        for _ in 0..3 {
            let mut out = Vec::new();
            let line = RequestLine::new(b"HEAD", Target::Origin(b"/"));
            let mut request = connection.start_request(&line, &mut out).unwrap();
            request.header(b"Host", b"a").unwrap();
            request.finish().unwrap();
            let response = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
            let seen = events(&mut connection, &[response], false);
            assert!(matches!(seen[..], [Seen::Head(_, Framing::None), Seen::End(_)]));
            connection.next_cycle().unwrap();
            assert_eq!(states(&connection), (ClientState::Idle, ServerState::Idle));
        }
    }

    #[test]
    fn requests_are_not_pipelined() {
        let line = RequestLine::new(b"GET", Target::Origin(b"/"));
        let mut connection = after_get();
        let mut out = Vec::new();
        let error = connection.start_request(&line, &mut out).err().unwrap();
        assert_eq!(error.side(), Side::Caller);
        assert_eq!(
            error.to_string(),
            "cannot start a request: the client is Done, the server is SendHead"
        );
        assert!(connection.next_cycle().is_err());
        assert_eq!(out, b"");
        // Nor before the cycle has been ended.
        events(&mut connection, &[EMPTY], false);
        assert!(connection.start_request(&line, &mut out).is_err());
        connection.next_cycle().unwrap();
        assert!(connection.start_request(&line, &mut out).is_ok());
    }
}

mod interim_responses {
    use super::*;

    #[test]
    fn come_before_the_final_one() {
        let responses =
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 199 \r\nContent-Length: 5\r\n\r\n";
        let mut connection = after_get();
        let seen = events(&mut connection, &[responses, EMPTY], false);
        let [Seen::Informational(first), Seen::Informational(second), Seen::Head(..), Seen::End(_)] =
            &seen[..]
        else {
            panic!("{seen:?}")
        };
        assert_eq!((first.status, second.status), (103, 199));
        assert!(connection.is_reusable());
    }

    #[test]
    fn a_body_waits_for_100() {
        let mut connection = upload(&[(b"expect", b"100-Continue")]);
        assert!(connection.awaits_continue());
        events(&mut connection, &[b"HTTP/1.1 102 \r\n\r\n"], false);
        assert!(connection.awaits_continue());
        events(&mut connection, &[b"HTTP/1.1 100 Continue\r\n\r\n"], false);
        assert_eq!(states(&connection), (ClientState::SendBody, ServerState::SendHead));
        finish(&mut connection);
        events(&mut connection, &[EMPTY], false);
        assert!(connection.is_reusable());
    }

    #[test]
    fn a_body_may_be_sent_without_it() {
        let mut connection = upload(&[(b"Expect", b"100-continue")]);
        finish(&mut connection);
        assert!(!connection.awaits_continue());
        // A 100 that comes late changes nothing.
        events(&mut connection, &[b"HTTP/1.1 100 \r\n\r\n", EMPTY], false);
        assert!(connection.is_reusable());
    }

    #[test]
    fn a_final_response_instead_ends_the_wait() {
        let mut connection = upload(&[(b"Expect", b"100-continue")]);
        events(&mut connection, &[b"HTTP/1.1 417 \r\nContent-Length: 0\r\n\r\n"], false);
        assert_eq!(states(&connection), (ClientState::SendBody, ServerState::Done));
        // The server cannot tell a body that is not sent from the next request.
        assert!(!connection.is_reusable());
        finish(&mut connection);
        assert!(connection.is_reusable());
    }

    #[test]
    fn without_a_body_nothing_is_awaited() {
        assert!(!after(b"GET", &[(b"Expect", b"100-continue")]).awaits_continue());
    }
}

/// RFC 9110 §7.8, §9.3.6
mod other_protocols {
    use super::*;

    const SWITCH: &[u8] = b"HTTP/1.1 101 \r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n";
    const UPGRADE: &[(&[u8], &[u8])] = &[(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")];

    #[test]
    fn an_upgrade_leaves_the_rest_of_the_input() {
        let mut connection = after(b"GET", UPGRADE);
        assert_eq!(states(&connection), (ClientState::MightSwitch, ServerState::SendHead));
        let received = [SWITCH, b"\x81\x00"].concat();
        let mut input = &received[..];
        let Ok(Event::Upgrade(head)) = connection.receive(&mut input) else { panic!() };
        assert_eq!((head.status(), input), (101, &b"\x81\x00"[..]));
        assert_eq!(states(&connection), (ClientState::Switched, ServerState::Switched));
        assert!(matches!(connection.receive(&mut input), Err(Error::WrongState { .. })));
        assert!(connection.next_cycle().is_err());
    }

    #[test]
    fn an_upgrade_may_be_declined() {
        let mut connection = after(b"GET", UPGRADE);
        events(&mut connection, &[b"HTTP/1.1 100 \r\n\r\n"], false);
        assert_eq!(connection.client_state(), ClientState::MightSwitch);
        events(&mut connection, &[EMPTY], false);
        assert!(connection.is_reusable());
    }

    #[test]
    fn an_upgrade_that_was_not_offered_is_refused() {
        for mut connection in [after_get(), after(b"CONNECT", &[]), upload(UPGRADE)] {
            let error = connection.receive(&mut &SWITCH[..]).unwrap_err();
            assert_eq!(error, Error::UnexpectedUpgrade);
            assert_eq!(states(&connection), (ClientState::MustClose, ServerState::Failed));
        }
        let mut connection = upload(UPGRADE);
        finish(&mut connection);
        assert!(matches!(connection.receive(&mut &SWITCH[..]), Ok(Event::Upgrade(_))));
    }

    #[test]
    fn connect_is_accepted_by_any_2xx() {
        let mut connection = after(b"CONNECT", &[]);
        let mut input: &[u8] = b"HTTP/1.1 299 \r\nTransfer-Encoding: chunked\r\n\r\n\x16\x03";
        let Ok(Event::Upgrade(head)) = connection.receive(&mut input) else { panic!() };
        assert_eq!((head.status(), input), (299, &b"\x16\x03"[..]));
    }

    #[test]
    fn connect_may_be_declined() {
        let mut connection = after(b"CONNECT", &[]);
        let response = b"HTTP/1.1 407 \r\nContent-Length: 2\r\n\r\nno";
        let seen = events(&mut connection, &[response], false);
        assert_eq!(seen[1..], [Seen::Data(b"no".to_vec()), Seen::End(vec![])]);
        assert!(connection.is_reusable());
    }
}

mod both_directions {
    use super::*;

    #[test]
    fn a_response_may_overtake_the_request() {
        let mut connection = upload(&[]);
        events(&mut connection, &[EMPTY], false);
        assert_eq!(states(&connection), (ClientState::SendBody, ServerState::Done));
        finish(&mut connection);
        assert!(connection.is_reusable());
    }

    #[test]
    fn a_server_that_closes_is_not_sent_another_request() {
        let mut connection = upload(&[]);
        let response = b"HTTP/1.1 413 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        events(&mut connection, &[response], false);
        assert_eq!(states(&connection), (ClientState::SendBody, ServerState::MustClose));
        finish(&mut connection);
        assert_eq!(states(&connection), (ClientState::MustClose, ServerState::MustClose));
    }
}

/// RFC 9112 §8
mod the_end_of_input {
    use super::*;

    fn after_parts(response: &[u8]) -> Result<Event<'static>, Error> {
        let mut connection = after_get();
        events(&mut connection, &[response], false);
        let result = connection.receive_eof();
        assert!(!connection.is_reusable());
        result
    }

    #[test]
    fn before_a_response_is_told_apart() {
        assert_eq!(after_parts(b""), Err(Error::ClosedBeforeResponse));
        assert_eq!(after_parts(b"H"), Err(Error::ClosedInHead));
        assert_eq!(after_parts(b"HTTP/1.1 100 \r\n\r\n"), Err(Error::ClosedInHead));
    }

    #[test]
    fn within_a_body_tells_what_is_missing() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab";
        assert_eq!(after_parts(response), Err(Error::ClosedInBody { missing: Some(3) }));
        for body in [&b""[..], b"1", b"1\r\na", b"0\r\n", b"0\r\n\r", b"0\r\nA: b\r\n"] {
            let response =
                [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body].concat();
            assert_eq!(after_parts(&response), Err(Error::ClosedInBody { missing: None }));
        }
    }

    #[test]
    fn ends_a_body_without_length() {
        let end = Event::End { trailers: Default::default() };
        assert_eq!(after_parts(b"HTTP/1.1 200 OK\r\n\r\nab"), Ok(end));
    }

    #[test]
    fn between_two_cycles_is_in_order() {
        let mut connection = Connection::new(Limits::default());
        assert_eq!(connection.receive_eof(), Ok(Event::Closed));
        assert_eq!(states(&connection), (ClientState::MustClose, ServerState::Closed));
        assert_eq!(after_parts(EMPTY), Ok(Event::Closed));
    }

    #[test]
    fn after_an_error_nothing_is_received() {
        let mut connection = after_get();
        connection.receive(&mut &b"junk"[..]).unwrap_err();
        assert_eq!(states(&connection), (ClientState::MustClose, ServerState::Failed));
        assert!(matches!(connection.receive(&mut &b""[..]), Err(Error::WrongState { .. })));
        assert!(matches!(connection.receive_eof(), Err(Error::WrongState { .. })));
    }
}
