//! One connection, from the client's side.

mod receiving;
mod sending;
mod state;

pub use receiving::Event;
pub use sending::DataFrame;
pub use state::{ClientState, ServerState};

use crate::chunked::ChunkedBody;
use crate::error::Error;
use crate::framing::Framing;
use crate::request::{RequestLine, RequestWriter};
use crate::section::Section;
use crate::{Limits, Side};

/// The client's side of one HTTP/1.1 connection: what was sent, what was received, and
/// what may come next.
///
/// It does no I/O. What has to be sent is written into the caller's buffer; what was
/// received is handed in as a slice, and events come out ([`receive`](Self::receive)).
/// Both directions are independent: a response may begin before the request's body has
/// been sent.
///
/// # States
///
/// A *cycle* is a request and its final response. Each side has a state of its own:
///
/// ```text
/// client
///                        ┌───────────────┐
///    head, body, Expect  │ AwaitContinue │
///       ┌───────────────►└───────┬───────┘
///       │                        │ 100, a final head, or data is sent
///       │                        ▼
///   ┌───┴──┐  head, body   ┌──────────┐  end   ┌──────┐  no other cycle  ┌───────────┐
///   │ Idle ├──────────────►│ SendBody ├───────►│ Done ├─────────────────►│ MustClose │
///   └───┬──┘               └──────────┘        └──────┘                  └───────────┘
///    ▲  │ head, no body                         ▲ │ ▲
///    │  └───────────────────────────────────────┘ │ │ another final head
///    │        next_cycle, if both are Done        │ │
///    └────────────────────────────────────────────┘ │
///                                           ┌───────┴─────┐  101, 2xx  ┌──────────┐
///       before Done, if the request has     │ MightSwitch ├───────────►│ Switched │
///       Upgrade or is CONNECT               └─────────────┘            └──────────┘
///
/// server
///                    1xx but 101
///                     ┌─────┐
///                     │     ▼
///   ┌──────┐  head   ┌┴─────────┐ final  ┌──────────┐  end   ┌──────┐       ┌───────────┐
///   │ Idle ├────────►│ SendHead ├───────►│ SendBody ├───────►│ Done ├──────►│ MustClose │
///   └──────┘  sent   └────┬─────┘ head   └──────────┘        └──┬───┘  no   └───────────┘
///    ▲                    │ 101, 2xx to CONNECT                 │    other cycle
///    │                    ▼                                     │
///    │               ┌──────────┐                               │
///    │               │ Switched │                               │
///    │               └──────────┘ next_cycle, if both are Done  │
///    └──────────────────────────────────────────────────────────┘
///
///   any but Switched ──► Closed   the input ends, and nothing is missing
///                    ──► Failed   a rule is broken, or something is missing
/// ```
///
/// The whole table:
///
/// | client | event | becomes |
/// |---|---|---|
/// | `Idle` | head written; no body | `Done`, or `MightSwitch` with `Upgrade` or `CONNECT` |
/// | `Idle` | head written; body | `SendBody`, or `AwaitContinue` with `Expect: 100-continue` |
/// | `AwaitContinue` | 100, a final head, or the caller sends data | `SendBody` |
/// | `SendBody` | the request ends | `Done` or `MightSwitch` |
/// | `MightSwitch` | 101 to `Upgrade`, 2xx to `CONNECT` | `Switched` |
/// | `MightSwitch` | another final head | `Done` |
/// | `Done` | the connection does not persist | `MustClose` |
/// | `Done` | [`next_cycle`](Self::next_cycle), both `Done` | `Idle` |
/// | any | the peer breaks a rule | `MustClose` |
///
/// | server | event | becomes |
/// |---|---|---|
/// | `Idle` | the client's head | `SendHead` |
/// | `SendHead` | 1xx but 101 | `SendHead` |
/// | `SendHead` | 101 to `Upgrade`, 2xx to `CONNECT` | `Switched` |
/// | `SendHead` | another head | `SendBody`, even if the body is empty |
/// | `SendBody` | the body ends | `Done` |
/// | `Done` | the connection does not persist | `MustClose` |
/// | `Done` | [`next_cycle`](Self::next_cycle), both `Done` | `Idle` |
/// | any but `Switched` | end of input where it is allowed | `Closed` |
/// | any but `Switched` | it breaks a rule | `Failed` |
///
/// # When a connection persists
///
/// RFC 9112 §9.3. Not if one side has sent `Connection: close`; not if one side speaks
/// HTTP/1.0 and has not sent `Connection: keep-alive`; not behind a body that ends with
/// the connection; not behind an HTTP/1.0 response with `Transfer-Encoding` (§6.1); not
/// if bytes follow the response that belong to none.
#[derive(Clone, Debug)]
pub struct Connection {
    client: ClientState,
    server: ServerState,
    limits: Limits,
    /// What is left of the request's body.
    request_body: Framing,
    response_body: ResponseBody,
    /// A head that has arrived in part.
    head: Section,
    /// How many interim responses this cycle had.
    interim_responses: u32,
    /// The request was HEAD: its response has no body.
    is_head: bool,
    offer: Offer,
    /// Whether another cycle may follow, as far as is known.
    persists: bool,
}

