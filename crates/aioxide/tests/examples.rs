//! The examples print what they are to print, and their Python forms print the same.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// Cargo builds the examples together with the tests, in a folder beside them.
fn program(name: &str) -> Command {
    let test = std::env::current_exe().expect("this program has a path");
    let built = test.parent().and_then(Path::parent).expect("it is in a folder of a folder");
    Command::new(built.join("examples").join(name))
}

/// Python 3.11 or newer, if there is one.
fn python() -> Option<String> {
    let names = ["python3", "python3.15", "python3.14", "python3.13", "python3.12", "python3.11"];
    let from_make = std::env::var("PYO3_PYTHON").ok();
    from_make.into_iter().chain(names.map(str::to_owned)).find(|name| {
        let version = "import sys; sys.exit(sys.version_info < (3, 11))";
        Command::new(name)
            .args(["-c", version])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|it| it.success())
    })
}

fn finish(mut child: Child, what: &str) -> Output {
    let end = Instant::now() + DEADLINE;
    while child.try_wait().expect("it is ours").is_none() {
        if Instant::now() > end {
            let _ = child.kill();
            panic!("{what} was not done after {DEADLINE:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().expect("it has ended")
}

fn output(mut command: Command) -> String {
    let what = format!("{command:?}");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
    let output = finish(child, &what);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what} ended by {}: {errors}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// Compares an example and its Python form with what they are to print.
fn prints(name: &str, expected: &str, read: fn(&str) -> String) {
    assert_eq!(read(&output(program(name))), expected);
    if let Some(python) = python() {
        let mut command = Command::new(python);
        command.arg(folder().join(name).with_extension("py"));
        assert_eq!(read(&output(command)), expected, "in Python");
    }
}

fn as_it_is(text: &str) -> String {
    text.to_owned()
}

#[test]
fn timestamps() {
    // The times are real, so they are only read as such.
    let without_times = |text: &str| {
        let mut lines = String::new();
        for line in text.lines() {
            let (time, rest) = line.strip_prefix('[').unwrap().split_once(" s] ").unwrap();
            assert!(time.parse::<f64>().unwrap() >= 0.1, "{line}");
            lines.push_str(rest);
            lines.push('\n');
        }
        lines
    };
    prints("timestamps", "hello\nworld\ntogether: hello\ntogether: world\n", without_times);
}

#[test]
fn fifty_workers() {
    prints("fifty_workers", "50 workers are done, 5 at a time at most\n", as_it_is);
}

#[test]
fn timeouts() {
    let expected = "job 0: 0\njob 1: 10\njob 2: 20\njob 3: timed out\n\
        job 4: failed: job 4 is out of order\njob 5: 50\njob 6: 60\njob 7: timed out\njob 8: 80\n\
        job 9: failed: job 9 is out of order\n6 done, 2 failed, 2 timed out\n";
    prints("timeouts", expected, as_it_is);
}

#[test]
fn clean_up() {
    // How many numbers it comes to depends on the machine's load.
    let first_and_last = |text: &str| {
        let lines: Vec<&str> = text.lines().collect();
        let (first, last) = (lines[0], &lines[lines.len() - 4..]);
        let saved = last[2].strip_prefix("worker: saved [1, 2").expect(text);
        assert!(saved.ends_with(']'), "{text}");
        format!("{first} … {}, {}, {}", last[0], last[1], last[3])
    };
    let expected = "worker: 1 … main: cancelling, worker: saving, main: the worker was cancelled";
    prints("clean_up", expected, first_and_last);
}

#[test]
fn async_timer() {
    let expected =
        "the timer is running\ntick 1\ntick 2\ntick 3\ntick 4\n4 ticks, drifted: false\n";
    prints("async_timer", expected, as_it_is);
}

#[test]
fn concurrent_fetcher() {
    let mut expected: String =
        (1..=20).map(|number| format!("page {number}: {} bytes\n", number * 100)).collect();
    expected.push_str("21000 bytes, all at once: true\n");
    prints("concurrent_fetcher", &expected, as_it_is);
}

#[test]
fn rate_limited_fetcher() {
    let expected = "7800 bytes of 12 pages\n3 at a time at most: true\nnot too often: true\n";
    prints("rate_limited_fetcher", expected, as_it_is);
}

#[test]
fn pipeline() {
    prints("pipeline", "100 numbers were squared\ntheir sum is 338350\n", as_it_is);
}

#[test]
fn retry() {
    let expected = "attempt 1: turned away\nattempt 2: turned away\nanswered: welcome\n\
        attempt 1: turned away\nattempt 2: turned away\nin vain: 3 attempts\n";
    prints("retry", expected, as_it_is);
}

#[test]
fn chat_server() {
    let expected = "ada hears: welcome, ada\nbob hears: welcome, bob\nada hears: bob is here\n\
        bob hears: ada: hello\nada hears: bob: hello, ada\nbob hears: bob is taken\n\
        bob hears: nothing more\nada hears: bob has left\n";
    prints("chat_server", expected, as_it_is);
}

/// Starts the chat server, and gives it when it listens.
fn serving() -> Child {
    let mut command = program("chat_server");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    command.arg(port.to_string()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, format!("listening at 127.0.0.1:{port}\n"));
    child
}

#[test]
fn ctrl_c_ends_a_program_as_the_signal_does() {
    let child = serving();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = finish(child, "the chat server");
    assert_eq!(output.status.signal(), Some(2), "{:?}", output.status);
}

#[test]
fn every_example_has_a_python_form_and_a_test() {
    let named = |extension: &str| -> BTreeSet<String> {
        let files = std::fs::read_dir(folder()).unwrap().map(|it| it.unwrap().path());
        let found = files.filter(|it| it.extension().is_some_and(|it| it == extension));
        found.map(|it| it.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(named("rs"), named("py"));
    let tests = include_str!("examples.rs");
    for name in named("rs") {
        assert!(tests.contains(&format!("fn {name}()")), "{name} has no test");
    }
}
