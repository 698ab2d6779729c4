//! What a request head costs to write and a response head to read, with ten headers
//! each, and the framing of bodies: `cargo bench --package aioxide-http`.

use aioxide_http::{Connection, Event, Limits, RequestLine, Target};
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

const REQUEST: [(&[u8], &[u8]); 10] = [
    (b"Host", b"api.example.org"),
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"gzip, deflate, br"),
    (b"Accept-Language", b"en-GB,en;q=0.8"),
    (b"Authorization", b"Bearer 0123456789abcdef0123456789abcdef"),
    (b"Cache-Control", b"no-cache"),
    (b"Connection", b"keep-alive"),
    (b"Cookie", b"session=0123456789abcdef"),
    (b"User-Agent", b"Python/3.13 aiohttp/3.13.2"),
    (b"X-Request-Id", b"7f3c1f0e-4a0c-4b6e-9f0c-1d2e3f405162"),
];

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Server: nginx/1.27.0\r\n\
    Date: Sat, 01 Nov 2025 12:00:00 GMT\r\n\
    Content-Type: application/json; charset=utf-8\r\n\
    Content-Length: 16\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: private, max-age=0\r\n\
    ETag: \"686897696a7c876b7e\"\r\n\
    Vary: Accept-Encoding\r\n\
    X-Request-Id: 7f3c1f0e-4a0c-4b6e-9f0c-1d2e3f405162\r\n\
    Strict-Transport-Security: max-age=31536000\r\n\r\n\
    {\"answer\": \"42\"}";

fn write_request(connection: &mut Connection, out: &mut Vec<u8>) {
    let line = RequestLine::new(b"GET", Target::Origin(b"/v1/items?page=2"));
    let mut request = connection.start_request(&line, out).unwrap();
    for (name, value) in REQUEST {
        request.header(name, value).unwrap();
    }
    request.finish().unwrap();
}

/// The whole response, from its bytes to the state in which another request may follow.
fn read_response(connection: &mut Connection, mut input: &[u8]) -> usize {
    let mut length = 0;
    loop {
        match connection.receive(&mut input).unwrap() {
            Event::Head { head, .. } => length += head.headers().len(),
            Event::Data(data) => length += data.len(),
            Event::End { .. } => break,
            event => panic!("{event:?}"),
        }
    }
    connection.next_cycle().unwrap();
    length
}

fn sent() -> Connection {
    let mut connection = Connection::new(Limits::default());
    write_request(&mut connection, &mut Vec::new());
    connection
}

#[divan::bench(sample_size = 200)]
fn write_a_request(bencher: Bencher) {
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        let mut connection = Connection::new(Limits::default());
        write_request(&mut connection, &mut out);
        connection
    });
}

#[divan::bench(sample_size = 200)]
fn read_a_response(bencher: Bencher) {
    bencher
        .with_inputs(sent)
        .bench_local_refs(|connection| read_response(connection, divan::black_box(RESPONSE)));
}

#[divan::bench(sample_size = 200)]
fn a_whole_cycle(bencher: Bencher) {
    let mut connection = Connection::new(Limits::default());
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        write_request(&mut connection, &mut out);
        read_response(&mut connection, divan::black_box(RESPONSE))
    });
}

/// httparse alone, into an array on the stack: what is below `read_a_response`.
#[divan::bench(sample_size = 200)]
fn httparse_alone(bencher: Bencher) {
    bencher.bench_local(|| {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut headers);
        response.parse(divan::black_box(RESPONSE)).unwrap();
        response.code
    });
}

/// A body of 1 MiB in chunks, which is received 256 KiB at a time.
#[divan::bench(args = [64, 4096, 65536])]
fn read_chunks(bencher: Bencher, size: usize) {
    let mut body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..(1 << 20) / size {
        body.extend_from_slice(format!("{size:x}\r\n").as_bytes());
        body.resize(body.len() + size, b'x');
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    bencher.counter(BytesCount::new(1usize << 20)).with_inputs(sent).bench_local_refs(
        |connection| {
            let mut length = 0;
            for mut input in divan::black_box(&body).chunks(256 * 1024) {
                loop {
                    match connection.receive(&mut input).unwrap() {
                        Event::NeedData | Event::End { .. } => break,
                        Event::Data(data) => length += data.len(),
                        _ => {}
                    }
                }
            }
            assert_eq!(length, 1 << 20);
        },
    );
}
