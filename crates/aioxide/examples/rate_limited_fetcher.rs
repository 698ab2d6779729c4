//! Fetches pages, three at a time and not more often than every ten milliseconds.
//!
//!     cargo run -p aioxide --example rate_limited_fetcher
//!     python crates/aioxide/examples/rate_limited_fetcher.py

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use aioxide::{Instant, Lock, Semaphore, TaskGroup, sleep, sleep_until};

const PAGES: u32 = 12;
const AT_A_TIME: usize = 3;
const INTERVAL: Duration = Duration::from_millis(10);

/// Lets callers pass one by one, with an interval in between.
struct RateLimit {
    next: Lock<Instant>,
}

impl RateLimit {
    async fn pass(&self) {
        let mut next = self.next.acquire().await;
        sleep_until(*next).await;
        *next = Instant::now() + INTERVAL;
    }
}

struct Fetcher {
    places: Semaphore,
    rate: RateLimit,
    running: Cell<usize>,
    most: Cell<usize>,
}

impl Fetcher {
    async fn fetch(&self, number: u32) -> u32 {
        let _place = self.places.acquire().await;
        self.rate.pass().await;
        self.running.set(self.running.get() + 1);
        self.most.set(self.most.get().max(self.running.get()));
        sleep(INTERVAL * 2).await; // The page comes.
        self.running.set(self.running.get() - 1);
        number * 100
    }
}

#[aioxide::main]
async fn main() {
    let begin = Instant::now();
    let fetcher = Rc::new(Fetcher {
        places: Semaphore::new(AT_A_TIME),
        rate: RateLimit { next: Lock::new(begin) },
        running: Cell::new(0),
        most: Cell::new(0),
    });
    let bytes = TaskGroup::<std::convert::Infallible>::run(async |group| {
        let mut tasks = Vec::new();
        for number in 1..=PAGES {
            let fetcher = Rc::clone(&fetcher);
            tasks.push(group.spawn_infallible(async move { fetcher.fetch(number).await }));
        }
        Ok(aioxide::gather(tasks).await.into_iter().flatten().sum::<u32>())
    });
    println!("{} bytes of {PAGES} pages", bytes.await.expect("no page fails"));
    println!("{AT_A_TIME} at a time at most: {}", fetcher.most.get() <= AT_A_TIME);
    println!("not too often: {}", begin.elapsed() >= INTERVAL * (PAGES - 1));
}
