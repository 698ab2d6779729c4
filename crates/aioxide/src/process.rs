//! Child processes.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::process::{Child, Command, ExitStatus, Output};
use std::task::{Context, Poll};

use aioxide_engine::children;
use futures_io::{AsyncRead, AsyncWrite};

use crate::cancellation::hand_over;
use crate::handoff::Handoff;
use crate::net::Descriptor;
use crate::runtime::{OutsideWait, current, expect_current};

/// A child process: asyncio's `create_subprocess_exec` and `Process`.
///
/// ```
/// use std::process::{Command, Stdio};
///
/// aioxide::run(async {
///     let mut sort = Command::new("sort");
///     sort.stdin(Stdio::piped()).stdout(Stdio::piped());
///     let output = aioxide::Process::spawn(&mut sort)?.communicate(b"b\na\n").await?;
///     assert!(output.status.success());
///     assert_eq!(output.stdout, b"a\nb\n");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Cancellation
///
/// A process that is dropped while it runs is killed, as by asyncio; whoever cancels the task that
/// drops it awaits its end. [`Process::detach`] lets it run.
#[derive(Debug)]
pub struct Process {
    /// None when it was detached, or given to its clean-up.
    child: Option<Running>,
    /// The child's standard input, if the command has `Stdio::piped()` for it.
    pub stdin: Option<PipeWriter>,
    /// The child's standard output, likewise.
    pub stdout: Option<PipeReader>,
    /// The child's standard error, likewise.
    pub stderr: Option<PipeReader>,
}

/// A child that has to be reaped.
struct Running {
    child: Child,
    ended: Ended,
}

/// How its end is noticed.
enum Ended {
    Descriptor(Descriptor<OwnedFd>),
    /// Where the kernel has no descriptors for processes: by a thread.
    Thread(Handoff<()>),
}

impl Process {
    /// Starts `command`.
    ///
    /// # Errors
    ///
    /// If the program cannot be started; the error names it. And when the process is out of
    /// descriptors: then the child was killed.
    ///
    /// # Panics
    ///
    /// If no loop runs on this thread.
    #[track_caller]
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        drop(expect_current("Process::spawn()"));
        let mut child = command.spawn().map_err(|error| {
            let program = command.get_program();
            io::Error::new(error.kind(), format!("cannot start {program:?}: {error}"))
        })?;
        match Self::watch(&mut child) {
            Ok((ended, [stdin, stdout, stderr])) => Ok(Self {
                child: Some(Running { child, ended }),
                stdin: stdin.map(|pipe| PipeWriter { pipe }),
                stdout: stdout.map(|pipe| PipeReader { pipe }),
                stderr: stderr.map(|pipe| PipeReader { pipe }),
            }),
            Err(error) => {
                // It would run without anybody who could wait for it.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    fn watch(child: &mut Child) -> io::Result<(Ended, [Option<Descriptor<OwnedFd>>; 3])> {
        let pipes = [
            child.stdin.take().map(OwnedFd::from),
            child.stdout.take().map(OwnedFd::from),
            child.stderr.take().map(OwnedFd::from),
        ];
        let ended = Ended::of(child)?;
        let [stdin, stdout, stderr] = pipes.map(|pipe| pipe.map(watch_pipe).transpose());
        Ok((ended, [stdin?, stdout?, stderr?]))
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, |running| running.child.id())
    }

