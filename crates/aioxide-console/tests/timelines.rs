//! From events to spans: the rules of docs/trace-format.md, and streams that keep none of them.

use aioxide_console::convert::{write_chrome, write_page, write_perfetto, write_svg};
use aioxide_console::lanes::Layout;
use aioxide_console::timeline::{Builder, Callback, ItemWhat, Other, Sample, SpanState, Timeline};
use aioxide_trace::file::{Chunk, Events, Location, Meta, ObjectRecord, Stack, TaskRecord};
use aioxide_trace::{Event, ItemKind, ObjectKind, Outcome, WaitKind, WakerKind};
use proptest::collection::vec;
use proptest::prelude::*;

fn timeline(chunks: impl IntoIterator<Item = Chunk>) -> Timeline {
    let mut builder = Builder::new();
    chunks.into_iter().for_each(|chunk| builder.chunk(chunk));
    builder.finish()
}

fn of_events(events: Vec<Event>) -> Timeline {
    timeline([Chunk::Events(Events { loop_id: 1, dropped: 0, events })])
}

fn states(timeline: &Timeline, id: u64) -> Vec<(u64, SpanState)> {
    let task = timeline.tasks.iter().find(|task| task.id == id).unwrap();
    timeline.spans_of(task).iter().map(|span| (span.start, span.state)).collect()
}

const NOTHING: WaitKind = WaitKind::Unknown;

#[test]
fn an_item_begins_where_the_one_before_ended() {
    let timeline = of_events(vec![
        Event::iteration(1_000, 2, 0, 0),
        Event::step(1_300, 1, Outcome::Done, NOTHING, 0),
        Event::callback(1_500, 0, ItemKind::Timer, 0),
        Event::iteration(2_000, 0, 0, 0),
    ]);
    let items: Vec<_> =
        timeline.loops[0].items.iter().map(|item| (item.start, item.end, item.what)).collect();
    let timer = Callback { kind: ItemKind::Timer, location: 0, of: Other::None };
    assert_eq!(items, [(0, 300, ItemWhat::Step(0)), (300, 500, ItemWhat::Callback(timer))]);
}

#[test]
fn a_task_waits_becomes_ready_and_runs() {
    let timeline = of_events(vec![
        Event::iteration(1_000, 1, 0, 0),
        Event::task_created(0, 2, 1),
        Event::step(1_100, 1, Outcome::Yielded, NOTHING, 0),
        Event::step(1_200, 2, Outcome::Waiting, WaitKind::Lock, 9),
        Event::iteration(1_250, 1, 0, 0),
        Event::woken(0, 2, WakerKind::Task, 1),
        Event::step(1_400, 1, Outcome::Failed, NOTHING, 0),
        Event::iteration(1_450, 1, 0, 0),
        Event::step(1_700, 2, Outcome::Cancelled, NOTHING, 0),
    ]);
    use SpanState::{Cancelled, Failed, Ready, Running, Waiting};
    assert_eq!(states(&timeline, 1), [(0, Running), (100, Ready), (250, Running), (400, Failed)]);
    assert_eq!(
        states(&timeline, 2),
        [
            (100, Ready),
            (100, Running),
            (200, Waiting),
            (400, Ready),
            (450, Running),
            (700, Cancelled)
        ]
    );
    let second = timeline.tasks.iter().find(|task| task.id == 2).unwrap();
    let spans = timeline.spans_of(second);
    assert_eq!((spans[2].wait, spans[2].other), (WaitKind::Lock, Other::Object(0)));
    assert!(matches!(spans[3].other, Other::Task(waker) if timeline.tasks[waker as usize].id == 1));
    assert_eq!((timeline.begin_of(second), timeline.end_of(second)), (100, 700));
}

