//! Sockets on loopback.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use aioxide::net::{
    Descriptor, TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream, resolve,
};
use aioxide::{TaskGroup, gather, spawn, timeout, try_gather, yield_now};
use futures_lite::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, io::BufReader};

const DEADLINE: Duration = Duration::from_secs(20);

async fn tcp_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1", 0).await?;
    let port = listener.local_addr()?.port();
    let (client, (server, peer)) =
        try_gather!(TcpStream::connect("127.0.0.1", port), listener.accept()).await?;
    assert_eq!(peer, client.local_addr()?);
    assert_eq!(server.local_addr()?, client.peer_addr()?);
    Ok((client, server))
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 4096];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            count => stream.write_all(&buffer[..count]).await?,
        }
    }
}

#[aioxide::test]
async fn a_hundred_connections_are_echoed() -> io::Result<()> {
    let listener = TcpListener::bind("localhost", 0).await?;
    let address = listener.local_addr()?;
    let server = spawn(async move {
        loop {
            let (stream, _) = listener.accept().await?;
            spawn(echo(stream)).detach();
        }
    });
    let client = async |number: usize| -> io::Result<()> {
        let mut stream = TcpStream::connect_to(address).await?;
        for round in 0..20 {
            let message = format!("message {round} of {number}");
            stream.write_all(message.as_bytes()).await?;
            let mut answer = vec![0; message.len()];
            stream.read_exact(&mut answer).await?;
            assert_eq!(answer, message.as_bytes());
        }
        Ok(())
    };
    for result in timeout(DEADLINE, gather((0..100).map(client))).await? {
        result?;
    }
    server.cancel();
    let ended: Result<io::Result<()>, _> = server.await;
    assert!(ended.unwrap_err().is_cancelled());
    Ok(())
}

/// Both kernels' buffers fill up: either side has to wait for the other.
#[aioxide::test]
async fn a_megabyte_goes_both_ways_at_once() -> io::Result<()> {
    let (client, server) = tcp_pair().await?;
    let sent: Vec<u8> = (0..4_000_000_u32).map(|it| (it % 251) as u8).collect();
    let echoes = spawn(echo(server));
    let mut received = vec![0; sent.len()];
    let (mut reader, mut writer) = (client.clone(), &client);
    timeout(DEADLINE, try_gather!(writer.write_all(&sent), reader.read_exact(&mut received)))
        .await??;
    assert!(received == sent);
    client.shutdown(Shutdown::Write)?;
    echoes.await.unwrap()
}

#[aioxide::test]
async fn what_was_sent_before_the_end_is_read() -> io::Result<()> {
    let (mut client, server) = tcp_pair().await?;
    client.write_all(b"one\ntwo").await?;
    client.close().await?;
    drop(client);
    yield_now().await;
    let mut lines = BufReader::new(server).lines();
    use futures_lite::StreamExt;
    assert_eq!(lines.next().await.transpose()?.as_deref(), Some("one"));
    assert_eq!(lines.next().await.transpose()?.as_deref(), Some("two"));
    assert!(lines.next().await.is_none());
    Ok(())
}

/// A short read empties the socket, but the end of a connection is still to be read.
#[aioxide::test]
async fn the_end_is_seen_after_a_short_read() -> io::Result<()> {
    for _ in 0..50 {
        let (mut client, mut server) = tcp_pair().await?;
        let peer = spawn(async move {
            client.write_all(b"bye").await?;
            client.close().await
        });
        let mut all = Vec::new();
        timeout(DEADLINE, server.read_to_end(&mut all)).await??;
        assert_eq!(all, b"bye");
        peer.await.unwrap()?;
    }
    Ok(())
}

#[aioxide::test]
async fn a_read_that_is_given_up_loses_nothing() -> io::Result<()> {
    let (mut client, mut server) = tcp_pair().await?;
    let mut buffer = [0; 8];
    assert!(timeout(Duration::from_millis(5), server.read(&mut buffer)).await.is_err());
    client.write_all(b"later").await?;
    assert_eq!(timeout(DEADLINE, server.read(&mut buffer)).await??, 5);
    Ok(())
}

#[aioxide::test]
async fn two_tasks_may_accept() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1", 0).await?;
    let address = listener.local_addr()?;
    let accepted = TaskGroup::run(async |group| {
        let tasks = [0; 2].map(|_| {
            let listener = listener.clone();
            group.spawn(async move { listener.accept().await.map(|_| ()) })
        });
        yield_now().await;
        let _clients = try_gather([address; 2].map(TcpStream::connect_to)).await?;
        timeout(DEADLINE, gather(tasks)).await?;
        io::Result::Ok(())
    });
    accepted.await.map_err(io::Error::other)
}

async fn refused() -> io::Error {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = TcpStream::connect("127.0.0.1", port).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")));
    error
}

#[aioxide::test]
async fn errors_name_the_address() {
    assert_eq!(refused().await.kind(), io::ErrorKind::ConnectionRefused);
    let taken = TcpListener::bind("127.0.0.1", 0).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = TcpListener::bind("127.0.0.1", port).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen at 127.0.0.1:{port}: ")));
    let error = UnixStream::connect("/nowhere/socket").await.unwrap_err();
    assert!(error.to_string().starts_with("cannot connect to /nowhere/socket: "), "{error}");
    let error = resolve("no\0name", 80).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot resolve \"no\\0name\": "), "{error}");
}

