//! What the client costs around a request, over a connection in memory whose server has
//! answered before anybody looks: `cargo bench --package aioxide-http --bench exchanges`.

use std::cell::RefCell;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aioxide_http::client::{
    Config, Pool, Request, RequestHead, Response, Runtime, Stream, Timeouts, request,
};
use aioxide_http::{Limits, Target};
use divan::Bencher;

fn main() {
    divan::main();
}

/// What has been received and not taken.
struct Loopback {
    received: RefCell<Vec<u8>>,
    answer: Vec<u8>,
}

impl Stream for Loopback {
    type Error = ();

    fn poll_received(&self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        if self.received.borrow().is_empty() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn received<T>(&self, look: impl FnOnce(&mut &[u8]) -> T) -> T {
        let mut received = self.received.borrow_mut();
        let mut rest = &received[..];
        let result = look(&mut rest);
        let taken = received.len() - rest.len();
        received.drain(..taken);
        result
    }

    fn is_at_end(&self) -> bool {
        false
    }

    fn write(&self, data: &[u8]) -> Result<(), ()> {
        divan::black_box(data);
        self.received.borrow_mut().extend_from_slice(&self.answer);
        Ok(())
    }

    fn poll_writable(&self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn is_usable(&self) -> bool {
        self.received.borrow().is_empty()
    }

    fn close(&self) {}
}

struct Memory {
    answer: Vec<u8>,
}

impl Runtime for Memory {
    type Stream = Loopback;
    type Error = ();
    type Connecting = Ready<Result<Loopback, ()>>;
    type Sleep = Ready<()>;

    fn connect(&self, _: u32, _: bool) -> Self::Connecting {
        ready(Ok(Loopback { received: RefCell::default(), answer: self.answer.clone() }))
    }

    fn sleep_until(&self, _: f64) -> Ready<()> {
        ready(())
    }

    fn now(&self) -> f64 {
        0.0
    }
}

const REQUEST: [(&[u8], &[u8]); 6] = [
    (b"Host", b"api.example.org"),
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"gzip, deflate, br"),
    (b"Authorization", b"Bearer 0123456789abcdef0123456789abcdef"),
    (b"Connection", b"keep-alive"),
    (b"User-Agent", b"Python/3.13 aiohttp/3.13.2"),
];

fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: nginx/1.27.0\r\nDate: Sat, 01 Nov 2025 12:00:00 GMT\r\n\
         Content-Type: application/json; charset=utf-8\r\nCache-Control: private\r\n\
         ETag: \"686897696a7c876b7e\"\r\nVary: Accept-Encoding\r\n{headers}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn exchange(pool: &Pool<Memory>, timeouts: Timeouts) -> Response<Memory> {
    let limits = Limits::default();
    let head = RequestHead::new(b"GET", Target::Origin(b"/v1/items?page=2"), REQUEST, limits);
    let request = request(
        pool.clone(),
        Request {
            origin: 7,
            head: head.unwrap(),
            body: None::<Vec<u8>>,
            timeouts,
            may_retry: true,
            expect_continue: false,
        },
    );
    match pin!(request).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) if response.is_complete() => response,
        _ => panic!("the response is not there"),
    }
}

/// 1 KiB of JSON from a kept connection: head written, head read, body taken.
#[divan::bench(sample_size = 200)]
fn a_small_response(bencher: Bencher) {
    let answer = answer("Content-Length: 1024", &[b'x'; 1024]);
    let pool = Pool::new(Memory { answer }, Config::default());
    bencher.bench_local(|| exchange(&pool, Timeouts::default()).try_read_all());
}

/// The same in three chunks.
#[divan::bench(sample_size = 200)]
fn a_small_chunked_response(bencher: Bencher) {
    let mut body = Vec::new();
    for size in [512, 256, 256] {
        body.extend_from_slice(format!("{size:x}\r\n").as_bytes());
        body.resize(body.len() + size, b'x');
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    let answer = answer("Transfer-Encoding: chunked", &body);
    let pool = Pool::new(Memory { answer }, Config::default());
    bencher.bench_local(|| exchange(&pool, Timeouts::default()).try_read_all());
}

/// Taking an idle connection from the pool and giving it back, with others around.
#[divan::bench(sample_size = 200)]
fn a_lease(bencher: Bencher) {
    let pool = Pool::new(Memory { answer: answer("Content-Length: 0", b"") }, Config::default());
    for origin in 0..50 {
        let mut lease = pool.try_acquire(origin).unwrap();
        let connected = pin!(lease.connect(None)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(connected.is_ready());
    }
    assert_eq!(pool.idle(), 50);
    bencher.bench_local(|| pool.try_acquire(divan::black_box(7)));
}
