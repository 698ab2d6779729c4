//! What the page asks for, from the consoles of the processes.

use crate::convert::write_page;
use crate::process::{Connection, of_pid, running};
use crate::timeline::read_file;
use crate::top::watcher;
use aioxide_trace::wire::{CancelAnswer, DumpAnswer, LoopInfo, Request, Sort, StackAnswer};
use serde::Deserialize;
use serde_json::{Value, json};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// So many tasks are sent at most.
const MOST_TASKS: u64 = 1000;

/// What the page shows.
#[derive(Debug, Deserialize)]
pub struct View {
    /// The order of the tasks.
    #[serde(default)]
    pub sort: Sort,
    /// The largest first.
    #[serde(default)]
    pub descending: bool,
    /// Which tasks.
    #[serde(default)]
    pub filter: String,
    /// How many tasks.
    #[serde(default)]
    pub limit: u64,
    /// Whether the tree is shown.
    #[serde(default)]
    pub tree: bool,
    /// Whether the locks and queues are shown.
    #[serde(default)]
    pub objects: bool,
}

/// A process or a task.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// The process.
    pub pid: u32,
    /// The task.
    #[serde(default)]
    pub task: u64,
}

/// What each of `pids`, or of all processes if there are none, answers.
pub fn snapshots(pids: &[u32], view: &View) -> Vec<Value> {
    let pids = if pids.is_empty() {
        running().into_iter().map(|(pid, _)| pid).collect()
    } else {
        pids.to_vec()
    };
    pids.into_iter().map(|pid| snapshot(pid, view).unwrap_or_else(|why| gone(pid, &why))).collect()
}

fn gone(pid: u32, why: &str) -> Value {
    json!({"pid": pid, "gone": why, "argv": [], "python": "", "total": 0, "loops": []})
}

fn snapshot(pid: u32, view: &View) -> Result<Value, String> {
    let mut connection = Connection::open(&of_pid(pid)?)?;
    let query = watcher::Query {
        sort: view.sort,
        descending: view.descending,
        filter: view.filter.clone(),
        limit: view.limit.min(MOST_TASKS),
        tree: view.tree,
        objects: view.objects,
    };
    let told = watcher::snapshot(&mut connection, &query).map_err(|error| error.to_string())?;
    Ok(json!({
        "pid": pid,
        "argv": connection.greeting.argv,
        "python": connection.greeting.python,
        "loops": told.loops.iter().map(with_time).collect::<Result<Vec<_>, _>>()?,
        "total": told.tasks.total,
        "tasks": told.tasks.tasks,
        "tree": told.tree,
        "objects": told.objects,
        "findings": told.findings,
    }))
}

/// A loop with the time in milliseconds, for what is per second.
fn with_time(each: &LoopInfo) -> Result<Value, String> {
    let mut value = serde_json::to_value(each).map_err(|error| error.to_string())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    value["at"] = json!(now.as_millis() as u64);
    Ok(value)
}

/// The await stack of a task.
pub fn stack(target: &Target) -> Result<StackAnswer, String> {
    let mut connection = Connection::open(&of_pid(target.pid)?)?;
    connection.ask(&Request::Stack { task: target.task }).map_err(|error| error.to_string())
}

/// Cancels a task.
pub fn cancel(target: &Target) -> Result<CancelAnswer, String> {
    let mut connection = Connection::open(&of_pid(target.pid)?)?;
    connection.ask(&Request::Cancel { task: target.task }).map_err(|error| error.to_string())
}

/// What the process has recorded by now, as a page.
///
/// # Errors
/// A sentence for the user: the process is gone, or records nothing.
pub fn timeline(pid: u32) -> Result<String, String> {
    let mut connection = Connection::open(&of_pid(pid)?)?;
    let folder = Folder::new()?;
    let path = folder.0.join("now.aiotrace");
    let path_text = path.to_str().ok_or("the temporary folder's name is no text")?.to_owned();
    let _: DumpAnswer =
        connection.ask(&Request::Dump { path: path_text }).map_err(|error| error.to_string())?;
    let timeline = read_file(&path).map_err(|error| error.to_string())?;
    let mut page = Vec::new();
    write_page(&timeline, &mut page).map_err(|error| error.to_string())?;
    String::from_utf8(page).map_err(|error| error.to_string())
}

/// A temporary folder that only this user can look into, removed with what is in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
        let name = format!("aioxide-console-{:016x}", u64::from_le_bytes(bytes));
        let path = std::env::temp_dir().join(name);
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
