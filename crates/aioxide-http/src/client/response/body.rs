//! The body of a response on its way from the stream to the caller.

use std::rc::Rc;
use std::task::{Context, Poll};

use crate::client::error::Error;
use crate::client::link::{Link, Who};
use crate::client::pool::Place;
use crate::client::{Runtime, Stream};
use crate::{Event, Fields, Framing};

/// What is still to come of a body, and the connection that it comes over.
pub(super) struct Body<R: Runtime> {
    link: Rc<Link<R>>,
    /// While the connection belongs to the response.
    place: Option<Place<R>>,
    /// The place, when it has to be given back: that runs foreign code, so whoever borrows this
    /// does it afterwards.
    leaving: Option<Leaving<R>>,
    state: State<R::Error>,
    framing: Option<Framing>,
    /// Bytes of the body that were taken from the stream.
    received: u64,
    /// Where chunks end, counted from the begin of the body. Told once, or forgotten.
    pub chunk_ends: Vec<u64>,
}

/// A place that the response does not need any more.
pub(super) struct Leaving<R: Runtime> {
    place: Place<R>,
    /// None: the body is not complete.
    trailers: Option<Fields>,
}

impl<R: Runtime> Leaving<R> {
    /// Gives the place back; the connection becomes idle if it is fit for that. Returns the
    /// trailers.
    pub fn leave(self) -> Fields {
        if self.trailers.is_some() {
            self.place.put_back();
        }
        self.trailers.unwrap_or_default()
    }
}

enum State<E> {
    Arriving,
    Complete,
    /// The error is told once.
    Failed(Option<Error<E>>),
    /// Another protocol.
    Upgraded,
}

/// What one look at the stream has brought.
pub(in crate::client) enum Step {
    Nothing,
    Taken,
    /// The body was over before.
    Over,
}

impl<R: Runtime> Body<R> {
    pub fn new(
        place: Place<R>,
        link: Rc<Link<R>>,
        framing: Option<Framing>,
        received: u64,
        chunk_ends: Vec<u64>,
        end: Option<Result<Fields, crate::Error>>,
    ) -> Self {
        let state = if framing.is_none() { State::Upgraded } else { State::Arriving };
        let mut this =
            Self { link, place: Some(place), leaving: None, state, framing, received, chunk_ends };
        match end {
            Some(Ok(trailers)) => this.end(trailers),
            Some(Err(error)) => this.fail(Error::Response(error)),
            None => {}
        }
        this
    }

    pub fn owns_link(&self) -> bool {
        self.place.is_some() && !self.link.is_closed()
    }

    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    /// Forgets where chunks end in all but the last `held` bytes that have been received.
    pub fn forget_chunk_ends(&mut self, held: u64) {
        let handed_out = self.received - held;
        if self.chunk_ends.first().is_some_and(|end| *end <= handed_out) {
            let count = self.chunk_ends.partition_point(|end| *end <= handed_out);
            self.chunk_ends.drain(..count);
        }
    }

    /// How long the body is, if the head tells it.
    pub fn expected(&self) -> Option<u64> {
        match self.framing {
            Some(Framing::Length(length)) => Some(length),
            Some(Framing::None) => Some(0),
            _ => None,
        }
    }

    pub fn expected_rest(&self) -> Option<u64> {
        self.expected().map(|length| length - self.received)
    }

