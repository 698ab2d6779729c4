//! The rows of the tasks.

use aioxide_trace::wire::TaskInfo;
use std::collections::{HashMap, HashSet};

/// Tasks are drawn no deeper than this.
const MAX_DEPTH: usize = 20;

/// A task in the table or the tree.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Its process.
    pub pid: u32,
    /// The task.
    pub task: &'a TaskInfo,
    /// How deep it is nested.
    pub depth: usize,
}

impl Row<'_> {
    /// Whether `text`, in lower case, occurs in what the row shows.
    pub fn has(&self, text: &str) -> bool {
        let task = self.task;
        let wait = task.waits_for.as_ref().map_or("", |wait| &wait.text);
        [&task.name[..], &task.coroutine, &task.created, task.state.word(), wait]
            .iter()
            .any(|each| each.to_lowercase().contains(text))
    }
}

/// Tasks below the ones that created them. Where a filter is given, those that have it in them and what is
/// above them.
pub fn tree_rows<'a>(pid: u32, tasks: &'a [TaskInfo], filter: &str) -> Vec<Row<'a>> {
    let known: HashMap<u64, usize> =
        tasks.iter().enumerate().map(|(at, task)| (task.id, at)).collect();
    let mut children: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for (at, task) in tasks.iter().enumerate() {
        let parent = known.get(&task.parent).copied().filter(|parent| *parent != at);
        children.entry(parent).or_default().push(at);
    }
    let filter = filter.to_lowercase();
    let mut kept = HashSet::new();
    if !filter.is_empty() {
        for task in tasks.iter().filter(|task| Row { pid, task, depth: 0 }.has(&filter)) {
            let mut next = known.get(&task.id).copied();
            while let Some(at) = next
                && kept.insert(at)
            {
                next = known.get(&tasks[at].parent).copied();
            }
        }
    }
    let mut rows = Vec::new();
    let mut stack: Vec<(usize, usize)> = Vec::new();
    let push = |stack: &mut Vec<(usize, usize)>, parent, depth| {
        stack.extend(children.get(&parent).into_iter().flatten().rev().map(|at| (*at, depth)));
    };
    push(&mut stack, None, 0);
    while let Some((at, depth)) = stack.pop() {
        if filter.is_empty() || kept.contains(&at) {
            rows.push(Row { pid, task: &tasks[at], depth: depth.min(MAX_DEPTH) });
        }
        push(&mut stack, Some(at), depth + 1);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: u64, parent: u64, name: &str) -> TaskInfo {
        TaskInfo { id, parent, name: name.to_owned(), ..TaskInfo::default() }
    }

    fn shape(tasks: &[TaskInfo], filter: &str) -> Vec<(u64, usize)> {
        tree_rows(1, tasks, filter).iter().map(|row| (row.task.id, row.depth)).collect()
    }

    #[test]
    fn children_stand_below_their_parents_in_the_order_of_the_answer() {
        let tasks = [
            task(1, 0, "main"),
            task(2, 1, "a"),
            task(3, 1, "b"),
            task(4, 2, "deep"),
            task(9, 8, "orphan"),
        ];
        assert_eq!(shape(&tasks, ""), [(1, 0), (2, 1), (4, 2), (3, 1), (9, 0)]);
        assert_eq!(shape(&tasks, "DEEP"), [(1, 0), (2, 1), (4, 2)]);
    }

    #[test]
    fn circles_of_parents_do_not_hang() {
        let tasks = [task(1, 1, "own"), task(2, 3, "x"), task(3, 2, "y")];
        assert_eq!(shape(&tasks, ""), [(1, 0)]);
        assert_eq!(shape(&tasks, "x"), []);
    }
}
