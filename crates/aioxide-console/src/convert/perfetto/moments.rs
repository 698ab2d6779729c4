//! What is to be written when: the beginnings and ends of slices, arrows and counters.

use super::{Packets, annotation, counter_track, track};
use crate::timeline::{Callback, ItemWhat, LoopLane, Other, SpanState, Timeline};
use aioxide_trace::WaitKind;
use std::collections::HashMap;
use std::io::{self, Write};

/// Something to write at a moment. Names are numbers, and `span` is one of the timeline's.
pub(super) enum Moment {
    End {
        track: u64,
    },
    Begin {
        track: u64,
        name: u32,
    },
    /// The begin of a span that waits for something.
    BeginWait {
        track: u64,
        name: u32,
        span: u32,
    },
    /// The begin of a span to which something has led; `arrow` is whether that has a track.
    BeginWoken {
        track: u64,
        name: u32,
        span: u32,
        arrow: bool,
    },
    /// The begin of a callback. The notes are [`Packets::notes`] of this number.
    BeginCallback {
        track: u64,
        name: u32,
        notes: u32,
    },
    Wakes {
        track: u64,
        name: u32,
        span: u32,
    },
    Instant {
        track: u64,
        name: u32,
    },
    Counter {
        track: u64,
        value: u64,
    },
}

/// What is written, each at its moment.
pub(super) type Moments = Vec<(u64, Moment)>;

impl<W: Write> Packets<'_, W> {
    pub(super) fn moments(&mut self, timeline: &Timeline) -> io::Result<Moments> {
        let items: usize = timeline.loops.iter().map(|lane| lane.items.len()).sum();
        let mut moments = Vec::with_capacity((timeline.spans.len() + items) * 2);
        let (running, ready, wakes) =
            (self.name("running")?, self.name("ready")?, self.name("wakes")?);
        let ends = [self.name("done")?, self.name("failed")?, self.name("cancelled")?];
        let waits =
            WaitKind::ALL.iter().map(|kind| self.name(&format!("waiting: {}", kind.word())));
        let waits = waits.collect::<io::Result<Vec<u32>>>()?;
        for (index, task) in timeline.tasks.iter().enumerate() {
            let track = track::TASK | index as u64;
            for (number, (span, end)) in timeline.extents_of(task).enumerate() {
                let number = task.spans.start + number as u32;
                let begin = match (span.state, span.other) {
                    (SpanState::Running, _) => Moment::Begin { track, name: running },
                    (SpanState::Ready, _) if !span.was_woken() => {
                        Moment::Begin { track, name: ready }
                    }
                    (SpanState::Ready, other) => {
                        let from = match other {
                            Other::Task(waker) => Some(track::TASK | u64::from(waker)),
                            // An object has no track: the loop ran its callback.
                            Other::Object(_) => {
                                timeline.loop_of(task).map(|lane| track::LOOP | u64::from(lane.id))
                            }
                            Other::None => None,
                        };
                        if let Some(track) = from {
                            let wakes = Moment::Wakes { track, name: wakes, span: number };
                            moments.push((span.start, wakes));
                        }
                        let arrow = from.is_some();
                        Moment::BeginWoken { track, name: ready, span: number, arrow }
                    }
                    (SpanState::Waiting, _) => {
                        let name = waits[span.wait as usize];
                        Moment::BeginWait { track, name, span: number }
                    }
                    (state, _) => {
                        let name = ends[state as usize - SpanState::Done as usize];
                        moments.push((span.start, Moment::Instant { track, name }));
                        continue;
                    }
                };
                moments.push((span.start, begin));
                moments.push((end, Moment::End { track }));
            }
        }
        let cancel = self.name("cancel requested")?;
        for (at, task, _) in &timeline.cancels {
            let track = track::TASK | u64::from(*task);
            moments.push((*at, Moment::Instant { track, name: cancel }));
        }
        for (at, mark) in &timeline.marks {
            let name = self.name(timeline.names.string(*mark))?;
            moments.push((*at, Moment::Instant { track: track::PROCESS, name }));
        }
        for lane in &timeline.loops {
            self.loop_moments(timeline, lane, &mut moments)?;
        }
        Ok(moments)
    }

    /// The numbers of a callback's name and of its notes.
    fn callback(&mut self, timeline: &Timeline, callback: &Callback) -> io::Result<(u32, u32)> {
        let kind = callback.kind.word();
        let name = match timeline.names.function(callback.location) {
            "" => kind,
            function => function,
        };
        let mut notes = vec![annotation("kind", kind)];
        let place = timeline.names.place(callback.location);
        if !place.is_empty() {
            notes.push(annotation("at", &place));
        }
        if let Some(of) = timeline.describe_other(callback.of) {
            notes.push(annotation("of", &of));
        }
        self.notes.push(notes);
        Ok((self.name(name)?, self.notes.len() as u32 - 1))
    }

    fn loop_moments(
        &mut self,
        timeline: &Timeline,
        lane: &LoopLane,
        moments: &mut Moments,
    ) -> io::Result<()> {
        let track = track::LOOP | u64::from(lane.id);
        let mut steps: HashMap<u32, u32> = HashMap::new();
        let mut callbacks: HashMap<Callback, (u32, u32)> = HashMap::new();
        for item in &lane.items {
            let begin = match item.what {
                ItemWhat::Step(task) => {
                    let location = timeline.tasks[task as usize].coroutine;
                    let name = match steps.get(&location) {
                        Some(name) => *name,
                        None => self.name(timeline.names.function(location))?,
                    };
                    steps.insert(location, name);
                    Moment::Begin { track, name }
                }
                ItemWhat::Callback(callback) => {
                    let (name, notes) = match callbacks.get(&callback) {
                        Some(known) => *known,
                        None => self.callback(timeline, &callback)?,
                    };
                    callbacks.insert(callback, (name, notes));
                    Moment::BeginCallback { track, name, notes }
                }
            };
            moments.push((item.start, begin));
            moments.push((item.end, Moment::End { track }));
        }
        for sample in &lane.samples {
            let values =
                [sample.ready, sample.busy, sample.timers.into(), sample.transports.into()];
            for (number, value) in values.into_iter().enumerate() {
                let track = counter_track(lane, number);
                moments.push((sample.at, Moment::Counter { track, value }));
            }
        }
        for (at, received, sent) in &lane.bytes {
            for (number, value) in [(4, *received), (5, *sent)] {
                moments.push((*at, Moment::Counter { track: counter_track(lane, number), value }));
            }
        }
        Ok(())
    }
}
