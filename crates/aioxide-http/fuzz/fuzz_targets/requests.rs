//! Any strings as a request: it is refused and nothing is written, or another parser reads exactly
//! what was given.
//!
//! The input is cut at each byte `0xff`: method, target, then names and values.

#![no_main]

use aioxide_http::{Connection, HeaderBlock, Limits, RequestLine, Target};
use libfuzzer_sys::fuzz_target;

fn written(line: &RequestLine<'_>, fields: &[(&[u8], &[u8])]) -> Option<Vec<u8>> {
    let mut connection = Connection::new(Limits::default());
    let mut out = b"before".to_vec();
    let finished = (|| {
        let mut request = connection.start_request(line, &mut out)?;
        for (name, value) in fields {
            request.header(name, value)?;
        }
        request.finish()
    })();
    if finished.is_ok() {
        return Some(out.split_off(b"before".len()));
    }
    assert_eq!(out, b"before", "something is left of a request that was refused");
    None
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.split(|byte| *byte == 0xff);
    let (Some(method), Some(target)) = (parts.next(), parts.next()) else { return };
    let rest: Vec<&[u8]> = parts.collect();
    let mut fields: Vec<(&[u8], &[u8])> =
        rest.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    fields.push((b"Host", b"a"));
    let line = RequestLine::new(method, Target::of(method, target));

    let Some(out) = written(&line, &fields) else { return };
    let mut headers = vec![httparse::EMPTY_HEADER; fields.len() + 1];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(&out) {
        Ok(httparse::Status::Complete(length)) => length,
        // httparse takes targets in UTF-8 only, and fewer characters in values.
        Ok(httparse::Status::Partial) => panic!("no end: {}", out.escape_ascii()),
        Err(_) => return,
    };
    assert_eq!(length, out.len(), "there is more behind the head");
    assert_eq!(parsed.method.map(str::as_bytes), Some(method));
    assert_eq!(parsed.path.map(str::as_bytes), Some(target));
    assert_eq!(parsed.headers.len(), fields.len());
    for (header, (name, value)) in parsed.headers.iter().zip(&fields) {
        assert_eq!(header.name.as_bytes(), *name);
        assert_eq!(header.value.trim_ascii(), value.trim_ascii());
    }
    assert!(HeaderBlock::new(fields).is_ok(), "a block refuses what a request takes");
});
