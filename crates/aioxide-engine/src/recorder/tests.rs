use super::*;

fn event(number: u64) -> [u64; 3] {
    [number, number * 3, number * 7]
}

#[test]
fn a_ring_keeps_its_last_events_in_order() {
    let ring = Ring::in_memory(1).unwrap();
    assert_eq!(ring.capacity(), 1024);
    (0..3000).for_each(|number| ring.push(event(number)));
    let copied = ring.copy(0);
    // The slot of the next event may be half written at any time.
    assert_eq!(copied.first, 3000 - 1023);
    assert_eq!(copied.events, (copied.first..3000).map(event).collect::<Vec<_>>());
    assert_eq!(ring.copy(2998).events, [event(2998), event(2999)]);
    assert_eq!(ring.copy(5000), Copied { first: 3000, events: Vec::new() });
}

#[test]
fn a_copy_beside_the_writer_has_whole_events_only() {
    let ring = Ring::in_memory(1024).unwrap();
    let rounds = if cfg!(miri) { 3_000 } else { 2_000_000 };
    std::thread::scope(|scope| {
        scope.spawn(move || (0..rounds).for_each(|number| ring.push(event(number))));
        let mut seen = 0;
        while ring.next() < rounds {
            let copied = ring.copy(seen);
            for (index, found) in copied.events.iter().enumerate() {
                assert_eq!(*found, event(copied.first + index as u64));
            }
            seen = copied.first + copied.events.len() as u64;
        }
    });
}

#[cfg(not(miri))]
#[test]
fn a_ring_in_a_file_is_read_without_the_process() {
    let path = std::env::temp_dir().join(format!("aioxide-ring-{}", std::process::id()));
    let file =
        std::fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    let ring = Ring::in_memory(1024).unwrap();
    let mut header = [0; 64];
    header[..8].copy_from_slice(b"AIORING1");
    ring.move_into(&file, &header).unwrap();
    (0..3).for_each(|number| ring.push(event(number)));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(bytes.len(), 4096 + 1024 * 24);
    assert_eq!(&bytes[..8], b"AIORING1");
    assert_eq!(bytes[32..40], 3u64.to_le_bytes());
    assert_eq!(bytes[4096 + 24..4096 + 32], 1u64.to_le_bytes());
    ring.clear().unwrap();
    assert_eq!(ring.next(), 0);
}

#[test]
fn a_task_is_described_by_its_record() {
    let record = TaskRecord::default();
    assert!(record.view().is_none());
    record.fill(7, 3, 100, 1, 2, (9, 4), &TaskName::Number(12));
    record.wake(120);
    assert_eq!(record.begin_step(150), 50);
    record.end_step(150, 180, Phase::Waiting as u64 | 5 << 8 | 44 << 16);
    record.wake(200);
    record.begin_step(205);
    record.end_step(205, 215, Phase::Done as u64);
    let view = record.view().unwrap();
    assert_eq!((view.id, view.parent, view.created, view.loop_id), (7, 3, 100, 9));
    assert_eq!((view.coroutine, view.created_at), (1, 2));
    assert_eq!((view.busy, view.idle, view.scheduled), (40, 20, 55));
    assert_eq!((view.steps, view.longest), (2, 30));
    assert_eq!((view.phase, view.name.as_str()), (Phase::Done, "Task-12"));
    record.rename(&TaskName::Text("fetch"));
    assert_eq!(record.view().unwrap().name, "fetch");
}

#[test]
fn a_long_name_is_cut_between_two_characters() {
    let record = TaskRecord::default();
    let name = "é".repeat(100);
    record.fill(1, 0, 0, 0, 0, (1, 0), &TaskName::Text(&name));
    let kept = record.view().unwrap().name;
    assert!(kept.len() <= NAME_BYTES);
    assert!(kept.ends_with('…') && name.starts_with(kept.trim_end_matches('…')));
}

#[test]
fn the_record_of_an_ended_task_outlasts_its_events() {
    let record = Loops::default().open(1024).unwrap();
    let mut allotment = Allotment::default();
    allotment.open(record);
    let first = allotment.task(record.place()).unwrap();
    first.fill(1, 0, 0, 0, 0, (record.id(), record.place()), &TaskName::Number(1));
    allotment.retire_task(first);
    (0..1000).for_each(|number| record.ring().push(event(number)));
    assert!(!std::ptr::eq(allotment.task(record.place()).unwrap(), first));
    (0..30).for_each(|number| record.ring().push(event(number)));
    assert!(std::ptr::eq(allotment.task(record.place()).unwrap(), first));
    allotment.retire_task(first);
    allotment.open(record);
    assert!(std::ptr::eq(allotment.task(record.place()).unwrap(), first));
}

#[test]
fn the_task_of_the_longest_item_is_known_when_its_record_is_another_s() {
    let home = Loops::default().open(1024).unwrap();
    let record = TaskRecord::default();
    let place = (home.id(), home.place());
    record.fill(7, 0, 0, 3, 0, place, &TaskName::Text("culprit"));
    home.set_running(2 | 7 << 8);
    home.count_step(50, Some(&record));
    record.fill(8, 0, 0, 4, 0, place, &TaskName::Text("other"));
    home.set_running(2 | 8 << 8);
    home.count_step(50, Some(&record));
    let view = home.longest_task().unwrap();
    assert_eq!((view.id, view.coroutine, view.name.as_str()), (7, 3, "culprit"));
    assert_eq!(home.longest(), (50, 2 | 7 << 8));
    home.set_running(3);
    home.count_step(51, None);
    assert!(home.longest_task().is_none());
    assert_eq!(home.longest(), (51, 3));
}

#[test]
fn texts_and_places_are_numbered_once() {
    let mut names = Names::default();
    let place = names.location("app.py", "main", 3);
    assert_eq!(names.location("app.py", "main", 3), place);
    assert_ne!(names.location("app.py", "main", 4), place);
    let found = names.location_of(place).unwrap();
    assert_eq!(names.text_of(found.file).unwrap().as_ref(), "app.py");
    assert_eq!(names.text_of(0), None);
    assert_eq!(names.texts_from(1).len(), 1);
    assert_eq!(names.locations_from(0).len(), 2);
}

#[test]
fn the_record_of_a_closed_loop_is_used_again_when_enough_are_kept() {
    let mut loops = Loops::default();
    let records: Vec<_> = (0..8).map(|_| loops.open(1024).unwrap()).collect();
    records.iter().for_each(|record| loops.close(record));
    let ninth = loops.open(1024).unwrap();
    assert!(std::ptr::eq(ninth, records[0]));
    assert_eq!(ninth.id(), 9);
    assert_eq!(loops.all().len(), 8);
    loops.close(ninth);
    loops.forget_closed().unwrap();
    assert!(loops.all().is_empty());
}

#[cfg(not(miri))]
#[test]
fn two_calibrations_give_the_speed_of_the_clock() {
    let speed = Calibration::ticks_per_second();
    let (begin, started) = (ticks(), std::time::Instant::now());
    std::thread::sleep(std::time::Duration::from_millis(20));
    let measured = nanoseconds_between(begin, ticks(), speed) as f64;
    let elapsed = started.elapsed().as_nanos() as f64;
    assert!((0.5..2.0).contains(&(measured / elapsed)), "{measured} of {elapsed}");
    assert!(["tsc", "monotonic"].contains(&clock_name()));
    assert!(Calibration::now().ticks > Calibration::first().ticks);
}
