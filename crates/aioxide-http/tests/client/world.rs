//! A world in memory for the client: an executor, a clock that the test moves, and connections
//! whose other ends the test holds.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use aioxide_http::client::{Config, Pool, Runtime, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken(pub &'static str);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Broken {}

pub type Error = aioxide_http::client::Error<Broken>;

// ---- one connection ----

type Hook = RefCell<Option<Rc<dyn Fn()>>>;

/// The server's end of a connection.
#[derive(Default)]
pub struct Wire {
    pub origin: u32,
    /// Which of all connections this is.
    pub number: usize,
    incoming: RefCell<Vec<u8>>,
    is_eof: Cell<bool>,
    read_error: Cell<Option<Broken>>,
    write_error: Cell<Option<Broken>>,
    outgoing: RefCell<Vec<u8>>,
    is_full: Cell<bool>,
    is_closed: Cell<bool>,
    receiving: RefCell<Option<Waker>>,
    sending: RefCell<Option<Waker>>,
    /// Who reads what the client sends.
    far_end: RefCell<Option<Waker>>,
    /// Both sides have agreed to speak HTTP/2.
    is_http2: bool,
    /// Foreign code that runs when the client writes or closes.
    hook: Hook,
    /// The same for when it looks at the stream.
    look_hook: Hook,
    /// How many writes there were.
    pub writes: Cell<usize>,
}

impl Wire {
    /// The server sends.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.incoming.borrow_mut().extend_from_slice(bytes.as_ref());
        wake(&self.receiving);
    }

    /// The server closes its direction.
    pub fn end(&self) {
        self.is_eof.set(true);
        wake(&self.receiving);
    }

    /// Receiving fails once everything before has been received.
    pub fn break_reading(&self, error: &'static str) {
        self.read_error.set(Some(Broken(error)));
        wake(&self.receiving);
    }

    /// Every write fails.
    pub fn break_writing(&self, error: &'static str) {
        self.write_error.set(Some(Broken(error)));
        wake(&self.sending);
    }

    /// The server does not read: writers should pause. Or it goes on.
    pub fn fill(&self, is_full: bool) {
        self.is_full.set(is_full);
        if !is_full {
            wake(&self.sending);
        }
    }

    /// What the client has sent since the last call.
    pub fn sent(&self) -> String {
        String::from_utf8(self.outgoing.take()).unwrap()
    }

    pub fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// How many bytes the client has not taken.
    pub fn untaken(&self) -> usize {
        self.incoming.borrow().len()
    }

    pub fn on_change(&self, hook: impl Fn() + 'static) {
        self.hook.replace(Some(Rc::new(hook)));
    }

    pub fn on_look(&self, hook: impl Fn() + 'static) {
        self.look_hook.replace(Some(Rc::new(hook)));
    }
}

fn run(hook: &Hook) {
    // Not within itself.
    if let Some(code) = hook.take() {
        code();
        hook.replace(Some(code));
    }
}

fn wake(slot: &RefCell<Option<Waker>>) {
    let waker = slot.borrow_mut().take();
    waker.into_iter().for_each(Waker::wake);
}

/// The server's end as a stream of bytes.
pub struct FarEnd(pub Rc<Wire>);

impl AsyncRead for FarEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let mut sent = self.0.outgoing.borrow_mut();
        if sent.is_empty() && !self.0.is_closed() {
            *self.0.far_end.borrow_mut() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = sent.len().min(buffer.remaining());
        buffer.put_slice(&sent[..count]);
        sent.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FarEnd {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.0.send(data);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.0.end();
        Poll::Ready(Ok(()))
    }
}

/// The client's end.
pub struct Line(pub Rc<Wire>);

impl Stream for Line {
    type Error = Broken;

