//! Makes text from the network harmless to a terminal: what would act on it is shown instead. One rule for all that is
//! shown or printed.

use std::borrow::Cow;

/// Combining marks in a row that are kept; more only serve to paint over other lines.
const MARKS_MAX: usize = 8;

/// The text with every control character, bidirectional override and line separator made visible.
/// Line feeds stay: they are the line breaks of a post.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    clean(text, true)
}

/// The same for what must stay one line (names, topics, titles): line feeds are shown as `␊`.
pub(crate) fn safe_line(text: &str) -> Cow<'_, str> {
    clean(text, false)
}

fn clean(text: &str, keep_lines: bool) -> Cow<'_, str> {
    let harmless = |c: char| (' '..='~').contains(&c) || (c == '\n' && keep_lines);
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match c {
            '\n' if keep_lines => out.push(c),
            '\t' => out.push_str("    "),
            '\0'..='\x1f' => out.push(picture(c)),
            '\x7f' => out.push('\u{2421}'),
            _ if is_acting(c) => out.push_str(&format!("<U+{:04X}>", u32::from(c))),
            _ if marks > MARKS_MAX => {}
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The picture of a C0 control character, from U+2400 on.
fn picture(c: char) -> char {
    char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')
}

/// Whether it is a combining mark of the kind that piles up; sequences of emoji use joiners instead.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}' | '\u{488}' | '\u{489}')
}

/// Whether a terminal would do something other than draw it in its place: what `safe_line` shows instead.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control() || is_acting(c)
}

/// Whether a terminal or its font machinery would do something other than draw it in its place.
fn is_acting(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'                             // C1 controls: 0x9B begins a sequence
        | '\u{61c}' | '\u{200e}' | '\u{200f}'           // directional marks
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // overrides and isolates
        | '\u{2028}' | '\u{2029}'                       // line and paragraph separators
        | '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}' // invisible: would hide a break in a name or link
        | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_shown_and_not_obeyed() {
        assert_eq!(safe("a\x1b[2Jb\x07"), "a␛[2Jb␇");
        assert_eq!(safe("c1\u{9b}31m"), "c1<U+009B>31m");
        assert_eq!(safe("two\nlines\r"), "two\nlines␍");
        assert_eq!(safe_line("two\nlines"), "two␊lines");
        assert_eq!(safe("tab\there"), "tab    here");
    }

    #[test]
    fn text_that_would_run_backwards_is_shown_with_its_override() {
        assert_eq!(safe("exe\u{202e}txt"), "exe<U+202E>txt");
        assert_eq!(safe("a\u{2066}b\u{2069}"), "a<U+2066>b<U+2069>");
    }

    #[test]
    fn people_s_own_scripts_and_emoji_stay_as_they_are() {
        for text in ["नमस्ते", "e\u{301}", "👨‍👩‍👧‍👦", "👍🏽", "🏳️‍🌈", "日本語", "שלום", "plain"]
        {
            assert_eq!(safe(text), text);
        }
    }

    #[test]
    fn marks_that_pile_up_are_cut() {
        let piled = format!("a{}", "\u{301}".repeat(100));
        assert_eq!(safe(&piled).chars().count(), 1 + MARKS_MAX);
    }
}
