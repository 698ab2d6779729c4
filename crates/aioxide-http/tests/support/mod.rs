//! What the tests have in common: a request that was sent, and the events of a whole
//! response in a form that does not depend on how it was split.

#![allow(dead_code)] // each test program uses a part

use aioxide_http::{Connection, Error, Event, Fields, Framing, Limits, RequestLine, Target};
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};

/// A connection on which this request without a body has been sent.
pub fn after(method: &[u8], headers: &[(&[u8], &[u8])]) -> Connection {
    after_with(method, headers, Limits::default())
}

pub fn after_with(method: &[u8], headers: &[(&[u8], &[u8])], limits: Limits) -> Connection {
    let mut connection = Connection::new(limits);
    let mut out = Vec::new();
    let target =
        if method == b"CONNECT" { Target::Authority(b"a:1") } else { Target::Origin(b"/") };
    let mut request =
        connection.start_request(&RequestLine::new(method, target), &mut out).unwrap();
    request.header(b"Host", b"a").unwrap();
    for (name, value) in headers {
        request.header(name, value).unwrap();
    }
    request.finish().unwrap();
    connection
}

pub fn after_get() -> Connection {
    after(b"GET", &[])
}

/// An event without borrowed bytes; neighbouring data is one piece.
#[derive(Clone, PartialEq, Debug)]
pub enum Seen {
    Informational(Head),
    Head(Head, Framing),
    Data(Vec<u8>),
    End(Vec<Pair>),
    Upgrade(Head),
    Closed,
    /// What is left of the input that belongs to nobody.
    Rest(Vec<u8>),
    /// Its kind; what it quotes depends on how the input was split.
    Error(std::mem::Discriminant<Error>),
}

pub type Pair = (Vec<u8>, Vec<u8>);

#[derive(Clone, PartialEq, Debug)]
pub struct Head {
    pub status: u16,
    pub reason: Vec<u8>,
    pub headers: Vec<Pair>,
}

impl Head {
    pub fn of(head: &aioxide_http::ResponseHead) -> Self {
        let (status, reason) = (head.status(), head.reason().to_vec());
        Self { status, reason, headers: pairs(head.headers()) }
    }
}

pub fn pairs(fields: &Fields) -> Vec<Pair> {
    fields.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

/// Everything that comes of these receives, and of the end of input if that follows.
pub fn events(connection: &mut Connection, parts: &[&[u8]], eof: bool) -> Vec<Seen> {
    let mut seen = Vec::new();
    for part in parts {
        let mut input = *part;
        loop {
            if let Some(Seen::Rest(rest)) = seen.last_mut() {
                rest.extend_from_slice(input);
                break;
            }
            let event = connection.receive(&mut input);
            if note(&mut seen, event) {
                break;
            }
            if matches!(seen.last(), Some(Seen::Error(_))) {
                return seen;
            }
            if matches!(seen.last(), Some(Seen::Upgrade(_))) {
                seen.push(Seen::Rest(Vec::new()));
            }
        }
        assert!(input.is_empty() || matches!(seen.last(), Some(Seen::Rest(_))));
    }
    if eof && !matches!(seen.last(), Some(Seen::Rest(_))) {
        note(&mut seen, connection.receive_eof());
    }
    seen
}

/// Whether there is nothing more in the input.
fn note(seen: &mut Vec<Seen>, event: Result<Event<'_>, Error>) -> bool {
    let next = match event {
        Ok(Event::NeedData) => return true,
        Ok(Event::Data(data)) => {
            assert!(!data.is_empty());
            if let Some(Seen::Data(before)) = seen.last_mut() {
                before.extend_from_slice(data);
                return false;
            }
            Seen::Data(data.to_vec())
        }
        Ok(Event::Informational(head)) => Seen::Informational(Head::of(&head)),
        Ok(Event::Head { head, framing }) => Seen::Head(Head::of(&head), framing),
        Ok(Event::End { trailers }) => Seen::End(pairs(&trailers)),
        Ok(Event::Upgrade(head)) => Seen::Upgrade(Head::of(&head)),
        Ok(Event::Closed) => Seen::Closed,
        Err(error) => {
            assert!(error.to_string().len() < 600, "{error}");
            Seen::Error(std::mem::discriminant(&error))
        }
    };
    seen.push(next);
    false
}

/// The same cases in every run, and before them those that have failed once, which are
/// kept in the file `regressions` (from the crate's folder).
///
/// `make fuzz` tries more, and others, by way of `PROPTEST_CASES` and
/// `PROPTEST_RNG_SEED`, which take precedence.
pub fn cases(count: u32, regressions: &'static str) -> ProptestConfig {
    ProptestConfig {
        cases: count,
        rng_seed: RngSeed::Fixed(0),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        ..ProptestConfig::default()
    }
}
