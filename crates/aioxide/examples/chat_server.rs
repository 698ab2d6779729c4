//! A chat server: what one says, all others hear.
//!
//!     cargo run -p aioxide --example chat_server 8888     and then, in terminals: nc 127.0.0.1 8888
//!     cargo run -p aioxide --example chat_server          a conversation of its own
//!     python crates/aioxide/examples/chat_server.py

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use aioxide::mpsc::{UnboundedSender, unbounded_channel};
use aioxide::net::{TcpListener, TcpStream};
use aioxide::spawn;
use futures_lite::{AsyncBufReadExt, AsyncWriteExt, StreamExt, io::BufReader};

/// By name: to whom what is said goes.
#[derive(Clone, Default)]
struct Room {
    members: Rc<RefCell<BTreeMap<String, UnboundedSender<String>>>>,
}

impl Room {
    fn say(&self, speaker: &str, text: &str) {
        for (name, member) in self.members.borrow().iter() {
            if name != speaker {
                let _ = member.send(text.to_owned()); // It may be leaving.
            }
        }
    }
}

async fn serve(stream: TcpStream, room: Room) -> io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let Some(name) = lines.next().await.transpose()? else { return Ok(()) };
    let (sender, mut receiver) = unbounded_channel();
    let mut writer = stream.clone();
    // One that reads slowly holds up nobody else.
    let writing = spawn(async move {
        while let Some(line) = receiver.recv().await {
            if writer.write_all(format!("{line}\n").as_bytes()).await.is_err() {
                break;
            }
        }
    });
    if room.members.borrow().contains_key(&name) {
        let _ = sender.send(format!("{name} is taken"));
        drop(sender); // It ends the task that writes.
    } else {
        let _ = sender.send(format!("welcome, {name}"));
        room.say(&name, &format!("{name} is here"));
        room.members.borrow_mut().insert(name.clone(), sender);
        while let Some(Ok(line)) = lines.next().await {
            room.say(&name, &format!("{name}: {line}"));
        }
        let sender = room.members.borrow_mut().remove(&name);
        room.say(&name, &format!("{name} has left"));
        drop(sender);
    }
    let _ = writing.await; // Until all is written.
    Ok(())
}

async fn accept(listener: TcpListener) -> io::Result<()> {
    let room = Room::default();
    loop {
        let (stream, _) = listener.accept().await?;
        spawn(serve(stream, room.clone())).detach();
    }
}

struct Client {
    name: &'static str,
    lines: futures_lite::io::Lines<BufReader<TcpStream>>,
    stream: TcpStream,
}

impl Client {
    async fn enter(name: &'static str, port: u16) -> io::Result<Self> {
        let mut stream = TcpStream::connect("127.0.0.1", port).await?;
        stream.write_all(format!("{name}\n").as_bytes()).await?;
        let lines = BufReader::new(stream.clone()).lines();
        Ok(Self { name, lines, stream })
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{text}\n").as_bytes()).await
    }

    async fn hear(&mut self) -> io::Result<()> {
        let line = self.lines.next().await.transpose()?;
        println!("{} hears: {}", self.name, line.as_deref().unwrap_or("nothing more"));
        Ok(())
    }
}

async fn converse(port: u16) -> io::Result<()> {
    let mut ada = Client::enter("ada", port).await?;
    ada.hear().await?;
    let mut bob = Client::enter("bob", port).await?;
    bob.hear().await?;
    ada.hear().await?;
    ada.say("hello").await?;
    bob.hear().await?;
    bob.say("hello, ada").await?;
    ada.hear().await?;
    let mut other = Client::enter("bob", port).await?;
    other.hear().await?;
    other.hear().await?;
    bob.stream.shutdown(std::net::Shutdown::Both)?;
    ada.hear().await
}

#[aioxide::main]
async fn main() -> io::Result<()> {
    if let Some(port) = std::env::args().nth(1) {
        let port = port.parse().map_err(|_| io::Error::other(format!("{port:?} is no port")))?;
        let listener = TcpListener::bind("127.0.0.1", port).await?;
        println!("listening at {}", listener.local_addr()?);
        return accept(listener).await;
    }
    let listener = TcpListener::bind("127.0.0.1", 0).await?;
    let port = listener.local_addr()?.port();
    spawn(accept(listener)).detach();
    converse(port).await
}
