//! `top` in a pseudo-terminal, with its screen read back.

mod watched;

use aioxide_trace::wire::{Greeting, LoopInfo, StackAnswer, WaitsFor};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use watched::{Watched, shop};

/// A busy machine may need so long; nothing waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(20);

/// `aioxide-console top` in a terminal.
struct Top {
    screen: Arc<Mutex<vt100::Parser>>,
    child: Box<dyn Child + Send + Sync>,
    terminal: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    folder: PathBuf,
}

impl Top {
    fn new(folder: PathBuf, size: (u16, u16), arguments: &[&str]) -> Self {
        let (rows, cols) = size;
        let pair = native_pty_system()
            .openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 })
            .unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_aioxide-console"));
        command.arg("top");
        command.args(arguments);
        command.env("XDG_RUNTIME_DIR", &folder);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, cols, 0)));
        let mut from = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                shown.lock().unwrap().process(&buffer[..count]);
            }
        });
        Top { screen, child, terminal: pair.master, keys, folder }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn wait(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let text = self.text();
            if holds(&text) {
                return text;
            }
            assert!(began.elapsed() < DEADLINE, "no {what} in:\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for(&self, words: &str) -> String {
        self.wait(words, |text| text.contains(words))
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn resize(&self, rows: u16, cols: u16) {
        // The whole screen is drawn anew after a resize.
        *self.screen.lock().unwrap() = vt100::Parser::new(rows, cols, 0);
        self.terminal.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    fn end(mut self) -> u32 {
        self.press("q");
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(began.elapsed() < DEADLINE, "q does not end top");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("aioxide-screens-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A process that lives: this one.
fn me() -> u32 {
    std::process::id()
}

#[test]
fn the_table_shows_tasks_by_busy_time_with_what_they_wait_for() {
    let folder = folder("table");
    let _watched = Watched::new(&folder, me(), shop());
    let top = Top::new(folder, (24, 140), &[&me().to_string()]);
    let text = top.wait_for("1.50 s lock till (shop.py:4)");
    let order: Vec<usize> = ["cleaner", "driver", "guard", "baker", "cashier"]
        .iter()
        .map(|name| text.find(&format!("{name} serve")).unwrap())
        .collect();
    assert!(order.is_sorted(), "{text}");
    assert!(text.contains("6 tasks") && text.contains("3 ready") && text.contains("shop.py"));
    assert!(text.contains("sorted by busy"));
    top.wait_for("/s iterations");
    assert_eq!(top.end(), 0);
}

#[test]
fn keys_sort_filter_search_and_show_the_tree() {
    let folder = folder("keys");
    let _watched = Watched::new(&folder, me(), shop());
    let mut top = Top::new(folder, (24, 140), &[&me().to_string()]);
    top.wait_for("cashier serve");
    top.press("sss");
    top.wait_for("sorted by steps");
    top.press("fcl\r");
    let text = top
        .wait("the filter", |text| text.contains("filter: cl") && !text.contains("driver serve"));
    assert!(text.contains("cleaner serve"));
    top.press("f\x7f\x7f\r");
    top.wait_for("driver serve");
    top.press("/guard\r\r");
    top.wait_for("Till.open");
    top.press(" t");
    top.wait("the tree", |text| text.contains("  cashier serve") && !text.contains("sorted by"));
    top.press("/no such task\r");
    top.wait_for("nothing has \"no such task\" in it");
    top.press("?");
    top.wait_for("time ready, while something else ran");
    top.press(" ");
    assert_eq!(top.end(), 0);
}

#[test]
fn enter_shows_the_await_stack_and_why_there_is_none() {
    let folder = folder("stack");
    let watched = Watched::new(&folder, me(), shop());
    let mut top = Top::new(folder, (30, 120), &[&me().to_string()]);
    top.wait_for("cleaner serve");
    top.press("\r");
    let text = top.wait_for("Till.open  shop.py:31");
    assert!(text.contains("created at shop.py:12 by main"));
    watched.change(|program| {
        program.stack = StackAnswer {
            frames: Vec::new(),
            unavailable: Some("unavailable while crunch (shop.py:9) holds the GIL".to_owned()),
        };
    });
    top.press(" \r");
    top.wait_for("unavailable while crunch (shop.py:9) holds the GIL");
    top.press(" ");
    assert_eq!(top.end(), 0);
}

#[test]
fn a_task_is_cancelled_after_asking_only() {
    let folder = folder("cancel");
    let watched = Watched::new(&folder, me(), shop());
    let mut top = Top::new(folder, (24, 120), &[&me().to_string()]);
    top.wait_for("cleaner serve");
    top.press("c");
    top.wait_for("Cancel cleaner of process");
    top.press("n");
    top.wait_for("not cancelled");
    watched.change(|program| assert!(program.cancelled.is_empty()));
    top.press("cy");
    top.wait_for("cancel requested");
    watched.change(|program| assert_eq!(program.cancelled, [3]));
    top.press("r");
    top.wait("what the keys are for", |text| {
        !text.contains("cancel requested") && text.contains("? keys")
    });
    assert_eq!(top.end(), 0);
}

#[test]
fn the_other_panels_show_loops_locks_and_findings() {
    let folder = folder("panels");
    let _watched = Watched::new(&folder, me(), shop());
    let mut top = Top::new(folder, (24, 140), &[&me().to_string()]);
    top.wait_for("cleaner serve");
    top.press("3");
    let text = top.wait_for("half below 8.19 µs, 99 % below 16.4 µs");
    assert!(
        text.contains("baker shop.py:30 for 1.00 µs") && text.contains("received 4.0 KiB"),
        "{text}"
    );
    assert!(text.contains("longest step 250 ms night shift (clean, shop.py:40)"), "{text}");
    top.press("4");
    let text = top.wait("the lock", |text| text.contains("shop.py:4") && text.contains("OWNER"));
    assert!(
        text.contains("till") && text.contains("cleaner") && text.contains("1 cashier"),
        "{text}"
    );
    top.press("5");
    let text = top.wait_for("cleaner held the loop for 250 ms");
    assert!(text.contains("use asyncio.sleep instead of time.sleep"));
    assert_eq!(top.end(), 0);
}

#[test]
fn the_last_of_many_loops_is_reached_and_a_long_finding_is_whole() {
    let folder = folder("many");
    let mut program = shop();
    let first = program.loops[0].clone();
    program.loops = (1..=6).map(|id| LoopInfo { id, ..first.clone() }).collect();
    program.findings[0].sentence = "it held ".to_owned() + &"very ".repeat(20) + "long";
    let _watched = Watched::new(&folder, me(), program);
    let mut top = Top::new(folder, (20, 80), &[&me().to_string()]);
    top.wait_for("cleaner serve");
    top.press("3");
    top.wait("the first loop", |text| text.contains("loop 1") && !text.contains("loop 6"));
    top.press("jjjjj");
    top.wait("the last loop", |text| text.contains("loop 6") && !text.contains("loop 1"));
    top.press("5");
    let text = top.wait_for("very long");
    assert!(text.contains("use asyncio.sleep instead of time.sleep"), "{text}");
    assert_eq!(top.end(), 0);
}

#[test]
fn without_findings_it_says_who_looks_for_them_and_long_times_have_room() {
    let folder = folder("nothing_found");
    let mut program = shop();
    program.findings.clear();
    for task in &mut program.tasks {
        (task.idle_ns, task.age_ns) = (82_000_000_000, 7_260_000_000_000);
    }
    let _watched = Watched::new(&folder, me(), program);
    let mut top = Top::new(folder, (24, 180), &[&me().to_string()]);
    let text = top.wait_for("cleaner serve");
    assert!(text.contains(" 1m 22s ") && text.contains(" 2h 01m "), "{text}");
    top.press("5");
    top.wait_for("while the watchdog is on: aioxide --watch --console app.py");
    assert_eq!(top.end(), 0);
}

#[test]
fn a_finding_without_a_place_has_no_line_for_it() {
    let folder = folder("no_place");
    let mut program = shop();
    program.findings.truncate(1);
    program.findings[0].place.clear();
    program.findings[0].created.clear();
    program.findings[0].victims.clear();
    program.findings[0].elapsed_ns = 0;
    let _watched = Watched::new(&folder, me(), program);
    let mut top = Top::new(folder, (24, 140), &[&me().to_string()]);
    top.wait_for("cleaner serve");
    top.press("5");
    let text = top.wait_for("cleaner held the loop for 250 ms");
    assert!(!text.lines().any(|line| line.trim() == "at"), "{text}");
    assert_eq!(top.end(), 0);
}

#[test]
fn a_loop_that_is_blocked_is_shown_with_by_what() {
    let folder = folder("blocked");
    let watched = Watched::new(&folder, me(), shop());
    let top = Top::new(folder, (24, 120), &[&me().to_string()]);
    top.wait_for("cleaner serve");
    watched.change(|program| {
        program.loops[0].blocked_by = Some("time.sleep at shop.py:44 for 1.2 s".to_owned())
    });
    top.wait_for("loop 1 is blocked: time.sleep at shop.py:44 for 1.2 s");
    watched.change(|program| program.loops[0].blocked_by = None);
    top.wait("the end of it", |text| !text.contains("is blocked"));
    assert_eq!(top.end(), 0);
}

#[test]
fn several_processes_are_one_table_and_one_that_ends_is_told() {
    let folder = folder("several");
    let _first = Watched::new(&folder, me(), shop());
    let mut other = shop();
    other.tasks.iter_mut().for_each(|task| task.name = format!("second {}", task.name));
    // The process that started this one: it lives as long.
    let parent = std::os::unix::process::parent_id();
    let second = Watched::new(&folder, parent, other);
    let mut top = Top::new(folder, (40, 120), &[]);
    // Keys that come before `top` has the terminal are changed by it: Enter is none then.
    top.wait_for("PID");
    // Programs of others may have consoles below /tmp, which is shown as well.
    top.press("fcashier\r");
    let text =
        top.wait("both", |text| text.contains("second cashier") && text.contains(" cashier serve"));
    assert!(text.contains("PID"));
    second.end();
    top.wait_for("the process has ended");
    top.wait("its tasks to go", |text| !text.contains("second cashier"));
    assert!(top.text().contains("cashier serve"));
    assert_eq!(top.end(), 0);
}

#[test]
fn a_terminal_that_is_too_small_or_resized_is_drawn() {
    let folder = folder("small");
    let _watched = Watched::new(&folder, me(), shop());
    let top = Top::new(folder, (6, 30), &[&me().to_string()]);
    top.wait_for("terminal too small");
    top.resize(24, 100);
    top.wait_for("cleaner serve");
    top.resize(9, 41);
    top.wait("the narrow table", |text| text.contains("cleaner") && !text.contains("LONGEST"));
    top.resize(1, 1);
    top.resize(24, 100);
    top.wait_for("LONGEST");
    assert_eq!(top.end(), 0);
}

#[test]
fn names_do_not_control_the_terminal() {
    let folder = folder("names");
    let mut program = shop();
    let evil = "\x1b[2J\x1b]0;owned\x07\u{202e}evil";
    program.greeting = Some(Greeting {
        aioxide: "0.1.0".to_owned(),
        wire: 1,
        pid: me(),
        argv: vec![evil.to_owned()],
        python: evil.to_owned(),
    });
    for task in &mut program.tasks {
        task.name = evil.to_owned();
        task.waits_for = Some(WaitsFor { kind: evil.to_owned(), id: 1, text: evil.to_owned() });
    }
    let _watched = Watched::new(&folder, me(), program);
    let top = Top::new(folder, (24, 140), &[&me().to_string()]);
    let text = top.wait_for("\\u{1b}[2J");
    assert!(!text.contains('\u{202e}'));
    assert_eq!(top.end(), 0);
}

#[test]
fn garbage_from_a_process_is_told_and_top_lives() {
    let folder = folder("garbage");
    let watched = Watched::new(&folder, me(), shop());
    let top = Top::new(folder, (24, 120), &[&me().to_string()]);
    top.wait_for("cleaner serve");
    watched.change(|program| program.garbage = Some(b"\x05\0\0\0\0oops!".to_vec()));
    top.wait_for("the console's answer cannot be read");
    assert_eq!(top.end(), 0);
}

/// What `top` says where there is nothing to show.
fn refused(folder: &PathBuf, arguments: &[&str]) -> String {
    let top = Top::new(folder.clone(), (24, 200), arguments);
    let text = top.wait_for("aioxide-console: ");
    std::fs::create_dir_all(folder).unwrap();
    text
}

#[test]
fn a_process_that_is_gone_or_has_no_console_is_named() {
    let folder = folder("gone");
    assert!(refused(&folder, &["999999999"]).contains("there is no process 999999999"));
    let text = refused(&folder, &[&me().to_string()]);
    assert!(text.contains("has no console") && text.contains("aioxide --console"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_has_ended_and_was_not_waited_for_is_named() {
    let folder = folder("ended");
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    let options = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
    rustix::process::waitid(rustix::process::WaitId::Pid(pid), options).unwrap();
    let text = refused(&folder, &[&child.id().to_string()]);
    child.wait().unwrap();
    assert!(text.contains("has ended, but its parent has not waited for it"), "{text}");
}

#[test]
fn without_a_terminal_top_says_so() {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_aioxide-console"))
        .arg("top")
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("top needs a terminal"));
}
