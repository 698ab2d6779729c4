//! Which task is drawn where. Tasks of one coroutine with the same ancestry form a group, groups nest
//! as their tasks do, and short tasks of a large group share lanes.

use crate::timeline::Timeline;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Up to so many tasks, each task of a group has a lane of its own.
const OWN_LANE: usize = 100;
/// Groups nest no deeper; what is below belongs to the deepest group's siblings.
const MAX_DEPTH: u32 = 12;

/// Where the tasks are drawn.
#[derive(Debug, Default)]
pub struct Layout {
    /// The groups, each behind its parent.
    pub groups: Vec<Group>,
    /// The lane of each task, counted through all groups from the top.
    pub lane_of: Vec<u32>,
    /// How many lanes there are.
    pub lanes: u32,
}

/// Tasks of one coroutine with the same ancestry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its parent, an index.
    pub parent: Option<u32>,
    /// How deep it is nested.
    pub depth: u32,
    /// The location of its coroutine.
    pub coroutine: u32,
    /// How many tasks it has.
    pub tasks: u32,
    /// Its first lane, and how many it has.
    pub first_lane: u32,
    /// The number of its lanes.
    pub lanes: u32,
}

impl Layout {
    /// Lays out the tasks of `timeline`.
    pub fn of(timeline: &Timeline) -> Self {
        let (groups, group_of) = group(timeline);
        let order = depth_first(&groups);
        let mut rank = vec![0_u32; groups.len()];
        for (new, old) in order.iter().enumerate() {
            rank[*old as usize] = new as u32;
        }
        let mut layout = Layout { lane_of: vec![0; timeline.tasks.len()], ..Layout::default() };
        let mut members = vec![Vec::new(); groups.len()];
        for (task, group) in group_of.iter().enumerate() {
            members[*group as usize].push(task as u32);
        }
        for old in order {
            let mut group = groups[old as usize].clone();
            group.parent = group.parent.map(|parent| rank[parent as usize]);
            group.first_lane = layout.lanes;
            let tasks = std::mem::take(&mut members[old as usize]);
            group.lanes = place(timeline, tasks, layout.lanes, &mut layout.lane_of);
            layout.lanes += group.lanes;
            layout.groups.push(group);
        }
        layout
    }
}

/// The groups in the order in which they were found, and the group of each task.
fn group(timeline: &Timeline) -> (Vec<Group>, Vec<u32>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut found: HashMap<(Option<u32>, u32), u32> = HashMap::new();
    let mut group_of: Vec<Option<u32>> = vec![None; timeline.tasks.len()];
    for task in 0..timeline.tasks.len() as u32 {
        // A task's group needs its parent's: go up to a known one, then down again. A circle of
        // parents, which only a damaged trace has, ends where it began.
        let mut path = Vec::new();
        let mut next = Some(task);
        while let Some(index) = next {
            if group_of[index as usize].is_some() || path.len() > timeline.tasks.len() {
                break;
            }
            path.push(index);
            next = timeline.tasks[index as usize].parent;
        }
        let mut above = next.and_then(|index| group_of[index as usize]);
        for index in path.into_iter().rev() {
            let coroutine = timeline.tasks[index as usize].coroutine;
            let group = *group_of[index as usize].get_or_insert_with(|| {
                let group = same_above(&groups, above, coroutine).unwrap_or_else(|| {
                    *found.entry((above, coroutine)).or_insert_with(|| {
                        let depth = above.map_or(0, |parent| groups[parent as usize].depth + 1);
                        groups.push(Group { parent: above, depth, coroutine, ..Group::default() });
                        groups.len() as u32 - 1
                    })
                });
                groups[group as usize].tasks += 1;
                group
            });
            above = Some(group);
            if groups[group as usize].depth >= MAX_DEPTH {
                above = groups[group as usize].parent;
            }
        }
    }
    (groups, group_of.into_iter().map(Option::unwrap_or_default).collect())
}

/// The group of `coroutine` among `group` and what is above it: a coroutine that creates tasks of its own
/// kind does not nest.
fn same_above(groups: &[Group], mut group: Option<u32>, coroutine: u32) -> Option<u32> {
    while let Some(index) = group {
        if groups[index as usize].coroutine == coroutine {
            return Some(index);
        }
        group = groups[index as usize].parent;
    }
    None
}

/// The groups, each followed by its children.
fn depth_first(groups: &[Group]) -> Vec<u32> {
    let mut children = vec![Vec::new(); groups.len()];
    let mut stack = Vec::new();
    for (index, group) in groups.iter().enumerate().rev() {
        match group.parent {
            Some(parent) => children[parent as usize].push(index as u32),
            None => stack.push(index as u32),
        }
    }
    let mut order = Vec::new();
    while let Some(index) = stack.pop() {
        order.push(index);
        stack.append(&mut children[index as usize]);
    }
    order
}

/// Gives each of `tasks` a lane from `first` on, and returns how many lanes they take.
fn place(timeline: &Timeline, mut tasks: Vec<u32>, first: u32, lane_of: &mut [u32]) -> u32 {
    let extent = |task: u32| {
        let task = &timeline.tasks[task as usize];
        (timeline.begin_of(task), timeline.end_of(task))
    };
    tasks.sort_by_key(|task| (extent(*task).0, *task));
    if tasks.len() <= OWN_LANE {
        for (lane, task) in tasks.iter().enumerate() {
            lane_of[*task as usize] = first + lane as u32;
        }
        return tasks.len() as u32;
    }
    // The topmost lane that is free takes the next task: those in use by their ends, free ones by number.
    let mut used: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::new();
    let mut free: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
    let mut lanes = 0;
    for task in tasks {
        let (begin, end) = extent(task);
        while let Some(Reverse((until, lane))) = used.peek().copied() {
            if until > begin {
                break;
            }
            used.pop();
            free.push(Reverse(lane));
        }
        let lane = free.pop().map_or_else(
            || {
                lanes += 1;
                lanes - 1
            },
            |Reverse(lane)| lane,
        );
        lane_of[task as usize] = first + lane;
        used.push(Reverse((end.max(begin + 1), lane)));
    }
    lanes
}
