//! Asks a service that turns its first callers away, again after pauses that grow.
//!
//!     cargo run -p aioxide --example retry
//!     python crates/aioxide/examples/retry.py

use std::io::{self, ErrorKind};
use std::time::Duration;

use aioxide::net::{TcpListener, TcpStream};
use aioxide::{sleep, spawn, timeout};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LIMIT: Duration = Duration::from_secs(10);

/// Turns so many callers away before it answers.
async fn serve(listener: TcpListener, failures: u32) -> io::Result<()> {
    for caller in 0.. {
        let (mut stream, _) = listener.accept().await?;
        let answer = if caller < failures { "busy" } else { "welcome" };
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

async fn ask(port: u16) -> io::Result<String> {
    let mut stream = TcpStream::connect("127.0.0.1", port).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    if answer == "busy" { Err(ErrorKind::ResourceBusy.into()) } else { Ok(answer) }
}

/// What may go away by itself. Of everything else the caller hears at once.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ResourceBusy | ErrorKind::TimedOut)
}

/// Tries so often at most, with a pause in between that doubles each time.
async fn retry<T>(attempts: u32, mut attempt: impl AsyncFnMut() -> io::Result<T>) -> io::Result<T> {
    let mut pause = FIRST_PAUSE;
    for number in 1..attempts {
        match timeout(LIMIT, attempt()).await.unwrap_or_else(|limit| Err(limit.into())) {
            Err(error) if is_passing(&error) => println!("attempt {number}: turned away"),
            ended => return ended,
        }
        sleep(pause).await;
        pause *= 2;
    }
    timeout(LIMIT, attempt()).await?
}

#[aioxide::main]
async fn main() -> io::Result<()> {
    for (attempts, failures) in [(5, 2), (3, 10)] {
        let listener = TcpListener::bind("127.0.0.1", 0).await?;
        let port = listener.local_addr()?.port();
        let server = spawn(serve(listener, failures));
        match retry(attempts, || ask(port)).await {
            Ok(answer) => println!("answered: {answer}"),
            Err(_) => println!("in vain: {attempts} attempts"),
        }
        server.cancel();
    }
    Ok(())
}