/// A socket event wakes the task 1, whose end a callback follows; a timer wakes the task 2.
fn callbacks() -> [Chunk; 4] {
    let events = vec![
        Event::iteration(1_000, 1, 0, 0),
        Event::step(1_100, 1, Outcome::Waiting, WaitKind::Read, 0),
        Event::step(1_200, 2, Outcome::Waiting, WaitKind::Sleep, 0),
        Event::iteration(1_300, 1, 0, 0),
        Event::woken(0, 1, WakerKind::Descriptor, 7),
        Event::callback(1_400, 0, ItemKind::SocketEvent, 7),
        Event::step(1_500, 1, Outcome::Done, NOTHING, 0),
        Event::iteration(1_600, 1, 0, 0),
        Event::callback(1_700, 5, ItemKind::FutureCallback, 1),
        Event::woken(0, 2, WakerKind::Timer, 0),
        Event::callback(1_800, 0, ItemKind::Timer, 2),
        Event::step(1_900, 2, Outcome::Done, NOTHING, 0),
    ];
    let names = [(1, "/home/me/app.py"), (2, "on_done"), (3, "127.0.0.1:80"), (4, "reader")];
    let task = |id, name| TaskRecord { id, name, loop_id: 1, ..TaskRecord::default() };
    [
        Chunk::Strings(names.map(|(id, text)| (id, text.to_owned())).into()),
        Chunk::Locations(vec![Location { id: 5, file: 1, function: 2, line: 12 }]),
        Chunk::Events(Events { loop_id: 1, dropped: 0, events }),
        Chunk::Tasks(vec![task(1, 4), task(2, 0)]),
    ]
}

fn transport(name: u32) -> Chunk {
    let kind = ObjectKind::Transport;
    Chunk::Objects(vec![ObjectRecord { id: 7, kind, location: 0, name }])
}

fn described_callbacks(timeline: &Timeline) -> Vec<String> {
    let items = timeline.loops[0].items.iter().filter_map(|item| match item.what {
        ItemWhat::Callback(callback) => Some(timeline.describe_callback(&callback)),
        ItemWhat::Step(_) => None,
    });
    items.collect()
}

#[test]
fn a_callback_tells_what_it_concerns() {
    let named = timeline(callbacks().into_iter().chain([transport(3)]));
    assert_eq!(
        described_callbacks(&named),
        [
            "socket event of transport 7 (127.0.0.1:80)",
            "future callback on_done (app.py:12) of reader",
            "timer of task 2"
        ]
    );
    let unnamed = timeline(callbacks().into_iter().chain([transport(0)]));
    assert_eq!(described_callbacks(&unnamed)[0], "socket event of transport 7");
    assert_eq!(described_callbacks(&timeline(callbacks()))[0], "socket event of other 7");
}

#[test]
fn a_woken_task_tells_by_what() {
    let timeline = timeline(callbacks().into_iter().chain([transport(3)]));
    let ready: Vec<_> = timeline
        .spans
        .iter()
        .filter(|span| span.was_woken())
        .map(|span| timeline.describe_waker(span))
        .collect();
    assert_eq!(ready, ["descriptor of transport 7 (127.0.0.1:80)", "timer"]);
}

#[test]
fn what_the_tables_name_behind_the_events_is_a_task() {
    let wakes = |by| Event::woken(0, 1, WakerKind::Callback, by);
    let timeline = timeline([
        Chunk::Events(Events {
            loop_id: 1,
            dropped: 0,
            events: vec![
                Event::iteration(1_000, 1, 0, 0),
                Event::step(1_100, 1, Outcome::Waiting, WaitKind::TaskGroup, 30),
                wakes(30),
                Event::callback(1_400, 0, ItemKind::FutureCallback, 30),
            ],
        }),
        Chunk::Tasks(vec![TaskRecord { id: 30, ..TaskRecord::default() }]),
    ]);
    let group = timeline.tasks.iter().position(|task| task.id == 30).unwrap() as u32;
    let others: Vec<_> = timeline.spans.iter().map(|span| span.other).collect();
    assert_eq!(others[1..3], [Other::Task(group), Other::Task(group)]);
    assert_eq!(described_callbacks(&timeline), ["future callback of task 30"]);
}

