//! The console's beginning and end.

use std::collections::HashMap;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use aioxide_trace::file::Meta;
use pyo3::prelude::*;

use super::connection;
use super::socket;
use super::with_gil::Desk;
use crate::ffi::errors::os_error;
use crate::ffi::gil_cell::GilCell;

/// How many clients there may be at once.
const MOST_CLIENTS: usize = 16;

/// The console, while it runs.
struct Console {
    path: PathBuf,
    /// A second handle of the socket: to shut it down ends the thread.
    listener: UnixListener,
    clients: Arc<Clients>,
    thread: JoinHandle<()>,
}

/// The connections, so that they can be ended.
#[derive(Default)]
struct Clients {
    served: Mutex<HashMap<u64, Client>>,
    next: AtomicU64,
}

struct Client {
    stream: UnixStream,
    /// None while it is being started.
    thread: Option<JoinHandle<()>>,
}

static CONSOLE: GilCell<Option<Console>> = GilCell::new(None);

impl Clients {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Client>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, stream: &UnixStream) -> Option<u64> {
        let mut served = self.lock();
        if served.len() >= MOST_CLIENTS {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let stream = stream.try_clone().ok()?;
        served.insert(number, Client { stream, thread: None });
        Some(number)
    }

    /// The thread of a client, unless it has ended already.
    fn keep(&self, number: u64, thread: JoinHandle<()>) {
        if let Some(client) = self.lock().get_mut(&number) {
            client.thread = Some(thread);
        }
    }

    fn leave(&self, number: u64) {
        self.lock().remove(&number);
    }

    /// Ends all connections and waits for their threads.
    fn end_all(&self) {
        let served: Vec<Client> = self.lock().drain().map(|(_, client)| client).collect();
        for client in &served {
            let _ = client.stream.shutdown(Shutdown::Both);
        }
        for thread in served.into_iter().filter_map(|client| client.thread) {
            let _ = thread.join();
        }
    }
}

/// Starts the console; returns the path of its socket. Does nothing if it runs.
///
/// # Errors
///
/// `OSError` when the socket cannot be made.
#[pyfunction]
#[pyo3(signature = (argv, executable, python, /))]
pub fn _start_console(
    py: Python<'_>,
    argv: Vec<String>,
    executable: String,
    python: String,
) -> PyResult<PathBuf> {
    if let Some(path) = _console_path(py) {
        return Ok(path);
    }
    let meta = super::super::session::meta_of(argv, executable, python);
    let (listener, path) = socket::bind().map_err(os_error)?;
    let clients = Arc::new(Clients::default());
    let accepting = listener.try_clone().map_err(os_error)?;
    let (shared, meta) = (Arc::clone(&clients), Arc::new(meta));
    let thread = thread::Builder::new()
        .name("aioxide-console".to_owned())
        .spawn(move || accept(&accepting, &shared, &meta))
        .map_err(os_error)?;
    drop(CONSOLE.replace(py, Some(Console { path: path.clone(), listener, clients, thread })));
    Ok(path)
}

/// Stops the console: ends its connections and removes its socket. Does nothing if it does not run.
#[pyfunction]
pub fn _stop_console(py: Python<'_>) {
    let Some(console) = CONSOLE.take(py) else { return };
    let _ = std::fs::remove_file(&console.path);
    // It ends the thread's `accept`.
    let _ = rustix::net::shutdown(&console.listener, rustix::net::Shutdown::Both);
    py.detach(|| {
        // First the thread that lets clients in: nobody comes any more.
        let _ = console.thread.join();
        console.clients.end_all();
    });
}

/// The path of the console's socket; None if the console does not run.
#[pyfunction]
pub fn _console_path(py: Python<'_>) -> Option<PathBuf> {
    CONSOLE.read(py, |console| console.as_ref().map(|console| console.path.clone()))
}

/// In the child of a fork: closes the socket, whose other handle is the parent's. The threads
/// are not there.
pub fn abandon_in_child(py: Python<'_>) {
    let Some(console) = CONSOLE.take(py) else { return };
    // Another thread may have had its lock at the fork.
    if let Ok(served) = console.clients.served.try_lock().as_deref_mut() {
        served.clear();
    }
    drop(console.listener);
    std::mem::forget(console.thread);
}

fn accept(listener: &UnixListener, clients: &Arc<Clients>, meta: &Arc<Meta>) {
    let desk = Arc::new(Desk::default());
    for stream in listener.incoming() {
        // The socket was shut down, or the process has no descriptor left.
        let Ok(stream) = stream else { break };
        if !socket::is_ours(&stream) {
            continue;
        }
        let Some(number) = clients.enter(&stream) else { continue };
        let (shared, meta, desk) = (Arc::clone(clients), Arc::clone(meta), Arc::clone(&desk));
        let serving = thread::Builder::new().name("aioxide-console".to_owned()).spawn(move || {
            // Whatever ends it: the client reads that the connection is closed.
            let _ = connection::serve(&stream, &meta, &desk);
            let _ = stream.shutdown(Shutdown::Both);
            drop(stream);
            shared.leave(number);
        });
        match serving {
            Ok(thread) => clients.keep(number, thread),
            Err(_) => clients.leave(number),
        }
    }
}
