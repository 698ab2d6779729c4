//! `aioxide-console convert`: a trace in the forms that others read.

mod chrome;
mod json;
mod page;
mod perfetto;
mod proto;
mod svg;
mod texts;

use crate::timeline::{Timeline, read_file};
use crate::units::{duration, reason};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

pub use chrome::write as write_chrome;
pub use page::write as write_page;
pub use perfetto::write as write_perfetto;
pub use svg::write as write_svg;

/// The forms, by the ending of the file's name.
pub const ENDINGS: &str = ".html, .pftrace, .json, .svg";

/// Writes the trace in the file `from` to the file `to`, in the form that its ending names, and returns
/// what the user should know: how many events, whether something was lost.
///
/// # Errors
/// A sentence for the user: a file that cannot be read or written, an ending that is none of
/// [`ENDINGS`]. What was written of `to` is removed then.
pub fn convert(from: &Path, to: &Path) -> Result<String, String> {
    type Form = fn(&Timeline, &mut BufWriter<File>) -> io::Result<()>;
    let form: Form = match to.extension().and_then(OsStr::to_str) {
        Some("html") => |timeline, out| page::write(timeline, out),
        Some("pftrace") => |timeline, out| perfetto::write(timeline, out),
        Some("json") => |timeline, out| chrome::write(timeline, out),
        Some("svg") => |timeline, out| svg::write(timeline, out),
        _ => return Err(format!("{}: the name must end in one of {ENDINGS}", to.display())),
    };
    let timeline = read_file(from).map_err(|error| error.to_string())?;
    let write = || {
        let mut out = BufWriter::with_capacity(1 << 18, File::create(to)?);
        form(&timeline, &mut out)?;
        out.flush()
    };
    if let Err(error) = write() {
        if std::fs::symlink_metadata(to).is_ok_and(|it| it.is_file()) {
            let _ = std::fs::remove_file(to);
        }
        return Err(format!("{}: {}", to.display(), reason(&error)));
    }
    Ok(summary(&timeline, to))
}

/// What the user should know of a trace that was converted.
fn summary(timeline: &Timeline, to: &Path) -> String {
    let mut text = format!(
        "{}: {} events of {} tasks, {}",
        to.display(),
        timeline.events,
        timeline.tasks.len(),
        duration(timeline.end),
    );
    for note in notes(timeline) {
        text += "\n";
        text += &note;
    }
    text
}

/// What is missing in a trace, in sentences.
pub fn notes(timeline: &Timeline) -> Vec<String> {
    use aioxide_trace::file::Ending;
    let mut notes = Vec::new();
    if let Some(ending) = timeline.ending.as_ref().filter(|ending| **ending != Ending::Whole) {
        notes.push(format!("note: {ending}; what stood before it is shown"));
    }
    if timeline.dropped > 0 {
        notes.push(format!("note: {} earlier events were not kept", timeline.dropped));
    }
    notes
}
