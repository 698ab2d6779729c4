//! Echo servers: each connection a task, with a buffer of its own.

use std::io::{self, Write};
use std::process::ExitCode;

/// Room for one read, as on the floor (`benches/native`).
const BUFFER: usize = 64 * 1024;

pub fn serve(runtime: &str) -> ExitCode {
    let served = match runtime {
        "aioxide" => on_aioxide(),
        "tokio" => on_tokio(),
        "smol" => on_smol(),
        _ => {
            eprintln!("{runtime:?} is none of the runtimes: aioxide, tokio, smol");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = served {
        eprintln!("echo: {error}");
    }
    ExitCode::FAILURE
}

fn report(address: std::net::SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening {address}")?;
    stdout.flush()
}

fn on_aioxide() -> io::Result<()> {
    use futures_lite::{AsyncReadExt, AsyncWriteExt};

    aioxide::run(async {
        let listener = aioxide::net::TcpListener::bind("127.0.0.1", 0).await?;
        report(listener.local_addr()?)?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            aioxide::spawn(async move {
                let mut buffer = vec![0; BUFFER];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    if stream.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            })
            .detach();
        }
    })
}

fn on_tokio() -> io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        report(listener.local_addr()?)?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let mut buffer = vec![0; BUFFER];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    if stream.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    })
}

fn on_smol() -> io::Result<()> {
    use smol::io::{AsyncReadExt, AsyncWriteExt};

    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = smol::net::TcpListener::bind("127.0.0.1:0").await?;
        report(listener.local_addr()?)?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            executor
                .spawn(async move {
                    let mut buffer = vec![0; BUFFER];
                    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                        if stream.write_all(&buffer[..count]).await.is_err() {
                            break;
                        }
                    }
                })
                .detach();
        }
    }))
}
