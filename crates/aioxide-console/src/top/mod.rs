//! `aioxide top`: a live view of processes in the terminal.
//!
//! A thread for each process asks it twice a second; the terminal's thread holds the state ([`app`]),
//! which neither reads nor writes anything, and draws it ([`draw`]).

pub mod app;
mod draw;
mod rows;
pub mod watcher;

use app::{Action, App};
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use watcher::Watcher;

pub use draw::draw;

/// How often new processes are looked for, and how long a key is waited for.
const RESCAN: Duration = Duration::from_secs(2);
const KEY: Duration = Duration::from_millis(100);

/// Shows the processes `pids` until the user ends it; if there are none, all that have a console, and those
/// that come.
///
/// # Errors
/// A sentence for the user: no terminal, a process that is gone or has no console.
pub fn run(pids: &[u32]) -> Result<(), String> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err("top needs a terminal; 'aioxide ps PID' prints the tasks once".to_owned());
    }
    let named: Vec<(u32, PathBuf)> = pids
        .iter()
        .map(|pid| Ok((*pid, crate::process::of_pid(*pid)?)))
        .collect::<Result<_, String>>()?;
    for (_, path) in &named {
        // What is wrong from the beginning is said on the terminal as it is.
        crate::process::Connection::open(path)?;
    }
    let mut terminal = ratatui::try_init().map_err(|error| format!("the terminal: {error}"))?;
    let result = Watching::new(named, pids.is_empty()).run(&mut terminal);
    ratatui::restore();
    result.map_err(|error| format!("the terminal: {error}"))
}

struct Watching {
    app: App,
    watchers: HashMap<u32, Watcher>,
    news: mpsc::Receiver<(u32, watcher::News)>,
    sender: mpsc::Sender<(u32, watcher::News)>,
    /// Whether processes that come are shown.
    all: bool,
    scanned: Option<Instant>,
}

impl Watching {
    fn new(named: Vec<(u32, PathBuf)>, all: bool) -> Self {
        let (sender, news) = mpsc::channel();
        let mut watching = Watching {
            app: App::default(),
            watchers: HashMap::new(),
            news,
            sender,
            all,
            scanned: None,
        };
        for (pid, path) in named {
            watching.watch(pid, path);
        }
        watching
    }

    fn watch(&mut self, pid: u32, path: PathBuf) {
        let query = self.app.query();
        self.watchers
            .entry(pid)
            .or_insert_with(|| Watcher::start(pid, path, query, self.sender.clone()));
    }

    fn scan(&mut self) {
        if !self.all || self.scanned.is_some_and(|at| at.elapsed() < RESCAN) {
            return;
        }
        self.scanned = Some(Instant::now());
        for (pid, path) in crate::process::running() {
            self.watch(pid, path);
        }
    }

    fn run(&mut self, terminal: &mut ratatui::DefaultTerminal) -> std::io::Result<()> {
        loop {
            self.scan();
            while let Ok((pid, news)) = self.news.try_recv() {
                if matches!(news, watcher::News::Gone(_)) {
                    self.watchers.remove(&pid);
                }
                self.app.take(pid, news);
            }
            terminal.draw(|frame| draw(frame, &mut self.app))?;
            if !event::poll(KEY)? {
                continue;
            }
            let Event::Key(key) = event::read()? else { continue };
            if key.kind == KeyEventKind::Release {
                continue;
            }
            match self.app.key(key) {
                Action::None => {}
                Action::Quit => return Ok(()),
                Action::Query => {
                    let query = self.app.query();
                    self.watchers.values().for_each(|watcher| watcher.query(query.clone()));
                }
                Action::Stack { pid, task } => {
                    if let Some(watcher) = self.watchers.get(&pid) {
                        watcher.stack(task);
                    }
                }
                Action::Cancel { pid, task } => {
                    if let Some(watcher) = self.watchers.get(&pid) {
                        watcher.cancel(task);
                    }
                }
            }
        }
    }
}
