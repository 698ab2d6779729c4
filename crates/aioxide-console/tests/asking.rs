//! Asking a console: answers, refusals, another version, and streams that are no console's.

mod watched;

use aioxide_console::process::{AskError, Connection};
use aioxide_console::top::watcher::{Query, snapshot};
use aioxide_trace::wire::{
    CancelAnswer, Greeting, LoopInfo, Request, Sort, StackAnswer, TasksAnswer, write_message,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use watched::{Program, Watched, shop};

/// A folder of its own for a test, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("aioxide-asking-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn socket(&self, pid: u32) -> PathBuf {
        self.0.join(format!("aioxide/{pid}.sock"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn query() -> Query {
    Query {
        sort: Sort::Busy,
        descending: true,
        filter: String::new(),
        limit: 3,
        tree: true,
        objects: true,
    }
}

#[test]
fn everything_is_asked_and_answered() {
    let folder = Folder::new("all");
    let watched = Watched::new(&folder.0, 7, shop());
    let mut connection = Connection::open(&folder.socket(7)).unwrap();
    let told = snapshot(&mut connection, &query()).unwrap();
    assert_eq!(told.greeting.unwrap().argv, ["shop.py"]);
    assert_eq!(
        (told.tasks.total, told.tasks.tasks.len(), &told.tasks.tasks[0].name[..]),
        (6, 3, "cleaner")
    );
    assert_eq!(
        (told.loops.len(), told.tree.len(), told.objects.len(), told.findings.len()),
        (1, 6, 1, 1)
    );
    let stack: StackAnswer = connection.ask(&Request::Stack { task: 2 }).unwrap();
    assert_eq!(stack.frames[1].function, "Till.open");
    let answer: CancelAnswer = connection.ask(&Request::Cancel { task: 2 }).unwrap();
    assert!(answer.ok);
    watched.change(|program| assert_eq!(program.cancelled, [2]));
}

#[test]
fn a_refusal_leaves_the_connection_as_it_was() {
    let folder = Folder::new("refusal");
    let _watched = Watched::new(&folder.0, 7, shop());
    let mut connection = Connection::open(&folder.socket(7)).unwrap();
    let refused = connection.ask::<CancelAnswer>(&Request::Cancel { task: 99 }).unwrap_err();
    assert_eq!(refused, AskError::Refused("there is no task 99".to_owned()));
    assert_eq!(connection.ask::<Vec<LoopInfo>>(&Request::Loops).unwrap().len(), 1);
}

#[test]
fn a_process_that_ends_is_told() {
    let folder = Folder::new("end");
    let watched = Watched::new(&folder.0, 7, shop());
    let mut connection = Connection::open(&folder.socket(7)).unwrap();
    watched.end();
    let gone = connection.ask::<TasksAnswer>(&Request::Loops).unwrap_err();
    assert_eq!(gone, AskError::Gone("the process has ended".to_owned()));
    assert!(Connection::open(&folder.socket(7)).is_err());
}

#[test]
fn another_version_of_the_wire_is_a_clear_error() {
    let folder = Folder::new("version");
    let greeting = Greeting {
        aioxide: "9.9".to_owned(),
        wire: 4,
        pid: 7,
        argv: Vec::new(),
        python: String::new(),
    };
    let _watched =
        Watched::new(&folder.0, 7, Program { greeting: Some(greeting), ..Program::default() });
    let error = Connection::open(&folder.socket(7)).err().unwrap();
    assert!(
        error.contains("aioxide 9.9") && error.contains("version 4") && error.contains("version 1"),
        "{error}"
    );
}

/// What a client makes of a listener that sends `bytes` to everybody, and closes.
fn client_of(name: &str, bytes: Vec<u8>) -> Result<(), String> {
    let folder = Folder::new(name);
    let path = folder.0.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(&bytes);
    });
    let result = Connection::open(&path).and_then(|mut connection| {
        snapshot(&mut connection, &query()).map(|_| ()).map_err(|error| error.to_string())
    });
    server.join().unwrap();
    result
}

#[test]
fn what_does_not_greet_is_no_console() {
    for (number, bytes) in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x02\0\0\0\0{}",
        b"\x01\0\0\0\x01x",
        b"\xff\xff\xff\xff\0",
    ]
    .into_iter()
    .enumerate()
    {
        let error = client_of(&format!("greet{number}"), bytes.to_vec()).unwrap_err();
        assert!(
            error.contains("no console of aioxide") || error.contains("closed the connection"),
            "{error}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn garbage_after_the_greeting_is_an_error_and_no_panic(garbage in vec(any::<u8>(), 0..200)) {
        let mut bytes = Vec::new();
        let greeting = Greeting { aioxide: "0.1.0".to_owned(), wire: 1, pid: 7, argv: Vec::new(), python: String::new() };
        write_message(&mut bytes, &greeting).unwrap();
        bytes.extend(garbage);
        prop_assert!(client_of("garbage", bytes).is_err());
    }
}
