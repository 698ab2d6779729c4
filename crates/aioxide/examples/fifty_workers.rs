//! Fifty workers want to use something that bears five at a time.
//!
//!     cargo run -p aioxide --example fifty_workers
//!     python crates/aioxide/examples/fifty_workers.py

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use aioxide::{Semaphore, TaskGroup, sleep};

#[derive(Default)]
struct Service {
    inside: Cell<u32>,
    most: Cell<u32>,
}

impl Service {
    async fn work(&self) {
        self.inside.set(self.inside.get() + 1);
        self.most.set(self.most.get().max(self.inside.get()));
        sleep(Duration::from_millis(5)).await;
        self.inside.set(self.inside.get() - 1);
    }
}

#[aioxide::main]
async fn main() {
    let (service, places) = (Rc::new(Service::default()), Rc::new(Semaphore::new(5)));
    let workers = TaskGroup::<std::convert::Infallible>::run(async |group| {
        for _ in 0..50 {
            let (service, places) = (Rc::clone(&service), Rc::clone(&places));
            group
                .spawn_infallible(async move {
                    let _place = places.acquire().await;
                    service.work().await;
                })
                .detach();
        }
        Ok(group.len())
    });
    let workers = workers.await.expect("no worker fails");
    println!("{workers} workers are done, {} at a time at most", service.most.get());
}
