//! The thread that asks one process.

use crate::process::{AskError, Connection};
use aioxide_trace::file::Finding;
use aioxide_trace::wire::{
    CancelAnswer, Greeting, LoopInfo, ObjectInfo, Request, Sort, StackAnswer, TaskInfo, TasksAnswer,
};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// How often a process is asked.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// What is asked each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The order of the tasks.
    pub sort: Sort,
    /// The largest first.
    pub descending: bool,
    /// Which tasks.
    pub filter: String,
    /// How many tasks, of the table and of the tree.
    pub limit: u64,
    /// Whether the tree is shown.
    pub tree: bool,
    /// Whether the locks and queues are shown.
    pub objects: bool,
}

/// What a process answered.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// What it said of itself.
    pub greeting: Option<Greeting>,
    /// When it answered.
    pub at: Option<Instant>,
    /// Its loops.
    pub loops: Vec<LoopInfo>,
    /// Its tasks, as the query has them.
    pub tasks: TasksAnswer,
    /// The tasks as a tree, if the query asks for it.
    pub tree: Vec<TaskInfo>,
    /// Locks and queues, if the query asks for them.
    pub objects: Vec<ObjectInfo>,
    /// What lints found.
    pub findings: Vec<Finding>,
}

/// What a thread tells.
#[derive(Clone, Debug)]
pub enum News {
    /// What a process answered.
    Snapshot(Box<Snapshot>),
    /// An await stack.
    Stack(u64, Result<StackAnswer, String>),
    /// What came of a request to cancel a task.
    Cancelled(u64, Result<CancelAnswer, String>),
    /// The process refused to answer, and says why.
    Refused(String),
    /// There is no process any more, and why.
    Gone(String),
}

enum Order {
    Query(Query),
    Stack(u64),
    Cancel(u64),
}

/// A thread that asks one process until it is gone, or this is dropped.
pub struct Watcher {
    orders: Sender<Order>,
}

impl Watcher {
    /// Starts to ask the process `pid` at `path`; what it answers goes to `news`.
    pub fn start(pid: u32, path: PathBuf, query: Query, news: Sender<(u32, News)>) -> Self {
        let (orders, received) = mpsc::channel();
        let tell = move |each| news.send((pid, each)).is_ok();
        std::thread::spawn(move || {
            let mut connection = match Connection::open(&path) {
                Ok(connection) => connection,
                Err(why) => {
                    tell(News::Gone(why));
                    return;
                }
            };
            let mut query = query;
            loop {
                let told = match snapshot(&mut connection, &query) {
                    Ok(snapshot) => tell(News::Snapshot(Box::new(snapshot))),
                    Err(AskError::Refused(why)) => tell(News::Refused(why)),
                    Err(AskError::Gone(why)) => {
                        tell(News::Gone(why));
                        return;
                    }
                };
                let next = Instant::now() + INTERVAL;
                loop {
                    let order =
                        received.recv_timeout(next.saturating_duration_since(Instant::now()));
                    let answered = match order {
                        Ok(Order::Query(new)) => {
                            query = new;
                            break;
                        }
                        Ok(Order::Stack(task)) => connection
                            .ask(&Request::Stack { task })
                            .map(|answer| News::Stack(task, Ok(answer)))
                            .or_else(|error| refused(error, |why| News::Stack(task, Err(why)))),
                        Ok(Order::Cancel(task)) => connection
                            .ask(&Request::Cancel { task })
                            .map(|answer| News::Cancelled(task, Ok(answer)))
                            .or_else(|error| refused(error, |why| News::Cancelled(task, Err(why)))),
                        Err(RecvTimeoutError::Timeout) => break,
                        Err(RecvTimeoutError::Disconnected) => return,
                    };
                    match answered {
                        Ok(each) => {
                            tell(each);
                        }
                        Err(why) => {
                            tell(News::Gone(why));
                            return;
                        }
                    }
                }
                if !told {
                    return;
                }
            }
        });
        Watcher { orders }
    }

    /// Asks something else from now on, at once.
    pub fn query(&self, query: Query) {
        let _ = self.orders.send(Order::Query(query));
    }

    /// Asks for the await stack of `task`.
    pub fn stack(&self, task: u64) {
        let _ = self.orders.send(Order::Stack(task));
    }

    /// Asks to cancel `task`.
    pub fn cancel(&self, task: u64) {
        let _ = self.orders.send(Order::Cancel(task));
    }
}

/// A refusal as news, and the end of the connection as an error.
fn refused(error: AskError, news: impl FnOnce(String) -> News) -> Result<News, String> {
    match error {
        AskError::Refused(why) => Ok(news(why)),
        AskError::Gone(why) => Err(why),
    }
}

/// Asks what the views show.
///
/// # Errors
/// As [`Connection::ask`].
pub fn snapshot(connection: &mut Connection, query: &Query) -> Result<Snapshot, AskError> {
    let mut snapshot = Snapshot {
        greeting: Some(connection.greeting.clone()),
        loops: connection.ask(&Request::Loops)?,
        tasks: connection.ask(&Request::Tasks {
            sort: query.sort,
            descending: query.descending,
            filter: query.filter.clone(),
            offset: 0,
            limit: query.limit,
        })?,
        findings: connection.ask(&Request::Findings)?,
        ..Snapshot::default()
    };
    if query.tree {
        let (filter, limit) = (query.filter.clone(), query.limit);
        snapshot.tree = connection.ask(&Request::Tree { filter, limit })?;
    }
    if query.objects {
        snapshot.objects = connection.ask(&Request::Objects)?;
    }
    snapshot.at = Some(Instant::now());
    Ok(snapshot)
}
