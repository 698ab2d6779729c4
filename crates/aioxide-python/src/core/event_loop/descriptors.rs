//! The watched file descriptors.
//!
//! A table indexed by descriptor number. Every use of a number has a
//! generation, which is half of the token that the poller reports. So an event
//! of a closed descriptor whose number was reused is recognised and dropped.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use aioxide_engine::{Interest, Poller, Trigger};
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::registration::{Registration, register, token, wanted_registration};
use crate::core::dispatch::NativeWork;
use crate::core::dispatch::TransportEvent;
use crate::core::dispatch::{HANGUP, READABLE, WRITABLE};
use crate::core::dispatch::{Ready, Watch, Watcher};
use crate::ffi::file_descriptor::numbered;
use crate::ffi::gil_cell::unsafe_cell_methods;

/// Reading or writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Data, a connection or the end of the stream has arrived.
    Read,
    /// There is room in the send buffer.
    Write,
}

/// What a change of a watcher has removed; the caller drops it.
#[derive(Default)]
pub struct Displaced {
    /// The previous watcher of that direction.
    pub watcher: Option<Watcher>,
    /// The file object, if the descriptor has no watcher any more.
    pub file: Option<Py<PyAny>>,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    watch: Watch,
    registration: Registration,
    /// A weak reference to the socket object whose `sock_*` calls the registration is
    /// for. Its address would not do, because an address can be reused.
    owner: Option<Py<PyAny>>,
    /// A read has found nothing since the last event of the edge-triggered
    /// registration: another read would find nothing either.
    drained: bool,
    /// The peer has ended its side: the end stays readable after any read.
    hung_up: bool,
    /// Whether the owner is a TCP socket, where only the end can follow a short read.
    /// (Datagrams are read one by one, and a read of a Unix socket stops at a message
    /// that carries descriptors.)
    short_read_drains: bool,
}

/// The table.
#[derive(Default)]
pub struct Descriptors {
    slots: Vec<Slot>,
    /// The number of watched slots, without the loop's own.
    watched: usize,
    /// How many of them are transports'.
    transports: usize,
}

impl Descriptors {
    /// Whether a poll could report more than wake-ups and signals.
    #[inline]
    pub fn is_watching(&self) -> bool {
        self.watched > 0
    }

    /// How many transports there are.
    pub fn transport_count(&self) -> usize {
        self.transports
    }

