//! Each bound on what a peer may send: at it, and one beyond.

use aioxide_http::{Error, Event, Limit, Limits};

mod support;
use support::after_with;

fn refused_with(limits: Limits, response: &str) -> Option<Limit> {
    let mut connection = after_with(b"GET", &[], limits);
    let mut input = response.as_bytes();
    loop {
        match connection.receive(&mut input) {
            Ok(Event::NeedData | Event::End { .. }) => return None,
            Ok(_) => {}
            Err(Error::TooLarge { limit, .. }) => return Some(limit),
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn of_the_head() {
    let head = "HTTP/1.1 204 \r\nA: b\r\n\r\n";
    let size = head.len() as u32;
    let limits = |head_size| Limits { head_size, ..Limits::default() };
    assert_eq!(refused_with(limits(size), head), None);
    assert_eq!(refused_with(limits(size - 1), head), Some(Limit::HeadSize));
    let endless = "HTTP/1.1 200 OK\r\n".to_owned() + &"A: b\r\n".repeat(100);
    assert_eq!(refused_with(limits(300), &endless), Some(Limit::HeadSize));
}

#[test]
fn of_a_line_its_end_included() {
    let limits = Limits { line_length: 20, ..Limits::default() };
    let response = |value: &str| format!("HTTP/1.1 204 \r\nA: {value}\r\n\r\n");
    assert_eq!(refused_with(limits, &response(&"x".repeat(15))), None);
    assert_eq!(refused_with(limits, &response(&"x".repeat(16))), Some(Limit::LineLength));
    // Even before the line has ended.
    let endless = format!("HTTP/1.1 204 \r\nA: {}", "x".repeat(100));
    assert_eq!(refused_with(limits, &endless), Some(Limit::LineLength));
}

#[test]
fn of_headers() {
    let limits = Limits { header_count: 3, ..Limits::default() };
    let response = |count| format!("HTTP/1.1 204 \r\n{}\r\n", "A: b\r\n".repeat(count));
    assert_eq!(refused_with(limits, &response(3)), None);
    assert_eq!(refused_with(limits, &response(4)), Some(Limit::HeaderCount));
}

#[test]
fn of_chunk_extensions_over_the_whole_body() {
    let limits = Limits { chunk_extensions: 10, ..Limits::default() };
    let response = |count| {
        let chunks = "1;ab\r\nx\r\n".repeat(count);
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
    };
    assert_eq!(refused_with(limits, &response(3)), None);
    assert_eq!(refused_with(limits, &response(4)), Some(Limit::ChunkExtensions));
}

#[test]
fn of_trailers() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    let response = |count| format!("{head}{}\r\n", "A: b\r\n".repeat(count));
    let limits = Limits { trailer_size: 14, ..Limits::default() };
    assert_eq!(refused_with(limits, &response(2)), None);
    assert_eq!(refused_with(limits, &response(3)), Some(Limit::TrailerSize));
    let limits = Limits { header_count: 2, ..Limits::default() };
    assert_eq!(refused_with(limits, &response(2)), None);
    assert_eq!(refused_with(limits, &response(3)), Some(Limit::HeaderCount));
}

#[test]
fn of_interim_responses() {
    let limits = Limits { interim_responses: 2, ..Limits::default() };
    let response =
        |count| "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(count) + "HTTP/1.1 204 \r\n\r\n";
    assert_eq!(refused_with(limits, &response(2)), None);
    assert_eq!(refused_with(limits, &response(3)), Some(Limit::InterimResponses));
}
