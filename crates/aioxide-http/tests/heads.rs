//! Response heads: what is kept, what is refused (RFC 9112 §2.2, §4, §5).

use aioxide_http::{Error, Event, Version};

mod support;
use support::after_get;

/// The error that a response to GET ends with, once its input has ended too.
fn refused(response: &[u8]) -> Error {
    let mut connection = after_get();
    let mut input = response;
    loop {
        match connection.receive(&mut input) {
            Ok(Event::NeedData) => panic!("accepted"),
            Ok(Event::End { .. }) => panic!("complete"),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

fn with_header(line: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nA: b\r\n{line}\r\nC: d\r\n\r\n").into_bytes()
}

#[test]
fn the_status_line_and_headers_are_kept_as_they_came() {
    let mut connection = after_get();
    let mut input: &[u8] =
        b"HTTP/1.1 404 Nicht da \xfc\r\nX-A:  1 \t\r\nx-a:2\r\nEmpty:\r\nHigh: \xff\xfe\r\n\r\nrest";
    let Ok(Event::Head { head, .. }) = connection.receive(&mut input) else { panic!() };
    assert_eq!((head.version(), head.status()), (Version::Http11, 404));
    assert_eq!(head.reason(), b"Nicht da \xfc");
    let headers: Vec<_> = head.headers().iter().collect();
    assert_eq!(
        headers,
        [(&b"X-A"[..], &b"1"[..]), (b"x-a", b"2"), (b"Empty", b""), (b"High", b"\xff\xfe"),]
    );
    assert_eq!(input, b"rest");
}

#[test]
fn ranges_lead_to_the_same_names_and_values() {
    let mut connection = after_get();
    let mut input: &[u8] = b"HTTP/1.1 200 OK\r\nA: b\r\nCc: dd\r\n\r\n";
    let Ok(Event::Head { head, .. }) = connection.receive(&mut input) else { panic!() };
    let bytes = head.headers().as_bytes();
    let found: Vec<_> =
        head.headers().ranges().map(|(name, value)| (&bytes[name], &bytes[value])).collect();
    assert_eq!(found, head.headers().iter().collect::<Vec<_>>());
}

#[test]
fn a_reason_phrase_may_be_missing() {
    for line in [&b"HTTP/1.0 200 \r\n\r\n"[..], b"HTTP/1.0 200\r\n\r\n"] {
        let mut connection = after_get();
        let Ok(Event::Head { head, .. }) = connection.receive(&mut &line[..]) else { panic!() };
        assert_eq!((head.status(), head.reason()), (200, &b""[..]));
        assert_eq!(head.version(), Version::Http10);
    }
}

#[test]
fn more_headers_than_fit_on_the_stack() {
    let lines: String = (0..128).map(|n| format!("N{n}: {n}\r\n")).collect();
    let response = format!("HTTP/1.1 204 \r\n{lines}\r\n");
    let mut connection = after_get();
    let Ok(Event::Head { head, .. }) = connection.receive(&mut response.as_bytes()) else {
        panic!()
    };
    assert_eq!(head.headers().len(), 128);
    assert_eq!(head.headers().get("n127"), Some(&b"127"[..]));
}

#[test]
fn an_obsolete_folding_becomes_one_space() {
    let mut connection = after_get();
    let mut input: &[u8] =
        b"HTTP/1.1 200 OK\r\nA: one \r\n\t two\r\n three\r\nB:\r\n late\r\nC: x\r\n \r\nD: e\r\n\r\n";
    let Ok(Event::Head { head, .. }) = connection.receive(&mut input) else { panic!() };
    let headers: Vec<_> = head.headers().iter().collect();
    assert_eq!(
        headers,
        [(&b"A"[..], &b"one two three"[..]), (b"B", b"late"), (b"C", b"x"), (b"D", b"e")]
    );
}

#[test]
fn what_is_not_a_status_line_is_refused() {
    for line in [
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 099 Low",
        "HTTP/1.1 -20 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1",
        "HTTP/1.1 200 O\x01K",
    ] {
        let error = refused(format!("{line}\r\n\r\n").as_bytes());
        let is_right = matches!(error, Error::InvalidStatusLine(_));
        assert!(is_right, "{line:?}: {error:?}");
    }
    for line in ["HTTP/2.0 200 OK", "HTTP/1.2 200 OK", "HTTP/11 200 OK", "HTTP/1.x 200 OK"] {
        let error = refused(format!("{line}\r\n\r\n").as_bytes());
        assert!(matches!(error, Error::UnsupportedVersion(_)), "{line:?}: {error:?}");
    }
}

#[test]
fn another_protocol_is_refused_at_its_first_byte() {
    for bytes in [&b"S"[..], b"\x15\x03", b"HTTQ", b"http/1.1", b"\r\n", b" H", b"ICY 200 OK"] {
        let error = refused(bytes);
        assert!(matches!(error, Error::InvalidStatusLine(_)), "{bytes:?}: {error:?}");
    }
}

#[test]
fn what_is_not_a_header_is_refused() {
    for line in ["no colon", ": no name", "a b: c", "a\"b: c", "\u{e9}: c", "a\x00b: c"] {
        let error = refused(&with_header(line));
        assert!(matches!(error, Error::InvalidHeaderLine(_)), "{line:?}: {error:?}");
    }
    for line in ["a : c", "a\t: c", "Content-Length : 5"] {
        let error = refused(&with_header(line));
        assert!(matches!(error, Error::SpaceBeforeColon(_)), "{line:?}: {error:?}");
    }
    for line in ["a: \x00", "a: b\x00c", "a: \x01", "a: \x7f", "a: \x1b[31m", "a: b\x0bc"] {
        let error = refused(&with_header(line));
        assert!(matches!(error, Error::ControlCharacter(_)), "{line:?}: {error:?}");
    }
}

#[test]
fn whitespace_before_the_first_header_is_refused() {
    let error = refused(b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n");
    assert_eq!(error.to_string(), r#"whitespace before the first header in " A: b""#);
    let error = refused(b"HTTP/1.1 200 OK\r\n \r\nContent-Length: 5\r\n\r\n");
    assert!(matches!(error, Error::LeadingWhitespace(_)));
}

#[test]
fn lines_end_with_crlf() {
    for response in [
        &b"HTTP/1.1 200 OK\nA: b\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nA: b\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n\n",
        b"HTTP/1.1 200 OK\n\n",
    ] {
        assert!(matches!(refused(response), Error::BareLf(_)), "{response:?}");
    }
    for response in [
        &b"HTTP/1.1 200 OK\rA: b\r\n\r\n"[..],
        b"HTTP/1.1 200 O\rK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA\r: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n\r\r\n\r\n",
    ] {
        let error = refused(response);
        assert!(matches!(error, Error::BareCr(_)), "{response:?}: {error:?}");
    }
}

#[test]
fn an_error_names_the_line_escaped_and_bounded() {
    let error = refused(&with_header("X-Y: a\x00b"));
    assert_eq!(error.to_string(), r#"control character in header line "X-Y: a\x00b""#);
    let error = refused(&with_header(&"x".repeat(1000)));
    assert_eq!(error.to_string(), format!("invalid header line \"{}\"...", "x".repeat(64)));
}
