//! The answer to `events`: what a client has not seen yet, as chunks of the trace file.

use std::io::{self, BufWriter, Write};
use std::os::unix::net::UnixStream;

use aioxide_engine::recorder::{loops, names, tasks};
use aioxide_trace::file::{Chunk, Events, Location, encode_chunk};
use aioxide_trace::wire::{EventsAnswer, Refusal, Since, write_chunk, write_message};

use super::super::dump::{event_of, name_number, object_records, record_of};

/// Sends the events and the entries of the tables from `since` on.
pub fn send(output: &mut BufWriter<&UnixStream>, since: Since) -> io::Result<()> {
    let all = loops().all();
    let record = match since.loop_id {
        0 => all.first(),
        wanted => all.iter().find(|record| record.id() == wanted),
    };
    let Some(record) = record else {
        let error = format!("there is no loop {}", since.loop_id);
        write_message(&mut *output, &Refusal { error })?;
        return output.flush();
    };
    let copied = record.ring().copy(since.since);
    let mut next = Since { loop_id: record.id(), ..since };
    next.since = copied.first + copied.events.len() as u64;
    let dropped = copied.first.saturating_sub(since.since);
    let mut chunks = tables(&mut next);
    let events = copied.events.into_iter().map(event_of).collect();
    chunks.push(Chunk::Events(Events { loop_id: record.id(), dropped, events }));
    let frames: Vec<Vec<u8>> = chunks.iter().map(encode_chunk).collect::<Result<_, _>>()?;
    let answer = EventsAnswer { frames: frames.len() as u32, dropped, next };
    write_message(&mut *output, &answer)?;
    for frame in frames {
        write_chunk(&mut *output, &frame)?;
    }
    output.flush()
}

/// The entries of the tables that the client has not seen. `next` is moved on behind them.
fn tables(next: &mut Since) -> Vec<Chunk> {
    let (first_text, first_place) = (next.strings.max(1), next.locations.max(1));
    let (texts, places) = {
        let names = names();
        (names.texts_from(first_text as usize - 1), names.locations_from(first_place as usize - 1))
    };
    next.strings = first_text + texts.len() as u32;
    next.locations = first_place + places.len() as u32;
    let mut strings: Vec<(u32, String)> =
        texts.into_iter().map(|(id, text)| (id, text.to_string())).collect();
    let locations = places
        .into_iter()
        .map(|(id, it)| Location { id, file: it.file, function: it.function, line: it.line })
        .collect();
    let first = next.entities;
    let mut entries = Vec::new();
    for view in tasks().filter(|record| record.id() >= first.max(1)).filter_map(|it| it.view()) {
        next.entities = next.entities.max(view.id + 1);
        strings.push((name_number(view.id), view.name.clone()));
        entries.push(record_of(&view));
    }
    let mut objects = Vec::new();
    for (object, name) in object_records(first) {
        next.entities = next.entities.max(object.id + 1);
        if object.name != 0 {
            strings.push((object.name, name));
        }
        objects.push(object);
    }
    vec![
        Chunk::Strings(strings),
        Chunk::Locations(locations),
        Chunk::Tasks(entries),
        Chunk::Objects(objects),
    ]
}
