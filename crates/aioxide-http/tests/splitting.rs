//! However a response is split over receives, and wherever it is cut off, the events
//! are those of the whole.

use aioxide_http::{Limits, Tolerance};

#[path = "support/corpus.rs"]
mod corpus;
mod support;
use corpus::RESPONSES;
use support::{Seen, after, after_with, events};

#[test]
fn every_split_in_two_gives_the_events_of_the_whole() {
    for &(method, response, eof) in RESPONSES {
        let whole = events(&mut after(method, &[]), &[response], eof);
        for at in 0..=response.len() {
            let (first, second) = response.split_at(at);
            let split = events(&mut after(method, &[]), &[first, second], eof);
            assert_eq!(split, whole, "split at {at}: {}", response.escape_ascii());
        }
    }
}

#[test]
fn so_do_pieces_of_every_size() {
    for &(method, response, eof) in RESPONSES {
        let whole = events(&mut after(method, &[]), &[response], eof);
        for size in 1..8 {
            let pieces: Vec<_> = response.chunks(size).collect();
            let split = events(&mut after(method, &[]), &pieces, eof);
            assert_eq!(split, whole, "pieces of {size}: {}", response.escape_ascii());
        }
    }
}

#[test]
fn limits_are_reached_at_the_same_byte() {
    let limits = |n: u32| Limits {
        head_size: 30 + n,
        line_length: 20 + n / 2,
        header_count: n / 4,
        chunk_extensions: n / 4,
        trailer_size: 8 + n,
        interim_responses: n / 8,
        tolerance: Tolerance::STRICT,
    };
    for &(method, response, eof) in RESPONSES {
        for n in 0..24 {
            let whole = events(&mut after_with(method, &[], limits(n)), &[response], eof);
            for size in [1, 2, 5, 11] {
                let pieces: Vec<_> = response.chunks(size).collect();
                let split = events(&mut after_with(method, &[], limits(n)), &pieces, eof);
                assert_eq!(split, whole, "{n}, pieces of {size}: {}", response.escape_ascii());
            }
        }
    }
}

/// A response that is cut off gives a beginning of the whole's events; then an error,
/// unless its end is the end of the connection or it was complete.
#[test]
fn every_truncation_is_noticed() {
    for &(method, response, _) in RESPONSES {
        let whole = events(&mut after(method, &[]), &[response], false);
        if matches!(whole.last(), Some(Seen::Error(_))) {
            continue;
        }
        for at in 0..response.len() {
            let cut = events(&mut after(method, &[]), &[&response[..at]], true);
            match cut.last() {
                Some(Seen::Error(_)) => assert_begins(&whole, &cut[..cut.len() - 1]),
                // The body ends with the connection, or the tunnel's bytes do.
                Some(Seen::End(_) | Seen::Rest(_)) => assert_begins(&whole, &cut[..1]),
                other => panic!("{other:?} at {at}: {}", response.escape_ascii()),
            }
        }
    }
}

fn assert_begins(whole: &[Seen], beginning: &[Seen]) {
    for (whole, cut) in whole.iter().zip(beginning) {
        match (whole, cut) {
            (Seen::Data(whole), Seen::Data(cut)) => assert!(whole.starts_with(cut)),
            _ => assert_eq!(cut, whole),
        }
    }
    assert!(beginning.len() <= whole.len());
}
