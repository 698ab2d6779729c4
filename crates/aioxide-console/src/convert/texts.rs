//! Texts that many events of a trace have in common, each made once.

use crate::timeline::{Other, Span, Timeline};
use aioxide_trace::WaitKind;
use std::collections::HashMap;
use std::hash::Hash;

/// What was made of each key so far.
pub struct Made<K, V>(HashMap<K, V>);

impl<K: Hash + Eq, V> Made<K, V> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(HashMap::new())
    }

    /// What was made of `key`; `make` makes it the first time.
    pub fn of(&mut self, key: K, make: impl FnOnce() -> V) -> &V {
        self.0.entry(key).or_insert_with(make)
    }
}

/// What tasks wait for, in a form of the caller's.
pub struct Waits<V>(Made<(WaitKind, Other), V>);

impl<V> Waits<V> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Made::new())
    }

    /// What `span` waits for; `form` makes it of the text.
    pub fn of(&mut self, timeline: &Timeline, span: &Span, form: impl FnOnce(&str) -> V) -> &V {
        self.0.of((span.wait, span.other), || form(&timeline.describe_wait(span)))
    }
}
