//! Frames survive any cut of the stream, garbage is refused, and messages are the contract's JSON.

use aioxide_trace::file::{Chunk, decode_chunk, encode_chunk};
use aioxide_trace::wire::{
    Decoder, Frame, FrameError, Greeting, MAX_FRAME, MAX_REQUEST, Request, Since, Sort, TaskInfo,
    read_frame, write_chunk, write_message,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::ErrorKind;

proptest! {
    #[test]
    fn frames_survive_any_cut_of_the_stream(
        messages in vec(any::<(bool, String)>(), 0..6), cuts in vec(1..30_usize, 1..40),
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for (is_chunk, text) in &messages {
            if *is_chunk {
                write_chunk(&mut stream, text.as_bytes()).unwrap();
                expected.push(Frame::Chunk(text.as_bytes().to_vec()));
            } else {
                write_message(&mut stream, text).unwrap();
                expected.push(Frame::Json(serde_json::to_vec(text).unwrap()));
            }
        }
        let mut decoder = Decoder::new(MAX_FRAME);
        let mut found = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            let (part, behind) = rest.split_at((*cut).min(rest.len()));
            decoder.push(part);
            while let Some(frame) = decoder.next_frame().unwrap() {
                found.push(frame);
            }
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(&found, &expected);

        let mut stream = &stream[..];
        let mut found = Vec::new();
        while let Some(frame) = read_frame(&mut stream, MAX_FRAME).unwrap() {
            found.push(frame);
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn garbage_is_refused_or_waited_for_without_a_panic(garbage in vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder::new(MAX_REQUEST);
        decoder.push(&garbage);
        while let Ok(Some(_)) = decoder.next_frame() {}
        let mut stream = &garbage[..];
        while let Ok(Some(_)) = read_frame(&mut stream, MAX_REQUEST) {}
        let _ = Request::from_json(&garbage);
        let _ = decode_chunk(&garbage);
    }
}

#[test]
fn a_frame_that_is_too_long_or_of_no_kind_is_refused_before_it_comes() {
    let mut decoder = Decoder::new(MAX_REQUEST);
    decoder.push(&[0xff, 0xff, 0xff, 0xff, 0]);
    assert_eq!(decoder.next_frame(), Err(FrameError::TooLong(u32::MAX)));
    let error = read_frame(&[1, 0, 0, 0, 9, 0][..], MAX_FRAME).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (ErrorKind::InvalidData, "there is no frame of kind 9".to_owned())
    );
    assert_eq!(
        read_frame(&[9, 0, 0, 0, 0, 1][..], MAX_FRAME).unwrap_err().kind(),
        ErrorKind::UnexpectedEof
    );
    assert_eq!(read_frame(&[][..], MAX_FRAME).unwrap(), None);
}

#[test]
fn requests_are_the_contracts_json() {
    let parse = |text: &str| Request::from_json(text.as_bytes()).unwrap();
    assert_eq!(parse(r#"{"ask": "loops"}"#), Request::Loops);
    assert_eq!(
        parse(r#"{"ask": "tasks", "sort": "busy", "descending": true, "limit": 5}"#),
        Request::Tasks {
            sort: Sort::Busy,
            descending: true,
            filter: String::new(),
            offset: 0,
            limit: 5
        }
    );
    assert_eq!(parse(r#"{"ask": "stack", "task": 9}"#), Request::Stack { task: 9 });
    assert_eq!(
        parse(r#"{"ask": "events", "since": 4}"#),
        Request::Events(Since { since: 4, ..Since::default() })
    );
    assert_eq!(
        parse(r#"{"ask": "tree"}"#),
        Request::Tree { filter: String::new(), limit: u64::MAX }
    );
    let tree = Request::Tree { filter: "x".to_owned(), limit: 3 };
    for request in [tree, Request::Dump { path: "/tmp/x".to_owned() }] {
        assert_eq!(Request::from_json(&serde_json::to_vec(&request).unwrap()).unwrap(), request);
    }
}

#[test]
fn a_bad_request_is_named() {
    let error = |text: &str| Request::from_json(text.as_bytes()).unwrap_err().to_string();
    assert!(error(r#"{"ask": "everything"}"#).contains("unknown variant `everything`"));
    assert!(error(r#"{"ask": "stack"}"#).contains("missing field `task`"));
    assert!(error(r#"{"ask": "tasks", "sort": "size"}"#).contains("size"));
    assert!(error(&"[".repeat(100_000)).contains("no request"));
}

#[test]
fn a_process_of_another_wire_version_is_named_to_the_user() {
    let mut greeting: Greeting =
        serde_json::from_str(r#"{"aioxide": "0.9", "wire": 1, "pid": 4, "new": true}"#).unwrap();
    assert_eq!(greeting.check(), Ok(()));
    greeting.wire = 2;
    let text = greeting.check().unwrap_err();
    assert!(text.contains("process 4") && text.contains("version 2") && text.contains("version 1"));
}

#[test]
fn fields_of_a_later_release_are_ignored_and_missing_ones_are_defaults() {
    let task: TaskInfo =
        serde_json::from_str(r#"{"id": 3, "state": "ready", "loop": 1, "future_field": []}"#)
            .unwrap();
    assert_eq!((task.id, task.state.word(), task.loop_id, task.steps), (3, "ready", 1, 0));
}

#[test]
fn a_chunk_travels_in_a_frame_as_it_stands_in_a_file() {
    let chunk = Chunk::Strings(vec![(4, "name".to_owned())]);
    let mut stream = Vec::new();
    write_chunk(&mut stream, &encode_chunk(&chunk).unwrap()).unwrap();
    let Some(Frame::Chunk(bytes)) = read_frame(&stream[..], MAX_FRAME).unwrap() else { panic!() };
    assert_eq!(decode_chunk(&bytes), Ok((Some(chunk), bytes.len())));
}
