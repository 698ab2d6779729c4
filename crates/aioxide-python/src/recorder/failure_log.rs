//! What is kept of exceptions and of what lints have found: the last of each.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aioxide_trace::file::{Failure, Finding};

/// How many of each.
const KEPT: usize = 1000;
/// How many bytes of a text.
const LONGEST: usize = 64 * 1024;

/// The entries of a log, locked.
pub type Kept<T> = MutexGuard<'static, VecDeque<T>>;

/// A list that forgets its oldest entry.
pub struct Log<T>(Mutex<VecDeque<T>>);

pub static FAILURES: Log<Failure> = Log(Mutex::new(VecDeque::new()));
pub static FINDINGS: Log<Finding> = Log(Mutex::new(VecDeque::new()));

impl<T: Clone> Log<T> {
    /// The entries, locked.
    pub fn lock(&'static self) -> Kept<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry.
    pub fn push(&'static self, entry: T) {
        let mut entries = self.lock();
        if entries.len() >= KEPT {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    /// The entries, the oldest first.
    pub fn all(&'static self) -> Vec<T> {
        self.lock().iter().cloned().collect()
    }

    /// Forgets them.
    pub fn clear(&'static self) {
        self.lock().clear();
    }
}

/// The beginning of a text, if it is very long.
pub fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
