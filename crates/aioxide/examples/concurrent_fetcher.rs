//! Fetches twenty pages at once from a server that takes its time, which is part of the program.
//!
//!     cargo run -p aioxide --example concurrent_fetcher
//!     python crates/aioxide/examples/concurrent_fetcher.py

use std::io;
use std::time::Duration;

use aioxide::net::{TcpListener, TcpStream};
use aioxide::{Instant, gather, sleep, spawn};
use futures_lite::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, io::BufReader};

const PAGES: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Answers one request with a page of as many bytes as its number says.
async fn serve(stream: TcpStream) -> io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(&stream), &stream);
    let mut request = String::new();
    reader.read_line(&mut request).await?;
    let number: usize = request.trim().trim_start_matches("GET /").parse().unwrap_or(0);
    sleep(PAUSE).await;
    writer.write_all("x".repeat(number * 100).as_bytes()).await?;
    writer.close().await
}

async fn fetch(port: u16, number: usize) -> io::Result<usize> {
    let mut stream = TcpStream::connect("127.0.0.1", port).await?;
    stream.write_all(format!("GET /{number}\n").as_bytes()).await?;
    let mut page = Vec::new();
    stream.read_to_end(&mut page).await
}

#[aioxide::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1", 0).await?;
    let port = listener.local_addr()?.port();
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn(serve(stream)).detach();
        }
    })
    .detach();

    let begin = Instant::now();
    let sizes = gather((1..=PAGES).map(|number| fetch(port, number))).await;
    let mut total = 0;
    for (number, size) in (1..).zip(sizes) {
        let size = size?;
        total += size;
        println!("page {number}: {size} bytes");
    }
    let at_once = begin.elapsed() < PAUSE * PAGES as u32;
    println!("{total} bytes, all at once: {at_once}");
    Ok(())
}
