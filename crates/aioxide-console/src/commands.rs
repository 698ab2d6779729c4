//! The command line.

use lexopt::ValueExt;
use lexopt::prelude::{Long, Short, Value};
use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
usage: aioxide-console convert IN OUT
       aioxide-console top [--web [--port PORT]] [PID...]

  convert IN OUT   write the trace IN (.aiotrace, or the ring file that a killed process left) as
                   OUT: .html    a page that holds everything; open it in a browser
                        .svg     a still picture
                        .pftrace Perfetto (https://ui.perfetto.dev)
                        .json    Chrome trace events

  top [PID...]     show the processes PID, or all that have a console, live in the terminal; a process
                   has one if it was started with 'aioxide --console' or AIOXIDE_CONSOLE=1
      --web        print an address with a token, and show them in the browser that opens it, with
                   what they have recorded
      --port PORT  listen on this port of the loopback interface, not on any that is free

  -h, --help       print this
  -V, --version    print the version

'aioxide trace', 'aioxide trace convert' and 'aioxide top' run this program.";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
    /// Write a trace in another form.
    Convert {
        /// The trace.
        from: PathBuf,
        /// What is written.
        to: PathBuf,
    },
    /// Show processes live.
    Top {
        /// Which; none for all.
        pids: Vec<u32>,
        /// The port of the web view, 0 for any; none for the terminal.
        web: Option<u16>,
    },
}

/// Reads the command line.
///
/// # Errors
/// An option or argument that is unknown, missing or too many.
pub fn parse(mut arguments: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let name = match arguments.next()? {
        None => return Err("what to do is missing: convert or top".into()),
        Some(Short('h') | Long("help")) => return Ok(Command::Help),
        Some(Short('V') | Long("version")) => return Ok(Command::Version),
        Some(Value(name)) => name,
        Some(other) => return Err(other.unexpected()),
    };
    match name.to_str() {
        Some("convert") => convert(arguments),
        Some("top") => top(arguments),
        _ => Err(format!("there is no command {name:?}: convert or top").into()),
    }
}

fn convert(mut arguments: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut paths = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Value(path) if paths.len() < 2 => paths.push(PathBuf::from(path)),
            other => return Err(other.unexpected()),
        }
    }
    let mut paths = paths.into_iter();
    match (paths.next(), paths.next()) {
        (Some(from), Some(to)) => Ok(Command::Convert { from, to }),
        _ => Err("convert takes two files: IN OUT".into()),
    }
}

fn top(mut arguments: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut pids = Vec::new();
    let (mut web, mut port) = (false, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("web") => web = true,
            Long("port") => port = Some(arguments.value()?.parse()?),
            Value(pid) => match pid.to_str().and_then(|text| text.parse().ok()) {
                Some(pid) if pid > 0 => pids.push(pid),
                _ => return Err(format!("{pid:?} is no process's number").into()),
            },
            other => return Err(other.unexpected()),
        }
    }
    if port.is_some() && !web {
        return Err("--port is of --web".into());
    }
    Ok(Command::Top { pids, web: web.then(|| port.unwrap_or(0)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(arguments)).map_err(|error| error.to_string())
    }

    #[test]
    fn convert_takes_two_files() {
        let expected = Command::Convert { from: "a.aiotrace".into(), to: "b.html".into() };
        assert_eq!(parsed(&["convert", "a.aiotrace", "b.html"]), Ok(expected));
        assert_eq!(parsed(&["convert", "a"]).unwrap_err(), "convert takes two files: IN OUT");
        assert!(parsed(&["convert", "a", "b", "c"]).is_err());
        assert!(parsed(&["convert", "--fast", "a", "b"]).unwrap_err().contains("--fast"));
    }

    #[test]
    fn top_takes_processes() {
        assert_eq!(parsed(&["top"]), Ok(Command::Top { pids: Vec::new(), web: None }));
        assert_eq!(
            parsed(&["top", "12", "13"]),
            Ok(Command::Top { pids: vec![12, 13], web: None })
        );
        assert_eq!(
            parsed(&["top", "--web", "12"]),
            Ok(Command::Top { pids: vec![12], web: Some(0) })
        );
        let on_port = parsed(&["top", "--port", "80", "--web"]);
        assert_eq!(on_port, Ok(Command::Top { pids: Vec::new(), web: Some(80) }));
        assert!(parsed(&["top", "--port", "80"]).is_err());
        assert!(parsed(&["top", "--web", "--port", "70000"]).is_err());
        for wrong in ["0", "-1", "app.py", "99999999999"] {
            assert!(parsed(&["top", wrong]).is_err());
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        assert_eq!(parsed(&["--help"]), Ok(Command::Help));
        assert_eq!(parsed(&["-V"]), Ok(Command::Version));
        assert!(parsed(&[]).unwrap_err().contains("missing"));
        assert!(parsed(&["explain"]).unwrap_err().contains("explain"));
    }
}
