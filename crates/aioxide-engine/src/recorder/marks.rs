//! The record of a task, in the task.

use std::ptr;

use super::tasks::TaskRecord;

/// The record of a task while it lives, and its id when it has ended: the record is then another
/// task's sooner or later, but callbacks of the end still want to say whose it is. One word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskMark(*const TaskRecord);

// The lowest bit tells an id, which stands above it, from the address of a record.
const _: () = assert!(align_of::<TaskRecord>() > 1);

impl TaskMark {
    /// Of a task that was not recorded.
    pub const NONE: Self = Self(ptr::without_provenance(1));

    /// Of a task that has this record.
    #[inline(always)]
    pub fn of(record: &'static TaskRecord) -> Self {
        Self(record)
    }

    /// The same when the task has ended.
    #[inline]
    pub fn ended(self) -> Self {
        // Where a word has no room for it, the id is lost.
        usize::try_from(self.id() << 1 | 1)
            .map_or(Self::NONE, |it| Self(ptr::without_provenance(it)))
    }

    /// The record, if the task has one and has not ended.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub fn record(self) -> Option<&'static TaskRecord> {
        if self.0.addr() & 1 != 0 {
            return None;
        }
        // SAFETY: what has the bit cleared was made by `of`, of a reference that lives forever.
        Some(unsafe { &*self.0 })
    }

    /// The id of the task, also when it has ended; 0 if it was not recorded.
    #[inline]
    pub fn id(self) -> u64 {
        match self.record() {
            Some(record) => record.id(),
            None => self.0.addr() as u64 >> 1,
        }
    }
}

impl Default for TaskMark {
    fn default() -> Self {
        Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::TaskName;
    use super::*;

    #[test]
    fn the_id_outlives_the_task_and_not_the_record() {
        static RECORD: LazyLock<TaskRecord> = LazyLock::new(TaskRecord::default);
        let record: &'static TaskRecord = &RECORD;
        let fill = |id| record.fill(id, 0, 1, 0, 0, (1, 0), &TaskName::Number(1));
        fill(7);
        let mark = TaskMark::of(record);
        assert_eq!(mark.record().map(TaskRecord::id), Some(7));
        let ended = mark.ended();
        fill(8);
        assert!(ended.record().is_none());
        assert_eq!((mark.id(), ended.id(), ended.ended().id()), (8, 7, 7));
    }

    #[test]
    fn a_task_that_was_not_recorded_has_neither() {
        assert!(TaskMark::NONE.record().is_none());
        assert_eq!(TaskMark::NONE.id(), 0);
        assert_eq!(TaskMark::NONE.ended(), TaskMark::NONE);
        assert_eq!(TaskMark::default(), TaskMark::NONE);
    }
}
