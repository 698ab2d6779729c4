//! A connection that many coroutines share.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::rc::Rc;

use aioxide_pyo3::{TcpStream, function, spawn};
use aioxide_sync::{Lock, oneshot};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use pyo3::prelude::*;

use super::protocol::{self, Argument, Reply};

/// One coroutine writes at a time. A task reads, and gives each reply to whoever is first in line.
pub struct Connection {
    stream: TcpStream,
    writing: Lock<()>,
    waiting: RefCell<VecDeque<oneshot::Sender<Reply>>>,
    is_lost: Cell<bool>,
}

impl Connection {
    /// Connects, and starts the task that reads.
    pub async fn open(host: &str, port: u16) -> PyResult<Rc<Self>> {
        let stream = TcpStream::connect(host, port).await?;
        let connection = Rc::new(Self {
            stream: stream.clone(),
            writing: Lock::new(()),
            waiting: RefCell::default(),
            is_lost: Cell::new(false),
        });
        // A weak reference: the task ends with the connection.
        let weak = Rc::downgrade(&connection);
        spawn(function!("Redis.read_replies"), async move {
            let read = read_replies(&stream, |reply| match weak.upgrade() {
                Some(connection) => connection.answer(reply),
                None => false,
            });
            // Whoever waits for a reply is told that there is none.
            let _ = read.await;
            if let Some(connection) = weak.upgrade() {
                connection.close();
            }
            Ok::<_, PyErr>(())
        })?;
        Ok(connection)
    }

    /// Sends commands together, and waits for their replies.
    pub async fn ask(&self, commands: &[Vec<Argument>]) -> PyResult<Vec<Reply>> {
        let mut bytes = Vec::new();
        let mut replies = Vec::with_capacity(commands.len());
        for command in commands {
            protocol::write(command, &mut bytes);
        }
        {
            let _turn = self.writing.acquire().await;
            if self.is_lost.get() {
                return Err(lost());
            }
            // In the order in which they are sent. What is written in part cannot be taken back.
            for _ in commands {
                let (sender, receiver) = oneshot::channel();
                self.waiting.borrow_mut().push_back(sender);
                replies.push(receiver);
            }
            let mut broken = CloseUnlessDone { connection: self, is_done: false };
            (&self.stream).write_all(&bytes).await?;
            broken.is_done = true;
        }
        let mut found = Vec::with_capacity(replies.len());
        for reply in replies {
            found.push(reply.await.map_err(|_| lost())?);
        }
        Ok(found)
    }

    /// Hands on a reply. False if nobody has asked for one.
    fn answer(&self, reply: Reply) -> bool {
        let Some(sender) = self.waiting.borrow_mut().pop_front() else { return false };
        // Whoever asked may have been cancelled.
        let _ = sender.send(reply);
        true
    }

    /// Ends the connection, and all waits.
    pub fn close(&self) {
        self.is_lost.set(true);
        let _ = self.stream.shutdown(Shutdown::Both);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        drop(waiting);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The task that reads has the socket too: it sees its end.
        self.close();
    }
}

/// Closes the connection if a command was sent in part only.
struct CloseUnlessDone<'a> {
    connection: &'a Connection,
    is_done: bool,
}

impl Drop for CloseUnlessDone<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.connection.close();
        }
    }
}

fn lost() -> PyErr {
    io::Error::new(io::ErrorKind::ConnectionReset, "the connection to Redis is lost").into()
}

/// Reads replies until the end of the connection, or until `take` wants no more.
pub async fn read_replies(
    mut stream: &TcpStream,
    mut take: impl FnMut(Reply) -> bool,
) -> io::Result<()> {
    let mut data = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Ok(());
        }
        data.extend_from_slice(&chunk[..count]);
        let mut used = 0;
        while let Some((reply, length)) = protocol::read(&data[used..])? {
            used += length;
            if !take(reply) {
                return Ok(());
            }
        }
        data.drain(..used);
    }
}
