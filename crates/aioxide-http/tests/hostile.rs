//! Whatever a server sends: no panic, and the same events however it is split.

use aioxide_http::{Connection, Limits, ServerState, Tolerance};
use proptest::prelude::*;

#[path = "support/generated.rs"]
mod generated;
mod support;
use generated::{damaged, noise};
use support::{Seen, after, after_with, cases, events};

type Request = (&'static [u8], &'static [(&'static [u8], &'static [u8])]);

const REQUESTS: [Request; 4] = [
    (b"GET", &[]),
    (b"HEAD", &[]),
    (b"CONNECT", &[]),
    (b"GET", &[(b"Connection", b"upgrade"), (b"Upgrade", b"x")]),
];

/// Pieces of these sizes, again and again.
fn split<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

fn check(bytes: &[u8], sizes: &[usize], request: usize, limits: Limits) {
    let (method, headers) = REQUESTS[request];
    let mut connection = after_with(method, headers, limits);
    let whole = events(&mut connection, &[bytes], true);
    check_end(&connection, &whole);
    let mut connection = after_with(method, headers, limits);
    let pieces = split(bytes, sizes);
    assert_eq!(events(&mut connection, &pieces, true), whole);
}

fn check_end(connection: &Connection, whole: &[Seen]) {
    assert!(!connection.is_reusable(), "the server has closed");
    let state = connection.server_state();
    match whole.last() {
        Some(Seen::Error(_)) => assert_eq!(state, ServerState::Failed),
        Some(Seen::Rest(_)) => assert_eq!(state, ServerState::Switched),
        Some(Seen::End(_) | Seen::Closed) => assert_eq!(state, ServerState::Closed),
        other => panic!("{other:?}"),
    }
    let ends = whole.iter().filter(|seen| matches!(seen, Seen::End(_))).count();
    let heads = whole.iter().filter(|seen| matches!(seen, Seen::Head(..))).count();
    assert!(ends <= heads && heads <= 1, "{whole:?}");
}

/// Enough for "HTTP/" at least, which is judged before any limit.
fn tight() -> impl Strategy<Value = Limits> {
    (8..400u32, 8..60u32, 0..8u32, 0..8u32, 0..60u32, 0..3u32, tolerance()).prop_map(
        |(head_size, line_length, header_count, chunk_extensions, trailer_size, interim, it)| {
            Limits {
                head_size,
                line_length,
                header_count,
                chunk_extensions,
                trailer_size,
                interim_responses: interim,
                tolerance: it,
            }
        },
    )
}

fn tolerance() -> impl Strategy<Value = Tolerance> {
    any::<[bool; 3]>().prop_map(|[bare_lf, controls, space_after_chunk_size]| Tolerance {
        bare_lf,
        controls,
        space_after_chunk_size,
    })
}

fn tolerant() -> impl Strategy<Value = Limits> {
    tolerance().prop_map(|tolerance| Limits { tolerance, ..Limits::default() })
}

proptest! {
    #![proptest_config(cases(512, "tests/regressions/hostile.txt"))]

    #[test]
    fn damaged_responses(
        bytes in damaged(),
        sizes in prop::collection::vec(1..40usize, 1..4),
        request in 0..4usize,
        limits in tolerant(),
    ) {
        check(&bytes, &sizes, request, limits);
    }

    #[test]
    fn damaged_responses_with_tight_limits(
        bytes in damaged(), sizes in prop::collection::vec(1..40usize, 1..4), limits in tight(),
    ) {
        check(&bytes, &sizes, 0, limits);
    }

    #[test]
    fn words_in_any_order(
        start in 0..3usize, noise in noise(), sizes in prop::collection::vec(1..10usize, 1..4),
        request in 0..4usize, limits in tolerant(),
    ) {
        let start: &[u8] = [
            &b""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ][start];
        check(&[start, &noise].concat(), &sizes, request, limits);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..100), size in 1..10usize) {
        check(&bytes, &[size], 0, Limits::default());
    }
}

#[test]
fn a_slow_head_is_looked_at_once() {
    // Quadratic work would take minutes.
    let limits = Limits { head_size: u32::MAX, header_count: u32::MAX, ..Limits::default() };
    let mut connection = after_with(b"GET", &[], limits);
    let line = b"X-Header: value\r\n";
    events(&mut connection, &[b"HTTP/1.1 200 OK\r\n"], false);
    for _ in 0..100_000 {
        for byte in line.chunks(1) {
            let seen = events(&mut connection, &[byte], false);
            assert!(seen.is_empty());
        }
    }
    let seen = events(&mut connection, &[b"\r\n"], true);
    let [Seen::Head(head, _), Seen::End(_)] = &seen[..] else { panic!() };
    assert_eq!(head.headers.len(), 100_000);
}

#[test]
fn an_idle_connection_is_small() {
    let mut connection = after(b"GET", &[]);
    let seen = events(&mut connection, &[b"HTTP/1.1 2", b"04 \r\n\r\n"], false);
    assert_eq!(seen.len(), 2);
    connection.next_cycle().unwrap();
    // It owns nothing outside of itself then.
    assert!(size_of::<Connection>() <= 256, "{}", size_of::<Connection>());
}
