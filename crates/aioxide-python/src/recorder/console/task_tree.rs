//! The answer about the tree of tasks: who created whom.

use aioxide_engine::recorder::{TaskRecord, loops, tasks as records, ticks};
use aioxide_trace::wire::TaskInfo;

use super::answers::Places;
use super::task_list::{MOST, infos, matches};
use super::with_gil::Desk;

/// A task in the tree: the others are named by their places.
struct Node {
    id: u64,
    record: &'static TaskRecord,
    parent: Option<usize>,
    first_child: Option<usize>,
    next_sibling: Option<usize>,
    is_wanted: bool,
}

/// The tasks that are not over, each behind the one that created it and what stands below that
/// one's older children: the first `limit` of those that have the filter in them, or that stand
/// above one that has.
pub fn tree(filter: &str, limit: u64, desk: &Desk) -> Vec<TaskInfo> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(MOST);
    let mut places = Places::default();
    let nodes = nodes(&filter.to_lowercase(), &mut places);
    let mut page = Vec::new();
    // A task's parent is older, so that no task is its own ancestor.
    let mut next = nodes.iter().position(|node| node.parent.is_none());
    while let Some(at) = next
        && page.len() < limit
    {
        if nodes[at].is_wanted {
            page.push(nodes[at].record);
        }
        next = nodes[at].first_child.filter(|_| nodes[at].is_wanted).or_else(|| {
            let mut at = at;
            loop {
                if nodes[at].next_sibling.is_some() {
                    break nodes[at].next_sibling;
                }
                at = nodes[at].parent?;
            }
        });
    }
    infos(page, ticks(), &mut places, desk)
}

/// All tasks that are not over, the oldest first.
fn nodes(filter: &str, places: &mut Places) -> Vec<Node> {
    let open = loops().numbers(true);
    let mut found: Vec<(u64, u64, &'static TaskRecord)> = records()
        .filter_map(|record| record.brief().map(|brief| (brief, record)))
        .filter(|(brief, _)| !brief.phase.is_over() && open.contains(&brief.loop_id))
        .map(|(brief, record)| (brief.id, record.parent(), record))
        .collect();
    found.sort_unstable_by_key(|(id, ..)| *id);
    let mut nodes: Vec<Node> = Vec::with_capacity(found.len());
    let mut last_root = None;
    // The youngest child so far of each task.
    let mut last_child: Vec<Option<usize>> = vec![None; found.len()];
    for (at, (id, parent, record)) in found.into_iter().enumerate() {
        let parent = nodes.binary_search_by_key(&parent, |node| node.id).ok();
        let before = match parent {
            Some(parent) => &mut last_child[parent],
            None => &mut last_root,
        };
        match (before.replace(at), parent) {
            (Some(before), _) => nodes[before].next_sibling = Some(at),
            (None, Some(parent)) => nodes[parent].first_child = Some(at),
            (None, None) => {}
        }
        let is_wanted =
            filter.is_empty() || record.view().is_some_and(|view| matches(&view, filter, places));
        let (first_child, next_sibling) = (None, None);
        nodes.push(Node { id, record, parent, first_child, next_sibling, is_wanted });
    }
    if !filter.is_empty() {
        // The youngest first: what stands above a task is older.
        for at in (0..nodes.len()).rev() {
            if let (true, Some(parent)) = (nodes[at].is_wanted, nodes[at].parent) {
                nodes[parent].is_wanted = true;
            }
        }
    }
    nodes
}
