//! The command line.

use lexopt::prelude::{Long, Short, Value};
use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
usage: aioxide-console convert IN OUT

  convert IN OUT   write the trace IN (.aiotrace, or the ring file that a killed process left) as
                   OUT: .html    a page that holds everything; open it in a browser
                        .svg     a still picture
                        .pftrace Perfetto (https://ui.perfetto.dev)
                        .json    Chrome trace events

  -h, --help       print this
  -V, --version    print the version

'aioxide trace' and 'aioxide trace convert' run this program.";

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
}

/// Reads the command line.
///
/// # Errors
/// An option or argument that is unknown, missing or too many.
pub fn parse(mut arguments: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let name = match arguments.next()? {
        None => return Err("what to do is missing: convert".into()),
        Some(Short('h') | Long("help")) => return Ok(Command::Help),
        Some(Short('V') | Long("version")) => return Ok(Command::Version),
        Some(Value(name)) => name,
        Some(other) => return Err(other.unexpected()),
    };
    match name.to_str() {
        Some("convert") => convert(arguments),
        _ => Err(format!("there is no command {name:?}: convert").into()),
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
    fn what_is_missing_or_unknown_is_named() {
        assert_eq!(parsed(&["--help"]), Ok(Command::Help));
        assert_eq!(parsed(&["-V"]), Ok(Command::Version));
        assert!(parsed(&[]).unwrap_err().contains("missing"));
        assert!(parsed(&["explain"]).unwrap_err().contains("explain"));
    }
}
