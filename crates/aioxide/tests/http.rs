//! hyper's HTTP/1 server and client on aioxide.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use aioxide::hyper::{Executor, Timer};
use aioxide::net::{TcpListener, TcpStream, UnixStream};
use aioxide::{gather, spawn, timeout};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::Executor as _;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};

const DEADLINE: Duration = Duration::from_secs(20);

/// Gives the body back, and counts. Not `Send`.
async fn echo(
    count: Rc<Cell<u32>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    count.set(count.get() + 1);
    if request.uri().path() == "/slow" {
        std::future::pending::<()>().await;
    }
    let body = request.into_body().collect().await.map(|it| it.to_bytes());
    let mut response = Response::new(Full::new(body.unwrap_or_default()));
    response.headers_mut().insert("x-count", count.get().into());
    Ok(response)
}

async fn server() -> (u16, Rc<Cell<u32>>) {
    let listener = TcpListener::bind("127.0.0.1", 0).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let count = Rc::clone(&counted);
            let service = service_fn(move |request| echo(Rc::clone(&count), request));
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(Timer).header_read_timeout(Duration::from_millis(200));
            Executor.execute(builder.serve_connection(stream, service));
        }
    })
    .detach();
    (port, count)
}

#[aioxide::test]
async fn fifty_clients_send_ten_requests_each() {
    let (port, count) = server().await;
    let client = async |number: usize| {
        let stream = TcpStream::connect("127.0.0.1", port).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        let connection = spawn(connection);
        for round in 0..10 {
            // Longer than one read, every now and then.
            let body = format!("{number}/{round} ").repeat(1 + number * round * 40);
            let request = Request::post("/")
                .header("host", "localhost")
                .body(Full::<Bytes>::from(body.clone()))
                .unwrap();
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            let received = response.into_body().collect().await.unwrap().to_bytes();
            assert!(received == body.as_bytes(), "{} of {}", received.len(), body.len());
        }
        drop(sender);
        connection.await.unwrap().unwrap();
    };
    timeout(DEADLINE, gather((0..50).map(client))).await.unwrap();
    assert_eq!(count.get(), 500);
}

#[aioxide::test]
async fn a_request_that_is_dropped_closes_its_connection() {
    let (port, _) = server().await;
    let stream = TcpStream::connect("127.0.0.1", port).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    let connection = spawn(connection);
    let request = Request::get("/slow").header("host", "localhost").body(Empty::<Bytes>::new());
    let response = sender.send_request(request.unwrap());
    assert!(timeout(Duration::from_millis(20), response).await.is_err());
    drop(sender);
    timeout(DEADLINE, connection).await.unwrap().unwrap().unwrap();
}

/// hyper's own timers run on the loop.
#[aioxide::test]
async fn a_client_that_sends_no_head_is_cut_off() {
    use futures_lite::{AsyncReadExt, AsyncWriteExt};
    let (port, _) = server().await;
    let mut stream = TcpStream::connect("127.0.0.1", port).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    let mut rest = Vec::new();
    let _ = timeout(DEADLINE, stream.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"));
}

#[aioxide::test]
async fn unix_sockets_carry_http_too() {
    let (client, server) = UnixStream::pair().unwrap();
    let count = Rc::new(Cell::new(0));
    let service = service_fn(move |request| echo(Rc::clone(&count), request));
    spawn(hyper::server::conn::http1::Builder::new().serve_connection(server, service)).detach();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(client).await.unwrap();
    spawn(connection).detach();
    let request = Request::post("/").header("host", "localhost").body(Full::<Bytes>::from("hi"));
    let response = timeout(DEADLINE, sender.send_request(request.unwrap())).await.unwrap().unwrap();
    assert_eq!(response.headers()["x-count"], "1");
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hi");
}
