//! Texts and places in the source, by number: each is kept once.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// The most texts, and the most places: a program that makes code without end gets the number 0,
/// which stands for none, beyond it.
const MOST: usize = 1 << 20;

/// A place in the source. Numbers begin at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The text with the file's name.
    pub file: u32,
    /// The text with the function's qualified name.
    pub function: u32,
    /// The line, from 1; 0 if it is not known.
    pub line: u32,
}

/// Texts and places. Entries are never removed.
#[derive(Default)]
pub struct Names {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    locations: Vec<Location>,
    places: HashMap<Location, u32>,
}

/// Those of the process. The lock is held for moments, and never while another one is waited for.
pub fn names() -> MutexGuard<'static, Names> {
    static NAMES: LazyLock<Mutex<Names>> = LazyLock::new(Mutex::default);
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Names {
    /// The number of a text.
    pub fn text(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        if self.texts.len() >= MOST {
            return 0;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        let number = self.texts.len() as u32;
        self.numbers.insert(text, number);
        number
    }

    /// The number of a place.
    pub fn location(&mut self, file: &str, function: &str, line: u32) -> u32 {
        let location = Location { file: self.text(file), function: self.text(function), line };
        if let Some(number) = self.places.get(&location) {
            return *number;
        }
        if self.locations.len() >= MOST {
            return 0;
        }
        self.locations.push(location);
        let number = self.locations.len() as u32;
        self.places.insert(location, number);
        number
    }

    /// The text with this number.
    pub fn text_of(&self, number: u32) -> Option<&Arc<str>> {
        self.texts.get((number as usize).checked_sub(1)?)
    }

    /// The place with this number.
    pub fn location_of(&self, number: u32) -> Option<Location> {
        self.locations.get((number as usize).checked_sub(1)?).copied()
    }

    /// The texts behind the first `from`, with their numbers.
    pub fn texts_from(&self, from: usize) -> Vec<(u32, Arc<str>)> {
        let numbered = self.texts.iter().enumerate().skip(from);
        numbered.map(|(index, text)| (index as u32 + 1, Arc::clone(text))).collect()
    }

    /// The places behind the first `from`, with their numbers.
    pub fn locations_from(&self, from: usize) -> Vec<(u32, Location)> {
        let numbered = self.locations.iter().enumerate().skip(from);
        numbered.map(|(index, location)| (index as u32 + 1, *location)).collect()
    }
}
