//! From received bytes to events.

use super::{ClientState, Connection, Offer, ResponseBody, ServerState};
use crate::chunked::{ChunkedBody, Piece, split_off};
use crate::error::{Error, Excerpt};
use crate::fields::Fields;
use crate::framing::{Facts, Framing, Version};
use crate::head::ResponseHead;
use crate::{Limit, Limits};

/// What has been received.
#[derive(PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// The input is used up, and more has to be received before anything happens.
    NeedData,
    /// An interim response: any 1xx but 101. Others follow (RFC 9110 §15.2).
    Informational(ResponseHead),
    /// The head of the final response.
    Head {
        /// Status and headers.
        head: ResponseHead,
        /// How the body will end; with a length, how long it is.
        framing: Framing,
    },
    /// Some of the body, in the input's own bytes. Never empty.
    Data(&'a [u8]),
    /// The response is complete.
    End {
        /// What a chunked body was followed by; otherwise empty. Not to be merged into
        /// the headers (RFC 9110 §6.5.1).
        trailers: Fields,
    },
    /// The server has switched to the protocol that the request offered: 101, or 2xx to
    /// `CONNECT`. What is left of the input belongs to that protocol.
    Upgrade(ResponseHead),
    /// The server has closed the connection, and nothing is missing.
    Closed,
}

