//! A `fork` while a loop runs. It is a process of its own, with a single test.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the child's exit code says.
const FINE: i32 = 42;

/// Runs `child` in a fork of this process, and gives its exit code. The child never returns.
#[allow(unsafe_code)]
fn in_fork(child: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child calls what a forked copy of a process with one busy thread may: this test
    // is the only one of its process, and the harness's other thread waits without a lock.
    match unsafe { libc::fork() } {
        0 => {
            let code = catch_unwind(AssertUnwindSafe(child)).unwrap_or(101);
            // SAFETY: ends the child at once, without the parent's exit handlers.
            unsafe { libc::_exit(code) }
        }
        pid => {
            assert!(pid > 0, "fork failed");
            let mut status = 0;
            // SAFETY: `status` is a place for one number.
            assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
            assert!(libc::WIFEXITED(status), "the child was killed: status {status}");
            libc::WEXITSTATUS(status)
        }
    }
}

#[test]
fn a_child_runs_a_loop_of_its_own_and_never_the_parents() {
    let text = aioxide::run(async {
        let (mut one, mut other) = aioxide::net::UnixStream::pair().unwrap();
        let task = aioxide::spawn(std::future::pending::<()>());
        aioxide::yield_now().await;

        // A loop of its own.
        let code = in_fork(|| {
            aioxide::run(async {
                let slept = aioxide::sleep(std::time::Duration::from_millis(2));
                aioxide::gather!(slept, aioxide::to_thread(|| ())).await;
                aioxide::spawn(async { FINE }).await.unwrap()
            })
        });
        assert_eq!(code, FINE);

        // Dropping the parent's sockets in the child changes nothing for the parent.
        let copy = one.clone();
        assert_eq!(
            in_fork(move || {
                drop(copy);
                FINE
            }),
            FINE
        );

        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        use futures_lite::{AsyncReadExt, AsyncWriteExt};
        let mut buffer = [0; 5];
        let read = async { other.read_exact(&mut buffer).await };
        let write = async {
            aioxide::sleep(std::time::Duration::from_millis(2)).await;
            one.write_all(b"hello").await
        };
        aioxide::try_gather!(read, write).await.unwrap();
        String::from_utf8(buffer.to_vec()).unwrap()
    });
    assert_eq!(text, "hello");

    // Returning into the parent's loop.
    let mut code = None;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        aioxide::run(async {
            // SAFETY: as above; the child goes on in a copy of this loop, which refuses, and ends
            // outside of `catch_unwind`.
            #[allow(unsafe_code)]
            let pid = unsafe { libc::fork() };
            if pid != 0 {
                let mut status = 0;
                // SAFETY: `status` is a place for one number.
                #[allow(unsafe_code)]
                unsafe {
                    libc::waitpid(pid, &mut status, 0)
                };
                code = Some(libc::WEXITSTATUS(status));
            } else {
                aioxide::yield_now().await;
            }
        })
    }));
    match code {
        Some(code) => assert_eq!((outcome.is_ok(), code), (true, FINE)),
        None => {
            let text = outcome.unwrap_err();
            let text = text.downcast_ref::<&str>().copied().unwrap_or_default();
            let refused = text.starts_with("this loop belongs to the process that was forked");
            // SAFETY: ends the child at once.
            #[allow(unsafe_code)]
            unsafe {
                libc::_exit(if refused { FINE } else { 1 })
            }
        }
    }
}
