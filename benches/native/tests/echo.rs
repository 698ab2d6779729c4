//! The generator against servers that answer rightly, wrongly and not at all.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use aioxide_bench_native::echo::EchoServer;
use aioxide_bench_native::load;
use aioxide_bench_native::options::{Mode, Options};

fn options(address: SocketAddrV4, mode: Mode) -> Options {
    Options {
        address,
        mode,
        connections: 8,
        size: 1024,
        pipeline: 1,
        lines: false,
        tls: None,
        warmup: Duration::from_millis(10),
        measured: Duration::from_millis(60),
    }
}

fn floor() -> SocketAddrV4 {
    let server = EchoServer::bind().unwrap();
    let address = server.address();
    thread::spawn(move || server.run());
    address
}

/// A server that treats each connection by `answer` in a thread of its own.
fn serve(answer: fn(TcpStream)) -> SocketAddrV4 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let SocketAddr::V4(address) = listener.local_addr().unwrap() else {
        panic!("bound to an IPv4 address");
    };
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || answer(stream));
        }
    });
    address
}

#[test]
fn steady_requests_are_answered_and_timed() {
    let report = load::run(&options(floor(), Mode::Steady)).unwrap();
    assert!(report.requests > 100, "{report}");
    assert!(report.latencies.value_at_quantile(0.5) <= report.latencies.max());
    assert!(report.processor <= report.measured * 2);
}

#[test]
fn everything_the_server_answered_is_served() {
    static ANSWERED: AtomicU64 = AtomicU64::new(0);
    let address = serve(|mut stream| {
        let mut buffer = [0; 1024];
        while stream.read_exact(&mut buffer).is_ok() {
            ANSWERED.fetch_add(1, Ordering::SeqCst);
            stream.write_all(&buffer).unwrap();
        }
    });
    let report = load::run(&options(address, Mode::Steady)).unwrap();
    assert_eq!(report.served, ANSWERED.load(Ordering::SeqCst));
    assert!(report.served > report.requests, "{report}");
}

#[test]
fn messages_larger_than_the_socket_buffers_pass() {
    let large = Options { size: 8 * 1024 * 1024, connections: 2, ..options(floor(), Mode::Steady) };
    assert!(load::run(&large).unwrap().requests > 0);
}

#[test]
fn every_message_of_a_pipeline_counts() {
    let lines = Options { size: 64, lines: true, pipeline: 10, ..options(floor(), Mode::Steady) };
    let report = load::run(&lines).unwrap();
    assert!(report.requests >= 10, "{report}");
}

#[test]
fn connections_are_opened_and_closed_with_and_without_a_message() {
    for size in [0, 64] {
        let closing = Options { size, ..options(floor(), Mode::ConnectClose) };
        let report = load::run(&closing).unwrap();
        assert!(report.requests > 8, "{report}");
        // The last ones end after the measurement.
        assert!(report.served >= report.requests + 8, "{report}");
    }
}

#[test]
fn held_connections_are_all_accepted() {
    let many = Options { connections: 300, ..options(floor(), Mode::Hold) };
    assert_eq!(load::hold(&many).unwrap().len(), 300);
}

#[test]
fn a_wrong_answer_ends_the_run() {
    let address = serve(|mut stream| {
        let mut buffer = [0; 1024];
        let mut answered = 0;
        while stream.read_exact(&mut buffer).is_ok() {
            answered += 1;
            buffer[500] ^= u8::from(answered > 3);
            if stream.write_all(&buffer).is_err() {
                return;
            }
        }
    });
    let error = load::run(&options(address, Mode::Steady)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("byte 500"), "{error}");
}

#[test]
fn a_server_that_hangs_up_ends_the_run() {
    let address = serve(|mut stream| {
        let mut buffer = [0; 1024];
        stream.read_exact(&mut buffer).unwrap();
    });
    let error = load::run(&options(address, Mode::Steady)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn nobody_listening_is_an_error_with_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let SocketAddr::V4(address) = listener.local_addr().unwrap() else {
        panic!("bound to an IPv4 address");
    };
    drop(listener);
    let error = load::run(&options(address, Mode::Steady)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

/// A file for one test, gone with it.
struct Authorities(std::path::PathBuf);

impl Authorities {
    fn holding(name: &str, text: &str) -> Self {
        let file = format!("aioxide-bench-{name}-{}.pem", std::process::id());
        let path = std::env::temp_dir().join(file);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Authorities {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn authorities_that_are_none_are_named() {
    let empty = Authorities::holding("empty", "no certificate at all");
    let missing = std::path::PathBuf::from("/nowhere/authorities.pem");
    for path in [empty.0.clone(), missing] {
        let secure = Options { tls: Some(path.clone()), ..options(floor(), Mode::Steady) };
        let error = load::run(&secure).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}