    /// The slot of an open descriptor. The table grows to its number.
    fn slot(&mut self, fd: BorrowedFd<'_>) -> &mut Slot {
        let index = fd.as_raw_fd() as usize;
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, Slot::default);
        }
        &mut self.slots[index]
    }

    fn existing(&self, fd: RawFd) -> Option<&Slot> {
        self.slots.get(usize::try_from(fd).ok()?)
    }

    fn existing_mut(&mut self, fd: RawFd) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(fd).ok()?)
    }

    /// Whether the table has no slot for `fd` yet.
    pub fn is_new(&self, fd: RawFd) -> bool {
        self.existing(fd).is_none()
    }

    /// The watcher of `fd` in this direction.
    pub fn watcher(&self, fd: RawFd, direction: Direction) -> Option<&Watcher> {
        match (&self.existing(fd)?.watch, direction) {
            (Watch::Caller { reader, .. }, Direction::Read) => reader.as_ref(),
            (Watch::Caller { writer, .. }, Direction::Write) => writer.as_ref(),
            _ => None,
        }
    }

    /// The transport that `fd` belongs to.
    pub fn transport_of(&self, py: Python<'_>, fd: RawFd) -> Option<Py<PyAny>> {
        match &self.existing(fd)?.watch {
            Watch::Transport(transport) => Some(transport.object(py)),
            _ => None,
        }
    }

    /// The transports that own their socket, and those that write to a pipe.
    pub fn writing_transports(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        let transport = |slot: &Slot| match &slot.watch {
            Watch::Transport(transport) => Some(transport.object(py)),
            Watch::Caller { reader, writer, .. } => {
                [writer, reader].into_iter().flatten().find_map(|watcher| match watcher {
                    Watcher::WritePipe(transport) => Some(transport.clone_ref(py).into_any()),
                    _ => None,
                })
            }
            _ => None,
        };
        self.slots.iter().filter_map(transport).collect()
    }

    /// Marks `fd` as used by a part of the loop, which registers it with the returned
    /// token. Also returns the previous entry, which the caller drops.
    pub fn occupy(&mut self, descriptor: BorrowedFd<'_>, watch: Watch) -> (u64, Watch) {
        let fd = descriptor.as_raw_fd();
        let counts = !matches!(watch, Watch::Signals);
        let is_transport = matches!(watch, Watch::Transport(_));
        let slot = self.slot(descriptor);
        let was_watched = slot.is_watched();
        slot.generation = slot.generation.wrapping_add(1);
        let previous = std::mem::replace(&mut slot.watch, watch);
        slot.registration = None;
        let token = token(fd, slot.generation);
        self.watched = self.watched + usize::from(counts) - usize::from(was_watched);
        let was_transport = matches!(previous, Watch::Transport(_));
        self.transports = self.transports + usize::from(is_transport) - usize::from(was_transport);
        (token, previous)
    }

    /// Records how `fd` was registered after [`Descriptors::occupy`].
    pub fn set_registered(&mut self, fd: RawFd, interest: Interest, trigger: Trigger) {
        if let Some(slot) = self.existing_mut(fd) {
            slot.registration = Some((interest, trigger));
        }
    }

    /// Registers `fd` for both directions, after [`Descriptors::occupy`].
    ///
    /// # Errors
    ///
    /// Those of the system; nothing is changed then.
    pub fn register_for_both(
        &mut self,
        poller: &Poller,
        descriptor: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let fd = descriptor.as_raw_fd();
        let slot = self.slot(descriptor);
        let wanted = slot.registration.map(|(_, trigger)| (Interest::BOTH, trigger));
        if slot.register(poller, fd, wanted)? {
            slot.registration = wanted;
            slot.drained = false;
        }
        Ok(())
    }

    /// Registers all descriptors with a new poller. Closed ones are left out.
    pub fn register_all(&mut self, poller: &Poller) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some((interest, trigger)) = slot.registration else { continue };
            let fd = index as RawFd;
            let descriptor = numbered(fd);
            let token = token(fd, slot.generation);
            if poller.add(descriptor, token, interest, trigger).is_err() {
                slot.registration = None;
            }
        }
    }

    /// Undoes [`Descriptors::occupy`]. The caller drops the returned entry, and closes or
    /// unregisters the descriptor.
    pub fn vacate(&mut self, fd: RawFd) -> Watch {
        let Some(slot) = self.existing_mut(fd) else {
            return Watch::Unused;
        };
        let was_watched = slot.is_watched();
        slot.generation = slot.generation.wrapping_add(1);
        slot.registration = None;
        let watch = std::mem::take(&mut slot.watch);
        self.watched -= usize::from(was_watched);
        self.transports -= usize::from(matches!(watch, Watch::Transport(_)));
        watch
    }

    /// Sets or clears the watcher of one direction and registers `fd`
    /// accordingly. Returns the watcher that was there.
    ///
    /// # Errors
    ///
    /// Those of the system, with the watcher; nothing is changed then.
    pub fn set_watcher(
        &mut self,
        poller: &Poller,
        fd: RawFd,
        direction: Direction,
        watcher: Option<Watcher>,
    ) -> Result<Displaced, (io::Error, Option<Watcher>)> {
        // The poller first: the table must not grow for a number that is not open.
        let (wanted, registered) = match self.wanted(poller, fd, direction, watcher.as_ref()) {
            Ok(registration) => registration,
            Err(error) => return Err((error, watcher)),
        };
        let slot = self.slot(numbered(fd));
        let was_watched = slot.is_watched();
        let (mut reader, mut writer, file) = match std::mem::take(&mut slot.watch) {
            Watch::Caller { reader, writer, file } => (reader, writer, file),
            _ => (None, None, None),
        };
        let place = match direction {
            Direction::Read => &mut reader,
            Direction::Write => &mut writer,
        };
        let mut displaced = Displaced { watcher: std::mem::replace(place, watcher), file: None };
        if reader.is_none() && writer.is_none() {
            displaced.file = file;
        } else {
            slot.watch = Watch::Caller { reader, writer, file };
        }
        slot.registration = wanted;
        if registered {
            slot.drained = false;
        }
        let is_watched = slot.is_watched();
        self.watched = self.watched + usize::from(is_watched) - usize::from(was_watched);
        Ok(displaced)
    }

    /// Keeps the file object of the watched `fd`, unless one is kept already. Returns the
    /// object that is not kept.
    pub fn remember_file(&mut self, fd: RawFd, file: Py<PyAny>) -> Option<Py<PyAny>> {
        match self.existing_mut(fd).map(|slot| &mut slot.watch) {
            Some(Watch::Caller { file: kept @ None, .. }) => kept.replace(file),
            _ => Some(file),
        }
    }

    /// The number of the file at this address, if it is watched.
    pub fn number_of(&self, file: usize) -> Option<RawFd> {
        let is_it = |slot: &Slot| match &slot.watch {
            Watch::Caller { file: Some(kept), .. } => kept.as_ptr().addr() == file,
            _ => false,
        };
        self.slots.iter().position(is_it).map(|index| index as RawFd)
    }

    /// Registers `fd` as `watcher` requires. Returns the registration, and whether it has
    /// changed.
    fn wanted(
        &self,
        poller: &Poller,
        fd: RawFd,
        direction: Direction,
        watcher: Option<&Watcher>,
    ) -> io::Result<(Registration, bool)> {
        let unused = Slot::default();
        let slot = self.existing(fd).unwrap_or(&unused);
        let (reader, writer) = match &slot.watch {
            Watch::Caller { reader, writer, .. } => (reader.as_ref(), writer.as_ref()),
            Watch::Unused => (None, None),
            _ => return Err(io::Error::from(io::ErrorKind::ResourceBusy)),
        };
        let (reader, writer) = match direction {
            Direction::Read => (watcher, writer),
            Direction::Write => (reader, watcher),
        };
        let wanted = wanted_registration(reader, writer, slot.registration);
        let differs = slot.register(poller, fd, wanted)?;
        Ok((wanted, differs))
    }

    /// Whether a read of `fd` would find nothing: see [`Slot::drained`].
    pub fn is_drained(&self, fd: RawFd) -> bool {
        self.existing(fd).is_some_and(|slot| slot.drained && slot.is_edge_triggered())
    }

    /// A read has found nothing.
    pub fn set_drained(&mut self, fd: RawFd) {
        if let Some(slot) = self.existing_mut(fd) {
            slot.drained = slot.is_edge_triggered() && !slot.hung_up;
        }
    }

    /// A read has returned `count` bytes of at most `room`.
    pub fn note_read(&mut self, fd: RawFd, count: usize, room: usize) {
        if let Some(slot) = self.existing_mut(fd)
            && count < room
            && slot.short_read_drains
        {
            slot.drained = slot.is_edge_triggered() && !slot.hung_up;
        }
    }

    /// The socket object that the remaining registration of `fd` is for.
    pub fn owner(&self, py: Python<'_>, fd: RawFd) -> Option<Py<PyAny>> {
        self.existing(fd)?.owner.as_ref().map(|owner| owner.clone_ref(py))
    }

    /// Another socket object has the number now: the old registration ended with the old
    /// socket. Returns the replaced reference.
    pub fn set_owner(
        &mut self,
        descriptor: BorrowedFd<'_>,
        owner: Py<PyAny>,
        short_read_drains: bool,
    ) -> Option<Py<PyAny>> {
        let slot = self.slot(descriptor);
        if !slot.is_watched() {
            slot.registration = None;
            slot.generation = slot.generation.wrapping_add(1);
        }
        slot.drained = false;
        slot.hung_up = false;
        slot.short_read_drains = short_read_drains;
        slot.owner.replace(owner)
    }

    /// The items of an event: at most one for each direction.
    #[inline]
    pub fn items_for(
        &mut self,
        py: Python<'_>,
        reported: u64,
        readiness: u8,
    ) -> [Option<Ready>; 2] {
        let fd = reported as u32 as RawFd;
        let Some(slot) = self.slots.get_mut(fd as usize) else {
            return [None, None];
        };
        if token(fd, slot.generation) != reported {
            return [None, None];
        }
        if readiness & (READABLE | HANGUP) != 0 {
            slot.drained = false;
        }
        if readiness & HANGUP != 0 {
            slot.hung_up = true;
        }
        match &slot.watch {
            Watch::Unused => [None, None],
            Watch::Transport(transport) => {
                [Some(transport.on(py, TransportEvent::Io(readiness))), None]
            }
            Watch::Listener(index, server) => {
                [Some(Ready::Accept(*index, server.clone_ref(py))), None]
            }
            Watch::Child(_) => {
                [self.take_child(fd).map(|child| Ready::Native(Box::new(child))), None]
            }
            Watch::Signals => [Some(Ready::Signals), None],
            Watch::Caller { reader, writer, .. } => {
                let item = |flag: u8, watcher: &Option<Watcher>| {
                    watcher
                        .as_ref()
                        .filter(|_| readiness & flag != 0)
                        .map(|watcher| watcher.item(py, flag))
                };
                [item(READABLE, reader), item(WRITABLE, writer)]
            }
        }
    }

    /// Removes the ended child from the table, because it ends only once. Its descriptor
    /// is still registered.
    fn take_child(&mut self, fd: RawFd) -> Option<Box<dyn NativeWork>> {
        match self.vacate(fd) {
            Watch::Child(child) => Some(child),
            _ => None,
        }
    }

    /// Empties the table when the loop is closed.
    pub fn take_all(&mut self, poller: Option<&Poller>) -> Vec<(Watch, Option<Py<PyAny>>)> {
        let mut taken = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if let Some(poller) = poller.filter(|_| slot.registration.is_some()) {
                // The descriptor belongs to the program, which may still use it.
                let _ = poller.remove(numbered(index as RawFd));
            }
            taken.push((std::mem::take(&mut slot.watch), slot.owner.take()));
        }
        self.slots.clear();
        self.watched = 0;
        self.transports = 0;
        taken
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        for slot in &self.slots {
            visit.call(&slot.owner)?;
            match &slot.watch {
                Watch::Unused | Watch::Signals => {}
                Watch::Transport(transport) => transport.traverse(visit)?,
                Watch::Listener(_, server) => visit.call(server)?,
                Watch::Child(child) => child.traverse(visit)?,
                Watch::Caller { reader, writer, file } => {
                    visit.call(file)?;
                    for watcher in [reader, writer].into_iter().flatten() {
                        watcher.traverse(visit)?;
                    }
                }
            }
        }
        Ok(())
    }
}

