//! JSON of many small objects, made in memory that is used again for each.

use crate::escape::visible;

/// The object that is being made. What is put into it stands in it as it is.
#[derive(Default)]
pub struct Line(Vec<u8>);

impl Line {
    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Begins another object.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// JSON as it is.
    pub fn raw(&mut self, json: &str) -> &mut Self {
        self.0.extend_from_slice(json.as_bytes());
        self
    }

    /// A number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.raw(itoa::Buffer::new().format(number))
    }

    /// Nanoseconds as microseconds, with the nanoseconds behind the point.
    pub fn microseconds(&mut self, ns: u64) -> &mut Self {
        self.number(ns / 1000);
        let rest = (ns % 1000) as u16;
        let digit = |value: u16| b'0' + (value % 10) as u8;
        self.0.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
        self
    }
}

/// A text for the user as a JSON string.
pub fn string(text: &str) -> String {
    serde_json::Value::from(visible(text)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_keep_their_nanoseconds() {
        let mut line = Line::default();
        for (ns, text) in [(0, "0.000"), (7, "0.007"), (1_050, "1.050"), (12_345_678, "12345.678")]
        {
            line.clear();
            line.microseconds(ns);
            assert_eq!(line.bytes(), text.as_bytes());
        }
    }

    #[test]
    fn a_string_shows_what_would_not_show() {
        assert_eq!(string("a\"b\n"), r#""a\"b\\n""#);
    }
}
