//! What the view shows and what keys do: state only.

use super::rows::{Row, tree_rows};
use super::watcher::{News, Query, Snapshot};
use aioxide_trace::wire::{LoopInfo, Sort, StackAnswer};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::BTreeMap;

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The tasks as a table.
    #[default]
    Tasks,
    /// The tasks nested by who created them.
    Tree,
    /// The loops.
    Loops,
    /// Locks, semaphores and queues.
    Objects,
    /// What lints found.
    Findings,
}

impl Tab {
    /// All of them, in the order of their keys.
    pub const ALL: [(Tab, &'static str); 5] = [
        (Tab::Tasks, "tasks"),
        (Tab::Tree, "tree"),
        (Tab::Loops, "loops"),
        (Tab::Objects, "locks and queues"),
        (Tab::Findings, "findings"),
    ];
}

/// The orders, with their keys' words.
pub const SORTS: [(Sort, &str); 7] = [
    (Sort::Busy, "busy"),
    (Sort::Idle, "idle"),
    (Sort::Scheduled, "sched"),
    (Sort::Steps, "steps"),
    (Sort::Longest, "longest"),
    (Sort::Age, "age"),
    (Sort::Name, "name"),
];

/// What lies over the view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Dialog {
    /// Nothing.
    #[default]
    None,
    /// The user types a filter or what is searched for.
    Input {
        /// Whether it is a filter.
        filter: bool,
        /// What was typed.
        text: String,
    },
    /// The user is asked whether to cancel a task.
    Cancel {
        /// The process.
        pid: u32,
        /// The task.
        task: u64,
        /// Its name.
        name: String,
    },
    /// A task, with its await stack once it is there.
    Task {
        /// The process.
        pid: u32,
        /// The task.
        task: u64,
        /// The stack, or why there is none.
        stack: Option<Result<StackAnswer, String>>,
    },
    /// The keys.
    Help,
}

/// What a key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// Ask the processes something else.
    Query,
    /// Ask for an await stack.
    Stack {
        /// The process.
        pid: u32,
        /// The task.
        task: u64,
    },
    /// Ask to cancel a task.
    Cancel {
        /// The process.
        pid: u32,
        /// The task.
        task: u64,
    },
    /// End.
    Quit,
}

/// A process, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// Its last answer.
    pub now: Snapshot,
    /// The one before, for what is per second.
    pub before: Snapshot,
    /// Why it is not shown any more.
    pub gone: Option<String>,
}

impl Process {
    /// A counter of the loop `id` per second.
    pub fn per_second(&self, id: u32, counter: impl Fn(&LoopInfo) -> u64) -> Option<f64> {
        let find =
            |snapshot: &Snapshot| snapshot.loops.iter().find(|each| each.id == id).map(&counter);
        let seconds = self.now.at?.duration_since(self.before.at?).as_secs_f64();
        let more = find(&self.now)?.saturating_sub(find(&self.before)?);
        (seconds > 0.0).then(|| more as f64 / seconds)
    }
}

/// The state of the view.
#[derive(Default)]
pub struct App {
    /// The processes.
    pub processes: BTreeMap<u32, Process>,
    /// What is shown.
    pub tab: Tab,
    /// The order of the tasks: an index into [`SORTS`].
    pub sort: usize,
    /// The smallest first.
    pub ascending: bool,
    /// Which tasks are shown.
    pub filter: String,
    /// What was last searched for.
    pub search: String,
    /// The selected row.
    pub selected: usize,
    /// The first row that is shown.
    pub scroll: usize,
    /// How many rows the terminal has room for; the drawing tells.
    pub room: usize,
    /// What lies over the view.
    pub dialog: Dialog,
    /// What happened last, for the user.
    pub message: String,
}

impl App {
    /// What the processes are to be asked.
    pub fn query(&self) -> Query {
        Query {
            sort: SORTS[self.sort].0,
            descending: !self.ascending,
            filter: self.filter.clone(),
            limit: (self.scroll + self.room + 100) as u64,
            tree: self.tab == Tab::Tree,
            objects: self.tab == Tab::Objects,
        }
    }

