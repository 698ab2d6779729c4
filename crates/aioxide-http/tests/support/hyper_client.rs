//! hyper's client, on a connection in memory that answers with given bytes.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::rt::{Read, ReadBufCursor, Write};

use crate::support::Pair;

/// What a client makes of a response; headers and trailers with names in lower case.
#[derive(PartialEq, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<Pair>,
    pub body: Vec<u8>,
    pub trailers: Vec<Pair>,
}

/// What hyper makes of this response, behind which the server closes the connection.
/// None if hyper finds fault with it.
pub fn ask_hyper(method: &str, response: &[u8]) -> Option<Answer> {
    let mut context = Context::from_waker(Waker::noop());
    let io = Memory { is_asked: false, answer: response.to_vec() };
    let mut builder = http1::Builder::new();
    builder.allow_obsolete_multiline_headers_in_responses(true);
    builder.max_headers(128);
    let handshake = Box::pin(builder.handshake::<_, Nothing>(io));
    let (mut sender, connection) = finish(handshake, &mut context, |_| {})?.ok()?;
    let mut connection = Box::pin(connection);
    let mut drive = |context: &mut Context<'_>| {
        let _ = connection.as_mut().poll(context);
    };

    let request = hyper::Request::builder().method(method).uri("/").header("host", "a");
    let response = Box::pin(sender.send_request(request.body(Nothing).unwrap()));
    let (head, body) = finish(response, &mut context, &mut drive)?.ok()?.into_parts();
    let mut answer = Answer {
        status: head.status.as_u16(),
        headers: pairs(&head.headers),
        body: Vec::new(),
        trailers: Vec::new(),
    };
    let mut body: Pin<Box<Incoming>> = Box::pin(body);
    loop {
        let next = std::future::poll_fn(|context| body.as_mut().poll_frame(context));
        match finish(Box::pin(next), &mut context, &mut drive)? {
            None => return Some(answer),
            Some(Err(_)) => return None,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => answer.body.extend_from_slice(&data),
                Err(frame) => answer.trailers = pairs(&frame.into_trailers().ok()?),
            },
        }
    }
}

/// The connection never has to wait, so a few rounds are enough for everything.
fn finish<T>(
    mut future: Pin<Box<impl Future<Output = T>>>,
    context: &mut Context<'_>,
    mut drive: impl FnMut(&mut Context<'_>),
) -> Option<T> {
    for _ in 0..1_000 {
        if let Poll::Ready(result) = future.as_mut().poll(context) {
            return Some(result);
        }
        drive(context);
    }
    panic!("hyper waits for something");
}

fn pairs(headers: &hyper::HeaderMap) -> Vec<Pair> {
    headers.iter().map(|(name, value)| (name.as_str().into(), value.as_bytes().into())).collect()
}

/// Takes everything, and gives its answer once something was written.
struct Memory {
    is_asked: bool,
    answer: Vec<u8>,
}

impl Read for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_asked {
            return Poll::Pending;
        }
        let length = buffer.remaining().min(self.answer.len());
        buffer.put_slice(&self.answer[..length]);
        self.answer.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl Write for Memory {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_asked = true;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The body of a request that has none.
struct Nothing;

impl Body for Nothing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }
}
