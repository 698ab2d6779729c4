use std::cell::RefCell;
use std::rc::Rc;

use aioxide_sync::queue::{GetNowaitError, PutNowaitError, QueueShutDown};
use aioxide_sync::{LifoQueue, PriorityQueue, Queue};

use crate::driving::{Executor, at_once, waiting};

const GONE: Result<u32, QueueShutDown> = Err(QueueShutDown(()));

fn filled(items: &[u32], capacity: usize) -> Queue<u32> {
    let queue = Queue::bounded(capacity);
    items.iter().for_each(|item| queue.put_nowait(*item).unwrap());
    queue
}

#[test]
fn each_kind_has_its_order() {
    let (fifo, lifo, priority) = (Queue::new(), LifoQueue::new(), PriorityQueue::new());
    for item in [2, 1, 3] {
        fifo.put_nowait(item).unwrap();
        lifo.put_nowait(item).unwrap();
        priority.put_nowait(item).unwrap();
    }
    assert_eq!([(); 3].map(|()| fifo.get_nowait().unwrap()), [2, 1, 3]);
    assert_eq!([(); 3].map(|()| lifo.get_nowait().unwrap()), [3, 1, 2]);
    assert_eq!([(); 3].map(|()| priority.get_nowait().unwrap()), [1, 2, 3]);
}

