//! Wakers and inbox in every order of their operations: `make loom`.

use std::collections::VecDeque;
use std::sync::Arc;

use loom::sync::atomic::AtomicU32;
use loom::thread;

use crate::futures::every_order::{KEY, Shared};
use crate::primitives::{Mutex, Ordering};
use crate::{Inbox, Poller};

/// A future that others wake, as the loop sees it.
struct Woken {
    shared: Arc<Shared>,
    sent: Arc<Mutex<Vec<crate::futures::Key>>>,
    /// What the wakers have done before they wake. Relaxed: only the wake orders it.
    done: Arc<AtomicU32>,
    /// What the last poll has seen of it.
    seen: u32,
    /// What the loop's thread keeps.
    woken: Vec<crate::futures::Key>,
}

impl Woken {
    fn new() -> Self {
        let sent: Arc<Mutex<Vec<_>>> = Arc::new(Mutex::new(Vec::new()));
        let inbox = Arc::clone(&sent);
        let shared = Arc::new(Shared::new(move |key| inbox.lock().unwrap().push(key)));
        shared.occupy(KEY);
        assert!(shared.begin(KEY), "a new future is polled");
        let done = Arc::new(AtomicU32::new(0));
        Self { shared, sent, done, seen: 0, woken: Vec::new() }
    }

    fn wake_in_a_thread(&self) -> thread::JoinHandle<()> {
        let (shared, done) = (Arc::clone(&self.shared), Arc::clone(&self.done));
        thread::spawn(move || {
            done.fetch_add(1, Ordering::Relaxed);
            shared.wake_elsewhere(KEY);
        })
    }

    fn wake_here(&mut self) {
        self.shared.wake_here(KEY, &mut self.woken);
    }

    /// The loop polls what was woken.
    fn poll(&mut self) {
        let mut keys = std::mem::take(&mut *self.sent.lock().unwrap());
        self.shared.take_left_into(&mut keys);
        keys.append(&mut self.woken);
        for key in keys {
            if self.shared.begin(key) {
                self.seen = self.done.load(Ordering::Relaxed);
            }
        }
    }
}

#[test]
fn the_last_poll_sees_what_every_waker_has_done() {
    loom::model(|| {
        let mut woken = Woken::new();
        let threads = [woken.wake_in_a_thread(), woken.wake_in_a_thread()];
        woken.poll();
        threads.into_iter().for_each(|it| it.join().unwrap());
        woken.poll();
        assert_eq!(woken.seen, 2);
    });
}

#[test]
fn a_wake_of_the_loop_itself_loses_none_of_another_thread() {
    loom::model(|| {
        let mut woken = Woken::new();
        let other = woken.wake_in_a_thread();
        woken.wake_here();
        woken.poll();
        woken.wake_here();
        woken.poll();
        other.join().unwrap();
        woken.poll();
        assert_eq!(woken.seen, 1);
    });
}

#[test]
fn what_is_pushed_is_drained_or_wakes_the_next_poll() {
    loom::model(|| {
        let waker = Poller::new().unwrap().waker();
        let inbox = Arc::new(Inbox::new(waker.clone()));
        let threads = [1, 2].map(|item| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || inbox.push(item).unwrap())
        });
        let mut drained = VecDeque::new();
        inbox.drain_into(&mut drained);
        threads.into_iter().for_each(|it| it.join().unwrap());
        let woken = waker.take_count();
        assert!(woken > 0 || drained.len() == 2);
        inbox.drain_into(&mut drained);
        assert_eq!(drained.len(), 2);
        assert!(woken <= 2);
    });
}

#[test]
fn an_item_comes_out_of_a_closed_inbox_or_goes_back() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::new(Poller::new().unwrap().waker()));
        let threads = [1, 2].map(|item| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || usize::from(inbox.push(item).is_err()))
        });
        let taken = inbox.close().len();
        let refused: usize = threads.into_iter().map(|it| it.join().unwrap()).sum();
        assert_eq!(taken + refused, 2);
        assert!(inbox.is_empty());
    });
}
