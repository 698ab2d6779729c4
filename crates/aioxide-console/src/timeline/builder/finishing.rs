//! The timeline of all chunks: what needs the tables as a whole, and times in nanoseconds.

use std::collections::HashMap;

use super::{Builder, TaskState};
use crate::timeline::{Clock, ItemWhat, Other, Span, SpanState, Timeline};

impl Builder {
    /// The timeline of what was taken.
    pub fn finish(mut self) -> Timeline {
        let begin = self.first.unwrap_or(0);
        let begin = self.earliest_creation(begin);
        let clock = Clock::new(begin, &self.made.meta, &self.calibrations);
        self.made.begin_unix_ns = clock.begin_unix_ns(&self.calibrations);
        self.extend();
        self.made.end = clock.ns(self.last);
        self.records(begin);
        self.resolve();
        self.sort_spans(&clock);
        self.convert_rest(&clock);
        self.made
    }

    /// Tasks that wait or are ready have been so until the recording was written.
    fn extend(&mut self) {
        let alive = |state: &TaskState| matches!(state, TaskState::Waiting | TaskState::Ready);
        if self.states.iter().any(alive) {
            let written = self.calibrations.iter().map(|pair| pair.ticks).max();
            self.last = self.last.max(written.unwrap_or(0));
        }
    }

    /// The time of the first task that was created during the recording, if that is before the first event:
    /// the step that created it had not ended.
    fn earliest_creation(&self, begin: u64) -> u64 {
        let pair = self.calibrations.iter().map(|pair| pair.ticks).min().unwrap_or(begin);
        let created = self.task_records.values().map(|record| record.created);
        created.filter(|ticks| *ticks >= pair).min().map_or(begin, |first| first.min(begin))
    }

    /// Puts what the tables say of tasks into them.
    fn records(&mut self, begin: u64) {
        for index in 0..self.made.tasks.len() {
            let Some(record) = self.task_records.get(&self.made.tasks[index].id).copied() else {
                continue;
            };
            let parent = self.task_index.get(&record.parent).copied();
            let task = &mut self.made.tasks[index];
            task.parent = task.parent.or(parent).filter(|parent| *parent as usize != index);
            task.name = record.name;
            task.coroutine = record.coroutine;
            task.created_at = record.created_at;
            task.loop_id = record.loop_id;
            if self.states[index] == TaskState::Unseen {
                // It did nothing while events were kept.
                let start = record.created.max(begin).min(self.last);
                self.spans.push((index as u32, Span::new(start, SpanState::Waiting)));
            }
        }
    }

    /// What was taken for an object, but turned out to be a task, is the task.
    fn resolve(&mut self) {
        let tasks: HashMap<u32, u32> = self
            .object_index
            .iter()
            .filter_map(|(id, object)| Some((*object, *self.task_index.get(id)?)))
            .collect();
        if tasks.is_empty() {
            return;
        }
        let resolve = |other: &mut Other| {
            if let Other::Object(object) = other
                && let Some(task) = tasks.get(object)
            {
                *other = Other::Task(*task);
            }
        };
        self.spans.iter_mut().for_each(|(_, span)| resolve(&mut span.other));
        for item in self.loops.values_mut().flat_map(|state| &mut state.lane.items) {
            if let ItemWhat::Callback(callback) = &mut item.what {
                resolve(&mut callback.of);
            }
        }
    }

    /// Puts the spans of each task together, and makes their times nanoseconds.
    fn sort_spans(&mut self, clock: &Clock) {
        let tasks = self.made.tasks.len();
        let mut counts = vec![0_u32; tasks + 1];
        for (task, _) in &self.spans {
            counts[*task as usize + 1] += 1;
        }
        for index in 0..tasks {
            counts[index + 1] += counts[index];
            self.made.tasks[index].spans = counts[index]..counts[index + 1];
        }
        let mut sorted = vec![Span::new(0, SpanState::Waiting); self.spans.len()];
        let mut next = counts;
        for (task, mut span) in self.spans.drain(..) {
            span.start = clock.ns(span.start);
            let at = &mut next[task as usize];
            sorted[*at as usize] = span;
            *at += 1;
        }
        for (index, task) in self.made.tasks.iter().enumerate() {
            let range = task.spans.start as usize..task.spans.end as usize;
            let spans = &mut sorted[range];
            // The table knows when a task was created; its event only in which step that was.
            if let (Some(first), Some(record)) =
                (spans.first_mut(), self.task_records.get(&task.id))
                && record.created > 0
                && self.states[index] != TaskState::Unseen
                && first.state != SpanState::Running
            {
                first.start = first.start.min(clock.ns(record.created));
            }
            let mut latest = 0;
            for span in spans {
                span.start = span.start.max(latest);
                latest = span.start;
            }
        }
        self.made.spans = sorted;
    }

    fn convert_rest(&mut self, clock: &Clock) {
        let index_of = |id: u64| self.task_index.get(&id).map_or(u64::MAX, |index| (*index).into());
        let made = &mut self.made;
        made.loops =
            std::mem::take(&mut self.loops).into_values().map(|state| state.lane).collect();
        for lane in &mut made.loops {
            lane.items.iter_mut().for_each(|item| {
                (item.start, item.end) = (clock.ns(item.start), clock.ns(item.end));
            });
            lane.samples.iter_mut().for_each(|sample| {
                sample.busy = clock.ns(sample.at.saturating_add(sample.busy)) - clock.ns(sample.at);
                sample.at = clock.ns(sample.at);
            });
            lane.bytes.iter_mut().for_each(|each| each.0 = clock.ns(each.0));
            lane.gaps.iter_mut().for_each(|each| each.0 = clock.ns(each.0));
        }
        made.marks.iter_mut().for_each(|each| each.0 = clock.ns(each.0));
        made.cancels.iter_mut().for_each(|each| each.0 = clock.ns(each.0));
        made.failures.iter_mut().for_each(|each| each.task = index_of(each.task));
        made.findings.iter_mut().for_each(|each| {
            (each.task, each.ticks) = (index_of(each.task), clock.ns(each.ticks));
        });
        made.stacks.retain_mut(|each| {
            (each.task, each.ticks) = (index_of(each.task), clock.ns(each.ticks));
            each.task != u64::MAX
        });
        made.stacks.sort_by_key(|each| (each.task, each.ticks));
    }
}