// SAFETY (of the methods): watchers are moved in and out, and references to them counted up.
unsafe_cell_methods!(Descriptors {
    /// See [`Descriptors::is_watching`].
    fn is_watching(&mut self) -> bool;
    /// See [`Descriptors::transport_count`].
    fn transport_count(&mut self) -> usize;
    /// See [`Descriptors::is_drained`].
    fn is_drained(&mut self, fd: RawFd) -> bool;
    /// See [`Descriptors::set_drained`].
    fn set_drained(&mut self, fd: RawFd);
    /// See [`Descriptors::note_read`].
    fn note_read(&mut self, fd: RawFd, count: usize, room: usize);
    /// See [`Descriptors::occupy`].
    fn occupy(&mut self, descriptor: BorrowedFd<'_>, watch: Watch) -> (u64, Watch);
    /// See [`Descriptors::vacate`].
    fn vacate(&mut self, fd: RawFd) -> Watch;
    /// See [`Descriptors::set_registered`].
    fn set_registered(&mut self, fd: RawFd, interest: Interest, trigger: Trigger);
    /// See [`Descriptors::register_for_both`].
    fn register_for_both(&mut self, poller: &Poller, descriptor: BorrowedFd<'_>) -> io::Result<()>;
    /// See [`Descriptors::register_all`].
    fn register_all(&mut self, poller: &Poller);
    /// See [`Descriptors::set_watcher`].
    fn set_watcher(
        &mut self,
        poller: &Poller,
        fd: RawFd,
        direction: Direction,
        watcher: Option<Watcher>
    ) -> Result<Displaced, (io::Error, Option<Watcher>)>;
    /// See [`Descriptors::set_owner`].
    fn set_owner(
        &mut self,
        descriptor: BorrowedFd<'_>,
        owner: Py<PyAny>,
        short_read_drains: bool
    ) -> Option<Py<PyAny>>;
    /// See [`Descriptors::remember_file`].
    fn remember_file(&mut self, fd: RawFd, file: Py<PyAny>) -> Option<Py<PyAny>>;
    /// See [`Descriptors::take_all`].
    fn take_all(&mut self, poller: Option<&Poller>) -> Vec<(Watch, Option<Py<PyAny>>)>;
} with py {
    /// See [`Descriptors::writing_transports`].
    fn writing_transports(&mut self) -> Vec<Py<PyAny>>;
    /// See [`Descriptors::transport_of`].
    fn transport_of(&mut self, fd: RawFd) -> Option<Py<PyAny>>;
    /// See [`Descriptors::owner`].
    fn owner(&mut self, fd: RawFd) -> Option<Py<PyAny>>;
    /// See [`Descriptors::items_for`].
    fn items_for(&mut self, reported: u64, readiness: u8) -> [Option<Ready>; 2];
});

impl Slot {
    fn is_watched(&self) -> bool {
        !matches!(self.watch, Watch::Unused | Watch::Signals)
    }

    fn is_edge_triggered(&self) -> bool {
        matches!(self.registration, Some((_, Trigger::Edge)))
    }

    /// Changes the poller's registration of `fd` to the wanted one; returns whether it
    /// was another.
    fn register(&self, poller: &Poller, fd: RawFd, wanted: Registration) -> io::Result<bool> {
        if wanted == self.registration {
            return Ok(false);
        }
        let token = token(fd, self.generation);
        let descriptor = numbered(fd);
        match wanted {
            Some((interest, trigger)) => {
                register(
                    poller,
                    descriptor,
                    token,
                    interest,
                    trigger,
                    self.registration.is_some(),
                )?;
            }
            // A closed descriptor is no longer registered.
            None => drop(poller.remove(descriptor)),
        }
        Ok(true)
    }
}
