//! `aioxide-console convert`: a trace in the forms that others read.

mod chrome;
mod page;
mod perfetto;
mod proto;
mod svg;

use crate::timeline::{Timeline, read_file};
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
        return Err(format!("{}: {error}", to.display()));
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

/// Nanoseconds for the user, with three digits: `1.25 ms`.
pub fn duration(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        1_000_000_000..60_000_000_000 => (ns as f64 / 1e9, "s"),
        _ => {
            let seconds = ns / 1_000_000_000;
            let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            return if hours == 0 {
                format!("{minutes} min {seconds:02} s")
            } else {
                format!("{hours} h {minutes:02} min")
            };
        }
    };
    let digits = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let shown = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_500, "1.50 µs"),
            (31_260_000, "31.3 ms"),
            (300_000_000, "300 ms"),
            (59_000_000_000, "59.0 s"),
            (61_000_000_000, "1 min 01 s"),
            (7_260_000_000_000, "2 h 01 min"),
        ];
        for (ns, text) in shown {
            assert_eq!(duration(ns), text);
        }
    }
}
