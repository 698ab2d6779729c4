//! What is written is read; what is cut off, damaged or hostile is read up to there, without a panic.

use aioxide_trace::file::{
    Calibration, Chunk, Ending, Events, Failure, Finding, Location, MAGIC, Meta, ObjectRecord,
    OpenError, Reader, Stack, TaskRecord, VERSION, Writer, encode_chunk,
};
use aioxide_trace::{Event, ObjectKind, Outcome, WaitKind};
use proptest::collection::vec;
use proptest::prelude::*;

fn chunk() -> impl Strategy<Value = Chunk> {
    let event = any::<[u8; 24]>().prop_map(|bytes| Event::from_bytes(&bytes));
    let location = any::<[u32; 4]>().prop_map(|[id, file, function, line]| Location {
        id,
        file,
        function,
        line,
    });
    let task =
        any::<([u64; 3], [u32; 4])>().prop_map(|([id, parent, created], words)| TaskRecord {
            id,
            parent,
            created,
            coroutine: words[0],
            created_at: words[1],
            name: words[2],
            loop_id: words[3],
        });
    let object = any::<(u64, u8, u32, u32)>().prop_map(|(id, kind, location, name)| ObjectRecord {
        id,
        kind: ObjectKind::from_byte(kind),
        location,
        name,
    });
    let stack = (any::<u64>(), any::<u64>(), vec(any::<u32>(), 0..9))
        .prop_map(|(task, ticks, frames)| Stack { task, ticks, frames });
    let failure = any::<(u64, String, String)>().prop_map(|(task, text, traceback)| Failure {
        task,
        exception: "ValueError".to_owned(),
        text,
        traceback,
    });
    let finding =
        any::<(String, Vec<String>, u64)>().prop_map(|(sentence, victims, elapsed_ns)| Finding {
            sentence,
            victims,
            elapsed_ns,
            ..Finding::default()
        });
    prop_oneof![
        (any::<u32>(), any::<u64>(), vec(event, 1..20)).prop_map(|(loop_id, dropped, events)| {
            Chunk::Events(Events { loop_id, dropped, events })
        }),
        vec(any::<(u32, String)>(), 1..5).prop_map(Chunk::Strings),
        vec(location, 1..5).prop_map(Chunk::Locations),
        vec(task, 1..5).prop_map(Chunk::Tasks),
        vec(object, 1..5).prop_map(Chunk::Objects),
        vec(stack, 1..5).prop_map(Chunk::Stacks),
        vec(failure, 1..5).prop_map(Chunk::Failures),
        vec(finding, 1..5).prop_map(Chunk::Findings),
        any::<(u64, u64)>()
            .prop_map(|(ticks, unix_ns)| Chunk::Calibration(Calibration { ticks, unix_ns })),
    ]
}

fn file_of(chunks: &[Chunk]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &Meta::default()).unwrap();
    for chunk in chunks {
        writer.chunk(chunk).unwrap();
    }
    writer.into_inner()
}

fn read(file: &[u8]) -> (Vec<Chunk>, Ending) {
    let mut reader = Reader::new(file).unwrap();
    let chunks = reader.by_ref().skip(1).collect();
    (chunks, reader.ending().unwrap().clone())
}

proptest! {
    #[test]
    fn chunks_are_read_as_they_were_written(chunks in vec(chunk(), 0..8)) {
        prop_assert_eq!(read(&file_of(&chunks)), (chunks, Ending::Whole));
    }

    #[test]
    fn a_file_that_is_cut_off_is_read_up_to_its_last_whole_chunk(
        chunks in vec(chunk(), 1..6), cut: prop::sample::Index,
    ) {
        let file = file_of(&chunks);
        let head = file_of(&[]).len();
        let cut = head + cut.index(file.len() - head);
        let (found, ending) = read(&file[..cut]);
        prop_assert_eq!(&found[..], &chunks[..found.len()]);
        let at = file_of(&found).len();
        let expected = if at == cut { Ending::Whole } else { Ending::Truncated { at: at as u64 } };
        prop_assert_eq!(ending, expected);
    }

    #[test]
    fn a_damaged_byte_costs_no_chunk_before_it(
        chunks in vec(chunk(), 1..6), place: prop::sample::Index, flip in 1..=255_u8,
    ) {
        let mut file = file_of(&chunks);
        let head = file_of(&[]).len();
        let place = head + place.index(file.len() - head);
        file[place] ^= flip;
        let (found, ending) = read(&file);
        prop_assert_eq!(&found[..], &chunks[..found.len()]);
        prop_assert!(file_of(&found).len() <= place);
        prop_assert!(ending != Ending::Whole);
    }

    #[test]
    fn garbage_behind_the_head_is_no_panic(garbage in vec(any::<u8>(), 0..400)) {
        let mut file = MAGIC.to_vec();
        file.extend(VERSION.to_le_bytes());
        file.extend(garbage);
        let mut reader = Reader::new(&file[..]).unwrap();
        while reader.next().is_some() {}
        prop_assert!(reader.ending().is_some());
    }

    #[test]
    fn a_payload_of_garbage_with_a_true_checksum_is_no_panic(
        kind in 0..14_u32, payload in vec(any::<u8>(), 0..400),
    ) {
        let mut file = file_of(&[]);
        let at = file.len();
        file.extend(kind.to_le_bytes());
        file.extend((payload.len() as u32).to_le_bytes());
        file.extend(payload);
        file.extend(crc32fast::hash(&file[at..]).to_le_bytes());
        read(&file);
    }
}

