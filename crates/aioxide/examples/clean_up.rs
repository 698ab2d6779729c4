//! A worker that is cancelled saves its work first, which takes time.
//!
//!     cargo run -p aioxide --example clean_up
//!     python crates/aioxide/examples/clean_up.py

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use aioxide::{finally, sleep, spawn};

/// In Python the `finally` clause sees the local variables. Here both parts share what they use,
/// since the first one is gone when the second one runs.
async fn worker() {
    let results = Rc::new(RefCell::new(Vec::new()));
    let to_save = Rc::clone(&results);
    let work = async {
        for number in 1.. {
            results.borrow_mut().push(number);
            println!("worker: {number}");
            sleep(Duration::from_millis(200)).await;
        }
    };
    let save = async move {
        println!("worker: saving");
        sleep(Duration::from_millis(20)).await;
        println!("worker: saved {:?}", to_save.borrow());
    };
    finally(work, save).await;
}

#[aioxide::main]
async fn main() {
    let task = spawn(worker());
    sleep(Duration::from_millis(500)).await;
    println!("main: cancelling");
    task.cancel();
    match task.await {
        Err(error) if error.is_cancelled() => println!("main: the worker was cancelled"),
        other => println!("main: {other:?}"),
    }
}
