//! Where the consoles' sockets are: `$XDG_RUNTIME_DIR/aioxide/PID.sock`, or `/tmp/aioxide-UID/PID.sock`.

use rustix::process::{Pid, getuid, test_kill_process};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The folders in which sockets can be.
pub fn folders() -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty());
    let runtime = runtime.map(|folder| Path::new(&folder).join("aioxide"));
    let fallback = PathBuf::from(format!("/tmp/aioxide-{}", getuid().as_raw()));
    runtime.into_iter().chain([fallback]).collect()
}

/// The processes that have a console, by their numbers.
pub fn running() -> Vec<(u32, PathBuf)> {
    let mut found: Vec<(u32, PathBuf)> =
        folders().iter().flat_map(|folder| sockets_in(folder)).collect();
    found.sort();
    found.dedup_by_key(|each| each.0);
    found
}

fn sockets_in(folder: &Path) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let socket = |path: PathBuf| {
        let pid = path.file_name()?.to_str()?.strip_suffix(".sock")?.parse().ok()?;
        // A socket that its process left behind is nobody's.
        (life_of(pid) == Life::Running).then_some((pid, path))
    };
    entries.flatten().filter_map(|entry| socket(entry.path())).collect()
}

#[derive(PartialEq, Eq)]
enum Life {
    /// There is no such process.
    None,
    Running,
    /// It has ended, and its parent has not waited for it. Only Linux tells.
    Ended,
}

fn life_of(pid: u32) -> Life {
    let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Life::None };
    if matches!(test_kill_process(number), Err(rustix::io::Errno::SRCH)) {
        return Life::None;
    }
    let status = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may have anything in it.
    let after_name = status.rsplit(|byte| *byte == b')').next().unwrap_or_default();
    match after_name.trim_ascii_start().first() {
        Some(b'Z' | b'X') => Life::Ended,
        _ => Life::Running,
    }
}

/// The socket of the process `pid`.
///
/// # Errors
/// A sentence for the user: there is no such process, it has ended or has no console, or the console
/// is another user's.
pub fn of_pid(pid: u32) -> Result<PathBuf, String> {
    match life_of(pid) {
        Life::None => return Err(format!("there is no process {pid}")),
        Life::Ended => {
            return Err(format!("process {pid} has ended, but its parent has not waited for it"));
        }
        Life::Running => {}
    }
    let path = folders()
        .into_iter()
        .map(|folder| folder.join(format!("{pid}.sock")))
        .find(|path| path.exists())
        .ok_or_else(|| {
            format!(
                "process {pid} has no console: start it with 'aioxide --console' or AIOXIDE_CONSOLE=1, or call \
                 aioxide.console.start() in it"
            )
        })?;
    let owner =
        std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?.uid();
    if owner != getuid().as_raw() {
        return Err(format!("the console of process {pid} is of another user (uid {owner})"));
    }
    Ok(path)
}
