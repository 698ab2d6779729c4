//! The states of the two sides; [`Connection`](crate::Connection) has the picture.

/// What the client has sent of this cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientState {
    /// Nothing.
    Idle,
    /// The head; the body should wait for the server's answer to `Expect`.
    AwaitContinue,
    /// The head, and perhaps some of the body.
    SendBody,
    /// All of the request.
    Done,
    /// All of the request, which offered the server another protocol.
    MightSwitch,
    /// The connection speaks another protocol now.
    Switched,
    /// All it ever will: no other request may follow.
    MustClose,
}

/// What the server has sent of this cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerState {
    /// Nothing, and there is no request.
    Idle,
    /// Not yet the whole head of the final response.
    SendHead,
    /// The head of the final response, and perhaps some of the body.
    SendBody,
    /// All of the response.
    Done,
    /// All it ever will, though the connection is still open.
    MustClose,
    /// It has closed its direction.
    Closed,
    /// The connection speaks another protocol now.
    Switched,
    /// Something that is not valid.
    Failed,
}
