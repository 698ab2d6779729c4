//! Names come from the watched program and may hold anything: control sequences of a terminal, HTML,
//! characters that turn the direction of text. What is shown goes through here.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character shows as itself wherever text is shown.
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `text` with each character that would not show as itself as its escape: `\n`, `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_plain(c) { shown.push(c) } else { shown.extend(c.escape_default()) }
    }
    Cow::Owned(shown)
}

/// `text` as [`visible`] has it, for the content or an attribute of XML or HTML.
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not a character of XML.
            '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// JSON for the content of an HTML `<script>`: no `<` stands in it, so that nothing can end the element.
pub fn json_in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// At most `most` characters of `text`, the last one `…` if some were cut off.
pub fn shorten(text: &str, most: usize) -> Cow<'_, str> {
    if text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    Cow::Owned(short)
}

/// The same with the end kept: of a file and a line, the line counts.
pub fn shorten_front(text: &str, most: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= most {
        return Cow::Borrowed(text);
    }
    let mut short = String::from("…");
    short.extend(text.chars().skip(count + 1 - most));
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_sequences_and_turned_text_show_as_escapes() {
        assert_eq!(visible("plain ü 日本"), "plain ü 日本");
        assert_eq!(visible("a\x1b[31mred\n"), "a\\u{1b}[31mred\\n");
        assert_eq!(visible("x\u{202e}y\u{feff}"), "x\\u{202e}y\\u{feff}");
    }

    #[test]
    fn the_end_of_a_place_is_kept() {
        assert_eq!(shorten_front("web_protocol.py:381", 18), "…b_protocol.py:381");
        assert_eq!(shorten_front("app.py:3", 8), "app.py:3");
    }

    #[test]
    fn markup_holds_no_tag() {
        assert_eq!(markup("<b a='1' c=\"2\">&"), "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;");
        assert_eq!(json_in_script("\"</script>\""), "\"\\u003c/script>\"");
    }

    #[test]
    fn a_long_text_is_cut_with_a_sign() {
        assert_eq!(shorten("abc", 3), "abc");
        assert_eq!(shorten("äbcd", 3), "äb…");
        assert_eq!(shorten("abc", 0), "…");
    }

    proptest! {
        #[test]
        fn nothing_that_is_shown_controls_anything(text: String) {
            prop_assert!(visible(&text).chars().all(is_plain));
            prop_assert!(!markup(&text).contains(['<', '>', '"', '\'']));
        }
    }
}
