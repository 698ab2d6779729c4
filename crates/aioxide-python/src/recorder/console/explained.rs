//! What tasks wait for, where only Python knows more than the recorder: a call in a thread of anyio's,
//! the peer of a stream.
//!
//! The recorder would have to look for it at each step. Here it is asked once for each wait that
//! somebody looks at, with the GIL, and kept. Whoever cannot get the GIL at once goes without.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aioxide_engine::recorder::{Phase, TaskRecord, TaskView, tasks};
use aioxide_trace::WaitKind;

use super::with_gil::{Desk, Explanation};

/// The most waits that are asked for at a time: each takes some tens of microseconds.
const MOST: usize = 500;
/// With more tasks than this, looking for some of them would take longer than that.
const MOST_TASKS: usize = 10_000;

/// What was found, by the task's id, with the ticks at which the wait began.
#[derive(Default)]
pub struct Explained {
    known: Mutex<HashMap<u64, (u64, Explanation)>>,
}

/// Whether Python may know more of what the task waits for.
fn is_vague(view: &TaskView) -> bool {
    let kind = WaitKind::from_byte(view.wait_kind);
    view.phase == Phase::Waiting
        && view.waits_for == 0
        && matches!(kind, WaitKind::Unknown | WaitKind::Future | WaitKind::Read | WaitKind::Write)
}

impl Explained {
    /// What these tasks wait for, by their ids, as far as it is known or can be asked now.
    pub fn of(&self, desk: &Desk, views: &[TaskView]) -> HashMap<u64, Explanation> {
        let vague: HashMap<u64, u64> =
            views.iter().filter(|it| is_vague(it)).map(|it| (it.id, it.since)).collect();
        let mut found = HashMap::new();
        if vague.is_empty() {
            return found;
        }
        let is_current = |id: &u64, since: &u64| vague.get(id) == Some(since);
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let current = known.iter().filter(|(id, (since, _))| is_current(id, since));
            found.extend(current.map(|(id, (_, text))| (*id, text.clone())));
        }
        let missing: Vec<u64> =
            vague.keys().filter(|id| !found.contains_key(id)).copied().take(MOST).collect();
        if missing.is_empty() || tasks().filter(|it| it.id() != 0).nth(MOST_TASKS).is_some() {
            return found;
        }
        let answered = desk.explanations(missing);
        // Only what still waits as it did before the question was put.
        let still: HashMap<u64, u64> = tasks()
            .filter(|it| answered.contains_key(&it.id()))
            .filter_map(TaskRecord::brief)
            .filter(|it| it.phase == Phase::Waiting && is_current(&it.id, &it.since))
            .map(|it| (it.id, it.since))
            .collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > MOST_TASKS {
            known.clear();
        }
        for (id, text) in answered {
            if let Some(since) = still.get(&id) {
                known.insert(id, (*since, text.clone()));
                found.insert(id, text);
            }
        }
        found
    }
}
