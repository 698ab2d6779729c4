//! Jobs of which some take too long or fail, and a summary.
//!
//!     cargo run -p aioxide --example timeouts
//!     python crates/aioxide/examples/timeouts.py

use std::time::Duration;

use aioxide::{TimedOut, gather, sleep, timeout};

async fn job(number: u32) -> Result<u32, String> {
    if number % 4 == 3 {
        sleep(Duration::from_secs(3600)).await;
    }
    sleep(Duration::from_millis(5)).await;
    if number % 5 == 4 { Err(format!("job {number} is out of order")) } else { Ok(number * 10) }
}

#[aioxide::main]
async fn main() {
    let limit = Duration::from_millis(500);
    let results = gather((0..10).map(|number| timeout(limit, job(number)))).await;
    let (mut done, mut failed, mut late) = (0, 0, 0);
    for (number, result) in results.into_iter().enumerate() {
        match result {
            Ok(Ok(value)) => {
                done += 1;
                println!("job {number}: {value}");
            }
            Ok(Err(error)) => {
                failed += 1;
                println!("job {number}: failed: {error}");
            }
            Err(TimedOut) => {
                late += 1;
                println!("job {number}: timed out");
            }
        }
    }
    println!("{done} done, {failed} failed, {late} timed out");
}
