//! Two greetings, one after the other and then at once, with the time of each line.
//!
//!     cargo run -p aioxide --example timestamps
//!     python crates/aioxide/examples/timestamps.py

use std::time::Duration;

use aioxide::{Instant, sleep};

const TENTH: Duration = Duration::from_millis(100);

async fn say(start: Instant, delay: Duration, what: &str) {
    sleep(delay).await;
    println!("[{:.2} s] {what}", start.elapsed().as_secs_f64());
}

#[aioxide::main]
async fn main() {
    let start = Instant::now();
    say(start, TENTH, "hello").await;
    say(start, TENTH * 2, "world").await;

    let start = Instant::now();
    aioxide::gather!(
        say(start, TENTH * 2, "together: world"),
        say(start, TENTH, "together: hello")
    )
    .await;
}