#[test]
fn a_woken_event_changes_nothing_for_a_task_that_is_ready_or_has_ended() {
    let timeline = of_events(vec![
        Event::iteration(1_000, 1, 0, 0),
        Event::woken(0, 1, WakerKind::Timer, 0),
        Event::woken(0, 1, WakerKind::Timer, 0),
        Event::step(1_100, 1, Outcome::Done, NOTHING, 0),
        Event::woken(0, 1, WakerKind::Timer, 0),
        Event::iteration(1_200, 0, 0, 0),
    ]);
    assert_eq!(states(&timeline, 1).len(), 3);
}

#[test]
fn the_table_tells_when_a_task_was_created_and_what_it_is() {
    let meta = Meta { clock: "monotonic".to_owned(), ..Meta::default() };
    let timeline = timeline([
        Chunk::Meta(meta),
        Chunk::Events(Events {
            loop_id: 1,
            dropped: 0,
            events: vec![
                Event::iteration(1_000, 1, 0, 0),
                Event::task_created(0, 2, 1),
                Event::step(2_000, 1, Outcome::Done, NOTHING, 0),
            ],
        }),
        Chunk::Tasks(vec![TaskRecord {
            id: 2,
            parent: 1,
            created: 1_400,
            coroutine: 5,
            created_at: 6,
            name: 7,
            loop_id: 1,
        }]),
        Chunk::Strings(vec![
            (7, "reader".to_owned()),
            (8, "/home/me/app.py".to_owned()),
            (9, "read".to_owned()),
        ]),
        Chunk::Locations(vec![
            Location { id: 5, file: 8, function: 9, line: 3 },
            Location { id: 6, file: 8, function: 9, line: 30 },
        ]),
    ]);
    let task = timeline.tasks.iter().find(|task| task.id == 2).unwrap();
    assert_eq!(timeline.begin_of(task), 400);
    assert_eq!((&timeline.task_name(task)[..], timeline.coroutine_name(task)), ("reader", "read"));
    assert_eq!(timeline.names.place(task.created_at), "app.py:30");
    assert_eq!(timeline.tasks[task.parent.unwrap() as usize].id, 1);
}

#[test]
fn a_sleeper_without_events_of_its_own_is_there_with_what_it_waits_for() {
    let timeline = timeline([
        Chunk::Tasks(vec![
            TaskRecord { id: 4, created: 10, ..TaskRecord::default() },
            TaskRecord { id: 5, created: 10, ..TaskRecord::default() },
        ]),
        Chunk::Events(Events {
            loop_id: 1,
            dropped: 900,
            events: vec![
                Event::step(0, 4, Outcome::Waiting, WaitKind::QueueGet, 77),
                Event::iteration(1_000, 1, 0, 0),
                Event::callback(3_000, 0, ItemKind::Handle, 0),
            ],
        }),
    ]);
    for id in [4, 5] {
        assert_eq!(states(&timeline, id), [(0, SpanState::Waiting)]);
    }
    let task = timeline.tasks.iter().find(|task| task.id == 4).unwrap();
    assert_eq!(timeline.describe_wait(&timeline.spans_of(task)[0]), "queue get other 77");
    assert_eq!((timeline.dropped, timeline.end, timeline.end_of(task)), (900, 2_000, 2_000));
}

