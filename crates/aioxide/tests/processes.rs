//! Child processes, signals, threads.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aioxide::signal::{SIGTERM, SIGUSR2, Signal};
use aioxide::{Process, gather, spawn, timeout, to_thread};
use futures_lite::AsyncReadExt;

const DEADLINE: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[aioxide::test]
async fn a_process_gives_its_output_and_status() -> io::Result<()> {
    let process = Process::spawn(&mut shell("cat; echo error >&2; exit 3"))?;
    let output = timeout(DEADLINE, process.communicate(b"input")).await??;
    assert_eq!(output.status.code(), Some(3));
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"input"[..], &b"error\n"[..]));
    Ok(())
}

/// More than a pipe holds, in both directions.
#[aioxide::test]
async fn a_megabyte_goes_through_cat() -> io::Result<()> {
    let input: Vec<u8> = (0..1_000_000_u32).map(|it| (it % 251) as u8).collect();
    let process = Process::spawn(&mut shell("cat"))?;
    let output = timeout(DEADLINE, process.communicate(&input)).await??;
    assert!(output.status.success() && output.stdout == input);
    Ok(())
}

#[aioxide::test]
async fn a_child_that_reads_nothing_is_no_error() -> io::Result<()> {
    let process = Process::spawn(&mut shell("exec 0<&-; echo done"))?;
    let output = timeout(DEADLINE, process.communicate(&[0; 1_000_000])).await??;
    assert_eq!(output.stdout, b"done\n");
    Ok(())
}

#[aioxide::test]
async fn fifty_processes_run_at_once() -> io::Result<()> {
    let wait = async |code: i32| -> io::Result<Option<i32>> {
        let mut process = Process::spawn(&mut shell(&format!("exit {code}")))?;
        Ok(process.wait().await?.code())
    };
    let codes = timeout(DEADLINE, gather((0..50).map(wait))).await?;
    for (expected, code) in (0..50).zip(codes) {
        assert_eq!(code?, Some(expected));
    }
    Ok(())
}

#[aioxide::test]
async fn a_process_can_be_signalled() -> io::Result<()> {
    let mut process = Process::spawn(&mut shell("echo ready; exec sleep 60"))?;
    let mut ready = [0; 6];
    process.stdout.as_mut().unwrap().read_exact(&mut ready).await?;
    let error = process.send_signal(12345).unwrap_err();
    assert_eq!(error.to_string(), "12345 is not the number of a signal");
    assert!(timeout(Duration::from_millis(5), process.wait()).await.is_err());
    process.terminate()?;
    assert_eq!(timeout(DEADLINE, process.wait()).await??.signal(), Some(SIGTERM));
    assert_eq!(process.wait().await?.signal(), Some(SIGTERM), "it can be asked again");
    process.kill()
}

fn exists(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

#[aioxide::test]
async fn whoever_cancels_a_task_awaits_the_end_of_its_process() -> io::Result<()> {
    let (sender, pid) = aioxide::oneshot::channel();
    let task = spawn(async move {
        let mut process = Process::spawn(&mut shell("exec sleep 60")).unwrap();
        sender.send(process.pid()).unwrap();
        process.wait().await
    });
    let pid = pid.await.unwrap();
    assert!(exists(pid));
    let begin = Instant::now();
    task.cancel();
    assert!(timeout(DEADLINE, task).await?.unwrap_err().is_cancelled());
    assert!(begin.elapsed() < DEADLINE && !exists(pid), "it was killed and reaped");
    Ok(())
}

#[test]
fn a_process_that_is_dropped_after_its_loop_is_killed_too() {
    let process = aioxide::run(async { Process::spawn(&mut shell("exec sleep 60")) }).unwrap();
    let pid = process.pid();
    assert!(exists(pid));
    drop(process);
    assert!(!exists(pid));
}

#[aioxide::test]
async fn a_program_that_does_not_exist_is_named() {
    let error = Process::spawn(&mut Command::new("no-such-program")).unwrap_err();
    assert!(error.to_string().starts_with("cannot start \"no-such-program\": "), "{error}");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[aioxide::test]
async fn every_listener_has_the_signal() -> io::Result<()> {
    let (mut one, mut other) = (Signal::new(SIGUSR2)?, Signal::new(SIGUSR2)?);
    let early = timeout(Duration::from_millis(5), one.recv()).await;
    assert!(early.is_err());
    let pid = rustix::process::getpid();
    rustix::process::kill_process(pid, rustix::process::Signal::USR2)?;
    timeout(DEADLINE, async { aioxide::gather!(one.recv(), other.recv()).await }).await?;
    Ok(())
}

#[aioxide::test]
async fn signals_that_cannot_be_handled_are_refused() {
    for number in [0, -1, 9, 19, 12345] {
        let error = Signal::new(number).unwrap_err();
        assert_eq!(error.to_string(), format!("signal {number} cannot be listened for"));
    }
}

#[aioxide::test]
async fn a_panic_in_a_thread_is_the_callers() {
    let task = spawn(to_thread::<(), _>(|| panic!("in a thread")));
    assert_eq!(task.await.unwrap_err().to_string(), "it panicked: in a thread");
}

#[aioxide::test]
async fn more_calls_than_threads_wait_for_one() {
    let calls = (0..200).map(|number| to_thread(move || number));
    let results = timeout(DEADLINE, gather(calls)).await.unwrap();
    assert!(results.into_iter().eq(0..200));
}
