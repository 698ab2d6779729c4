//! What is said when no task can ever go on.

use super::Loop;

impl Loop {
    /// Nothing is ready, no timer is set and nothing can come from outside.
    #[cold]
    pub(super) fn panic_as_stuck(&self) -> ! {
        let mut names: Vec<String> =
            self.all_tasks().iter().map(|task| task.header().name()).collect();
        names.sort_unstable();
        panic!(
            "no task can ever go on: nothing is ready, no timer is set, and no descriptor, thread \
             or process is waited for. Waiting: {}",
            names.join(", ")
        );
    }
}
