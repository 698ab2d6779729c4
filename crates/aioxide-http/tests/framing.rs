//! Where the body of a response ends (RFC 9112 §6.3).

use aioxide_http::{ClientState, Error, Event, Framing, FramingError};

mod support;
use support::{Seen, after, after_get, events};

fn framing_of(method: &[u8], response: &[u8]) -> Result<Framing, Error> {
    let mut connection = after(method, &[]);
    match connection.receive(&mut &response[..])? {
        Event::Head { framing, .. } => Ok(framing),
        event => panic!("{event:?}"),
    }
}

fn framing_with(headers: &str) -> Result<Framing, FramingError> {
    let response = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n");
    framing_of(b"GET", response.as_bytes()).map_err(|error| match error {
        Error::ResponseFraming(error) => error,
        error => panic!("{error:?}"),
    })
}

#[test]
fn head_204_and_304_have_none_whatever_their_headers_say() {
    for (method, status) in [(&b"HEAD"[..], 200), (b"GET", 204), (b"GET", 304), (b"HEAD", 500)] {
        for header in ["Content-Length: 5", "Transfer-Encoding: chunked", "A: b"] {
            let response = format!("HTTP/1.1 {status} x\r\n{header}\r\n\r\n");
            assert_eq!(framing_of(method, response.as_bytes()), Ok(Framing::None));
        }
    }
}

#[test]
fn chunked_at_the_end() {
    for value in ["chunked", "Chunked", "gzip, chunked", "gzip ,\tchunked "] {
        let framing = framing_with(&format!("Transfer-Encoding: {value}"));
        assert_eq!(framing, Ok(Framing::Chunked), "{value:?}");
    }
    let framing = framing_with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked");
    assert_eq!(framing, Ok(Framing::Chunked));
}

#[test]
fn another_coding_at_the_end_lasts_until_close() {
    for value in ["gzip", "deflate", "x-gzip", "chunked, gzip"] {
        let framing = framing_with(&format!("Transfer-Encoding: {value}"));
        assert_eq!(framing, Ok(Framing::UntilClose), "{value:?}");
    }
}

#[test]
fn unknown_and_repeated_codings_are_refused() {
    for value in [
        "xchunked",
        "chunked, chunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked;a=b",
        "chunkedx",
        "chunked chunked",
        "\"chunked\"",
        "identity",
        "chu nked",
        "",
        ",",
        "chunked,",
        ",chunked",
        "gzip,,chunked",
    ] {
        let framing = framing_with(&format!("Transfer-Encoding: {value}"));
        let is_right = matches!(framing, Err(FramingError::InvalidTransferEncoding(_)));
        assert!(is_right, "{value:?}: {framing:?}");
    }
}

#[test]
fn a_length() {
    for (value, length) in
        [("0", 0), ("5", 5), ("007", 7), (" 5\t", 5), ("18446744073709551615", u64::MAX)]
    {
        let framing = framing_with(&format!("content-length: {value}"));
        assert_eq!(framing, Ok(Framing::Length(length)));
    }
}

#[test]
fn equal_lengths_are_one() {
    for headers in [
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: 5\r\nContent-Length: 05",
    ] {
        assert_eq!(framing_with(headers), Ok(Framing::Length(5)), "{headers}");
    }
}

#[test]
fn different_lengths_are_refused() {
    for headers in ["Content-Length: 5\r\nA: b\r\nContent-Length: 6", "Content-Length: 5, 6"] {
        assert_eq!(framing_with(headers), Err(FramingError::DifferentLengths(5, 6)));
    }
}

#[test]
fn what_is_not_a_length_is_refused() {
    for value in [
        "",
        "+5",
        "-5",
        "0x5",
        "5_0",
        "5 5",
        "5.0",
        "5;",
        "5,",
        ",5",
        "five",
        "5\u{b2}",
        "18446744073709551616",
    ] {
        let framing = framing_with(&format!("Content-Length: {value}"));
        let is_right = matches!(framing, Err(FramingError::InvalidLength(_)));
        assert!(is_right, "{value:?}: {framing:?}");
    }
}

#[test]
fn a_length_beside_a_coding_is_refused() {
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: gzip\r\nContent-Length: 5",
    ] {
        assert_eq!(framing_with(headers), Err(FramingError::LengthAndTransferEncoding));
    }
}

#[test]
fn otherwise_until_close() {
    let mut connection = after_get();
    let seen = events(&mut connection, &[b"HTTP/1.1 200 OK\r\n\r\nab", b"cd"], true);
    assert_eq!(seen[1..], [Seen::Data(b"abcd".to_vec()), Seen::End(vec![])]);
    assert_eq!(connection.client_state(), ClientState::MustClose);
}

#[test]
fn data_is_the_input_itself() {
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd";
    let (mut connection, mut input) = (after_get(), &response[..]);
    connection.receive(&mut input).unwrap();
    let Ok(Event::Data(data)) = connection.receive(&mut input) else { panic!() };
    assert!(std::ptr::eq(data, &response[response.len() - 4..]));
}

#[test]
fn a_folded_length_is_judged_after_unfolding() {
    let framing = framing_with("Content-Length:\r\n 5");
    assert_eq!(framing, Ok(Framing::Length(5)));
    let framing = framing_with("Content-Length: 1\r\n 0");
    assert!(matches!(framing, Err(FramingError::InvalidLength(_))));
}