#[test]
fn counters_hold_during_an_iteration_and_its_poll() {
    let timeline = of_events(vec![
        Event::iteration(1_000, 3, 4, 5),
        Event::callback(1_600, 0, ItemKind::Handle, 0),
        Event::poll_wait(1_650, 0, 6, 5),
        Event::bytes(0, 8, 100, 7),
        Event::bytes(0, 8, 1, 0),
        Event::iteration(9_000, 1, 0, 0),
        Event::callback(9_050, 0, ItemKind::Handle, 0),
        Event::iteration(9_070, 1, 0, 0),
    ]);
    let sample =
        |at, ready, busy, timers, transports| Sample { at, ready, busy, timers, transports };
    assert_eq!(
        timeline.loops[0].samples,
        [
            sample(0, 3, 600, 4, 5),
            sample(650, 0, 0, 6, 5),
            sample(8_000, 1, 50, 0, 0),
            sample(8_070, 1, 0, 0, 0)
        ]
    );
    assert_eq!(timeline.loops[0].bytes, [(8_000, 100, 7), (8_000, 101, 7)]);
}

#[test]
fn what_waits_still_has_waited_until_the_recording_was_written() {
    let ending = |outcome| {
        let calibration = |ticks| aioxide_trace::file::Calibration { ticks, unix_ns: ticks };
        let timeline = timeline([
            Chunk::Calibration(calibration(900)),
            Chunk::Events(Events {
                loop_id: 1,
                dropped: 0,
                events: vec![
                    Event::iteration(1_000, 1, 0, 0),
                    Event::step(1_100, 1, outcome, WaitKind::Lock, 0),
                    Event::poll_wait(1_150, 0, 0, 0),
                ],
            }),
            Chunk::Calibration(calibration(9_000)),
        ]);
        timeline.end
    };
    assert_eq!((ending(Outcome::Waiting), ending(Outcome::Done)), (8_000, 150));
}

#[test]
fn an_iteration_whose_poll_was_skipped_begins_where_the_item_before_ended() {
    let timeline = of_events(vec![
        Event::iteration(1_000, 1, 0, 0),
        Event::task_created(0, 2, 1),
        Event::step(1_300, 1, Outcome::Done, NOTHING, 0),
        Event::iteration(0, 7, 0, 0),
        Event::step(1_400, 2, Outcome::Done, NOTHING, 0),
    ]);
    let samples: Vec<_> =
        timeline.loops[0].samples.iter().map(|it| (it.at, it.ready, it.busy)).collect();
    assert_eq!(samples, [(0, 1, 300), (300, 7, 0)]);
}

#[test]
fn many_short_tasks_of_one_coroutine_share_lanes_and_few_do_not() {
    let of = |count: u64| {
        let mut events = vec![Event::iteration(1_000, 0, 0, 0)];
        for id in 1..=count {
            events.push(Event::step(1_000 + id * 10, id, Outcome::Done, NOTHING, 0));
        }
        Layout::of(&of_events(events))
    };
    assert_eq!((of(50).lanes, of(50).groups.len()), (50, 1));
    assert_eq!((of(5_000).lanes, of(5_000).groups[0].tasks), (1, 5_000));
}

#[test]
fn groups_nest_as_their_tasks_do_and_a_coroutine_not_within_itself() {
    let record =
        |id, parent, coroutine| TaskRecord { id, parent, coroutine, ..TaskRecord::default() };
    let timeline = timeline([
        Chunk::Tasks(vec![
            record(1, 0, 1),
            record(2, 1, 2),
            record(3, 2, 2),
            record(4, 3, 3),
            record(5, 1, 4),
        ]),
        Chunk::Events(Events {
            loop_id: 1,
            dropped: 0,
            events: vec![Event::iteration(5, 0, 0, 0)],
        }),
    ]);
    let groups = Layout::of(&timeline).groups;
    let shape: Vec<_> =
        groups.iter().map(|group| (group.coroutine, group.depth, group.tasks)).collect();
    assert_eq!(shape, [(1, 0, 1), (2, 1, 2), (3, 2, 1), (4, 1, 1)]);
}

