//! One client: a greeting, then an answer to each request.

use std::io::{self, BufWriter, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use aioxide_trace::file::Meta;
use aioxide_trace::wire::{
    DumpAnswer, Frame, Greeting, MAX_REQUEST, Refusal, Request, VERSION, read_frame, write_message,
};
use serde::Serialize;

use super::super::failure_log::FINDINGS;
use super::super::session;
use super::task_list::{self, Query};
use super::task_tree;
use super::with_gil::Desk;
use super::{answers, sent_events};

/// How long a client may take to read an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves a client until it leaves, or sends what is no frame.
pub fn serve(stream: &UnixStream, meta: &Meta, desk: &Desk) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut output = BufWriter::with_capacity(1 << 16, stream);
    let greeting = Greeting {
        aioxide: env!("CARGO_PKG_VERSION").to_owned(),
        wire: VERSION,
        pid: std::process::id(),
        argv: meta.argv.clone(),
        python: meta.python.clone(),
    };
    put(&mut output, &greeting)?;
    while let Some(frame) = read_frame(stream, MAX_REQUEST)? {
        let Frame::Json(bytes) = frame else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        match Request::from_json(&bytes) {
            Ok(request) => answer(&mut output, request, meta, desk)?,
            Err(error) => refuse(&mut output, error.to_string())?,
        }
    }
    Ok(())
}

fn put(output: &mut BufWriter<&UnixStream>, message: &impl Serialize) -> io::Result<()> {
    match write_message(&mut *output, message) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            write_message(&mut *output, &Refusal { error: error.to_string() })?;
        }
        written => written?,
    }
    output.flush()
}

fn refuse(output: &mut BufWriter<&UnixStream>, error: String) -> io::Result<()> {
    put(output, &Refusal { error })
}

fn answer(
    output: &mut BufWriter<&UnixStream>,
    request: Request,
    meta: &Meta,
    desk: &Desk,
) -> io::Result<()> {
    match request {
        Request::Loops => put(output, &answers::loops()),
        Request::Tasks { sort, descending, filter, offset, limit } => {
            let query = Query { sort, descending, filter: &filter, offset, limit };
            put(output, &task_list::tasks(&query, desk))
        }
        Request::Tree { filter, limit } => put(output, &task_tree::tree(&filter, limit, desk)),
        Request::Objects => put(output, &answers::objects()),
        Request::Findings => put(output, &FINDINGS.all()),
        Request::Stack { task } => put(output, &desk.stack(task)),
        Request::Cancel { task } => put(output, &desk.cancel(task)),
        Request::Dump { path } => match dump(&path, meta) {
            Ok(answer) => put(output, &answer),
            Err(error) => refuse(output, format!("{path}: {error}")),
        },
        Request::Events(since) => sent_events::send(output, since),
    }
}

/// Writes the recording to a file.
fn dump(path: &str, meta: &Meta) -> io::Result<DumpAnswer> {
    if !Path::new(path).is_absolute() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is not absolute"));
    }
    let events = session::dump_to(Path::new(path), meta, &[])?;
    Ok(DumpAnswer { path: path.to_owned(), events })
}
