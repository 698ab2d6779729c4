//! A timer that ticks, and never drifts: it sleeps until points of time, not for spans.
//!
//!     cargo run -p aioxide --example async_timer
//!     python crates/aioxide/examples/async_timer.py

use std::time::Duration;

use aioxide::{Instant, sleep, sleep_until, spawn};

const PERIOD: Duration = Duration::from_millis(50);

async fn tick(times: u32) -> u32 {
    let mut next = Instant::now();
    for number in 1..=times {
        next += PERIOD;
        sleep_until(next).await;
        println!("tick {number}");
        sleep(PERIOD / 5).await; // The work does not shift the next tick.
    }
    times
}

#[aioxide::main]
async fn main() {
    let begin = Instant::now();
    let timer = spawn(tick(4));
    println!("the timer is running");
    let ticks = timer.await.expect("it does not fail");
    let drifted = begin.elapsed() < PERIOD * ticks;
    println!("{ticks} ticks, drifted: {drifted}");
}