#[aioxide::test]
async fn numeric_addresses_need_no_thread() -> io::Result<()> {
    assert_eq!(resolve("127.0.0.1", 80).await?, ["127.0.0.1:80".parse().unwrap()]);
    assert_eq!(resolve("[::1]", 80).await?, ["[::1]:80".parse().unwrap()]);
    assert_eq!(resolve("::1", 80).await?, ["[::1]:80".parse().unwrap()]);
    let localhost = resolve("localhost", 80).await?;
    assert!(localhost.iter().all(|it| it.ip().is_loopback()) && !localhost.is_empty());
    Ok(())
}

#[aioxide::test]
async fn datagrams_are_received_whole() -> io::Result<()> {
    let one = UdpSocket::bind("127.0.0.1", 0).await?;
    let other = UdpSocket::bind("127.0.0.1", 0).await?;
    one.connect("127.0.0.1", other.local_addr()?.port()).await?;
    let receive = async {
        let mut buffer = [0; 16];
        let (count, sender) = other.recv_from(&mut buffer).await?;
        other.send_to(&buffer[..count], sender).await
    };
    let mut buffer = [0; 4];
    let send = async {
        one.send(b"hello").await?;
        one.recv(&mut buffer).await
    };
    let (sent, received) = timeout(DEADLINE, try_gather!(receive, send)).await??;
    assert_eq!((sent, received, &buffer), (5, 4, b"hell"), "the rest of a datagram is lost");
    Ok(())
}

#[aioxide::test]
async fn unix_sockets_speak() -> io::Result<()> {
    let folder = std::env::temp_dir().join(format!("aioxide-test-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("socket");
    let listener = UnixListener::bind(&path)?;
    let (mut client, (mut server, _)) =
        try_gather!(UnixStream::connect(&path), listener.accept()).await?;
    client.write_all(b"over a file").await?;
    client.shutdown(Shutdown::Write)?;
    let mut text = String::new();
    server.read_to_string(&mut text).await?;
    assert_eq!(text, "over a file");
    std::fs::remove_dir_all(&folder)
}

/// No event tells when a Unix socket's queue has room.
#[aioxide::test]
async fn a_full_queue_of_a_unix_socket_is_waited_for() -> io::Result<()> {
    let folder = std::env::temp_dir().join(format!("aioxide-full-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("socket");
    let raw = rustix::net::socket(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::STREAM,
        None,
    )?;
    rustix::net::bind(&raw, &rustix::net::SocketAddrUnix::new(&path)?)?;
    rustix::net::listen(&raw, 0)?;
    let listener = UnixListener::from_std(raw.into())?;
    let connects = (0..4).map(|_| UnixStream::connect(&path));
    let accepts = async {
        for _ in 0..4 {
            aioxide::sleep(Duration::from_millis(3)).await;
            listener.accept().await?;
        }
        Ok(())
    };
    let (clients, ()) = timeout(DEADLINE, try_gather!(try_gather(connects), accepts)).await??;
    assert_eq!(clients.len(), 4);
    std::fs::remove_dir_all(&folder)
}

#[test]
fn a_socket_of_a_loop_that_has_ended_is_refused() {
    let (one, _other) = aioxide::run(async { UnixStream::pair() }).unwrap();
    let error = aioxide::run(async {
        let mut buffer = [0; 1];
        (&one).read(&mut buffer).await.unwrap_err()
    });
    assert_eq!(error.to_string(), "the descriptor belongs to another loop, which has ended");
}

#[aioxide::test]
async fn what_cannot_be_waited_for_is_refused() {
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    assert_eq!(Descriptor::new(file).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
}

/// A task whose socket always has data does not starve the others.
#[aioxide::test]
async fn a_busy_socket_gives_way() -> io::Result<()> {
    let (one, other) = UnixStream::pair()?;
    let busy = spawn(async move {
        let (mut one, mut other) = (one, other);
        let mut buffer = [0; 1];
        loop {
            one.write_all(b"x").await?;
            other.read_exact(&mut buffer).await?;
        }
    });
    for _ in 0..10 {
        yield_now().await;
    }
    busy.cancel();
    let ended: Result<io::Result<()>, _> = timeout(DEADLINE, busy).await?;
    assert!(ended.unwrap_err().is_cancelled());
    Ok(())
}

#[aioxide::test]
async fn descriptors_are_closed() -> io::Result<()> {
    let count = || std::fs::read_dir("/proc/self/fd").map(Iterator::count);
    // The first use of a thread, or of the resolver, may open something for good.
    drop(tcp_pair().await?);
    let own = aioxide::to_thread(|| ()).await;
    let () = own;
    let pairs = gather((0..100).map(|_| tcp_pair())).await;
    let open = count()?;
    drop(pairs);
    // Other tests run in this process at the same time: far more were closed than they open.
    assert!(count()? + 150 < open, "{} of {open}", count()?);
    Ok(())
}
