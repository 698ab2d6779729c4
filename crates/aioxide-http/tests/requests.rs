//! What is written of a request, and what is refused.

use aioxide_http::{
    ClientState, Connection, Error, Framing, FramingError, Limits, RequestLine, Side, Target,
    Version,
};

type Headers<'a> = &'a [(&'a str, &'a str)];

fn begin(
    connection: &mut Connection,
    line: &RequestLine<'_>,
    headers: Headers<'_>,
    out: &mut Vec<u8>,
) -> Result<Framing, Error> {
    let mut request = connection.start_request(line, out)?;
    for (name, value) in headers {
        request.header(name.as_bytes(), value.as_bytes())?;
    }
    request.finish()
}

/// The error of a request; nothing may be left of it.
fn refused(line: &RequestLine<'_>, headers: Headers<'_>) -> Error {
    let (mut connection, mut out) = (Connection::new(Limits::default()), b"before".to_vec());
    let error = begin(&mut connection, line, headers, &mut out).expect_err("accepted");
    assert_eq!(out, b"before");
    assert_eq!(connection.client_state(), ClientState::Idle);
    assert_eq!(error.side(), Side::Caller);
    error
}

fn get(path: &'static str) -> RequestLine<'static> {
    RequestLine::new(b"GET", Target::Origin(path.as_bytes()))
}

/// A request that has a body, whose head has been written.
fn with_body(header: (&str, &str)) -> Connection {
    let mut connection = Connection::new(Limits::default());
    let line = RequestLine::new(b"PUT", Target::Origin(b"/"));
    begin(&mut connection, &line, &[("Host", "a"), header], &mut Vec::new()).unwrap();
    connection
}

#[test]
fn a_head_is_written_as_it_is_given() {
    let (mut connection, mut out) = (Connection::new(Limits::default()), b"before ".to_vec());
    let headers = [("hOST", "a"), ("X-A", ""), ("x-a", "b\tc \u{e9}"), ("Accept", "*/*")];
    let framing = begin(&mut connection, &get("/a?b#c"), &headers, &mut out);
    assert_eq!(framing, Ok(Framing::None));
    let expected = "before GET /a?b#c HTTP/1.1\r\n\
                    hOST: a\r\nX-A: \r\nx-a: b\tc \u{e9}\r\nAccept: */*\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    assert_eq!(connection.client_state(), ClientState::Done);
}

#[test]
fn the_four_forms_of_a_target() {
    for (method, target, written) in [
        (&b"GET"[..], Target::Origin(b"/"), "GET / HTTP/1.1\r\n"),
        (b"GET", Target::Absolute(b"http://a/b"), "GET http://a/b HTTP/1.1\r\n"),
        (b"CONNECT", Target::Authority(b"[::1]:443"), "CONNECT [::1]:443 HTTP/1.1\r\n"),
        (b"OPTIONS", Target::Asterisk, "OPTIONS * HTTP/1.1\r\n"),
    ] {
        let (mut connection, mut out) = (Connection::new(Limits::default()), Vec::new());
        let line = RequestLine::new(method, target);
        begin(&mut connection, &line, &[("Host", "a")], &mut out).unwrap();
        assert!(out.starts_with(written.as_bytes()), "{target:?}");
    }
}

#[test]
fn a_target_has_the_form_that_the_method_asks_for() {
    for (method, target) in [
        (&b"GET"[..], Target::Origin(b"")),
        (b"GET", Target::Origin(b"a")),
        (b"GET", Target::Origin(b"http://a/")),
        (b"GET", Target::Absolute(b"/a")),
        (b"GET", Target::Absolute(b"//a:1/")),
        (b"GET", Target::Absolute(b"1a://b")),
        (b"GET", Target::Authority(b"a:1")),
        (b"GET", Target::Asterisk),
        (b"CONNECT", Target::Origin(b"/")),
        (b"CONNECT", Target::Absolute(b"http://a/")),
        (b"CONNECT", Target::Authority(b"a/b")),
        (b"CONNECT", Target::Authority(b"")),
    ] {
        let error = refused(&RequestLine::new(method, target), &[("Host", "a")]);
        assert!(matches!(error, Error::InvalidTarget(_)), "{target:?}");
    }
}

#[test]
fn nothing_that_ends_a_line_or_a_word_gets_into_the_head() {
    for bad in ["\r", "\n", "\r\n", "\0", "\r\nX: y", "\x0b", "\x7f", "\x01"] {
        let method = format!("GE{bad}T");
        let line = RequestLine::new(method.as_bytes(), Target::Origin(b"/"));
        assert!(matches!(refused(&line, &[("Host", "a")]), Error::InvalidMethod(_)), "{bad:?}");

        let path = format!("/a{bad}b");
        let line = RequestLine::new(b"GET", Target::Origin(path.as_bytes()));
        assert!(matches!(refused(&line, &[("Host", "a")]), Error::InvalidTarget(_)), "{bad:?}");

        let name = format!("X{bad}");
        let error = refused(&get("/"), &[("Host", "a"), (&name, "b")]);
        assert!(matches!(error, Error::InvalidHeaderName(_)), "{bad:?}");

        let value = format!("b{bad}c");
        let error = refused(&get("/"), &[("Host", "a"), ("X", &value)]);
        assert!(matches!(error, Error::InvalidHeaderValue { .. }), "{bad:?}");
    }
    for method in ["", "GET ", "G T", "G\u{e9}T", "GET:"] {
        let line = RequestLine::new(method.as_bytes(), Target::Origin(b"/"));
        assert!(matches!(refused(&line, &[]), Error::InvalidMethod(_)), "{method:?}");
    }
    for path in ["/a b", "/\u{e9}", "/a\t"] {
        let line = RequestLine::new(b"GET", Target::Origin(path.as_bytes()));
        assert!(matches!(refused(&line, &[]), Error::InvalidTarget(_)), "{path:?}");
    }
    for name in ["", " X", "X ", "X:", "X Y", "\u{e9}", "X\""] {
        let error = refused(&get("/"), &[(name, "b")]);
        assert!(matches!(error, Error::InvalidHeaderName(_)), "{name:?}");
    }
}

#[test]
fn an_error_names_what_was_refused() {
    let error = refused(&get("/"), &[("X-User", "me\r\nX-Admin: 1")]);
    let text = r#"invalid value "me\r\nX-Admin: 1" of header "X-User""#;
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_refused_header_leaves_the_others() {
    let (mut connection, mut out) = (Connection::new(Limits::default()), Vec::new());
    let mut request = connection.start_request(&get("/"), &mut out).unwrap();
    request.header(b"Host", b"a").unwrap();
    request.header(b"X", b"\n").unwrap_err();
    request.header(b"Y", b"b").unwrap();
    request.finish().unwrap();
    assert_eq!(out, b"GET / HTTP/1.1\r\nHost: a\r\nY: b\r\n\r\n");
}

#[test]
fn a_request_has_one_host() {
    assert_eq!(refused(&get("/"), &[("X", "a")]), Error::MissingHost);
    assert_eq!(refused(&get("/"), &[("Host", "a"), ("host", "a")]), Error::RepeatedHost);
    let line = RequestLine { version: Version::Http10, ..get("/") };
    let mut out = Vec::new();
    begin(&mut Connection::new(Limits::default()), &line, &[], &mut out).unwrap();
    assert_eq!(out, b"GET / HTTP/1.0\r\n\r\n");
}

#[test]
fn the_headers_say_how_the_body_is_sent() {
    for (header, framing) in [
        (("X", "y"), Framing::None),
        (("Content-Length", "0"), Framing::None),
        (("content-length", "12"), Framing::Length(12)),
        (("Transfer-Encoding", "chunked"), Framing::Chunked),
        (("Transfer-Encoding", "gzip, Chunked"), Framing::Chunked),
    ] {
        let mut connection = Connection::new(Limits::default());
        let headers = [("Host", "a"), header];
        assert_eq!(begin(&mut connection, &get("/"), &headers, &mut Vec::new()), Ok(framing));
    }
}

#[test]
fn headers_that_frame_the_body_twice_are_refused() {
    let length = ("Content-Length", "5");
    for (headers, is_right) in [
        (
            [length, ("Transfer-Encoding", "chunked")],
            (|e| matches!(e, FramingError::LengthAndTransferEncoding)) as fn(&_) -> bool,
        ),
        ([length, ("Content-Length", "6")], |e| matches!(e, FramingError::DifferentLengths(5, 6))),
        ([("Content-Length", "+5"), ("X", "y")], |e| matches!(e, FramingError::InvalidLength(_))),
        ([("Transfer-Encoding", "gzip"), ("X", "y")], |e| {
            matches!(e, FramingError::InvalidTransferEncoding(_))
        }),
        ([("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")], |e| {
            matches!(e, FramingError::InvalidTransferEncoding(_))
        }),
    ] {
        let error = refused(&get("/"), &[("Host", "a"), headers[0], headers[1]]);
        assert!(matches!(&error, Error::RequestFraming(e) if is_right(e)), "{error:?}");
    }
    let line = RequestLine { version: Version::Http10, ..get("/") };
    assert_eq!(refused(&line, &[("Transfer-Encoding", "chunked")]), Error::ChunkedInHttp10);
}

#[test]
fn a_body_with_a_length_is_written_as_it_is() {
    let (mut connection, mut out) = (with_body(("Content-Length", "5")), Vec::new());
    connection.send_data(b"ab", &mut out).unwrap();
    connection.send_data(b"", &mut out).unwrap();
    connection.send_data(b"cde", &mut out).unwrap();
    connection.end_request(&[], &mut out).unwrap();
    assert_eq!(out, b"abcde");
    assert_eq!(connection.client_state(), ClientState::Done);
}

#[test]
fn a_body_keeps_its_length() {
    let (mut connection, mut out) = (with_body(("Content-Length", "5")), Vec::new());
    let error = connection.send_data(b"abcdefgh", &mut out).unwrap_err();
    assert_eq!(error, Error::BodyTooLong { excess: 3 });
    connection.send_data(b"abc", &mut out).unwrap();
    let error = connection.end_request(&[], &mut out).unwrap_err();
    assert_eq!(error, Error::BodyTooShort { missing: 2 });
    connection.send_data(b"de", &mut out).unwrap();
    let error = connection.end_request(&[(b"X", b"y")], &mut out).unwrap_err();
    assert_eq!(error, Error::TrailersWithoutChunked);
    connection.end_request(&[], &mut out).unwrap();
    assert_eq!(out, b"abcde");
}

#[test]
fn a_chunked_body_ends_with_trailers() {
    let (mut connection, mut out) = (with_body(("Transfer-Encoding", "chunked")), Vec::new());
    connection.send_data(&[b'x'; 26], &mut out).unwrap();
    connection.send_data(b"", &mut out).unwrap();
    connection.end_request(&[(b"Digest", b"y"), (b"Z", b"")], &mut out).unwrap();
    let expected = format!("1a\r\n{}\r\n0\r\nDigest: y\r\nZ: \r\n\r\n", "x".repeat(26));
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn data_can_be_framed_without_a_copy() {
    let mut connection = with_body(("Transfer-Encoding", "chunked"));
    let frame = connection.frame_data(usize::MAX).unwrap();
    assert_eq!((frame.before(), frame.after()), (&b"ffffffffffffffff\r\n"[..], &b"\r\n"[..]));
    let frame = connection.frame_data(0).unwrap();
    assert_eq!((frame.before(), frame.after()), (&b""[..], &b""[..]));
    let frame = with_body(("Content-Length", "5")).frame_data(5).unwrap();
    assert_eq!((frame.before(), frame.after()), (&b""[..], &b""[..]));
}

#[test]
fn trailers_do_not_frame_route_or_inject() {
    for (name, value, is_right) in [
        (
            &b"content-LENGTH"[..],
            &b"5"[..],
            (|e| matches!(e, Error::ForbiddenTrailer(_))) as fn(&_) -> bool,
        ),
        (b"Transfer-Encoding", b"chunked", |e| matches!(e, Error::ForbiddenTrailer(_))),
        (b"Host", b"b", |e| matches!(e, Error::ForbiddenTrailer(_))),
        (b"X Y", b"z", |e| matches!(e, Error::InvalidHeaderName(_))),
        (b"X", b"y\r\nZ: z", |e| matches!(e, Error::InvalidHeaderValue { .. })),
    ] {
        let (mut connection, mut out) = (with_body(("Transfer-Encoding", "chunked")), Vec::new());
        let error = connection.end_request(&[(b"A", b"b"), (name, value)], &mut out).unwrap_err();
        assert!(is_right(&error), "{error:?}");
        assert_eq!(out, b"", "nothing is left of it");
        connection.end_request(&[], &mut out).unwrap();
        assert_eq!(out, b"0\r\n\r\n");
    }
}

#[test]
fn a_request_without_body_is_complete_with_its_head() {
    let (mut connection, mut out) = (Connection::new(Limits::default()), Vec::new());
    begin(&mut connection, &get("/"), &[("Host", "a")], &mut out).unwrap();
    let error = connection.send_data(b"a", &mut out).unwrap_err();
    assert!(matches!(error, Error::WrongState { call: "send data", .. }));
    let error = connection.end_request(&[], &mut out).unwrap_err();
    assert!(matches!(error, Error::WrongState { call: "end the request", .. }));
}