impl Connection {
    /// Takes the next event off the front of `input`.
    ///
    /// To be called until it says [`Event::NeedData`], when nothing is left of the
    /// input. A caller that needs no more data for now can stop earlier and keep the
    /// rest; the events do not depend on how the bytes are split.
    ///
    /// Heads that arrive in parts are kept inside, and copied once when complete. Data
    /// is never copied.
    ///
    /// # Errors
    ///
    /// When the server breaks a rule; the connection can only be closed then. Also when
    /// the connection has failed or [switched](Event::Upgrade) before
    /// ([`Error::WrongState`]).
    pub fn receive<'a>(&mut self, input: &mut &'a [u8]) -> Result<Event<'a>, Error> {
        let received = match self.server {
            ServerState::SendBody => self.receive_body(input),
            ServerState::SendHead => self.receive_head(input),
            ServerState::Idle | ServerState::Done | ServerState::MustClose => {
                if input.is_empty() {
                    Ok(Event::NeedData)
                } else {
                    Err(Error::UnexpectedData(Excerpt::new(input)))
                }
            }
            ServerState::Closed | ServerState::Switched | ServerState::Failed => {
                Err(self.wrong_state("receive"))
            }
        };
        received.map_err(|error| self.fail(error))
    }

    /// The server has closed its direction, and everything before has been handed to
    /// [`receive`](Self::receive).
    ///
    /// # Errors
    ///
    /// When something is missing: [`Error::ClosedBeforeResponse`],
    /// [`Error::ClosedInHead`], [`Error::ClosedInBody`].
    pub fn receive_eof(&mut self) -> Result<Event<'static>, Error> {
        let received = match (self.server, &self.response_body) {
            (ServerState::SendHead, _)
                if self.head.len() + self.interim_responses as usize == 0 =>
            {
                Err(Error::ClosedBeforeResponse)
            }
            (ServerState::SendHead, _) => Err(Error::ClosedInHead),
            (ServerState::SendBody, ResponseBody::UntilClose | ResponseBody::Length(0)) => {
                Ok(Event::End { trailers: Fields::default() })
            }
            (ServerState::SendBody, &ResponseBody::Length(missing)) => {
                Err(Error::ClosedInBody { missing: Some(missing) })
            }
            (ServerState::SendBody, ResponseBody::Chunked(_)) => {
                Err(Error::ClosedInBody { missing: None })
            }
            (ServerState::Switched | ServerState::Failed, _) => Err(self.wrong_state("receive")),
            _ => Ok(Event::Closed),
        };
        match received {
            Ok(event) => {
                self.server = ServerState::Closed;
                self.persists = false;
                if self.client == ClientState::Idle {
                    self.client = ClientState::MustClose;
                }
                self.settle();
                Ok(event)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    fn receive_head<'a>(&mut self, input: &mut &'a [u8]) -> Result<Event<'a>, Error> {
        let Some(head) = ResponseHead::receive(&mut self.head, input, &self.limits)? else {
            return Ok(Event::NeedData);
        };
        match (head.status(), self.offer) {
            (101, Offer::Upgrade) | (200..=299, Offer::Tunnel) => self.switch(head),
            (101, _) => Err(Error::UnexpectedUpgrade),
            (100..=199, _) => self.receive_interim(head),
            _ => self.receive_final(head),
        }
    }

    /// RFC 9110 §7.8 and §9.3.6: the server may switch once it has the whole request.
    fn switch<'a>(&mut self, head: ResponseHead) -> Result<Event<'a>, Error> {
        if self.client != ClientState::MightSwitch {
            return Err(Error::UnexpectedUpgrade);
        }
        self.client = ClientState::Switched;
        self.server = ServerState::Switched;
        self.persists = false;
        Ok(Event::Upgrade(head))
    }

    fn receive_interim<'a>(&mut self, head: ResponseHead) -> Result<Event<'a>, Error> {
        let Limits { interim_responses: value, .. } = self.limits;
        if self.interim_responses == value {
            return Err(Error::TooLarge { limit: Limit::InterimResponses, value });
        }
        self.interim_responses += 1;
        if head.status() == 100 && self.client == ClientState::AwaitContinue {
            self.client = ClientState::SendBody;
        }
        Ok(Event::Informational(head))
    }

    fn receive_final<'a>(&mut self, head: ResponseHead) -> Result<Event<'a>, Error> {
        let mut facts = Facts::gather(head.headers().iter());
        // RFC 9112 §6.3: rule 1; rule 2 has been dealt with; the rest.
        let framing = if self.is_head || matches!(head.status(), 204 | 304) {
            Framing::None
        } else {
            facts.response_framing().map_err(Error::ResponseFraming)?
        };
        let is_http10 = head.version() == Version::Http10;
        self.persists &= !facts.close
            && (!is_http10 || (facts.keep_alive && !facts.has_codings()))
            && framing != Framing::UntilClose;
        self.response_body = match framing {
            Framing::None => ResponseBody::Length(0),
            Framing::Length(length) => ResponseBody::Length(length),
            Framing::Chunked => ResponseBody::Chunked(ChunkedBody::default()),
            Framing::UntilClose => ResponseBody::UntilClose,
        };
        self.server = ServerState::SendBody;
        self.offer = Offer::None;
        if self.client == ClientState::AwaitContinue {
            self.client = ClientState::SendBody;
        }
        self.settle();
        Ok(Event::Head { head, framing })
    }

    fn receive_body<'a>(&mut self, input: &mut &'a [u8]) -> Result<Event<'a>, Error> {
        match &mut self.response_body {
            ResponseBody::Length(0) => Ok(self.end(Fields::default(), input)),
            ResponseBody::Length(_) | ResponseBody::UntilClose if input.is_empty() => {
                Ok(Event::NeedData)
            }
            ResponseBody::Length(remaining) => {
                let data = split_off(input, *remaining);
                *remaining -= data.len() as u64;
                Ok(Event::Data(data))
            }
            ResponseBody::UntilClose => Ok(Event::Data(std::mem::take(input))),
            ResponseBody::Chunked(body) => match body.take(input, &self.limits)? {
                Piece::Data(data) => Ok(Event::Data(data)),
                Piece::NeedData => Ok(Event::NeedData),
                Piece::End(trailers) => Ok(self.end(trailers, input)),
            },
        }
    }

    fn end<'a>(&mut self, trailers: Fields, rest: &[u8]) -> Event<'a> {
        self.server = ServerState::Done;
        // Nobody asked for what follows.
        self.persists &= rest.is_empty();
        self.settle();
        Event::End { trailers }
    }
}
