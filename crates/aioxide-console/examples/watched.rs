//! Pretends to be a process that can be watched, for tests of the web view: `watched RUNTIME_FOLDER
//! [hostile]` opens a console below the folder, prints its number, and ends when its input does. What it
//! is asked to cancel, it prints.

#[path = "../tests/watched/mod.rs"]
mod watched;

use std::io::Read;
use std::path::Path;
use std::time::Duration;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: watched RUNTIME_FOLDER [hostile]");
        std::process::exit(2);
    };
    let mut program = watched::shop();
    if arguments.next().is_some() {
        let evil = "<img src=x onerror=alert(1)>\u{1b}[31m\u{202e}";
        for task in &mut program.tasks {
            task.name = evil.to_owned();
            task.coroutine = evil.to_owned();
        }
        program.findings[0].sentence = evil.to_owned();
        program.objects[0].name = evil.to_owned();
        program.loops[0].blocked_by = Some(evil.to_owned());
    }
    let watched = watched::Watched::new(Path::new(&folder), std::process::id(), program);
    println!("{}", std::process::id());
    let program = std::sync::Arc::clone(&watched.program);
    std::thread::spawn(move || {
        let mut told = 0;
        loop {
            let cancelled = program.lock().map(|it| it.cancelled.clone()).unwrap_or_default();
            for task in &cancelled[told..] {
                println!("cancelled {task}");
            }
            told = cancelled.len();
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    watched.end();
}
