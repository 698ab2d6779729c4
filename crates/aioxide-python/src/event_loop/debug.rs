//! Debug mode: reporting callbacks that hold the loop up.

use std::time::Instant;

use pyo3::prelude::*;

use super::{LoopCore, Ready};
use crate::standard;

impl LoopCore {
    /// Does one thing of the ready queue and logs it if it took as long as
    /// `slow_callback_duration`.
    pub(super) fn run_timed(slf: &Bound<'_, Self>, item: Ready) -> PyResult<()> {
        let py = slf.py();
        let subject = item.subject(py);
        let handle = match &item {
            Ready::Handle(handle) => Some(handle.clone_ref(py)),
            _ => None,
        };
        drop(slf.get().current_handle.with(py, |current| std::mem::replace(current, handle)));
        let started = Instant::now();
        let result = Self::run_item(slf, item);
        drop(slf.get().current_handle.with(py, Option::take));
        let seconds = started.elapsed().as_secs_f64();
        let limit = slf.get().flags.with(py, |flags| flags.slow_callback_duration);
        if seconds >= limit
            && let Some(subject) = subject
        {
            slf.get().current_task().settle(py, slf.as_any().as_unbound())?;
            let shown = subject.bind(py).repr()?;
            standard::logger(py)?.call_method1(
                pyo3::intern!(py, "warning"),
                ("Executing %s took %.3f seconds", shown, seconds),
            )?;
        }
        result
    }
}
