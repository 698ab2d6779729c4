//! The panic of a function that is used wrongly names the line that has called it.

use std::cell::{Cell, RefCell};
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::process::Command;
use std::rc::Rc;
use std::sync::Once;

use aioxide::signal::{SIGUSR1, Signal};
use aioxide::{Barrier, LifoQueue, PriorityQueue, Process, Queue, Semaphore, TaskGroup};
use aioxide::{mpsc, run, shield, spawn};

thread_local! {
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Keeps the place of each panic for the thread that panics.
fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            PLACE.set(panic.location().map(|it| it.file().to_owned()));
            before(panic);
        }));
    });
}

#[track_caller]
fn is_blamed_on_this_file(misuse: impl FnOnce()) {
    watch();
    catch_unwind(AssertUnwindSafe(misuse)).expect_err("it should have panicked");
    assert_eq!(PLACE.take().as_deref(), Some(file!()));
}

#[test]
fn what_needs_a_loop() {
    is_blamed_on_this_file(|| spawn(ready(())).detach());
    is_blamed_on_this_file(|| drop(shield(ready(()))));
    is_blamed_on_this_file(|| drop(Signal::new(SIGUSR1)));
    is_blamed_on_this_file(|| drop(Process::spawn(&mut Command::new("true"))));
    is_blamed_on_this_file(|| {
        let (stream, _) = std::os::unix::net::UnixStream::pair().unwrap();
        drop(aioxide::net::Descriptor::new(stream));
    });
    is_blamed_on_this_file(|| drop(aioxide::net::UnixStream::pair()));
    is_blamed_on_this_file(|| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        drop(aioxide::net::UdpSocket::from_std(socket));
    });
}

#[test]
fn what_cannot_be_in_a_loop() {
    is_blamed_on_this_file(|| run(async { run(async {}) }));
}

#[test]
fn a_group_that_has_ended() {
    is_blamed_on_this_file(|| {
        run(async {
            let group = Rc::new(RefCell::new(None));
            let kept = Rc::clone(&group);
            let ended = TaskGroup::<()>::run(async |group| {
                kept.replace(Some(group));
                Ok(())
            });
            ended.await.unwrap();
            let group = group.take().unwrap();
            group.spawn(ready(Ok(()))).detach();
        });
    });
}

#[test]
fn numbers_that_are_out_of_range() {
    is_blamed_on_this_file(|| drop(Queue::<()>::bounded(0)));
    is_blamed_on_this_file(|| drop(LifoQueue::<()>::bounded(0)));
    is_blamed_on_this_file(|| drop(PriorityQueue::<()>::bounded(0)));
    is_blamed_on_this_file(|| drop(mpsc::channel::<()>(0)));
    is_blamed_on_this_file(|| drop(Barrier::new(0)));
}

#[test]
fn what_is_called_too_often() {
    is_blamed_on_this_file(|| Queue::<()>::new().task_done());
    is_blamed_on_this_file(|| Semaphore::bounded(1).release(1));
    is_blamed_on_this_file(|| {
        let semaphore = Semaphore::new(1);
        semaphore.release(usize::MAX);
    });
}
