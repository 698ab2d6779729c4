//! Any bytes as a response: no panic, and the same events however they are split.
//!
//! The first byte chooses the request, the second the tolerance and whether the connection ends,
//! the third where the rest is split.

#![no_main]

use std::mem::{Discriminant, discriminant};

use aioxide_http::{
    Connection, Error, Event, Fields, Framing, Limits, RequestLine, ResponseHead, ServerState,
    Target, Tolerance,
};
use libfuzzer_sys::fuzz_target;

/// An event without borrowed bytes. Neighbouring data is one piece.
#[derive(PartialEq, Debug)]
enum Seen {
    Informational(ResponseHead),
    Head(ResponseHead, Framing),
    Data(Vec<u8>),
    End(Fields),
    Upgrade(ResponseHead),
    Closed,
    /// Its kind; what it quotes depends on the split.
    Error(Discriminant<Error>),
}

const REQUESTS: [(&[u8], &[u8], &[u8]); 5] = [
    (b"GET", b"", b""),
    (b"HEAD", b"", b""),
    (b"CONNECT", b"", b""),
    (b"GET", b"Upgrade", b"websocket"),
    (b"POST", b"Expect", b"100-continue"),
];

fn begun(choice: u8, tolerance: Tolerance) -> Connection {
    let (method, name, value) = REQUESTS[usize::from(choice) % REQUESTS.len()];
    let limits = Limits {
        head_size: 2_000,
        line_length: 500,
        header_count: 20,
        chunk_extensions: 100,
        trailer_size: 200,
        interim_responses: 3,
        tolerance,
    };
    let mut connection = Connection::new(limits);
    let target =
        if method == b"CONNECT" { Target::Authority(b"a:1") } else { Target::Origin(b"/") };
    let mut out = Vec::new();
    let line = RequestLine::new(method, target);
    let mut request = connection.start_request(&line, &mut out).expect("a usual line");
    request.header(b"Host", b"a").expect("a usual header");
    if !name.is_empty() {
        request.header(name, value).expect("a usual header");
    }
    if method == b"POST" {
        request.header(b"Content-Length", b"3").expect("a usual header");
    }
    request.finish().expect("a usual head");
    connection
}

/// All that comes of these pieces, one after the other.
fn events(connection: &mut Connection, pieces: &[&[u8]], ends: bool) -> Vec<Seen> {
    let mut seen = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        loop {
            let before = input.len();
            match connection.receive(&mut input) {
                Ok(Event::NeedData) => {
                    assert!(input.is_empty(), "it wants more, and has left some");
                    break;
                }
                Ok(Event::Data(data)) => {
                    assert!(!data.is_empty() && data.len() <= before - input.len());
                    match seen.last_mut() {
                        Some(Seen::Data(last)) => last.extend_from_slice(data),
                        _ => seen.push(Seen::Data(data.to_vec())),
                    }
                }
                Ok(Event::Informational(head)) => seen.push(Seen::Informational(head)),
                Ok(Event::Head { head, framing }) => seen.push(Seen::Head(head, framing)),
                Ok(Event::End { trailers }) => seen.push(Seen::End(trailers)),
                Ok(Event::Upgrade(head)) => {
                    seen.push(Seen::Upgrade(head));
                    return seen;
                }
                Ok(Event::Closed) => unreachable!("nobody has closed it"),
                Err(error) => {
                    seen.push(Seen::Error(discriminant(&error)));
                    assert_eq!(connection.server_state(), ServerState::Failed);
                    assert!(!connection.is_reusable());
                    return seen;
                }
            }
        }
    }
    if ends {
        seen.push(match connection.receive_eof() {
            Ok(Event::End { trailers }) => Seen::End(trailers),
            Ok(_) => Seen::Closed,
            Err(error) => Seen::Error(discriminant(&error)),
        });
    }
    seen
}

fuzz_target!(|data: &[u8]| {
    let [request, options, split, response @ ..] = data else { return };
    let tolerance = if options & 1 == 0 { Tolerance::STRICT } else { Tolerance::CLIENT };
    let ends = options & 2 != 0;
    let whole = events(&mut begun(*request, tolerance), &[response], ends);

    let (first, second) = response.split_at(usize::from(*split) % (response.len() + 1));
    let in_two = events(&mut begun(*request, tolerance), &[first, second], ends);
    assert_eq!(in_two, whole, "split in two");

    let size = usize::from(split % 7) + 1;
    let pieces: Vec<&[u8]> = response.chunks(size).collect();
    let in_pieces = events(&mut begun(*request, tolerance), &pieces, ends);
    assert_eq!(in_pieces, whole, "pieces of {size}");
});
