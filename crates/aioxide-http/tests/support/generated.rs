//! Random responses: valid ones with what they mean, and others.

#![allow(dead_code)] // each test program uses a part

use proptest::prelude::*;

use crate::support::Pair;

/// What a response means, before it was written.
#[derive(Clone, Debug)]
pub struct Meant {
    pub status: u16,
    pub reason: Vec<u8>,
    pub headers: Vec<Pair>,
    pub body: Body,
    pub interim: usize,
    /// An HTTP/1.0 server.
    pub is_old: bool,
}

#[derive(Clone, Debug)]
pub enum Body {
    Length(Vec<u8>),
    UntilClose(Vec<u8>),
    /// Chunks with their extensions, and trailers.
    Chunked(Vec<(Vec<u8>, Vec<u8>)>, Vec<Pair>),
}

impl Body {
    pub fn data(&self) -> Vec<u8> {
        match self {
            Self::Length(data) | Self::UntilClose(data) => data.clone(),
            Self::Chunked(chunks, _) => chunks.iter().flat_map(|(data, _)| data.clone()).collect(),
        }
    }

    pub fn trailers(&self) -> Vec<Pair> {
        match self {
            Self::Chunked(_, trailers) => trailers.clone(),
            _ => Vec::new(),
        }
    }
}

impl Meant {
    /// All of it but the interim responses, as `headers` come out.
    pub fn all_headers(&self) -> Vec<Pair> {
        let mut headers = self.headers.clone();
        match &self.body {
            Body::Length(data) => {
                headers.push((b"Content-Length".to_vec(), data.len().to_string().into()));
            }
            Body::Chunked(..) => headers.push((b"Transfer-Encoding".to_vec(), b"chunked".to_vec())),
            Body::UntilClose(_) => {}
        }
        headers
    }

    pub fn write(&self) -> Vec<u8> {
        let mut out = b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n".repeat(self.interim);
        out.extend_from_slice(if self.is_old { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
        out.extend_from_slice(format!("{} ", self.status).as_bytes());
        out.extend_from_slice(&self.reason);
        out.extend_from_slice(b"\r\n");
        write_fields(&self.all_headers(), &mut out);
        match &self.body {
            Body::Length(data) | Body::UntilClose(data) => out.extend_from_slice(data),
            Body::Chunked(chunks, trailers) => {
                for (data, extension) in chunks {
                    out.extend_from_slice(format!("{:x}", data.len()).as_bytes());
                    out.extend_from_slice(extension);
                    out.extend_from_slice(b"\r\n");
                    out.extend_from_slice(data);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"0\r\n");
                write_fields(trailers, &mut out);
            }
        }
        out
    }
}

fn write_fields(fields: &[Pair], out: &mut Vec<u8>) {
    for (name, value) in fields {
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Visible bytes at both ends, and whatever a value may have between them.
pub fn value() -> impl Strategy<Value = Vec<u8>> {
    let inner =
        prop_oneof![8 => 0x21..=0x7eu8, 1 => Just(b' '), 1 => Just(b'\t'), 1 => 0x80..=0xffu8];
    prop::collection::vec(inner, 0..20).prop_map(|bytes| {
        let text = bytes.trim_ascii();
        text.to_vec()
    })
}

/// Never one that says where a body ends.
pub fn field() -> impl Strategy<Value = Pair> {
    let name = prop_oneof![
        4 => "[A-Za-z][A-Za-z0-9-]{0,9}".prop_map(String::into_bytes),
        1 => "[!#$%&'*+.^_`|~0-9a-z-]{1,6}".prop_map(String::into_bytes),
    ];
    let name = name.prop_filter("frames or switches", |name| {
        !["te", "host", "upgrade", "connection", "expect", "trailer"]
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
    });
    (name, value())
}

fn body() -> impl Strategy<Value = Body> {
    let data = || prop::collection::vec(any::<u8>(), 0..200);
    let extension = prop_oneof![
        4 => Just(Vec::new()),
        1 => "( ?;[a-z]{1,3}(=[a-z]{1,3})?){1,2}".prop_map(String::into_bytes),
    ];
    let chunk = (prop::collection::vec(any::<u8>(), 1..100), extension);
    let chunks = prop::collection::vec(chunk, 0..5);
    prop_oneof![
        data().prop_map(Body::Length),
        data().prop_map(Body::UntilClose),
        (chunks, prop::collection::vec(field(), 0..3))
            .prop_map(|(chunks, trailers)| Body::Chunked(chunks, trailers)),
    ]
}

pub fn meant() -> impl Strategy<Value = Meant> {
    let status = (200..600u16).prop_filter("has a body", |status| ![204, 304].contains(status));
    let headers = prop::collection::vec(field(), 0..12);
    (status, value(), headers, body(), 0..3usize, any::<bool>()).prop_map(
        |(status, reason, headers, body, interim, is_old)| {
            let is_old = is_old && !matches!(body, Body::Chunked(..));
            Meant { status, reason, headers, body, interim, is_old }
        },
    )
}

/// A valid response into which something has been put, or from which something has been
/// taken.
pub fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), 0..3usize, word());
    (meant(), prop::collection::vec(edit, 1..4)).prop_map(|(meant, edits)| {
        let mut bytes = meant.write();
        for (index, removed, word) in edits {
            let at = index.index(bytes.len() + 1);
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, word);
        }
        bytes
    })
}

/// What parsers stumble over.
pub fn word() -> impl Strategy<Value = Vec<u8>> {
    let words: &[&[u8]] = &[
        b"",
        b"\r\n",
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b"\0",
        b":",
        b";",
        b",",
        b"0",
        b"5",
        b"\r\n ",
        b"\r\n\t",
        b"0\r\n",
        b"1\r\na\r\n",
        b"\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 100 \r\n\r\n",
        b"HTTP/1.1 101 \r\n\r\n",
        b"HTTP/1.1 204 \r\n\r\n",
        b"\r\nContent-Length: 5",
        b"\r\nContent-Length: 0",
        b"\r\nContent-Length: 5, 5",
        b"\r\nTransfer-Encoding: chunked",
        b"\r\nTransfer-Encoding: gzip",
        b"\r\nTransfer-Encoding: chunked, gzip",
        b"\r\nConnection: close",
        b"\r\nConnection: keep-alive",
        b"\r\nUpgrade: x",
        b"\xff",
        b"0x",
        b"+",
        b"-",
        b"_",
    ];
    prop_oneof![4 => prop::sample::select(words).prop_map(<[u8]>::to_vec), 1 => any::<u8>().prop_map(|b| vec![b])]
}

/// Words in any order.
pub fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(word(), 0..20).prop_map(|words| words.concat())
}