    /// Takes what a process told.
    pub fn take(&mut self, pid: u32, news: News) {
        let process = self.processes.entry(pid).or_default();
        match news {
            News::Snapshot(snapshot) => {
                process.gone = None;
                process.before = std::mem::replace(&mut process.now, *snapshot);
            }
            News::Gone(why) => {
                self.message = format!("process {pid}: {why}");
                process.gone = Some(why);
                process.now.tasks = Default::default();
                process.now.tree.clear();
                process.now.objects.clear();
                process.now.loops.clear();
            }
            News::Refused(why) => self.message = format!("process {pid}: {why}"),
            News::Stack(of, answer) => {
                if let Dialog::Task { pid: shown, task, stack } = &mut self.dialog
                    && (*shown, *task) == (pid, of)
                {
                    *stack = Some(answer);
                }
            }
            News::Cancelled(_, answer) => {
                self.message = match answer {
                    Ok(answer) if answer.ok => "cancel requested".to_owned(),
                    Ok(answer) => answer.refused.unwrap_or_else(|| "refused".to_owned()),
                    Err(why) => why,
                }
            }
        }
        self.keep_in_range();
    }

    /// The tasks of all processes, in the order that is shown.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let processes = self.processes.iter().map(|(pid, process)| (*pid, &process.now));
        if self.tab == Tab::Tree {
            return processes
                .flat_map(|(pid, now)| tree_rows(pid, &now.tree, &self.filter))
                .collect();
        }
        let mut rows: Vec<Row<'_>> = processes
            .flat_map(|(pid, now)| {
                now.tasks.tasks.iter().map(move |task| Row { pid, task, depth: 0 })
            })
            .collect();
        let sort = SORTS[self.sort].0;
        // Each process has sorted its own; together they are sorted again.
        rows.sort_by(|a, b| {
            let (a, b) = (a.task, b.task);
            let order = match sort {
                Sort::Busy => a.busy_ns.cmp(&b.busy_ns),
                Sort::Idle => a.idle_ns.cmp(&b.idle_ns),
                Sort::Scheduled => a.scheduled_ns.cmp(&b.scheduled_ns),
                Sort::Steps => a.steps.cmp(&b.steps),
                Sort::Longest => a.longest_ns.cmp(&b.longest_ns),
                Sort::Age => a.age_ns.cmp(&b.age_ns),
                Sort::Name => a.name.cmp(&b.name),
            };
            if self.ascending { order } else { order.reverse() }
        });
        rows
    }

    /// How many rows there are in the view.
    pub fn count(&self) -> usize {
        let processes = self.processes.values();
        match self.tab {
            Tab::Tasks | Tab::Tree => self.rows().len(),
            Tab::Loops => processes.map(|each| each.now.loops.len()).sum(),
            Tab::Objects => processes.map(|each| each.now.objects.len()).sum(),
            Tab::Findings => processes.map(|each| each.now.findings.len()).sum(),
        }
    }

    /// Keeps the selection on a row, and the row on the screen.
    pub fn keep_in_range(&mut self) {
        self.selected = self.selected.min(self.count().saturating_sub(1));
        let room = self.room.max(1);
        self.scroll = self.scroll.clamp((self.selected + 1).saturating_sub(room), self.selected);
    }

    /// The task of the selected row.
    pub fn task(&self) -> Option<(u32, u64, String)> {
        if !matches!(self.tab, Tab::Tasks | Tab::Tree) {
            return None;
        }
        self.rows().get(self.selected).map(|row| (row.pid, row.task.id, row.task.name.clone()))
    }

    /// Does what a key is for.
    pub fn key(&mut self, key: KeyEvent) -> Action {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Action::Quit;
        }
        // It was read, and what the keys are for stands below it.
        self.message.clear();
        match std::mem::take(&mut self.dialog) {
            Dialog::None => self.view_key(key.code),
            Dialog::Input { filter, text } => self.input_key(filter, text, key.code),
            Dialog::Cancel { pid, task, .. } => match key.code {
                KeyCode::Char('y' | 'Y') => Action::Cancel { pid, task },
                _ => {
                    self.message = "not cancelled".to_owned();
                    Action::None
                }
            },
            Dialog::Task { .. } | Dialog::Help => Action::None,
        }
    }

    fn input_key(&mut self, filter: bool, mut text: String, key: KeyCode) -> Action {
        match key {
            KeyCode::Enter if filter => {
                self.filter = text;
                (self.selected, self.scroll) = (0, 0);
                return Action::Query;
            }
            KeyCode::Enter => {
                self.search = text;
                self.find_next();
                return Action::None;
            }
            KeyCode::Esc => return Action::None,
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char(c) => text.push(c),
            _ => {}
        }
        self.dialog = Dialog::Input { filter, text };
        Action::None
    }

    fn view_key(&mut self, key: KeyCode) -> Action {
        let page = self.room.max(1);
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return Action::Quit,
            KeyCode::Char('?' | 'h') => self.dialog = Dialog::Help,
            KeyCode::Char('/') => {
                self.dialog = Dialog::Input { filter: false, text: String::new() }
            }
            KeyCode::Char('f') => {
                self.dialog = Dialog::Input { filter: true, text: self.filter.clone() };
            }
            KeyCode::Char('n') => self.find_next(),
            KeyCode::Char('s') => return self.order((self.sort + 1) % SORTS.len()),
            KeyCode::Char('S') => return self.order((self.sort + SORTS.len() - 1) % SORTS.len()),
            KeyCode::Char('r') => {
                self.ascending = !self.ascending;
                return self.order(self.sort);
            }
            KeyCode::Char('t') => {
                return self.show(if self.tab == Tab::Tree { Tab::Tasks } else { Tab::Tree });
            }
            KeyCode::Tab => {
                let at = Tab::ALL.iter().position(|(tab, _)| *tab == self.tab).unwrap_or(0);
                return self.show(Tab::ALL[(at + 1) % Tab::ALL.len()].0);
            }
            KeyCode::Char(digit @ '1'..='5') => {
                return self.show(Tab::ALL[digit as usize - '1' as usize].0);
            }
            KeyCode::Down | KeyCode::Char('j') => return self.go(self.selected.saturating_add(1)),
            KeyCode::Up | KeyCode::Char('k') => return self.go(self.selected.saturating_sub(1)),
            KeyCode::PageDown => return self.go(self.selected.saturating_add(page)),
            KeyCode::PageUp => return self.go(self.selected.saturating_sub(page)),
            KeyCode::Home | KeyCode::Char('g') => return self.go(0),
            KeyCode::End | KeyCode::Char('G') => return self.go(usize::MAX),
            KeyCode::Enter => {
                if let Some((pid, task, _)) = self.task() {
                    self.dialog = Dialog::Task { pid, task, stack: None };
                    return Action::Stack { pid, task };
                }
            }
            KeyCode::Char('c') => {
                if let Some((pid, task, name)) = self.task() {
                    self.dialog = Dialog::Cancel { pid, task, name };
                }
            }
            _ => {}
        }
        Action::None
    }

    fn show(&mut self, tab: Tab) -> Action {
        self.tab = tab;
        (self.selected, self.scroll) = (0, 0);
        Action::Query
    }

    fn order(&mut self, sort: usize) -> Action {
        self.sort = sort;
        (self.selected, self.scroll) = (0, 0);
        Action::Query
    }

    /// Selects a row. The processes are asked for more when the end of what they sent comes near.
    fn go(&mut self, row: usize) -> Action {
        self.selected = row;
        self.keep_in_range();
        Action::Query
    }

    /// Selects the next row that has what is searched for.
    fn find_next(&mut self) {
        let text = self.search.to_lowercase();
        let rows = self.rows();
        let count = rows.len();
        let found =
            (1..=count).map(|step| (self.selected + step) % count).find(|at| rows[*at].has(&text));
        match found {
            Some(row) => {
                self.go(row);
            }
            None => self.message = format!("nothing has {:?} in it", self.search),
        }
    }
}
