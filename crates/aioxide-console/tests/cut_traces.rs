//! What a process that was killed has left: a trace, and rings beside it.

use aioxide_console::timeline::{Timeline, read_file};
use aioxide_trace::file::{Calibration, Meta, Writer};
use aioxide_trace::ring::{self, Header};
use aioxide_trace::{Event, Outcome, WaitKind};
use std::fs::File;
use std::path::{Path, PathBuf};

const PID: u32 = 7;
const CAPACITY: u64 = 8;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("aioxide-cut-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn trace(&self) -> PathBuf {
        self.0.join("run.aiotrace")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The event with this number of a loop: a step of the task with that id.
fn event(number: u64) -> Event {
    Event::step(1_000 + number, number + 1, Outcome::Yielded, WaitKind::Unknown, 0)
}

/// A trace with these events of loop 1; `dropped` were lost before them.
fn write_trace(path: &Path, dropped: u64, numbers: std::ops::Range<u64>) {
    let meta = Meta { pid: PID, clock: "monotonic".to_owned(), ..Meta::default() };
    let mut writer = Writer::new(File::create(path).unwrap(), &meta).unwrap();
    let events: Vec<Event> = numbers.map(event).collect();
    writer.events(1, dropped, &events).unwrap();
}

/// The ring of loop 1 after `count` events.
fn write_ring(path: &Path, pid: u32, count: u64) {
    let calibration = Calibration { ticks: 1_000, unix_ns: 1_000 };
    let header = Header {
        pid,
        loop_id: 1,
        capacity: CAPACITY,
        next: count,
        calibration,
        ..Header::default()
    };
    let mut bytes = header.to_bytes().to_vec();
    bytes.resize(ring::HEADER_SIZE + CAPACITY as usize * Event::SIZE, 0);
    for number in count.saturating_sub(CAPACITY)..count {
        let at = ring::HEADER_SIZE + (number % CAPACITY) as usize * Event::SIZE;
        bytes[at..at + Event::SIZE].copy_from_slice(&event(number).to_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

/// The tasks of the steps, in order.
fn stepped(timeline: &Timeline) -> Vec<u64> {
    timeline.tasks.iter().map(|task| task.id).collect()
}

#[test]
fn a_trace_without_events_has_those_of_its_ring() {
    let folder = Folder::new("none");
    write_trace(&folder.trace(), 0, 0..0);
    write_ring(&folder.0.join("run.ring"), PID, 3);
    let timeline = read_file(&folder.trace()).unwrap();
    assert_eq!(stepped(&timeline), [1, 2, 3]);
    assert_eq!(timeline.dropped, 0);
}

#[test]
fn a_trace_goes_on_with_what_its_ring_has_more() {
    let folder = Folder::new("more");
    write_trace(&folder.trace(), 0, 0..5);
    write_ring(&folder.0.join("run.ring"), PID, 7);
    for asked in ["run.aiotrace", "run.ring"] {
        let timeline = read_file(&folder.0.join(asked)).unwrap();
        assert_eq!(stepped(&timeline), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(timeline.dropped, 0);
    }
}

#[test]
fn what_neither_the_trace_nor_its_ring_has_is_counted() {
    let folder = Folder::new("gap");
    write_trace(&folder.trace(), 2, 2..4);
    // The ring has the last seven of twenty: one slot may be half overwritten.
    write_ring(&folder.0.join("run.ring"), PID, 20);
    let timeline = read_file(&folder.trace()).unwrap();
    assert_eq!(stepped(&timeline), [3, 4, 14, 15, 16, 17, 18, 19, 20]);
    assert_eq!(timeline.dropped, 2 + 9);
}

#[test]
fn the_ring_of_a_later_loop_is_found_without_those_before_it() {
    let folder = Folder::new("later");
    write_trace(&folder.trace(), 0, 0..0);
    write_ring(&folder.0.join("run.ring12"), PID, 2);
    assert_eq!(stepped(&read_file(&folder.trace()).unwrap()), [1, 2]);
}

#[test]
fn what_is_no_ring_of_this_trace_is_left_alone() {
    let folder = Folder::new("others");
    write_trace(&folder.trace(), 0, 0..2);
    write_ring(&folder.0.join("run.ring"), PID + 1, 5);
    write_ring(&folder.0.join("other.ring2"), PID, 5);
    write_ring(&folder.0.join("run.ringing"), PID, 5);
    std::fs::write(folder.0.join("run.ring3"), "somebody's own").unwrap();
    std::fs::write(folder.0.join("run.ring4"), "AIORING1").unwrap();
    assert_eq!(stepped(&read_file(&folder.trace()).unwrap()), [1, 2]);
}
