//! What is written is what is read.

use aioxide_http::{Connection, Framing, Limits, RequestLine, Target};
use proptest::prelude::*;

#[path = "support/generated.rs"]
mod generated;
mod support;
use generated::{Body, field, meant};
use support::{Pair, Seen, after_get, cases, events};

fn borrowed(pairs: &[Pair]) -> Vec<(&[u8], &[u8])> {
    pairs.iter().map(|(name, value)| (&name[..], &value[..])).collect()
}

proptest! {
    #![proptest_config(cases(512, "tests/regressions/round_trip.txt"))]

    #[test]
    fn a_response_means_what_was_meant(meant in meant(), size in 1..300usize) {
        let bytes = meant.write();
        let pieces: Vec<_> = bytes.chunks(size).collect();
        let seen = events(&mut after_get(), &pieces, matches!(meant.body, Body::UntilClose(_)));
        let (interim, seen) = seen.split_at(meant.interim);
        prop_assert!(interim.iter().all(|seen| matches!(seen, Seen::Informational(_))));
        let Seen::Head(head, _) = &seen[0] else { panic!("{seen:?}") };
        prop_assert_eq!(head.status, meant.status);
        prop_assert_eq!(&head.reason, &meant.reason);
        prop_assert_eq!(&head.headers, &meant.all_headers());
        let data = meant.body.data();
        let mut expected = vec![Seen::End(meant.body.trailers())];
        if !data.is_empty() {
            expected.insert(0, Seen::Data(data));
        }
        prop_assert_eq!(&seen[1..], &expected[..]);
    }

    /// By httparse's reader of requests, which this crate does not use.
    #[test]
    fn a_request_head_is_read_as_it_was_written(
        method in "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}", path in "/[!-~]{0,30}",
        headers in prop::collection::vec(field(), 0..20),
    ) {
        prop_assume!(method != "CONNECT");
        let (mut connection, mut out) = (Connection::new(Limits::default()), Vec::new());
        let line = RequestLine::new(method.as_bytes(), Target::Origin(path.as_bytes()));
        let mut request = connection.start_request(&line, &mut out).unwrap();
        request.header(b"Host", b"a").unwrap();
        for (name, value) in &headers {
            request.header(name, value).unwrap();
        }
        request.finish().unwrap();

        let mut room = [httparse::EMPTY_HEADER; 32];
        let mut read = httparse::Request::new(&mut room);
        let status = read.parse(&out).unwrap();
        prop_assert_eq!(status, httparse::Status::Complete(out.len()));
        prop_assert_eq!((read.method, read.path), (Some(&method[..]), Some(&path[..])));
        let read: Vec<_> = read.headers.iter().map(|h| (h.name.as_bytes(), h.value)).collect();
        prop_assert_eq!(&read[1..], &borrowed(&headers)[..]);
    }

    /// A chunked request's body is read as that of a response.
    #[test]
    fn a_body_that_is_written_in_pieces_is_read_whole(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..8),
        trailers in prop::collection::vec(field(), 0..3), chunked in any::<bool>(),
    ) {
        let data = pieces.concat();
        let length = data.len().to_string();
        let (name, value) = if chunked {
            (&b"Transfer-Encoding"[..], &b"chunked"[..])
        } else {
            (&b"Content-Length"[..], length.as_bytes())
        };
        let trailers = if chunked { &trailers[..] } else { &[] };

        let (mut connection, mut head) = (Connection::new(Limits::default()), Vec::new());
        let line = RequestLine::new(b"PUT", Target::Origin(b"/"));
        let mut request = connection.start_request(&line, &mut head).unwrap();
        request.header(b"Host", b"a").unwrap();
        request.header(name, value).unwrap();
        let framing = request.finish().unwrap();
        let mut body = Vec::new();
        if framing != Framing::None {
            for piece in &pieces {
                connection.send_data(piece, &mut body).unwrap();
            }
            connection.end_request(&borrowed(trailers), &mut body).unwrap();
        }

        let response = [b"HTTP/1.1 200 OK\r\n", name, b": ", value, b"\r\n\r\n", &body].concat();
        let seen = events(&mut after_get(), &[&response], false);
        let mut expected = vec![Seen::End(trailers.to_vec())];
        if !data.is_empty() {
            expected.insert(0, Seen::Data(data));
        }
        prop_assert_eq!(&seen[1..], &expected[..]);
    }
}
