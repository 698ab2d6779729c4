//! The body of a response, over a connection alone or on a stream of one.

use std::rc::Rc;
use std::task::{Context, Poll};

use super::body::{self, Body, Step};
use crate::Fields;
use crate::client::Runtime;
use crate::client::error::Error;
use crate::client::http2::{self, Http2Stream};
use crate::client::pool::Place;

/// What is still to come of a body.
pub(super) enum Incoming<R: Runtime> {
    Http1(Body<R>),
    Http2(http2::Body<R>),
}

/// What the response does not need any more.
pub(super) enum Leaving<R: Runtime> {
    Http1(body::Leaving<R>),
    Http2(http2::Leaving<R>),
}

impl<R: Runtime> Leaving<R> {
    /// Returns the trailers.
    pub fn leave(self) -> Fields {
        match self {
            Self::Http1(leaving) => leaving.leave(),
            Self::Http2(leaving) => leaving.leave(),
        }
    }
}

impl<R: Runtime> Incoming<R> {
    /// The stream of HTTP/2 that it comes on.
    pub fn http2_stream(&self) -> Option<Rc<Http2Stream<R>>> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(body) => Some(body.stream().clone()),
        }
    }

    pub fn owns_link(&self) -> bool {
        match self {
            Self::Http1(body) => body.owns_link(),
            Self::Http2(body) => body.is_arriving(),
        }
    }

    pub fn is_complete(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_complete(),
            Self::Http2(body) => body.is_complete(),
        }
    }

    /// Where chunks end; there are none in HTTP/2.
    pub fn take_chunk_ends(&mut self) -> Vec<u64> {
        match self {
            Self::Http1(body) => std::mem::take(&mut body.chunk_ends),
            Self::Http2(_) => Vec::new(),
        }
    }

    /// Forgets where chunks end of what was handed out, with so many bytes held.
    pub fn forget_chunk_ends(&mut self, held: u64) {
        if let Self::Http1(body) = self {
            body.forget_chunk_ends(held);
        }
    }

    pub fn expected(&self) -> Option<u64> {
        match self {
            Self::Http1(body) => body.expected(),
            Self::Http2(body) => body.expected(),
        }
    }

    pub fn expected_rest(&self) -> Option<u64> {
        match self {
            Self::Http1(body) => body.expected_rest(),
            Self::Http2(body) => body.expected_rest(),
        }
    }

    pub fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Poll<Result<(), Error<R::Error>>> {
        match self {
            Self::Http1(body) => body.poll_step(cx, limit, sink),
            Self::Http2(body) => body.poll_step(cx, limit, sink),
        }
    }

    pub fn step(
        &mut self,
        limit: usize,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Step, Error<R::Error>> {
        match self {
            Self::Http1(body) => body.step(limit, sink),
            Self::Http2(body) => body.step(limit, sink),
        }
    }

    pub fn close(&mut self) {
        match self {
            Self::Http1(body) => body.close(),
            Self::Http2(body) => body.close(),
        }
    }

    /// What has to be given back when this is not borrowed any more.
    pub fn leaving(&mut self) -> Option<Leaving<R>> {
        match self {
            Self::Http1(body) => body.leaving().map(Leaving::Http1),
            Self::Http2(body) => body.leaving().map(Leaving::Http2),
        }
    }

    /// The error is told to whoever reads next.
    pub fn fail(&mut self, error: Error<R::Error>) {
        match self {
            Self::Http1(body) => body.fail(error),
            Self::Http2(body) => body.fail(error),
        }
    }

    /// The place of a connection that speaks another protocol now. Once.
    pub fn upgrade(&mut self) -> Option<Place<R>> {
        match self {
            Self::Http1(body) => body.upgrade(),
            Self::Http2(_) => None,
        }
    }
}
