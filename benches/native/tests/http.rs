//! The HTTP server of the benchmarks and the load for applications, against each other.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use aioxide_bench_native::http::{load, server::HttpServer};

fn server() -> SocketAddrV4 {
    let server = HttpServer::bind(2, None).unwrap();
    let address = server.address();
    thread::spawn(move || server.run());
    address
}

/// Sends requests of which the last one closes, and reads all that comes.
fn exchange(address: SocketAddrV4, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = vec![0; 1 << 20];
    let count = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

#[test]
fn requests_are_answered_and_timed() {
    let report = load::run(server(), "/json", 8, Duration::from_millis(50)).unwrap();
    assert!(report.requests > 100, "{report}");
    assert!(report.measured >= Duration::from_millis(50));
}

#[test]
fn an_answer_with_another_status_ends_the_load() {
    let Err(error) = load::run(server(), "/status/500", 1, Duration::from_millis(50)) else {
        panic!("the load went on");
    };
    assert_eq!(error.to_string(), "HTTP/1.1 500 As Asked");
}

#[test]
fn every_address_answers() {
    let other = SocketAddrV4::new([127, 0, 0, 2].into(), server().port());
    assert!(exchange(other, b"GET /json HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_long_body_arrives_whole() {
    let mut stream = TcpStream::connect(server()).unwrap();
    stream.write_all(b"GET /bytes/5000000 HTTP/1.1\r\n\r\n").unwrap();
    let (mut received, mut buffer) = (0, vec![0; 65536]);
    while received < 5_000_000 {
        received += stream.read(&mut buffer).unwrap();
    }
    assert!(received < 5_001_000);
}

#[test]
fn an_upload_is_counted() {
    let mut request = b"POST /sink HTTP/1.1\r\ncontent-length: 300000\r\n\r\n".to_vec();
    request.resize(request.len() + 300_000, b'x');
    assert!(exchange(server(), &request).ends_with(r#"{"received":300000}"#));
}

#[test]
fn a_held_back_body_is_asked_for() {
    let head = b"POST /sink HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
    assert_eq!(exchange(server(), head), "HTTP/1.1 100 Continue\r\n\r\n");
}

#[test]
fn a_delayed_answer_comes_late_and_a_cut_one_never() {
    let start = Instant::now();
    let address = server();
    assert!(exchange(address, b"GET /slow/30 HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert_eq!(exchange(address, b"GET /drop HTTP/1.1\r\n\r\n"), "");
}