    /// Takes the next piece if there is one, at most `limit` bytes; otherwise waits for it.
    pub fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Poll<Result<(), Error<R::Error>>> {
        loop {
            match self.step(limit, sink) {
                Ok(Step::Nothing) => {}
                Ok(Step::Taken | Step::Over) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
            }
            match self.link.stream.poll_received(cx) {
                Poll::Ready(Ok(())) if !self.link.has_news() => {
                    // Not to be expected of a stream; it must not hold up the other tasks.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => self.fail(Error::Read(error)),
                Poll::Pending if self.link.is_closed() => {}
                Poll::Pending => {
                    self.link.register(Who::Receiver, cx);
                    return Poll::Pending;
                }
            }
        }
    }

    /// Takes what has arrived, at most `limit` bytes of data, for which `sink` is called once.
    pub fn step(
        &mut self,
        limit: usize,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Step, Error<R::Error>> {
        match &mut self.state {
            State::Arriving if self.link.is_closed() => {
                let error = self.link.why_closed();
                self.fail(error);
            }
            State::Arriving => match self.look(limit, sink) {
                Ok(step) => return Ok(step),
                Err(error) => self.fail(error),
            },
            State::Complete | State::Upgraded => return Ok(Step::Over),
            State::Failed(_) => {}
        }
        match &mut self.state {
            State::Failed(error) => Err(error.take().unwrap_or(Error::Ended)),
            _ => Ok(Step::Over),
        }
    }

    fn look(&mut self, limit: usize, sink: &mut dyn FnMut(&[u8])) -> Result<Step, Error<R::Error>> {
        let link = self.link.clone();
        let (before, ends) = (self.received, &mut self.chunk_ends);
        let mut on_chunk_end = |count: usize| ends.push(before + count as u64);
        let (count, end) =
            link.stream.received(|input| gather(&link, input, limit, sink, &mut on_chunk_end));
        self.received += count as u64;
        match end {
            Ok(Some(trailers)) => self.end(trailers),
            Ok(None) if count > 0 => {}
            // By foreign code that the stream has run.
            Ok(None) if link.is_closed() => return Err(link.why_closed()),
            Ok(None) if link.stream.is_at_end() => {
                let ended = link.http.borrow_mut().receive_eof();
                match ended {
                    Ok(_) => self.end(Fields::default()),
                    Err(_) => return Err(self.incomplete()),
                }
            }
            Ok(None) => return Ok(Step::Nothing),
            // What came before it is good.
            Err(error) if count > 0 => self.fail(error),
            Err(error) => return Err(error),
        }
        Ok(Step::Taken)
    }

    fn incomplete(&self) -> Error<R::Error> {
        Error::IncompleteBody { received: self.received, expected: self.expected() }
    }

    /// The last byte was taken: the connection may serve another request.
    fn end(&mut self, trailers: Fields) {
        self.state = State::Complete;
        self.leave(Some(trailers));
    }

    pub fn fail(&mut self, error: Error<R::Error>) {
        self.state = State::Failed(Some(error));
        self.leave(None);
    }

    fn leave(&mut self, trailers: Option<Fields>) {
        if let Some(place) = self.place.take() {
            self.leaving = Some(Leaving { place, trailers });
        }
    }

    /// What has to be given back when this is not borrowed any more.
    pub fn leaving(&mut self) -> Option<Leaving<R>> {
        self.leaving.take()
    }

    /// Closes the connection if it still belongs to the response. Nothing can be read any more.
    pub fn close(&mut self) {
        self.state = State::Failed(None);
        self.leave(None);
    }

    /// The place of a connection that speaks another protocol now. Once.
    pub fn upgrade(&mut self) -> Option<Place<R>> {
        self.place.take_if(|_| self.framing.is_none())
    }
}

/// Hands the data in `input` to `sink`, in one piece, at most `limit` bytes. Returns how many
/// these were, and the end if it has come. Calls `on_chunk_end` with how many there were before
/// each end of a chunk.
fn gather<R: Runtime>(
    link: &Link<R>,
    input: &mut &[u8],
    limit: usize,
    sink: &mut dyn FnMut(&[u8]),
    on_chunk_end: &mut dyn FnMut(usize),
) -> (usize, Result<Option<Fields>, Error<R::Error>>) {
    if input.is_empty() && limit > 0 {
        return (0, Ok(None));
    }
    link.note_progress();
    let (mut first, mut joined): (&[u8], Vec<u8>) = (&[], Vec::new());
    let mut count = 0;
    let end = loop {
        // No more than the limit can come out of as many bytes.
        let mut window = &input[..input.len().min(limit - count)];
        let offered = window.len();
        let mut http = link.http.borrow_mut();
        let event = http.receive(&mut window);
        let ends_chunk = http.is_behind_chunk();
        drop(http);
        *input = &input[offered - window.len()..];
        match event {
            Ok(Event::Data(data)) => {
                count += data.len();
                if ends_chunk {
                    on_chunk_end(count);
                }
                if first.is_empty() {
                    first = data;
                } else {
                    if joined.is_empty() {
                        joined.extend_from_slice(first);
                    }
                    joined.extend_from_slice(data);
                }
            }
            Ok(Event::End { trailers }) => break Ok(Some(trailers)),
            Ok(_) if input.is_empty() || count == limit => break Ok(None),
            Ok(_) => {}
            Err(error) => break Err(Error::Response(error)),
        }
    };
    if count > 0 {
        sink(if joined.is_empty() { first } else { &joined });
    }
    (count, end)
}
