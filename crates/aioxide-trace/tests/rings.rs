//! The ring file gives the events that were whole, the oldest first.

use aioxide_trace::Event;
use aioxide_trace::file::Calibration;
use aioxide_trace::ring::{HEADER_SIZE, Header, RingError, read, whole_events};
use proptest::collection::vec;
use proptest::prelude::*;

/// A ring file in which `count` events were written.
fn ring(capacity: u64, count: u64) -> Vec<u8> {
    let header = Header {
        pid: 7,
        loop_id: 2,
        capacity,
        next: count,
        calibration: Calibration { ticks: 5, unix_ns: 6 },
        ticks_per_second: 1e9,
    };
    let mut bytes = vec![0; HEADER_SIZE + capacity as usize * Event::SIZE];
    bytes[..64].copy_from_slice(&header.to_bytes());
    for number in 0..count {
        let at = HEADER_SIZE + (number % capacity) as usize * Event::SIZE;
        bytes[at..at + Event::SIZE].copy_from_slice(&Event::mark(number, 1).to_bytes());
    }
    bytes
}

proptest! {
    #[test]
    fn the_last_events_are_read_in_order(capacity in 1..40_u64, count in 0..120_u64) {
        let (header, dropped, events) = read(&ring(capacity, count)).unwrap();
        prop_assert_eq!((header.pid, header.loop_id, header.next), (7, 2, count));
        // A full ring's oldest slot may be half overwritten.
        let kept = if count < capacity { count } else { capacity - 1 };
        prop_assert_eq!(dropped, count - kept);
        let numbers: Vec<u64> = events.iter().map(|event| event.ticks).collect();
        prop_assert_eq!(numbers, (count - kept..count).collect::<Vec<_>>());
    }

    #[test]
    fn a_ring_file_of_garbage_is_no_panic(mut bytes in vec(any::<u8>(), 64..400), capacity in 0..60_u64) {
        let header = Header { capacity, ..Header::default() }.to_bytes();
        bytes[..32].copy_from_slice(&header[..32]);
        let _ = read(&bytes);
    }

    #[test]
    fn events_overwritten_while_they_were_copied_are_left_out(before: u64, more in 0..99_u64, capacity in 1..50_u64) {
        let after = before.saturating_add(more);
        let whole = whole_events(before, after, capacity);
        prop_assert!(whole.end == before && whole.start <= before);
        for number in [whole.start, before.wrapping_sub(1)] {
            prop_assert!(!whole.contains(&number) || after - number < capacity);
        }
    }
}

#[test]
fn what_is_no_ring_file_has_an_error_that_says_so() {
    assert_eq!(read(b"AIOTRACE"), Err(RingError::NotARing));
    let mut other = ring(4, 0);
    other[8] = 9;
    assert_eq!(read(&other), Err(RingError::Version(9)));
    let mut empty = ring(4, 0);
    empty[24] = 0;
    assert!(matches!(read(&empty), Err(RingError::Header(_))));
}
