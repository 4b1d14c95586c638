//! Text on a terminal: marks and colours or plain words, lines that fit the width, columns that stand under each other.

use unicode_width::UnicodeWidthStr;

use crate::safe::safe_line;

/// The narrowest text that is tried; below it lines stick out.
const WIDTH_MIN: usize = 40;

/// Whether to use signs and colours, or words alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    pub(super) colour: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn quiet(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    pub(super) fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Before something that held or did not; as wide as [`Paint::mark_width`].
    pub(super) fn mark(self, held: bool) -> String {
        match (self.colour, held) {
            (true, true) => self.good("✓"),
            (true, false) => self.bad("✗"),
            (false, true) => "ok  ".to_owned(),
            (false, false) => "FAIL".to_owned(),
        }
    }

    pub(super) fn mark_width(self) -> usize {
        if self.colour { 1 } else { 4 }
    }
}

/// How many cells it takes.
pub(super) fn cells(text: &str) -> usize {
    text.width()
}

/// Between parts of a line: none begins with it.
pub(super) const SEPARATOR: &str = "\u{a0}· ";

/// No-break spaces have done their work.
fn plain_spaces(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

/// The same text, in whose lines no number is parted from its unit.
pub(super) fn glued(text: &str) -> String {
    [" ms", " µs", " MiB", " KiB", " %"].iter().fold(text.to_owned(), |text, unit| {
        let glue = unit.replace(' ', "\u{a0}");
        (0..=9).fold(text, |text, digit| text.replace(&format!("{digit}{unit}"), &format!("{digit}{glue}")))
    })
}

/// The text, harmless, in lines of at most so many cells, broken between words, and within what is longer than a line.
/// There is at least one line, and line feeds of the text end lines.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(WIDTH_MIN / 2);
    let mut lines = Vec::new();
    for line in text.trim_end().split('\n') {
        let mut shown = String::new();
        for word in safe_line(line).split(' ').filter(|word| !word.is_empty()) {
            if !shown.is_empty() && cells(&shown) + 1 + cells(word) > width {
                lines.push(std::mem::take(&mut shown));
            }
            if !shown.is_empty() {
                shown.push(' ');
            }
            for c in word.chars() {
                shown.push(c);
                if cells(&shown) > width {
                    let over = shown.pop();
                    lines.push(std::mem::take(&mut shown));
                    shown.extend(over);
                }
            }
        }
        lines.push(shown);
    }
    lines.iter().map(|line| plain_spaces(line)).collect()
}

/// The same as one text: the first line stands behind `head`, the others are indented as far.
pub(super) fn hanging(head: &str, head_cells: usize, text: &str, width: usize) -> String {
    let lines = wrapped(text, width.max(WIDTH_MIN).saturating_sub(head_cells));
    let indent = " ".repeat(head_cells);
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        let begin = if at == 0 { head } else { &indent };
        out.push_str(format!("{begin}{line}").trim_end());
        out.push('\n');
    }
    out
}

/// At most so many cells of it, harmless, in one line; what is cut off is told by `…`.
pub(super) fn cut(text: &str, width: usize) -> String {
    let text = plain_spaces(&safe_line(text));
    if cells(&text) <= width {
        return text;
    }
    let mut shown = String::new();
    for c in text.chars() {
        shown.push(c);
        if cells(&shown) + 1 > width {
            shown.pop();
            break;
        }
    }
    shown.push('…');
    shown
}

/// Filled up with spaces on its right side.
pub(super) fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(cells(text))))
}

/// Filled up with spaces on its left side.
pub(super) fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(cells(text))))
}

/// Rows whose columns stand under each other: the first to the left, the others to the right, two spaces between.
pub(super) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cells(cell)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let shown = row.iter().zip(&widths).enumerate();
        let cells = shown.map(|(at, (cell, width))| if at == 0 { left(cell, *width) } else { right(cell, *width) });
        plain_spaces(cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_long_words_break_inside() {
        assert_eq!(wrapped("one two three four five", 20), ["one two three four", "five"]);
        assert_eq!(wrapped(&"x".repeat(45), 20), ["x".repeat(20), "x".repeat(20), "x".repeat(5)]);
        assert_eq!(wrapped("日本語日本語日本語日本語", 20), ["日本語日本語日本語日", "本語"]);
        assert_eq!(wrapped("", 20), [""]);
        assert_eq!(wrapped("a\nb\n", 20), ["a", "b"]);
    }

    #[test]
    fn a_number_stays_with_its_unit() {
        assert_eq!(wrapped(&glued("three of them in 9.04 ms and more"), 20), ["three of them in", "9.04 ms and more"]);
        assert_eq!(glued("some ms"), "some ms");
    }

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_obey() {
        assert_eq!(wrapped("a\x1b[2Jb", 20), ["a␛[2Jb"]);
        assert_eq!(cut("a\nb\x07", 20), "a␊b␇");
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cells(&cut("日本語日本語", 6)), 5);
    }

    #[test]
    fn columns_stand_under_each_other() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        assert_eq!(columns(&[row(&["", "p50"]), row(&["delivery", "1 ms"])]), ["           p50", "delivery  1 ms"]);
    }
}