fn event() -> impl Strategy<Value = Event> {
    let small = 0..6_u64;
    prop_oneof![
        any::<[u8; 24]>().prop_map(|bytes| Event::from_bytes(&bytes)),
        (0..50_u64, small.clone(), 0..5_usize, 0..24_usize, small.clone()).prop_map(
            |(at, task, outcome, wait, other)| {
                Event::step(at, task, Outcome::ALL[outcome], WaitKind::ALL[wait], other)
            }
        ),
        (small.clone(), small.clone())
            .prop_map(|(task, parent)| Event::task_created(0, task, parent)),
        (0..50_u64, small.clone(), 0..7_usize, small.clone()).prop_map(|(at, task, waker, by)| {
            Event::woken(at, task, WakerKind::ALL[waker], by)
        }),
        (0..50_u64, 0..6_u32, 0..10_usize, small.clone()).prop_map(|(at, place, item, of)| {
            Event::callback(at, place, ItemKind::ALL[item], of)
        }),
        (0..50_u64, any::<u32>()).prop_map(|(at, many)| Event::iteration(at, at, many, many)),
    ]
}

fn hostile_chunk() -> impl Strategy<Value = Chunk> {
    let text = "[Ω<&\"'\\x1b\u{202e}\u{0}-\u{1f}]{0,6}";
    prop_oneof![
        (0..3_u32, 0..9_u64, vec(event(), 0..30)).prop_map(|(loop_id, dropped, events)| {
            Chunk::Events(Events { loop_id, dropped, events })
        }),
        vec((0..6_u32, text), 0..4).prop_map(Chunk::Strings),
        vec([0..6_u32, 0..6, 0..6, 0..6], 0..4).prop_map(|all| Chunk::Locations(
            all.into_iter()
                .map(|[id, file, function, line]| Location { id, file, function, line })
                .collect()
        )),
        vec((0..6_u64, 0..6_u64, any::<u64>(), 0..6_u32), 0..4).prop_map(|all| Chunk::Tasks(
            all.into_iter()
                .map(|(id, parent, created, words)| TaskRecord {
                    id,
                    parent,
                    created,
                    coroutine: words,
                    created_at: words,
                    name: words,
                    loop_id: words,
                })
                .collect()
        )),
        (0..6_u64, 0..6_u32, 0..13_usize).prop_map(|(id, name, kind)| Chunk::Objects(vec![
            ObjectRecord { id, kind: ObjectKind::ALL[kind], location: name, name }
        ])),
        (0..6_u64, any::<u64>(), vec(0..6_u32, 0..4))
            .prop_map(|(task, ticks, frames)| Chunk::Stacks(vec![Stack { task, ticks, frames }])),
        (any::<f64>(), any::<u64>(), text).prop_map(|(rate, ticks, name)| Chunk::Meta(Meta {
            ticks_per_second: rate,
            argv: vec![name],
            calibration: vec![aioxide_trace::file::Calibration { ticks, unix_ns: ticks / 2 }],
            ..Meta::default()
        })),
    ]
}

proptest! {
    #[test]
    fn any_chunks_give_spans_in_order_and_every_form_without_a_panic(chunks in vec(hostile_chunk(), 0..12)) {
        let timeline = timeline(chunks);
        for task in &timeline.tasks {
            let spans = timeline.spans_of(task);
            prop_assert!(spans.is_sorted_by_key(|span| span.start));
            prop_assert!(timeline.extents_of(task).all(|(span, end)| end >= span.start));
        }
        let layout = Layout::of(&timeline);
        prop_assert!(layout.lane_of.iter().all(|lane| *lane < layout.lanes));
        let mut page = Vec::new();
        write_page(&timeline, &mut page).unwrap();
        let mut picture = Vec::new();
        write_svg(&timeline, &mut picture).unwrap();
        for form in [page, picture] {
            let text = String::from_utf8(form).unwrap();
            for evil in ["<Ω", "\x1b", "\u{202e}"] {
                prop_assert!(!text.contains(evil));
            }
        }
        let mut chrome = Vec::new();
        write_chrome(&timeline, &mut chrome).unwrap();
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&chrome).is_ok());
        write_perfetto(&timeline, &mut Vec::new()).unwrap();
    }
}
