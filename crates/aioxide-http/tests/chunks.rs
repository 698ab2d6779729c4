//! Chunked bodies (RFC 9112 §7.1).

use aioxide_http::{Error, Event};

mod support;
use support::{Seen, after_get, events};

/// The body of a chunked response to GET.
fn chunked(body: &str) -> Result<Vec<u8>, Error> {
    let response = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    let (mut connection, mut input) = (after_get(), response.as_bytes());
    let mut data = Vec::new();
    loop {
        match connection.receive(&mut input)? {
            Event::NeedData => panic!("not complete: {body:?}"),
            Event::Data(piece) => data.extend_from_slice(piece),
            Event::End { .. } => return Ok(data),
            _ => {}
        }
    }
}

#[test]
fn sizes_are_hexadecimal() {
    let long = "x".repeat(0x1ab);
    assert_eq!(chunked(&format!("1aB\r\n{long}\r\n0\r\n\r\n")).unwrap(), long.as_bytes());
    assert_eq!(chunked("003\r\nabc\r\n000\r\n\r\n").unwrap(), b"abc");
    assert_eq!(chunked("0\r\n\r\n").unwrap(), b"");
}

#[test]
fn extensions_are_skipped() {
    assert_eq!(chunked("3;a\r\nabc\r\n0;b=\"c;d\"\r\n\r\n").unwrap(), b"abc");
    assert_eq!(chunked("3 \t;a = b\r\nabc\r\n0\r\n\r\n").unwrap(), b"abc");
    assert_eq!(chunked("3;\r\nabc\r\n0\r\n\r\n").unwrap(), b"abc");
}

#[test]
fn what_is_not_a_size_is_refused() {
    for size in [
        "",
        " 3",
        "\t3",
        "3 ",
        "3 3",
        "+3",
        "-3",
        "0x3",
        "0X3",
        "3_0",
        "x",
        "g",
        ";a",
        "3,3",
        "00000000000000003",
        "10000000000000000",
        "\u{663}",
    ] {
        let error = chunked(&format!("{size}\r\nabc\r\n0\r\n\r\n")).unwrap_err();
        assert!(matches!(error, Error::InvalidChunkSize(_)), "{size:?}: {error:?}");
    }
}

#[test]
fn the_largest_size_is_one_of_64_bits() {
    let mut connection = after_get();
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab";
    let seen = events(&mut connection, &[head], false);
    assert_eq!(seen[1..], [Seen::Data(b"ab".to_vec())]);
    assert_eq!(connection.receive_eof(), Err(Error::ClosedInBody { missing: None }));
}

#[test]
fn lines_end_with_crlf() {
    for body in ["3\nabc\r\n0\r\n\r\n", "3;a\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\nA: b\n\r\n"] {
        assert!(matches!(chunked(body), Err(Error::BareLf(_))), "{body:?}");
    }
    for body in ["3\rabc\r\n0\r\n\r\n", "3;a\rb\r\nabc\r\n0\r\n\r\n", "0\r\nA: b\rc\r\n\r\n"] {
        assert!(matches!(chunked(body), Err(Error::BareCr(_))), "{body:?}");
    }
}

#[test]
fn controls_in_extensions_are_refused() {
    let error = chunked("3;a\0\r\nabc\r\n0\r\n\r\n").unwrap_err();
    assert!(matches!(error, Error::InvalidChunkExtension(_)));
}

#[test]
fn crlf_follows_the_data() {
    for body in [
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabc\r0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
    ] {
        assert!(matches!(chunked(body), Err(Error::InvalidChunkEnd(_))), "{body:?}");
    }
}

#[test]
fn trailers_are_kept_apart() {
    let response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nDigest: x\r\nB:\r\n\r\n";
    let seen = events(&mut after_get(), &[response], false);
    let trailers = vec![(b"Digest".to_vec(), b"x".to_vec()), (b"B".to_vec(), vec![])];
    assert_eq!(seen[1..], [Seen::Data(b"a".to_vec()), Seen::End(trailers)]);
}

#[test]
fn trailers_are_judged_as_headers_but_may_not_be_folded() {
    let error = |trailer: &str| chunked(&format!("0\r\n{trailer}\r\n\r\n")).unwrap_err();
    assert!(matches!(error("a b: c"), Error::InvalidHeaderLine(_)));
    assert!(matches!(error("a : c"), Error::SpaceBeforeColon(_)));
    assert!(matches!(error("a: \x01"), Error::ControlCharacter(_)));
    assert!(matches!(error(" a: b"), Error::LeadingWhitespace(_)));
    assert!(matches!(error("a: b\r\n c"), Error::InvalidHeaderLine(_)));
}