/// What is left of the response's body.
#[derive(Clone, Debug)]
enum ResponseBody {
    Length(u64),
    Chunked(ChunkedBody),
    UntilClose,
}

/// To which other protocol the request may lead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Offer {
    None,
    /// `Upgrade`, accepted by 101 (RFC 9110 §7.8).
    Upgrade,
    /// `CONNECT`, accepted by 2xx (RFC 9110 §9.3.6).
    Tunnel,
}

impl Connection {
    /// A connection on which nothing has been sent.
    pub fn new(limits: Limits) -> Self {
        Self {
            client: ClientState::Idle,
            server: ServerState::Idle,
            limits,
            request_body: Framing::None,
            response_body: ResponseBody::Length(0),
            head: Section::default(),
            interim_responses: 0,
            is_head: false,
            offer: Offer::None,
            persists: true,
        }
    }

    /// The client's side.
    pub fn client_state(&self) -> ClientState {
        self.client
    }

    /// The server's side.
    pub fn server_state(&self) -> ServerState {
        self.server
    }

    /// Whether the caller should wait before it sends the body: the request has
    /// `Expect: 100-continue`, and nothing has been heard since. The wait needs a limit;
    /// then the body is sent all the same (RFC 9110 §10.1.1).
    pub fn awaits_continue(&self) -> bool {
        self.client == ClientState::AwaitContinue
    }

    /// Whether the head of a request with a body was sent, and its [end](Self::end_request) was
    /// not.
    pub fn awaits_end(&self) -> bool {
        matches!(self.client, ClientState::AwaitContinue | ClientState::SendBody)
    }

    /// Whether the data of the response that was received last is the end of a chunk
    /// (RFC 9112 §7.1). Clients show it, though no meaning belongs to it.
    pub fn is_behind_chunk(&self) -> bool {
        matches!(&self.response_body, ResponseBody::Chunked(body) if body.is_behind_chunk())
    }

    /// Whether request and response are complete and another request may follow after
    /// [`next_cycle`](Self::next_cycle).
    pub fn is_reusable(&self) -> bool {
        self.client == ClientState::Done && self.server == ServerState::Done
    }

    /// Begins another cycle.
    ///
    /// What arrives between two cycles must be handed to [`receive`](Self::receive)
    /// before the next request begins: otherwise it would be taken for the response.
    ///
    /// # Errors
    ///
    /// [`Error::WrongState`] unless the connection [is reusable](Self::is_reusable).
    pub fn next_cycle(&mut self) -> Result<(), Error> {
        if !self.is_reusable() {
            return Err(self.wrong_state("begin another cycle"));
        }
        *self = Self::new(self.limits);
        Ok(())
    }

    /// Begins the head of a request, at the end of `out`. See [`RequestWriter`].
    ///
    /// # Errors
    ///
    /// [`Error::WrongState`] while a cycle is not over: requests are not pipelined
    /// (RFC 9112 §9.3.2). [`Error::InvalidMethod`], [`Error::InvalidTarget`].
    pub fn start_request<'a>(
        &'a mut self,
        line: &RequestLine<'_>,
        out: &'a mut Vec<u8>,
    ) -> Result<RequestWriter<'a>, Error> {
        if self.client != ClientState::Idle || self.server != ServerState::Idle {
            return Err(self.wrong_state("start a request"));
        }
        RequestWriter::new(self, line, out)
    }

    /// The head of the request is written.
    pub(crate) fn begin(
        &mut self,
        body: Framing,
        is_head: bool,
        offer: Offer,
        expects_continue: bool,
        persists: bool,
    ) {
        self.request_body = body;
        self.is_head = is_head;
        self.offer = offer;
        self.persists = persists;
        self.server = ServerState::SendHead;
        self.client = match body {
            Framing::None => ClientState::Done,
            _ if expects_continue => ClientState::AwaitContinue,
            _ => ClientState::SendBody,
        };
        self.settle();
    }

    /// Takes the steps that no event of their own brings about.
    fn settle(&mut self) {
        if self.client == ClientState::Done && self.offer != Offer::None {
            self.client = ClientState::MightSwitch;
        }
        if self.client == ClientState::MightSwitch && self.offer == Offer::None {
            self.client = ClientState::Done;
        }
        if !self.persists {
            if self.client == ClientState::Done {
                self.client = ClientState::MustClose;
            }
            if self.server == ServerState::Done {
                self.server = ServerState::MustClose;
            }
        }
    }

    /// The peer broke a rule: nothing that follows can be trusted.
    fn fail(&mut self, error: Error) -> Error {
        if error.side() == Side::Peer {
            self.persists = false;
            self.client = ClientState::MustClose;
            self.server = ServerState::Failed;
            self.head = Section::default();
        }
        error
    }

    #[cold]
    fn wrong_state(&self, call: &'static str) -> Error {
        Error::WrongState { call, client: self.client, server: self.server }
    }
}