    /// Waits for the end of the process. Its standard input is closed first, so that a child that
    /// reads to the end does not wait for ever; pipes that nobody reads may fill up, though, and
    /// then it waits: [`Process::communicate`] reads them.
    ///
    /// # Errors
    ///
    /// Those of `waitpid`: other code has waited for the child.
    ///
    /// # Cancellation
    ///
    /// Dropped, it can be called again.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.stdin = None;
        match &mut self.child {
            Some(running) => running.wait().await,
            None => Err(io::Error::other("the process was detached")),
        }
    }

    /// Writes `input` to the process and closes its standard input, reads what it prints, and
    /// waits for its end.
    ///
    /// # Errors
    ///
    /// Those of reading, and of [`Process::wait`]. A child that does not read all of its input is
    /// none, as in asyncio.
    ///
    /// # Cancellation
    ///
    /// Dropped, it kills the process.
    pub async fn communicate(mut self, input: &[u8]) -> io::Result<Output> {
        let (stdin, stdout, stderr) = (self.stdin.take(), self.stdout.take(), self.stderr.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                match stdin.write_all(input).await {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                    done => return done,
                }
            }
            Ok(())
        };
        let read_out = async {
            match stdout {
                Some(stdout) => stdout.read_to_end().await,
                None => Ok(Vec::new()),
            }
        };
        let read_err = async {
            match stderr {
                Some(stderr) => stderr.read_to_end().await,
                None => Ok(Vec::new()),
            }
        };
        let ((), stdout, stderr) = crate::try_gather!(write, read_out, read_err).await?;
        let status = self.wait().await?;
        Ok(Output { status, stdout, stderr })
    }

    /// Sends a signal to the process, unless it has ended.
    ///
    /// # Errors
    ///
    /// If the number is not that of a signal, or the system does not allow it.
    pub fn send_signal(&mut self, number: i32) -> io::Result<()> {
        let Some(running) = &mut self.child else { return Ok(()) };
        if running.child.try_wait()?.is_some() {
            return Ok(());
        }
        let invalid = || {
            let text = format!("{number} is not the number of a signal");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        let signal = rustix::process::Signal::from_named_raw(number).ok_or_else(invalid)?;
        // It has not been reaped, so the number is still its own.
        let pid = rustix::process::Pid::from_child(&running.child);
        Ok(rustix::process::kill_process(pid, signal)?)
    }

    /// Asks the process to end: `SIGTERM`.
    ///
    /// # Errors
    ///
    /// If the system does not allow it.
    pub fn terminate(&mut self) -> io::Result<()> {
        self.send_signal(crate::signal::SIGTERM)
    }

    /// Ends the process: `SIGKILL`.
    ///
    /// # Errors
    ///
    /// If the system does not allow it.
    pub fn kill(&mut self) -> io::Result<()> {
        self.send_signal(libc::SIGKILL)
    }

    /// Lets the process run on without a handle. Nobody waits for its end: what is left of it
    /// stays in the system's table until this process ends.
    pub fn detach(mut self) {
        drop(self.child.take());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(mut running) = self.child.take() else { return };
        if !matches!(running.child.try_wait(), Ok(None)) {
            return;
        }
        let _ = running.child.kill();
        if current().is_some() {
            hand_over(Box::pin(async move {
                let _ = running.wait().await;
            }));
        } else {
            let _ = running.child.wait();
        }
    }
}

impl Running {
    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let _waits = current().map(OutsideWait::new);
        let child = &mut self.child;
        match &self.ended {
            Ended::Descriptor(descriptor) => {
                descriptor
                    .read_with(|_| child.try_wait()?.ok_or(io::ErrorKind::WouldBlock.into()))
                    .await
            }
            Ended::Thread(ended) => loop {
                if let Some(status) = child.try_wait()? {
                    return Ok(status);
                }
                poll_fn(|context| ended.poll_take(context)).await;
            },
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.child.fmt(formatter)
    }
}

impl Ended {
    fn of(child: &Child) -> io::Result<Self> {
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        if let Ok(descriptor) = children::exit_descriptor(pid) {
            return Ok(Self::Descriptor(Descriptor::new(descriptor)?));
        }
        let ended = Handoff::new();
        let place = ended.clone();
        children::on_exit(pid, move || place.give(()))?;
        Ok(Self::Thread(ended))
    }
}

/// Writes to a child's standard input, which is closed when it is dropped.
#[derive(Debug)]
pub struct PipeWriter {
    pipe: Descriptor<OwnedFd>,
}

/// Reads what a child prints.
#[derive(Debug)]
pub struct PipeReader {
    pipe: Descriptor<OwnedFd>,
}

/// How much room a read is given.
const CHUNK: usize = 64 * 1024;

fn watch_pipe(pipe: OwnedFd) -> io::Result<Descriptor<OwnedFd>> {
    rustix::io::ioctl_fionbio(&pipe, true)?;
    Descriptor::new(pipe)
}

impl PipeWriter {
    /// Writes all of `data`.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if the child does not read any more.
    ///
    /// # Cancellation
    ///
    /// Dropped, it may have written a part.
    pub async fn write_all(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let count = self.pipe.write_with(|pipe| Ok(rustix::io::write(pipe, data)?)).await?;
            data = &data[count..];
        }
        Ok(())
    }
}

impl PipeReader {
    /// Reads until the child closes the pipe.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    ///
    /// # Cancellation
    ///
    /// Dropped, what it has read is lost.
    pub async fn read_to_end(mut self) -> io::Result<Vec<u8>> {
        let (mut all, mut chunk) = (Vec::new(), vec![0; CHUNK]);
        loop {
            match poll_fn(|context| Pin::new(&mut self).poll_read(context, &mut chunk)).await? {
                0 => return Ok(all),
                count => all.extend_from_slice(&chunk[..count]),
            }
        }
    }
}

impl AsyncRead for PipeReader {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.pipe.poll_read_with(context, |pipe| Ok(rustix::io::read(pipe, &mut *buffer)?))
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pipe.poll_write_with(context, |pipe| Ok(rustix::io::write(pipe, data)?))
    }

    /// Nothing is kept back: what was written is in the kernel.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// A pipe is closed by dropping it: this does nothing.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
