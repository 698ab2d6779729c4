//! Texts and places in the source, by the numbers that the trace gives them.

use aioxide_trace::file::Location;
use std::collections::HashMap;

/// The tables of a trace. A number that no table names stands for the empty text.
#[derive(Clone, Debug, Default)]
pub struct Names {
    strings: HashMap<u32, String>,
    locations: HashMap<u32, Location>,
}

impl Names {
    /// Takes a text; a later one of the same number replaces it.
    pub fn add_string(&mut self, id: u32, text: String) {
        self.strings.insert(id, text);
    }

    /// Takes a place; a later one of the same number replaces it.
    pub fn add_location(&mut self, location: Location) {
        self.locations.insert(location.id, location);
    }

    /// The text with the number `id`.
    pub fn string(&self, id: u32) -> &str {
        self.strings.get(&id).map_or("", String::as_str)
    }

    /// The qualified name of the function at the location `id`.
    pub fn function(&self, id: u32) -> &str {
        self.locations.get(&id).map_or("", |location| self.string(location.function))
    }

    /// The file and line of the location `id`, as `app.py:12`: the last part of the path.
    pub fn place(&self, id: u32) -> String {
        let (file, line) = self.file_and_line(id);
        let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
        if line == 0 { file.to_owned() } else { format!("{file}:{line}") }
    }

    /// The whole path and the line of the location `id`, as `/home/me/app.py:12`.
    pub fn full_place(&self, id: u32) -> String {
        let (file, line) = self.file_and_line(id);
        if line == 0 { file.to_owned() } else { format!("{file}:{line}") }
    }

    /// The file and the line of the location `id`.
    pub fn file_and_line(&self, id: u32) -> (&str, u32) {
        self.locations
            .get(&id)
            .map_or(("", 0), |location| (self.string(location.file), location.line))
    }
}