#[test]
fn chunks_of_unknown_types_are_skipped() {
    let mut file = file_of(&[]);
    let at = file.len();
    file.extend([77_u32.to_le_bytes(), 3_u32.to_le_bytes()].concat());
    file.extend(b"new");
    file.extend(crc32fast::hash(&file[at..]).to_le_bytes());
    file.extend(encode_chunk(&Chunk::Strings(vec![(1, "known".to_owned())])).unwrap());
    let mut reader = Reader::new(&file[..]).unwrap();
    let chunks: Vec<_> = reader.by_ref().skip(1).collect();
    assert_eq!(chunks, [Chunk::Strings(vec![(1, "known".to_owned())])]);
    assert_eq!((reader.skipped(), reader.ending()), (1, Some(&Ending::Whole)));
}

#[test]
fn a_length_that_claims_gigabytes_allocates_nothing() {
    let mut file = file_of(&[]);
    file.extend([2_u32.to_le_bytes(), u32::MAX.to_le_bytes()].concat());
    assert!(matches!(read(&file).1, Ending::Damaged { .. }));
}

#[test]
fn what_is_no_trace_or_of_another_version_has_an_error_that_says_so() {
    assert!(matches!(Reader::new(&b"PK\x03\x04 a zip file"[..]), Err(OpenError::NotATrace)));
    assert!(matches!(Reader::new(&b""[..]), Err(OpenError::NotATrace)));
    assert!(matches!(Reader::new(&b"AIOTRACE\x01"[..]), Err(OpenError::NotATrace)));
    let error = Reader::new(&b"AIOTRACE\x09\0\0\0"[..]).err().unwrap();
    assert_eq!(error.to_string(), "the trace is of version 9 of the format; this program reads 1");
}

#[test]
fn many_events_become_several_chunks_and_lose_none() {
    let events: Vec<Event> =
        (1..400_000).map(|id| Event::step(id, id, Outcome::Done, WaitKind::Unknown, 0)).collect();
    let mut writer = Writer::new(Vec::new(), &Meta::default()).unwrap();
    writer.events(3, 17, &events).unwrap();
    let (chunks, ending) = read(&writer.into_inner());
    assert_eq!(ending, Ending::Whole);
    let mut found = Vec::new();
    let mut dropped = 0;
    for chunk in &chunks {
        let Chunk::Events(part) = chunk else { panic!("{chunk:?}") };
        assert_eq!(part.loop_id, 3);
        dropped += part.dropped;
        found.extend_from_slice(&part.events);
    }
    assert!(chunks.len() > 1);
    assert_eq!(dropped, 17);
    assert!(found == events);
}

#[test]
fn a_text_longer_than_a_chunk_is_cut_between_characters() {
    let text = "ü".repeat(3 << 20);
    let mut writer = Writer::new(Vec::new(), &Meta::default()).unwrap();
    writer.strings([(1, &text[..]), (2, "short")]).unwrap();
    let (chunks, ending) = read(&writer.into_inner());
    assert_eq!(ending, Ending::Whole);
    let strings: Vec<_> = chunks
        .into_iter()
        .flat_map(|chunk| match chunk {
            Chunk::Strings(strings) => strings,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(text.starts_with(&strings[0].1) && strings[0].1.len() > 4_000_000);
    assert_eq!(strings[1], (2, "short".to_owned()));
}

/// A disk that is full after so many bytes.
struct Full(Vec<u8>, usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = (self.1 - self.0.len()).min(bytes.len());
        if room == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(&bytes[..room]);
        Ok(room)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_was_written_when_the_disk_was_full_opens() {
    let mut writer = Writer::new(Full(Vec::new(), 1000), &Meta::default()).unwrap();
    let mut written = 0;
    let error = loop {
        match writer.events(1, 0, &[Event::mark(written, 1)]) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    let (chunks, ending) = read(&writer.get_ref().0);
    assert_eq!(chunks.len() as u64, written);
    assert!(matches!(ending, Ending::Truncated { .. }));
}
