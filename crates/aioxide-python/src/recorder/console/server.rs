//! The console's beginning and end.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use aioxide_trace::file::Meta;
use pyo3::prelude::*;

use super::connection;
use super::socket;
use super::with_gil::Desk;
use crate::ffi::errors::os_error;
use crate::ffi::gil_cell::GilCell;
use crate::ffi::items::Items;

/// How many clients there may be at once.
const MOST_CLIENTS: usize = 16;

/// The console, while it runs.
struct Console {
    path: PathBuf,
    /// A second handle of the socket: to shut it down ends the thread.
    listener: UnixListener,
    /// The thread's own handle.
    accepting: RawFd,
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
    /// A second handle of the connection, to end it.
    stream: UnixStream,
    /// The thread's own handle.
    served: RawFd,
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
        let (stream, fd) = (stream.try_clone().ok()?, stream.as_raw_fd());
        served.insert(number, Client { stream, served: fd, thread: None });
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
    argv: Items<String>,
    executable: String,
    python: String,
) -> PyResult<PathBuf> {
    if let Some(path) = _console_path(py) {
        return Ok(path);
    }
    let meta = super::super::session::meta_of(argv.0, executable, python);
    let (listener, path) = socket::bind().map_err(os_error)?;
    let clients = Arc::new(Clients::default());
    let accepting = listener.try_clone().map_err(os_error)?;
    let fd = accepting.as_raw_fd();
    let (shared, meta) = (Arc::clone(&clients), Arc::new(meta));
    let thread = thread::Builder::new()
        .name("aioxide-console".to_owned())
        .spawn(move || accept(&accepting, &shared, &meta))
        .map_err(os_error)?;
    let console = Console { path: path.clone(), listener, accepting: fd, clients, thread };
    drop(CONSOLE.replace(py, Some(console)));
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

/// In the child of a fork: closes the sockets, whose other handles are the parent's. The threads
/// are not there.
pub fn abandon_in_child(py: Python<'_>) {
    let Some(console) = CONSOLE.take(py) else { return };
    close_of_thread(console.accepting);
    // Another thread may have had its lock at the fork.
    if let Ok(served) = console.clients.served.try_lock().as_deref_mut() {
        for (_, client) in served.drain() {
            close_of_thread(client.served);
            if let Some(thread) = client.thread {
                std::mem::forget(thread);
            }
        }
    }
    drop(console.listener);
    std::mem::forget(console.thread);
}

/// Closes a descriptor of a thread that the fork has left behind.
fn close_of_thread(fd: RawFd) {
    // SAFETY: the value that owns it is on the stack of a thread that does not exist here, so
    // that nothing uses or closes it any more.
    unsafe { rustix::io::close(fd) };
}

fn accept(listener: &UnixListener, clients: &Arc<Clients>, meta: &Arc<Meta>) {
    let desk = Arc::new(Desk::default());
    for stream in listener.incoming() {
        let stream = match stream {
            Ok(stream) => stream,
            // The console was stopped: the socket is shut down.
            Err(error) if error.kind() == ErrorKind::InvalidInput => break,
            Err(_) => {
                // The process has no descriptor left, most likely.
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
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
