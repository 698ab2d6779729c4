//! One connection to a console.

use aioxide_trace::wire::{
    Frame, Greeting, MAX_FRAME, Refusal, Request, read_frame, write_message,
};
use serde::de::DeserializeOwned;
use std::fmt;
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// So long an answer may take. The console's thread answers without the interpreter's lock, so that one
/// that takes longer is stopped, as by a debugger.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection whose process has greeted.
pub struct Connection {
    stream: BufReader<UnixStream>,
    /// What the process said of itself.
    pub greeting: Greeting,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskError {
    /// The process refused, and says why. The connection is as it was.
    Refused(String),
    /// The connection is of no use any more: a sentence says why.
    Gone(String),
}

impl fmt::Display for AskError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (AskError::Refused(text) | AskError::Gone(text)) = self;
        out.write_str(text)
    }
}

fn gone(error: &io::Error) -> AskError {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
    AskError::Gone(match error.kind() {
        UnexpectedEof | BrokenPipe | ConnectionReset => "the process has ended".to_owned(),
        TimedOut | WouldBlock => {
            format!("the process has not answered for {} s", PATIENCE.as_secs())
        }
        _ => format!("the console's answer cannot be read: {error}"),
    })
}

impl Connection {
    /// Connects to the console at `path`.
    ///
    /// # Errors
    /// A sentence for the user: nobody listens, what greets is no console, or it is one of another version.
    pub fn open(path: &Path) -> Result<Self, String> {
        let named = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
        let stream = UnixStream::connect(path).map_err(|error| named(&error))?;
        let timeouts = stream.set_read_timeout(Some(PATIENCE));
        timeouts
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            .map_err(|error| named(&error))?;
        let mut stream = BufReader::new(stream);
        let greeting = match read_frame(&mut stream, MAX_FRAME) {
            Ok(Some(Frame::Json(bytes))) => serde_json::from_slice::<Greeting>(&bytes)
                .map_err(|error| named(&format!("this is no console of aioxide: {error}")))?,
            Ok(Some(Frame::Chunk(_))) => {
                return Err(named(&"this is no console of aioxide: it does not greet"));
            }
            Ok(None) => return Err(named(&"the console closed the connection at once")),
            Err(error) => return Err(named(&format!("this is no console of aioxide: {error}"))),
        };
        greeting.check()?;
        Ok(Connection { stream, greeting })
    }

    fn frame(&mut self) -> Result<Frame, AskError> {
        let frame = read_frame(&mut self.stream, MAX_FRAME).map_err(|error| gone(&error))?;
        frame.ok_or_else(|| gone(&io::ErrorKind::UnexpectedEof.into()))
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// A refusal, or that there is no process any more.
    pub fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, AskError> {
        write_message(self.stream.get_ref(), request).map_err(|error| gone(&error))?;
        let Frame::Json(bytes) = self.frame()? else {
            return Err(AskError::Gone("the console answered with what is no answer".to_owned()));
        };
        if let Ok(refusal) = serde_json::from_slice::<Refusal>(&bytes) {
            return Err(AskError::Refused(refusal.error));
        }
        serde_json::from_slice(&bytes).map_err(|error| {
            AskError::Gone(format!("the console's answer cannot be read: {error}"))
        })
    }
}
