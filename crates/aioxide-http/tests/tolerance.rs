//! What a client that hands on nothing reads although no server should send it.

use aioxide_http::{Limits, Tolerance};

mod support;
use support::{Seen, after_with, events};

const FIELDS: [fn(bool) -> Tolerance; 3] = [
    |is| Tolerance { bare_lf: is, ..Tolerance::STRICT },
    |is| Tolerance { controls: is, ..Tolerance::STRICT },
    |is| Tolerance { space_after_chunk_size: is, ..Tolerance::STRICT },
];

fn seen(response: &[u8], tolerance: Tolerance, size: usize) -> Vec<Seen> {
    let limits = Limits { tolerance, ..Limits::default() };
    let parts: Vec<_> = response.chunks(size).collect();
    events(&mut after_with(b"GET", &[], limits), &parts, false)
}

/// The same events as of what the server should have sent: with this tolerance, and not
/// without.
fn assert_read(field: usize, response: &[u8], meant: &[u8]) {
    let whole = seen(meant, Tolerance::STRICT, 4096);
    assert!(matches!(whole.last(), Some(Seen::End(_))), "{whole:?}");
    for size in [4096, 1, 2, 3, 7] {
        for tolerance in [FIELDS[field](true), Tolerance::CLIENT] {
            let read = seen(response, tolerance, size);
            assert_eq!(read, whole, "pieces of {size}: {}", response.escape_ascii());
        }
    }
    for other in FIELDS.iter().enumerate().filter(|(number, _)| *number != field) {
        assert_refused(response, other.1(true));
    }
    assert_refused(response, Tolerance::default());
}

fn assert_refused(response: &[u8], tolerance: Tolerance) {
    for size in [4096, 1, 5] {
        let read = seen(response, tolerance, size);
        assert!(
            matches!(read.last(), Some(Seen::Error(_))),
            "{}: {read:?}",
            response.escape_ascii()
        );
    }
}

#[test]
fn lines_that_end_with_lf() {
    let meant = b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nok";
    for response in [
        &b"HTTP/1.1 200 OK\nA: b\nContent-Length: 2\n\nok"[..],
        b"HTTP/1.1 200 OK\nA: b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\nok",
        b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\n\r\nok",
    ] {
        assert_read(0, response, meant);
    }
    assert_read(
        0,
        b"HTTP/1.1 200\nTransfer-Encoding: chunked\n\n2\r\nok\r\n0\r\nA: b\n\n",
        b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n",
    );
    assert_read(
        0,
        b"HTTP/1.1 200 OK\nA: b\n c\nContent-Length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    );
}

#[test]
fn an_empty_section_may_end_with_lf() {
    let meant = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert_read(
        0,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\n",
        meant,
    );
}

#[test]
fn whitespace_behind_a_chunk_size() {
    let meant = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    for padding in [" ", "\t", "     ", " \t "] {
        let response = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2{padding}\r\nok\r\n0{padding}\r\n\r\n"
        );
        assert_read(2, response.as_bytes(), meant);
    }
}

#[test]
fn control_characters_in_values() {
    for size in [4096, 1, 7] {
        let response = b"HTTP/1.1 200 O\x01K\r\nA: b\x01\x7f\x0bc\r\nContent-Length: 0\r\n\r\n";
        let read = seen(response, FIELDS[1](true), size);
        let Some(Seen::Head(head, _)) = read.first() else { panic!("{read:?}") };
        assert_eq!(head.reason, b"O\x01K");
        assert_eq!(head.headers[0], (b"A".to_vec(), b"b\x01\x7f\x0bc".to_vec()));
        assert_refused(response, FIELDS[0](true));
        assert_refused(response, Tolerance::STRICT);
        let trailers = b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\x02\r\n\r\n";
        let read = seen(trailers, FIELDS[1](true), size);
        assert_eq!(read.last(), Some(&Seen::End(vec![(b"A".to_vec(), b"b\x02".to_vec())])));
        assert_refused(trailers, Tolerance::STRICT);
    }
}

/// Whatever could hide a response, and what no client reads.
#[test]
fn the_rest_is_refused_all_the_same() {
    for response in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA\x01: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\x01\r\nok\r\n0\r\n\r\n",
    ] {
        assert_refused(response, Tolerance::CLIENT);
    }
}
