#![cfg(not(miri))] // Miri has no processes.

use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use super::*;
use crate::{Events, Interest, Poller, Trigger};

const DEADLINE: Duration = Duration::from_secs(20);

/// A child that runs `script`; `go` in it waits for the test's signal.
fn shell(script: &str) -> (Child, ChildStdin, i32) {
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("read line; {script}")])
        .stdin(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    let stdin = child.stdin.take().expect("it is piped");
    let pid = i32::try_from(child.id()).expect("a process number is an i32");
    (child, stdin, pid)
}

fn go_on(mut stdin: ChildStdin) {
    stdin.write_all(b"\n").expect("the child reads");
}

/// The switch is the process's: tests that need it one way or the other do
/// not run at once.
fn descriptors(allowed: bool) -> MutexGuard<'static, ()> {
    static SWITCH: Mutex<()> = Mutex::new(());
    let guard = SWITCH.lock().unwrap_or_else(PoisonError::into_inner);
    use_exit_descriptors(allowed);
    guard
}

fn wait_for(descriptor: &OwnedFd) -> bool {
    let poller = Poller::new().unwrap();
    poller.add(descriptor.as_fd(), 1, Interest::READ, Trigger::Level).unwrap();
    let mut events = Events::with_capacity(1);
    poller.wait(&mut events, Some(DEADLINE)).unwrap();
    let told = events.iter().any(|event| event.token == 1 && event.readable);
    poller.remove(descriptor.as_fd()).unwrap();
    told
}

#[test]
#[cfg(target_os = "linux")]
fn the_descriptor_tells_the_end_and_reaping_the_exit_status() {
    let _guard = descriptors(true);
    let (_child, stdin, pid) = shell("exit 7");
    let descriptor = exit_descriptor(pid).unwrap();
    assert_eq!(reap(pid).unwrap(), None);
    go_on(stdin);
    assert!(wait_for(&descriptor));
    assert_eq!(reap(pid).unwrap(), Some(Exit::Code(7)));
    assert_eq!(reap(pid).unwrap(), Some(Exit::Lost));
}

#[test]
#[cfg(target_os = "linux")]
fn a_child_that_ended_before_is_reported_at_once() {
    let _guard = descriptors(true);
    let (_child, stdin, pid) = shell("kill -TERM $$");
    let first = exit_descriptor(pid).unwrap();
    go_on(stdin);
    assert!(wait_for(&first));
    assert!(wait_for(&exit_descriptor(pid).unwrap()));
    assert_eq!(reap(pid).unwrap(), Some(Exit::Signal(libc::SIGTERM)));
}

#[test]
#[cfg(target_os = "linux")]
fn there_is_no_descriptor_for_a_child_that_was_reaped() {
    let _guard = descriptors(true);
    let (mut child, stdin, pid) = shell("exit 0");
    go_on(stdin);
    child.wait().unwrap();
    let error = exit_descriptor(pid).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ESRCH));
}

#[test]
fn without_descriptors_there_are_none() {
    let _guard = descriptors(false);
    let error = exit_descriptor(i32::try_from(std::process::id()).unwrap()).unwrap_err();
    use_exit_descriptors(true);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_thread_tells_the_end_and_leaves_the_exit_status() {
    let (_child, stdin, pid) = shell("exit 3");
    let (sender, told) = mpsc::channel();
    let thread = on_exit(pid, move || sender.send(()).unwrap()).unwrap();
    assert_eq!(reap(pid).unwrap(), None);
    assert!(told.try_recv().is_err());
    go_on(stdin);
    told.recv_timeout(DEADLINE).unwrap();
    thread.join().unwrap();
    assert_eq!(reap(pid).unwrap(), Some(Exit::Code(3)));
}

#[test]
fn a_thread_reports_at_once_a_child_that_is_gone() {
    let (mut child, stdin, pid) = shell("exit 0");
    go_on(stdin);
    child.wait().unwrap();
    let (sender, told) = mpsc::channel();
    on_exit(pid, move || sender.send(()).unwrap()).unwrap();
    told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(reap(pid).unwrap(), Some(Exit::Lost));
}

#[test]
fn a_stopped_child_has_not_ended() {
    let (_child, stdin, pid) = shell("exit 0");
    let process = Pid::from_raw(pid).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(process), stopped).unwrap();
    assert_eq!(reap(pid).unwrap(), None);
    kill_process(process, Signal::CONT).unwrap();
    let (sender, told) = mpsc::channel();
    on_exit(pid, move || sender.send(()).unwrap()).unwrap();
    go_on(stdin);
    told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(reap(pid).unwrap(), Some(Exit::Code(0)));
}

#[test]
fn numbers_of_groups_are_refused() {
    for pid in [0, -1, i32::MIN] {
        assert_eq!(exit_descriptor(pid).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(on_exit(pid, || {}).unwrap_err().kind(), ErrorKind::InvalidInput);
        let error = reap(pid).unwrap_err();
        assert_eq!(error.to_string(), format!("{pid} is not a process number"));
    }
}