    fn poll_received(&self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let wire = &self.0;
        run(&wire.look_hook);
        if !wire.incoming.borrow().is_empty() {
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = wire.read_error.take() {
            if wire.is_http2 {
                wire.read_error.set(Some(error.clone())); // each of the streams asks
            }
            return Poll::Ready(Err(error));
        }
        if wire.is_eof.get() || wire.is_closed.get() {
            return Poll::Ready(Ok(()));
        }
        *wire.receiving.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    fn received<T>(&self, look: impl FnOnce(&mut &[u8]) -> T) -> T {
        let mut incoming = self.0.incoming.borrow_mut();
        let mut rest = &incoming[..];
        let result = look(&mut rest);
        let taken = incoming.len() - rest.len();
        incoming.drain(..taken);
        drop(incoming);
        run(&self.0.look_hook);
        result
    }

    fn is_at_end(&self) -> bool {
        (self.0.is_eof.get() || self.0.is_closed.get()) && self.0.incoming.borrow().is_empty()
    }

    fn is_http2(&self) -> bool {
        self.0.is_http2
    }

    fn write(&self, data: &[u8]) -> Result<(), Broken> {
        if let Some(error) = self.0.write_error.take() {
            self.0.write_error.set(Some(error.clone()));
            return Err(error);
        }
        assert!(!self.0.is_closed.get(), "a write after the connection was closed");
        self.0.writes.set(self.0.writes.get() + 1);
        self.0.outgoing.borrow_mut().extend_from_slice(data);
        wake(&self.0.far_end);
        run(&self.0.hook);
        Ok(())
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if let Some(error) = self.0.write_error.take() {
            self.0.write_error.set(Some(error.clone()));
            return Poll::Ready(Err(error));
        }
        run(&self.0.look_hook);
        if !self.0.is_full.get() {
            return Poll::Ready(Ok(()));
        }
        *self.0.sending.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    fn is_usable(&self) -> bool {
        let wire = &self.0;
        run(&wire.look_hook);
        let error = wire.read_error.take();
        let is_broken = error.is_some();
        wire.read_error.set(error);
        !(wire.is_closed.get()
            || wire.is_eof.get()
            || wire.is_full.get()
            || is_broken
            || !wire.incoming.borrow().is_empty())
    }

    fn close(&self) {
        assert!(!self.0.is_closed.replace(true), "closed twice");
        wake(&self.0.far_end);
        run(&self.0.hook);
    }
}

// ---- the runtime ----

/// What happens to an attempt to connect.
#[derive(Clone, Debug)]
pub enum Attempt {
    Succeeds,
    Fails(&'static str),
    Hangs,
}

type Tasks = RefCell<Vec<Option<Pin<Box<dyn Future<Output = ()>>>>>>;

#[derive(Default)]
struct Inner {
    now: Cell<f64>,
    /// By time (of which the bits have the same order) and number.
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    next_timer: Cell<u64>,
    timers_made: Cell<usize>,
    wires: RefCell<Vec<Rc<Wire>>>,
    attempts: RefCell<VecDeque<Attempt>>,
    /// What new connections speak.
    is_http2: Cell<bool>,
    /// Attempts that are under way.
    connecting: Cell<usize>,
    expiry: Cell<Option<f64>>,
    tasks: Tasks,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

#[derive(Clone, Default)]
pub struct World(Rc<Inner>);

impl World {
    pub fn pool(config: Config) -> (Self, Pool<World>) {
        let world = Self::default();
        let pool = Pool::new(world.clone(), config);
        (world, pool)
    }

    /// New connections speak HTTP/2, or HTTP/1.1.
    pub fn speak_http2(&self, is_http2: bool) {
        self.0.is_http2.set(is_http2);
    }

    /// What the next attempts to connect come to; others succeed.
    pub fn attempts(&self, attempts: &[Attempt]) {
        self.0.attempts.borrow_mut().extend(attempts.iter().cloned());
    }

    /// The other end of the connection that was made as the n-th.
    pub fn wire(&self, number: usize) -> Rc<Wire> {
        self.0.wires.borrow()[number].clone()
    }

    /// How many connections were ever made.
    pub fn made(&self) -> usize {
        self.0.wires.borrow().len()
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.0.wires.borrow().iter().filter(|wire| !wire.is_closed()).count()
    }

    pub fn connecting(&self) -> usize {
        self.0.connecting.get()
    }

    /// How many timers are set.
    pub fn timers(&self) -> usize {
        self.0.timers.borrow().len()
    }

    /// How many timers were ever made.
    pub fn timers_made(&self) -> usize {
        self.0.timers_made.get()
    }

    /// When the pool asked to be looked after.
    pub fn expiry(&self) -> Option<f64> {
        self.0.expiry.get()
    }

    /// Runs a future as a task when the tasks run next.
    pub fn add(&self, future: Pin<Box<dyn Future<Output = ()>>>) {
        let number = self.0.tasks.borrow().len();
        self.0.tasks.borrow_mut().push(Some(future));
        self.0.ready.lock().unwrap().push_back(number);
    }

    /// Runs a future as a task, up to where it first waits and beyond.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        let result = Rc::new(RefCell::new(None));
        let (world, slot) = (self.clone(), result.clone());
        let number = self.0.tasks.borrow().len();
        let task = Box::pin(async move {
            let value = future.await;
            *slot.borrow_mut() = Some(value);
        });
        self.0.tasks.borrow_mut().push(Some(task));
        self.0.ready.lock().unwrap().push_back(number);
        self.run();
        Task { world, number, result }
    }

    /// Runs all tasks until each of them waits.
    pub fn run(&self) {
        for _ in 0..100_000 {
            let Some(number) = self.0.ready.lock().unwrap().pop_front() else { return };
            // Taken out while it is polled: it may spawn and cancel.
            let Some(mut task) = self.0.tasks.borrow_mut()[number].take() else { continue };
            let waker = Waker::from(Arc::new(Ready { number, queue: self.0.ready.clone() }));
            if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                self.0.tasks.borrow_mut()[number] = Some(task);
            }
        }
        panic!("the tasks do not come to rest");
    }

    /// Lets time pass, timer by timer.
    pub fn pass(&self, seconds: f64) {
        let end = self.0.now.get() + seconds;
        self.run();
        loop {
            let first = self.0.timers.borrow().keys().next().copied();
            match first {
                Some(key) if f64::from_bits(key.0) <= end => {
                    let waker = self.0.timers.borrow_mut().remove(&key).unwrap();
                    self.0.now.set(f64::from_bits(key.0).max(self.0.now.get()));
                    waker.wake();
                    self.run();
                }
                _ => break,
            }
        }
        self.0.now.set(end);
        self.run();
    }
}

struct Ready {
    number: usize,
    queue: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.queue.lock().unwrap().push_back(self.number);
    }
}

/// A future that the world runs.
pub struct Task<T> {
    world: World,
    number: usize,
    result: Rc<RefCell<Option<T>>>,
}

impl<T> Task<T> {
    pub fn is_done(&self) -> bool {
        self.result.borrow().is_some()
    }

    /// What came of it. Panics if it still waits.
    #[track_caller]
    pub fn result(&self) -> T {
        self.world.run();
        self.result.borrow_mut().take().expect("the task still waits")
    }

    /// Drops the future where it waits.
    pub fn cancel(self) {
        let task = self.world.0.tasks.borrow_mut()[self.number].take();
        drop(task);
        self.world.run();
    }
}

pub struct Sleep {
    world: World,
    deadline: f64,
    key: Option<(u64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let inner = self.world.0.clone();
        if let Some(key) = self.key.take() {
            inner.timers.borrow_mut().remove(&key);
        }
        if inner.now.get() >= self.deadline {
            return Poll::Ready(());
        }
        let number = inner.next_timer.replace(inner.next_timer.get() + 1);
        let key = (self.deadline.to_bits(), number);
        inner.timers.borrow_mut().insert(key, cx.waker().clone());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.world.0.timers.borrow_mut().remove(&key);
        }
    }
}

pub struct Connecting {
    world: World,
    origin: u32,
    http2: bool,
    attempt: Attempt,
    is_begun: bool,
}

impl Future for Connecting {
    type Output = Result<Line, Broken>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Never at once: connecting takes an iteration.
        if !std::mem::replace(&mut self.is_begun, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.attempt {
            Attempt::Succeeds => {
                let is_http2 = self.http2 && self.world.0.is_http2.get();
                let (origin, number) = (self.origin, self.world.made());
                let wire = Rc::new(Wire { origin, number, is_http2, ..Wire::default() });
                self.world.0.wires.borrow_mut().push(wire.clone());
                Poll::Ready(Ok(Line(wire)))
            }
            Attempt::Fails(why) => Poll::Ready(Err(Broken(why))),
            Attempt::Hangs => Poll::Pending,
        }
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        self.world.0.connecting.set(self.world.0.connecting.get() - 1);
    }
}

impl Runtime for World {
    type Stream = Line;
    type Error = Broken;
    type Connecting = Connecting;
    type Sleep = Sleep;

    fn connect(&self, origin: u32, http2: bool) -> Connecting {
        self.0.connecting.set(self.0.connecting.get() + 1);
        let attempt = self.0.attempts.borrow_mut().pop_front().unwrap_or(Attempt::Succeeds);
        Connecting { world: self.clone(), origin, http2, attempt, is_begun: false }
    }

    fn sleep_until(&self, deadline: f64) -> Sleep {
        self.0.timers_made.set(self.0.timers_made.get() + 1);
        Sleep { world: self.clone(), deadline, key: None }
    }

    fn now(&self) -> f64 {
        self.0.now.get()
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()>>>) {
        self.add(future);
    }

    fn expire_at(&self, deadline: f64) {
        self.0.expiry.set(Some(deadline));
    }
}
