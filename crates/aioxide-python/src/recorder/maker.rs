//! On whose behalf the loop makes something by itself: a server's connections were made by the line
//! that has made the server.

use std::cell::Cell;

use aioxide_engine::recorder::names;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::places::described;
use crate::ffi::allocate;

/// The line that has made a server: as the recorder finds it, and as the lints do, which look for the
/// program's own. 0 for none.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Maker {
    line: u32,
    own: u32,
}

thread_local! {
    static CURRENT: Cell<Maker> = const { Cell::new(Maker { line: 0, own: 0 }) };
}

/// Puts the one before back, also after a panic.
struct Restore(Maker);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

impl Maker {
    /// By a location, and by what the lints have found: file, line, function.
    pub fn new(line: u32, own: Option<(String, u32, String)>) -> Self {
        let own = own.map_or(0, |(file, line, function)| names().location(&file, &function, line));
        Self { line, own }
    }

    /// The one on whose behalf this thread makes something now.
    pub fn current() -> Self {
        CURRENT.get()
    }

    /// As the recorder finds it.
    pub fn line(self) -> u32 {
        self.line
    }

    /// Runs `body`. What it makes without a line of the program's own was made by this one.
    #[inline]
    pub fn within<R>(self, body: impl FnOnce() -> R) -> R {
        if self == Self::default() {
            return body();
        }
        let _restore = Restore(CURRENT.replace(self));
        body()
    }
}

/// The line that has made the server whose connection the loop makes now, as the lints have found it:
/// file, line and function. None if it makes none, or nobody looked.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a tuple for Python")]
pub fn _made_on_behalf_of(
    py: Python<'_>,
) -> PyResult<Option<(Bound<'_, PyString>, u32, Bound<'_, PyString>)>> {
    let Some((file, line, function)) = described(Maker::current().own) else { return Ok(None) };
    Ok(Some((allocate::string(py, &file)?, line, allocate::string(py, &function)?)))
}