#[test]
fn equal_priorities_come_in_the_order_in_which_they_were_put() {
    #[derive(Debug)]
    struct Job(u32, &'static str);
    impl Ord for Job {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.cmp(&other.0)
        }
    }
    impl PartialOrd for Job {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl PartialEq for Job {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Job {}
    let queue = PriorityQueue::new();
    for name in ["a", "b", "c", "d"] {
        queue.put_nowait(Job(1, name)).unwrap();
    }
    assert_eq!([(); 4].map(|()| queue.get_nowait().unwrap().1), ["a", "b", "c", "d"]);
}

#[test]
fn a_full_queue_makes_put_wait() {
    let queue = filled(&[1], 1);
    assert!(queue.is_full());
    assert_eq!(queue.put_nowait(2), Err(PutNowaitError::Full(2)));
    let mut put = waiting(queue.put(2));
    assert_eq!(queue.get_nowait(), Ok(1));
    assert!(queue.is_full(), "the slot is meant for the one that waits");
    assert_eq!(queue.put_nowait(3), Err(PutNowaitError::Full(3)));
    assert_eq!(put.result(), Ok(()));
    assert_eq!(queue.get_nowait(), Ok(2));
    assert_eq!(queue.capacity(), Some(1));
}

#[test]
fn an_empty_queue_makes_get_wait() {
    let queue = Queue::new();
    assert_eq!(queue.get_nowait(), Err(GetNowaitError::Empty));
    let mut get = waiting(queue.get());
    queue.put_nowait(1).unwrap();
    assert_eq!(queue.get_nowait(), Err(GetNowaitError::Empty), "the item is meant for another");
    assert_eq!(queue.len(), 1);
    assert_eq!(get.result(), Ok(1));
    assert_eq!(queue.capacity(), None);
    assert!(!queue.is_full());
}

#[test]
fn an_item_for_a_get_that_is_dropped_goes_to_the_next() {
    let queue = Queue::new();
    let first = waiting(queue.get());
    let mut second = waiting(queue.get());
    queue.put_nowait(1).unwrap();
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    assert_eq!(second.result(), Ok(1));
    let third = waiting(queue.get());
    queue.put_nowait(2).unwrap();
    drop(third);
    assert_eq!(queue.get_nowait(), Ok(2));
}

#[test]
fn a_slot_for_a_put_that_is_dropped_goes_to_the_next() {
    let queue = filled(&[1], 1);
    let first = waiting(queue.put(2));
    let mut second = waiting(queue.put(3));
    assert_eq!(queue.get_nowait(), Ok(1));
    drop(first);
    assert_eq!(second.result(), Ok(()));
    assert_eq!(queue.get_nowait(), Ok(3));
}

#[test]
fn consumers_are_served_in_turn() {
    let (queue, got) = (Rc::new(Queue::bounded(1)), Rc::new(RefCell::new(Vec::new())));
    let executor = Executor::default();
    for name in ["a", "b", "c"] {
        let (queue, got) = (Rc::clone(&queue), Rc::clone(&got));
        executor.spawn(async move {
            while let Ok(item) = queue.get().await {
                got.borrow_mut().push((name, item));
            }
        });
    }
    executor.spawn(async move {
        for item in 0..6 {
            queue.put(item).await.unwrap();
        }
        queue.shutdown();
    });
    executor.run();
    let items: Vec<i32> = got.borrow().iter().map(|(_, item)| *item).collect();
    assert_eq!(items, [0, 1, 2, 3, 4, 5]);
    let names: Vec<&str> = got.borrow().iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["a", "b", "c", "a", "b", "c"]);
}

#[test]
fn join_waits_until_all_is_done() {
    let queue = filled(&[1, 2], 2);
    let mut join = waiting(queue.join());
    for _ in 0..2 {
        assert!(join.poll().is_none());
        queue.get_nowait().unwrap();
        assert!(!join.is_woken(), "taken is not done");
        queue.task_done();
    }
    join.result();
    at_once(queue.join());
}

#[test]
#[should_panic(expected = "task_done() called too many times")]
fn task_done_without_an_item_panics() {
    Queue::<u32>::new().task_done();
}

#[test]
fn a_shutdown_ends_puts_at_once_and_gets_when_it_is_empty() {
    let queue = filled(&[1], 1);
    let mut put = waiting(queue.put(2));
    queue.shutdown();
    assert_eq!(put.result(), Err(QueueShutDown(2)));
    assert_eq!(at_once(queue.put(3)), Err(QueueShutDown(3)));
    assert_eq!(queue.put_nowait(4), Err(PutNowaitError::ShutDown(4)));
    assert_eq!(at_once(queue.get()), Ok(1));
    assert_eq!(at_once(queue.get()), GONE);
    assert_eq!(queue.get_nowait(), Err(GetNowaitError::ShutDown));
    // The item that was there is still to be done.
    let mut join = waiting(queue.join());
    queue.task_done();
    join.result();
}

#[test]
fn a_shutdown_ends_gets_that_wait() {
    let queue = Queue::<u32>::new();
    let (mut first, mut second) = (waiting(queue.get()), waiting(queue.get()));
    queue.put_nowait(1).unwrap();
    queue.shutdown();
    assert!(!second.is_woken(), "the item is its own if the first is dropped");
    assert_eq!(first.result(), Ok(1));
    assert_eq!(second.result(), GONE);
}

#[test]
fn an_item_for_a_get_that_is_dropped_after_the_shutdown_goes_to_the_next() {
    let queue = Queue::<u32>::new();
    let (first, mut second) = (waiting(queue.get()), waiting(queue.get()));
    queue.put_nowait(1).unwrap();
    queue.shutdown();
    assert_eq!(queue.get_nowait(), Err(GetNowaitError::Empty));
    drop(first);
    assert_eq!(second.result(), Ok(1));
    assert_eq!(queue.get_nowait(), Err(GetNowaitError::ShutDown));
}

#[test]
fn a_put_that_was_woken_before_the_shutdown_puts_nothing() {
    let queue = filled(&[1], 1);
    let mut put = waiting(queue.put(2));
    queue.get_nowait().unwrap();
    queue.shutdown();
    assert_eq!(put.result(), Err(QueueShutDown(2)));
    assert!(queue.is_empty());
}

#[test]
fn an_immediate_shutdown_drops_the_items() {
    let queue = filled(&[1, 2, 3], 3);
    queue.get_nowait().unwrap();
    let mut join = waiting(queue.join());
    queue.shutdown_immediately();
    assert_eq!(at_once(queue.get()), GONE);
    assert!(!join.is_woken(), "one was taken and is not done");
    queue.task_done();
    join.result();
}

#[test]
fn an_immediate_shutdown_takes_the_item_of_a_get_that_was_woken() {
    let queue = Queue::new();
    let (mut first, second) = (waiting(queue.get()), waiting(queue.get()));
    queue.put_nowait(1).unwrap();
    queue.put_nowait(2).unwrap();
    queue.shutdown_immediately();
    drop(second);
    assert_eq!(first.result(), GONE);
    assert_eq!(queue.get_nowait(), Err(GetNowaitError::ShutDown));
    at_once(queue.join());
}

#[test]
fn items_may_use_the_queue_when_they_are_dropped() {
    struct Item(Rc<Queue<Item>>);
    impl Drop for Item {
        fn drop(&mut self) {
            assert!(self.0.is_empty());
            assert!(self.0.is_shut_down());
        }
    }
    let queue = Rc::new(Queue::new());
    assert!(queue.put_nowait(Item(Rc::clone(&queue))).is_ok());
    queue.shutdown_immediately();
}

#[test]
fn it_says_what_state_it_is_in() {
    let queue = filled(&[1], 1);
    let _put = waiting(queue.put(2));
    assert_eq!(
        format!("{queue:?}"),
        "Queue { len: 1, capacity: Some(1), getting: 0, putting: 1, unfinished: 1, is_shut_down: false }"
    );
    assert_eq!(GONE.unwrap_err().to_string(), "the queue is shut down");
}
