//! What a poller on Linux has to report, worked out from two simple things: a
//! table of registrations, kept by the kernel's rule that a registration
//! belongs to a file under a number, and `poll(2)`, which says what a file is
//! ready for now.
//!
//! The files are pipes and socket pairs, for their two ends see each other's
//! actions at once. Numbers are closed and given to other files without a word
//! to the poller; `dup2` does that without a moment in which the number is
//! free, so that no other thread can take it.
//!
//! Included by the tests of the pollers and by those of the engine, which name
//! `Event`, `Interest` and `Trigger` from different places.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use proptest::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, shutdown, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};

use super::{Event, Interest, Trigger};

/// Enough for several registrations of one file, few enough to meet often.
const MAX_NUMBERS: usize = 12;

/// The part of a poller that keeps registrations.
pub trait Registry {
    fn add(&self, fd: BorrowedFd<'_>, token: u64, i: Interest, t: Trigger) -> io::Result<()>;
    fn modify(&self, fd: BorrowedFd<'_>, token: u64, i: Interest, t: Trigger) -> io::Result<()>;
    fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()>;
}

/// One thing that happens to a descriptor. Numbers and files are meant modulo
/// how many there are.
#[derive(Clone, Debug)]
pub enum Step {
    OpenPipe,
    OpenSockets,
    /// Another number for the same file.
    Duplicate(usize),
    /// The first number becomes another one of the second one's file, and its
    /// old file loses it behind the poller's back.
    Replace(usize, usize),
    /// The number becomes that of a file that is new.
    Reuse(usize),
    /// Behind the poller's back, or after it was told.
    Close {
        number: usize,
        removed_before: bool,
    },
    Write(usize),
    Fill(usize),
    ReadByte(usize),
    Drain(usize),
    ShutDown(usize, bool),
    Add(usize, Interest, Trigger),
    Modify(usize, Interest, Trigger),
    Remove(usize),
}

/// Steps in proportions that keep numbers, registrations and data about.
pub fn step() -> impl Strategy<Value = Step> {
    let number = || 0..MAX_NUMBERS;
    let interest = || {
        prop::sample::select(vec![
            Interest::NONE,
            Interest::READ,
            Interest::WRITE,
            Interest::BOTH,
            Interest::BOTH,
        ])
    };
    let trigger = || prop::sample::select(vec![Trigger::Level, Trigger::Edge]);
    prop_oneof![
        2 => Just(Step::OpenPipe),
        4 => Just(Step::OpenSockets),
        2 => number().prop_map(Step::Duplicate),
        1 => (number(), number()).prop_map(|(to, from)| Step::Replace(to, from)),
        2 => number().prop_map(Step::Reuse),
        3 => (number(), any::<bool>())
            .prop_map(|(number, removed_before)| Step::Close { number, removed_before }),
        8 => number().prop_map(Step::Write),
        3 => number().prop_map(Step::Fill),
        5 => number().prop_map(Step::ReadByte),
        4 => number().prop_map(Step::Drain),
        2 => (number(), any::<bool>()).prop_map(|(number, both)| Step::ShutDown(number, both)),
        9 => (number(), interest(), trigger()).prop_map(|(n, i, t)| Step::Add(n, i, t)),
        4 => (number(), interest(), trigger()).prop_map(|(n, i, t)| Step::Modify(n, i, t)),
        2 => number().prop_map(Step::Remove),
    ]
}

type FileId = usize;

struct Number {
    fd: OwnedFd,
    file: FileId,
}

/// A registration lives as long as its file has a number, any number.
struct Registration {
    token: u64,
    interest: Interest,
    trigger: Trigger,
    /// Something has happened since the last report that has to be reported
    /// if the file is ready.
    is_due: bool,
    /// Something has happened since then at all, at either end.
    is_touched: bool,
    /// In the present sweep.
    was_reported: bool,
}

/// The descriptors, and what a poller should know of them.
pub struct Descriptors {
    /// Whether a peer's half-close is reported as `hangup`.
    tells_half_close: bool,
    numbers: Vec<Number>,
    peers: Vec<FileId>,
    /// By file, and by the number it was registered under.
    registrations: BTreeMap<(FileId, i32), Registration>,
    next_token: u64,
}

impl Descriptors {
    /// No descriptors yet, for a poller that tells of half-closes or does not.
    pub fn new(tells_half_close: bool) -> Self {
        Self {
            tells_half_close,
            numbers: Vec::new(),
            peers: Vec::new(),
            registrations: BTreeMap::new(),
            next_token: 0,
        }
    }

    /// Does `step` to the real thing and to the model, and compares what the
    /// poller answers.
    pub fn apply(&mut self, registry: &impl Registry, step: &Step) {
        match *step {
            Step::OpenPipe => self.open(pipe()),
            Step::OpenSockets => self.open(sockets()),
            _ if self.numbers.is_empty() => {}
            Step::Duplicate(number) => self.duplicate(number),
            Step::Replace(to, from) => {
                let (to, from) = (self.index(to), self.index(from));
                let copy = self.numbers[from].fd.try_clone().expect("numbers are left");
                self.put_in_place(to, copy, self.numbers[from].file);
            }
            Step::Reuse(number) => self.reuse(number),
            Step::Close { number, removed_before } => self.close(registry, number, removed_before),
            Step::Write(number) => {
                let file = self.numbers[self.index(number)].file;
                if self.transfer(number, |fd| write_once(fd, 8)) {
                    self.note_arrival(self.peers[file]);
                }
            }
            Step::Fill(number) => self.transfer(number, |fd| while write_once(fd, 4096) {}),
            Step::ReadByte(number) => self.transfer(number, |fd| {
                let _ = rustix::io::read(fd, &mut [0; 1]);
            }),
            Step::Drain(number) => self.transfer(number, |fd| {
                while rustix::io::read(fd, &mut [0; 4096]).is_ok_and(|count| count > 0) {}
            }),
            Step::ShutDown(number, both) => self.transfer(number, |fd| {
                // A pipe has no sides to shut down.
                let _ = shutdown(fd, if both { Shutdown::Both } else { Shutdown::Write });
            }),
            Step::Add(number, interest, trigger) => self.add(registry, number, interest, trigger),
            Step::Modify(number, interest, trigger) => {
                self.modify(registry, number, interest, trigger);
            }
            Step::Remove(number) => {
                let index = self.index(number);
                self.remove(registry, index);
            }
        }
    }

    /// How many events one sweep of waits may bring.
    pub fn most_events(&self) -> usize {
        self.registrations.len()
    }

    /// Whether a wait has to bring an event now.
    pub fn is_due(&self) -> bool {
        self.registrations.iter().any(|((file, _), registration)| {
            registration.must_be_reported() && self.expected(*file, registration).is_some()
        })
    }

    /// Checks what a wait has brought: nothing that is not so.
    pub fn check(&mut self, events: &[Event]) {
        for event in events {
            let (key, registration) = self
                .registrations
                .iter()
                .find(|(_, registration)| registration.token == event.token)
                .unwrap_or_else(|| panic!("{event:?} is of nothing that is registered"));
            let expected = self.expected(key.0, registration);
            assert_eq!(Some(*event), expected, "as poll(2) has it");
            assert!(
                registration.trigger == Trigger::Level
                    || (registration.is_touched && !registration.was_reported),
                "{event:?} was reported before, and nothing has happened since"
            );
            let key = *key;
            self.registrations.get_mut(&key).expect("found above").was_reported = true;
        }
    }

    /// Checks that the waits since the last call, nothing having happened
    /// between them, have left nothing out.
    pub fn check_complete(&mut self) {
        for ((file, number), registration) in &self.registrations {
            let expected = self.expected(*file, registration);
            if let Some(event) = expected.filter(|_| registration.must_be_reported()) {
                assert!(
                    registration.was_reported,
                    "{event:?} of number {number} was not reported ({:?})",
                    registration.trigger
                );
            }
        }
        for registration in self.registrations.values_mut() {
            // What was looked at and found not ready needs news to be so again.
            registration.is_due = false;
            registration.is_touched = false;
            registration.was_reported = false;
        }
    }

    fn index(&self, number: usize) -> usize {
        number % self.numbers.len()
    }

    fn open(&mut self, (near, far): (OwnedFd, OwnedFd)) {
        if self.numbers.len() + 2 > MAX_NUMBERS {
            return;
        }
        let file = self.peers.len();
        self.peers.extend([file + 1, file]);
        self.numbers.push(Number { fd: near, file });
        self.numbers.push(Number { fd: far, file: file + 1 });
    }

    fn duplicate(&mut self, number: usize) {
        if self.numbers.len() == MAX_NUMBERS {
            return;
        }
        let original = &self.numbers[self.index(number)];
        let fd = original.fd.try_clone().expect("numbers are left");
        let file = original.file;
        self.numbers.push(Number { fd, file });
    }

    /// One end of a new pair gets a number that was another file's.
    fn reuse(&mut self, number: usize) {
        let index = self.index(number);
        let (near, far) = sockets();
        let file = self.peers.len();
        self.peers.extend([file + 1, file]);
        self.put_in_place(index, near, file);
        if self.numbers.len() < MAX_NUMBERS {
            self.numbers.push(Number { fd: far, file: file + 1 });
        }
    }

    fn put_in_place(&mut self, index: usize, new: OwnedFd, file: FileId) {
        let before = self.readiness();
        rustix::io::dup2(&new, &mut self.numbers[index].fd).expect("both are open");
        drop(new);
        let old = std::mem::replace(&mut self.numbers[index].file, file);
        self.forget_if_gone(old);
        self.note(&before, self.peers[old], old);
    }

    fn close(&mut self, registry: &impl Registry, number: usize, removed_before: bool) {
        let index = self.index(number);
        if removed_before {
            self.remove(registry, index);
        }
        let before = self.readiness();
        let Number { fd, file } = self.numbers.swap_remove(index);
        drop(fd);
        self.forget_if_gone(file);
        self.note(&before, self.peers[file], file);
    }

    fn forget_if_gone(&mut self, file: FileId) {
        if !self.numbers.iter().any(|number| number.file == file) {
            self.registrations.retain(|(of, _), _| *of != file);
        }
    }

    fn transfer<R>(&mut self, number: usize, action: impl FnOnce(&OwnedFd) -> R) -> R {
        let before = self.readiness();
        let number = &self.numbers[self.index(number)];
        let file = number.file;
        let result = action(&number.fd);
        self.note(&before, file, self.peers[file]);
        result
    }

    /// Something was done to `file` that its `peer` may have felt: what has
    /// become ready by it is due.
    fn note(&mut self, before: &BTreeMap<FileId, PollFlags>, file: FileId, peer: FileId) {
        let after = self.readiness();
        let touched = self.registrations.keys().filter(|(of, _)| *of == file || *of == peer);
        for key in touched.copied().collect::<Vec<_>>() {
            let was = before.get(&key.0).copied().unwrap_or(PollFlags::empty());
            let gained = after[&key.0] - was;
            let watched = self.watched(self.registrations[&key].interest);
            let registration = self.registrations.get_mut(&key).expect("one of the keys");
            registration.is_touched = true;
            registration.is_due |= gained.intersects(watched);
        }
    }

    /// Data has come to `file`, which is due whether there was some or not.
    fn note_arrival(&mut self, file: FileId) {
        for ((of, _), registration) in &mut self.registrations {
            registration.is_due |= *of == file && registration.interest.readable;
        }
    }

    fn add(&mut self, registry: &impl Registry, n: usize, interest: Interest, trigger: Trigger) {
        let number = &self.numbers[self.index(n)];
        let key = (number.file, raw(&number.fd));
        let token = self.next_token;
        let outcome = registry.add(number.fd.as_fd(), token, interest, trigger);
        if self.registrations.contains_key(&key) {
            assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            return;
        }
        outcome.expect("it is open and was not registered");
        self.register(key, interest, trigger);
    }

    fn modify(&mut self, registry: &impl Registry, n: usize, interest: Interest, trigger: Trigger) {
        let number = &self.numbers[self.index(n)];
        let key = (number.file, raw(&number.fd));
        let outcome = registry.modify(number.fd.as_fd(), self.next_token, interest, trigger);
        if !self.registrations.contains_key(&key) {
            assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::NotFound);
            return;
        }
        outcome.expect("it is registered");
        self.register(key, interest, trigger);
    }

    fn register(&mut self, key: (FileId, i32), interest: Interest, trigger: Trigger) {
        let token = self.next_token;
        self.next_token += 1;
        let registration = Registration {
            token,
            interest,
            trigger,
            is_due: true,
            is_touched: true,
            was_reported: false,
        };
        self.registrations.insert(key, registration);
    }

    fn remove(&mut self, registry: &impl Registry, index: usize) {
        let number = &self.numbers[index];
        let known = self.registrations.remove(&(number.file, raw(&number.fd))).is_some();
        match registry.remove(number.fd.as_fd()) {
            Ok(()) => assert!(known, "it was not registered"),
            Err(error) => assert_eq!((error.kind(), known), (io::ErrorKind::NotFound, false)),
        }
    }

    /// What each file is ready for now.
    fn readiness(&self) -> BTreeMap<FileId, PollFlags> {
        self.numbers.iter().map(|number| (number.file, ready_for(&number.fd))).collect()
    }

    /// The event that a report of `file` has to be, if it is ready for anything
    /// that the registration is about.
    fn expected(&self, file: FileId, registration: &Registration) -> Option<Event> {
        let number = self.numbers.iter().find(|number| number.file == file);
        let number = number.expect("a registration goes with the last number of its file");
        let ready = ready_for(&number.fd) & self.watched(registration.interest);
        let lost = PollFlags::HUP | PollFlags::ERR;
        let mut hangup = PollFlags::HUP;
        if self.tells_half_close {
            hangup |= PollFlags::RDHUP;
        }
        (!ready.is_empty()).then(|| Event {
            token: registration.token,
            readable: ready.intersects(PollFlags::IN | PollFlags::PRI | hangup | lost),
            writable: ready.intersects(PollFlags::OUT | lost),
            hangup: ready.intersects(hangup),
            error: ready.intersects(PollFlags::ERR),
        })
    }

    /// What `poll(2)` may say that concerns somebody with this interest.
    fn watched(&self, interest: Interest) -> PollFlags {
        let mut flags = PollFlags::HUP | PollFlags::ERR;
        if interest.readable {
            flags |= PollFlags::IN;
            if self.tells_half_close {
                flags |= PollFlags::RDHUP;
            }
        }
        if interest.writable {
            flags |= PollFlags::OUT;
        }
        flags
    }
}

impl Registration {
    fn must_be_reported(&self) -> bool {
        self.is_due || self.trigger == Trigger::Level
    }
}

fn ready_for(fd: &OwnedFd) -> PollFlags {
    let all = PollFlags::IN | PollFlags::PRI | PollFlags::OUT | PollFlags::RDHUP;
    let mut asked = [PollFd::new(fd, all)];
    poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).expect("it is open");
    asked[0].revents()
}

fn raw(fd: &OwnedFd) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(fd)
}

/// Whether it took anything.
fn write_once(fd: &OwnedFd, count: usize) -> bool {
    rustix::io::write(fd, &[7; 4096][..count]).is_ok()
}

fn pipe() -> (OwnedFd, OwnedFd) {
    pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).expect("numbers are left")
}

fn sockets() -> (OwnedFd, OwnedFd) {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).expect("numbers are left")
}
