//! The body of a response on its stream, window by window.

use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::RecvStream;

use super::{Http2Stream, head};
use crate::client::Runtime;
use crate::client::error::Error;
use crate::client::link::Who;
use crate::client::response::Step;
use crate::{Fields, Limits, ResponseHead};

/// What is still to come of a body. The server may send as much as was taken.
pub(in crate::client) struct Body<R: Runtime> {
    stream: Rc<Http2Stream<R>>,
    limits: Limits,
    state: State<R::Error>,
    /// The rest of a frame that was more than what was asked for.
    rest: Bytes,
    /// Bytes that were handed out.
    received: u64,
    /// How many the head has announced.
    expected: Option<u64>,
    /// How it has ended, when the stream has not been told.
    leaving: Option<Leaving<R>>,
}

/// A stream that the response does not need any more. Telling it may give the place of its
/// connection back, which runs foreign code: whoever borrows the body does it afterwards.
pub(in crate::client) struct Leaving<R: Runtime> {
    stream: Rc<Http2Stream<R>>,
    /// None: the response is not complete.
    trailers: Option<Fields>,
}

impl<R: Runtime> Leaving<R> {
    /// Gives the stream up; if the response is not complete, resets it. Returns the trailers.
    pub fn leave(self) -> Fields {
        match self.trailers {
            Some(trailers) => {
                self.stream.end_receiving();
                trailers
            }
            None => {
                self.stream.close();
                Fields::default()
            }
        }
    }
}

enum State<E> {
    Arriving(RecvStream),
    Complete,
    /// The error is told once.
    Failed(Option<Error<E>>),
}

/// What one look has found.
enum Found {
    Data(Bytes),
    End(Fields),
    Nothing,
}

impl<R: Runtime> Body<R> {
    pub fn new(
        stream: Rc<Http2Stream<R>>,
        received: RecvStream,
        head: &ResponseHead,
        limits: Limits,
    ) -> Self {
        let announced = head.headers().get("content-length");
        let announced = announced.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        let is_empty = received.is_end_stream();
        let mut this = Self {
            stream,
            limits,
            state: State::Arriving(received),
            rest: Bytes::new(),
            received: 0,
            expected: if is_empty { Some(0) } else { announced },
            leaving: None,
        };
        if is_empty {
            this.end(Fields::default());
        }
        this
    }

    pub fn stream(&self) -> &Rc<Http2Stream<R>> {
        &self.stream
    }

    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    /// Whether the stream has not ended.
    pub fn is_arriving(&self) -> bool {
        matches!(self.state, State::Arriving(_))
    }

    /// How long the body is, if the head tells it.
    pub fn expected(&self) -> Option<u64> {
        self.expected
    }

    pub fn expected_rest(&self) -> Option<u64> {
        self.expected.map(|length| length.saturating_sub(self.received))
    }

