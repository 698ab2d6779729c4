//! A pipeline of queues: numbers are produced, squared by three workers, and added up.
//!
//!     cargo run -p aioxide --example pipeline
//!     python crates/aioxide/examples/pipeline.py

use std::rc::Rc;

use aioxide::{Queue, TaskGroup, yield_now};

async fn produce(numbers: Rc<Queue<u64>>) {
    for number in 1..=100 {
        numbers.put(number).await.expect("it is open");
    }
    numbers.join().await;
    numbers.shutdown();
}

async fn square(numbers: Rc<Queue<u64>>, squares: Rc<Queue<u64>>) -> u64 {
    let mut count = 0;
    while let Ok(number) = numbers.get().await {
        yield_now().await; // The work.
        squares.put(number * number).await.expect("it is open");
        numbers.task_done();
        count += 1;
    }
    count
}

async fn add(squares: Rc<Queue<u64>>) -> u64 {
    let mut sum = 0;
    while let Ok(square) = squares.get().await {
        sum += square;
    }
    sum
}

#[aioxide::main]
async fn main() {
    let (numbers, squares) = (Rc::new(Queue::bounded(10)), Rc::new(Queue::bounded(10)));
    let sum = TaskGroup::<std::convert::Infallible>::run(async |group| {
        group.spawn_infallible(produce(Rc::clone(&numbers))).detach();
        let sum = group.spawn_infallible(add(Rc::clone(&squares)));
        let workers = [0; 3]
            .map(|_| group.spawn_infallible(square(Rc::clone(&numbers), Rc::clone(&squares))));
        let counts = aioxide::gather(workers).await;
        squares.shutdown();
        println!("{} numbers were squared", counts.into_iter().flatten().sum::<u64>());
        Ok(sum.await.expect("it does not fail"))
    });
    println!("their sum is {}", sum.await.expect("nothing fails"));
}
