//! Texts that many events of a trace have in common, each made once.

use crate::timeline::{Other, Span, SpanState, Timeline};
use aioxide_trace::{WaitKind, WakerKind};
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

/// What tasks wait for and what woke them, in a form of the caller's.
pub struct Reasons<V>(Made<(bool, WaitKind, WakerKind, Other), V>);

impl<V> Reasons<V> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Made::new())
    }

    /// What `span` waits for, or what woke its task if that is ready; `form` makes it of the text.
    pub fn of(&mut self, timeline: &Timeline, span: &Span, form: impl FnOnce(&str) -> V) -> &V {
        let is_ready = span.state == SpanState::Ready;
        self.0.of((is_ready, span.wait, span.waker, span.other), || {
            form(&if is_ready {
                timeline.describe_waker(span)
            } else {
                timeline.describe_wait(span)
            })
        })
    }
}