    /// Takes the next piece if there is one, at most `limit` bytes; otherwise waits for it.
    pub fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Poll<Result<(), Error<R::Error>>> {
        match self.look(cx, limit, sink) {
            Ok(Step::Nothing) => Poll::Pending,
            Ok(Step::Taken | Step::Over) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Takes what has arrived, at most `limit` bytes of data, for which `sink` is called once.
    pub fn step(
        &mut self,
        limit: usize,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Step, Error<R::Error>> {
        // There is one waker, which must stay that of the task that waits.
        if self.stream.is_awaited(Who::Receiver) {
            return Ok(Step::Nothing);
        }
        self.look(&mut Context::from_waker(Waker::noop()), limit, sink)
    }

    fn look(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Step, Error<R::Error>> {
        match &mut self.state {
            State::Arriving(_) => {}
            State::Complete => return Ok(Step::Over),
            State::Failed(error) => return Err(error.take().unwrap_or(Error::Ended)),
        }
        let (mut first, mut joined, mut count) = (Bytes::new(), Vec::new(), 0);
        while count < limit {
            match self.find(cx) {
                Ok(Found::Data(mut data)) => {
                    self.rest = data.split_off(data.len().min(limit - count));
                    count += data.len();
                    if first.is_empty() {
                        first = data;
                    } else {
                        if joined.is_empty() {
                            joined.extend_from_slice(&first);
                        }
                        joined.extend_from_slice(&data);
                    }
                }
                Ok(Found::End(trailers)) => {
                    self.end(trailers);
                    break;
                }
                Ok(Found::Nothing) => break,
                // What came before it is good.
                Err(error) => {
                    self.fail(error);
                    break;
                }
            }
        }
        if count > 0 {
            self.hand_out(count);
            sink(if joined.is_empty() { &first } else { &joined });
            return Ok(Step::Taken);
        }
        match &mut self.state {
            State::Arriving(_) => Ok(Step::Nothing),
            State::Complete => Ok(Step::Taken),
            State::Failed(error) => Err(error.take().unwrap_or(Error::Ended)),
        }
    }

    /// The next frame, or what is left of one.
    fn find(&mut self, cx: &mut Context<'_>) -> Result<Found, Error<R::Error>> {
        if !self.rest.is_empty() {
            return Ok(Found::Data(std::mem::take(&mut self.rest)));
        }
        let State::Arriving(received) = &mut self.state else { return Ok(Found::Nothing) };
        loop {
            match received.poll_data(cx) {
                Poll::Pending => return Ok(Found::Nothing),
                Poll::Ready(Some(Ok(data))) => {
                    self.stream.note_progress();
                    if !data.is_empty() {
                        return Ok(Found::Data(data));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Err(self.why(&error)),
                Poll::Ready(None) => break,
            }
        }
        match received.poll_trailers(cx) {
            Poll::Pending => Ok(Found::Nothing),
            Poll::Ready(Ok(None)) => Ok(Found::End(Fields::default())),
            Poll::Ready(Ok(Some(trailers))) => {
                head::received(&trailers, &self.limits).map(Found::End).map_err(Error::Response)
            }
            Poll::Ready(Err(error)) => Err(self.why(&error)),
        }
    }

    /// The server may send as many bytes more. The end is noticed with the last ones.
    fn hand_out(&mut self, count: usize) {
        self.received += count as u64;
        let State::Arriving(received) = &mut self.state else { return };
        // It fails for a stream that has ended, which needs no window.
        let _ = received.flow_control().release_capacity(count);
        if self.rest.is_empty() && received.is_end_stream() {
            self.end(Fields::default());
        }
    }

    fn why(&self, error: &h2::Error) -> Error<R::Error> {
        match self.stream.fail(error).error {
            Error::Disconnected { .. } => {
                Error::IncompleteBody { received: self.received, expected: self.expected }
            }
            error => error,
        }
    }

    fn end(&mut self, trailers: Fields) {
        self.state = State::Complete;
        self.leave(Some(trailers));
    }

    /// The error is told to whoever reads next.
    pub fn fail(&mut self, error: Error<R::Error>) {
        self.state = State::Failed(Some(error));
        self.leave(None);
    }

    fn leave(&mut self, trailers: Option<Fields>) {
        self.leaving = Some(Leaving { stream: self.stream.clone(), trailers });
    }

    /// What has to be given up when this is not borrowed any more.
    pub fn leaving(&mut self) -> Option<Leaving<R>> {
        self.leaving.take()
    }

    /// Resets the stream if the body is not complete. Nothing can be read any more.
    pub fn close(&mut self) {
        self.rest = Bytes::new();
        self.state = State::Failed(None);
        self.leave(None);
    }
}

impl<R: Runtime> Drop for Body<R> {
    fn drop(&mut self) {
        if self.is_arriving() {
            self.close();
        }
        if let Some(leaving) = self.leaving.take() {
            leaving.leave();
        }
    }
}
