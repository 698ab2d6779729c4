//! The same bytes, read by this crate and by hyper.
//!
//! Both use httparse for the lines of a head, so what this compares is the rest: where a
//! body ends, chunks, trailers, folding, interim responses.

use aioxide_http::{Event, Fields, Version};
use proptest::prelude::*;

#[path = "support/corpus.rs"]
mod corpus;
#[path = "support/generated.rs"]
mod generated;
#[path = "support/hyper_client.rs"]
mod hyper_client;
mod support;
use generated::{damaged, meant};
use hyper_client::{Answer, ask_hyper};
use support::{Pair, after, cases};

/// What this crate makes of a response, behind which the server closes the connection.
fn ask_ours(method: &str, mut input: &[u8]) -> Option<(Answer, Version)> {
    let mut connection = after(method.as_bytes(), &[]);
    let mut answer = Answer { status: 0, headers: vec![], body: vec![], trailers: vec![] };
    let mut version = Version::Http11;
    loop {
        let event = match connection.receive(&mut input).ok()? {
            Event::NeedData => connection.receive_eof().ok()?,
            event => event,
        };
        match event {
            Event::Head { head, .. } => {
                version = head.version();
                answer.status = head.status();
                answer.headers = pairs(head.headers());
            }
            Event::Data(data) => answer.body.extend_from_slice(data),
            Event::End { trailers } => {
                answer.trailers = pairs(&trailers);
                return Some((answer, version));
            }
            Event::Informational(_) => {}
            event => panic!("{event:?}"),
        }
    }
}

fn pairs(fields: &Fields) -> Vec<Pair> {
    fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect()
}

/// hyper's map has the lines of one name together, and keeps the spaces of a folding.
fn comparable(mut answer: Answer) -> Answer {
    for fields in [&mut answer.headers, &mut answer.trailers] {
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        for (_, value) in fields {
            let words = value.split(|byte| b" \t\r\n".contains(byte));
            let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
            *value = words.join(&b' ');
        }
    }
    answer
}

/// What both accept, they read alike. This crate accepts nothing that hyper refuses, but
/// for transfer codings of an HTTP/1.0 server: it reads the body and then closes, as RFC
/// 9112 §6.1 has it.
fn compare(method: &str, response: &[u8]) {
    let Some((ours, version)) = ask_ours(method, response) else { return };
    let Some(theirs) = ask_hyper(method, response) else {
        let has_codings = ours.headers.iter().any(|(name, _)| name == b"transfer-encoding");
        assert!(
            version == Version::Http10 && has_codings,
            "only hyper refuses {}",
            response.escape_ascii()
        );
        return;
    };
    let (ours, theirs) = (comparable(ours), comparable(theirs));
    assert_eq!(ours, theirs, "{}", response.escape_ascii());
}

#[test]
fn the_corpus_is_read_alike() {
    for &(method, response, _) in corpus::RESPONSES {
        if method != b"CONNECT" {
            compare(str::from_utf8(method).unwrap(), response);
        }
    }
}

proptest! {
    #![proptest_config(cases(512, "tests/regressions/against_hyper.txt"))]

    #[test]
    fn valid_responses_are_accepted_by_both(meant in meant(), head in any::<bool>()) {
        let method = if head { "HEAD" } else { "GET" };
        let response = meant.write();
        let (ours, _) = ask_ours(method, &response).expect("accepted");
        let theirs = ask_hyper(method, &response).expect("accepted by hyper");
        prop_assert_eq!(comparable(ours), comparable(theirs));
    }

    #[test]
    fn damaged_responses_are_read_alike(response in damaged(), head in any::<bool>()) {
        compare(if head { "HEAD" } else { "GET" }, &response);
    }
}
