//! The answers about tasks: sorted and cut out here, so that a client which shows a page of a
//! hundred thousand tasks is sent a page.

use std::cmp::Reverse;
use std::collections::HashMap;

use aioxide_engine::recorder::{
    Calibration, Phase, TaskRecord, TaskView, loops, nanoseconds_between, recent_task,
    tasks as records, ticks,
};
use aioxide_trace::WaitKind;
use aioxide_trace::wire::{Sort, State, TaskInfo, TasksAnswer, WaitsFor};

use super::answers::{Places, object_names, unsent_by_task};
use super::with_gil::Desk;

/// The most tasks of one answer: a message has 64 MiB.
pub const MOST: usize = 100_000;

/// What a client wants to see.
pub struct Query<'a> {
    pub sort: Sort,
    pub descending: bool,
    pub filter: &'a str,
    pub offset: u64,
    pub limit: u64,
}

/// The tasks that are not over, in the order and of the page that is asked for.
pub fn tasks(query: &Query<'_>, desk: &Desk) -> TasksAnswer {
    let now = ticks();
    let open = loops().numbers(true);
    let mut places = Places::default();
    let filter = query.filter.to_lowercase();
    let mut found: Vec<(u64, u64, &'static TaskRecord)> = Vec::new();
    let mut named: Vec<(String, u64, &'static TaskRecord)> = Vec::new();
    for record in records() {
        let Some(brief) = record.brief() else { continue };
        if brief.phase.is_over() || !open.contains(&brief.loop_id) {
            continue;
        }
        let is_wanted = filter.is_empty()
            || record.view().is_some_and(|view| matches(&view, &filter, &mut places));
        if !is_wanted {
            continue;
        }
        let spent = now.saturating_sub(brief.since);
        let key = match query.sort {
            Sort::Busy => brief.busy + if brief.phase == Phase::Running { spent } else { 0 },
            Sort::Idle => brief.idle + if brief.phase == Phase::Waiting { spent } else { 0 },
            Sort::Scheduled => {
                brief.scheduled + if brief.phase == Phase::Ready { spent } else { 0 }
            }
            Sort::Steps => brief.steps,
            Sort::Longest => brief.longest,
            Sort::Age => now.saturating_sub(brief.created),
            Sort::Name => {
                let name = record.view().map(|view| view.name).unwrap_or_default();
                named.push((name, brief.id, record));
                continue;
            }
        };
        found.push((key, brief.id, record));
    }
    let total = (found.len() + named.len()) as u64;
    let page = if query.sort == Sort::Name { page_of(named, query) } else { page_of(found, query) };
    TasksAnswer { total, tasks: infos(page, now, &mut places, desk) }
}

/// Those of the page, in order. Only what stands before the end of the page is sorted.
fn page_of<K: Ord>(
    mut found: Vec<(K, u64, &'static TaskRecord)>,
    query: &Query<'_>,
) -> Vec<&'static TaskRecord> {
    let begin = usize::try_from(query.offset).unwrap_or(usize::MAX).min(found.len());
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX).min(MOST);
    let end = begin.saturating_add(limit).min(found.len());
    if query.descending {
        let order =
            |a: &(K, u64, _), b: &(K, u64, _)| (Reverse(&a.0), a.1).cmp(&(Reverse(&b.0), b.1));
        sort_up_to(&mut found, end, order);
    } else {
        sort_up_to(&mut found, end, |a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    }
    found[begin..end].iter().map(|(_, _, record)| *record).collect()
}

fn sort_up_to<T>(found: &mut [T], end: usize, order: impl Fn(&T, &T) -> std::cmp::Ordering) {
    if end == 0 {
        return;
    }
    if end < found.len() {
        found.select_nth_unstable_by(end - 1, &order);
    }
    found[..end].sort_unstable_by(order);
}

/// Whether a task has the filter, in lower case, in it.
pub fn matches(view: &TaskView, filter: &str, places: &mut Places) -> bool {
    let contains = |text: &str| text.to_lowercase().contains(filter);
    contains(&view.name)
        || contains(&places.function(view.coroutine))
        || contains(state_of(view.phase).word())
}

fn state_of(phase: Phase) -> State {
    match phase {
        Phase::Waiting => State::Waiting,
        Phase::Ready => State::Ready,
        Phase::Running => State::Running,
        Phase::Done => State::Done,
        Phase::Failed => State::Failed,
        Phase::Cancelled => State::Cancelled,
    }
}

/// The names of the tasks with these ids.
pub fn names_of(ids: impl IntoIterator<Item = u64>) -> HashMap<u64, String> {
    let mut names: HashMap<u64, String> =
        ids.into_iter().filter(|id| *id != 0).map(|id| (id, String::new())).collect();
    if names.is_empty() {
        return names;
    }
    let mut missing = names.len();
    for (id, name) in &mut names {
        if let Some(view) = recent_task(*id).and_then(TaskRecord::view) {
            *name = view.name;
            missing -= 1;
        }
    }
    if missing == 0 {
        return names;
    }
    for record in records() {
        if let Some(name) = names.get_mut(&record.id())
            && let Some(view) = record.view()
        {
            *name = view.name;
        }
    }
    names
}

/// What a client is told of these tasks.
pub fn infos(
    page: Vec<&'static TaskRecord>,
    now: u64,
    places: &mut Places,
    desk: &Desk,
) -> Vec<TaskInfo> {
    let speed = Calibration::ticks_per_second();
    let nanoseconds = |span: u64| nanoseconds_between(0, span, speed);
    let views: Vec<TaskView> = page.into_iter().filter_map(TaskRecord::view).collect();
    let waits = |view: &&TaskView| view.phase == Phase::Waiting;
    let awaited: Vec<u64> = views.iter().filter(waits).map(|view| view.waits_for).collect();
    let names = names_of(awaited.iter().copied());
    let objects = object_names(&awaited);
    let unsent = unsent_by_task();
    let mut explained = desk.explained.of(desk, &views);
    views
        .into_iter()
        .map(|view| {
            let spent = now.saturating_sub(view.since);
            let during = |phase: Phase| if view.phase == phase { spent } else { 0 };
            let wait = WaitKind::from_byte(view.wait_kind);
            let explained = explained.remove(&view.id);
            let waits_for = (view.phase == Phase::Waiting).then(|| match explained {
                Some((kind, text)) => WaitsFor { kind, id: 0, text },
                None => WaitsFor {
                    kind: wait.word().to_owned(),
                    id: view.waits_for,
                    text: match (names.get(&view.waits_for), objects.get(&view.waits_for)) {
                        (_, Some(object)) => object.clone(),
                        (Some(name), _) => name.clone(),
                        _ => String::new(),
                    },
                },
            });
            let began = if view.created == 0 { now } else { view.created };
            TaskInfo {
                id: view.id,
                coroutine: places.function(view.coroutine),
                created: places.place(view.created_at),
                parent: view.parent,
                loop_id: view.loop_id,
                state: state_of(view.phase),
                waits_for,
                waiting_ns: nanoseconds(during(Phase::Waiting)),
                busy_ns: nanoseconds(view.busy + during(Phase::Running)),
                idle_ns: nanoseconds(view.idle + during(Phase::Waiting)),
                scheduled_ns: nanoseconds(view.scheduled + during(Phase::Ready)),
                steps: view.steps,
                longest_ns: nanoseconds(view.longest.max(during(Phase::Running))),
                age_ns: nanoseconds(now.saturating_sub(began)),
                name: view.name,
                unsent: unsent.get(&view.id).copied().unwrap_or(0),
            }
        })
        .collect()
}
