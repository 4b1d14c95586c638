//! Measures text in terminal cells and cuts it into lines, the same way everywhere on the screen.

use std::ops::Range;

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

/// The cells that a text takes, as the drawing code counts them.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(grapheme_width).sum() }
}

fn grapheme_width(grapheme: &str) -> usize {
    if grapheme.chars().any(char::is_control) { 0 } else { usize::from(grapheme.cell_width()) }
}

/// Cuts one line of text (no line feeds) into the byte ranges that fit `width` cells each.
///
/// The ranges cover the whole text. White space at a cut stays at the end of its line, beyond the edge
/// if it must. Breaks come after white space and around wide characters, inside a word only when the
/// word alone is wider than a line. An empty text is one empty line.
pub(crate) fn wrap(text: &str, cells: usize) -> Vec<Range<usize>> {
    let cells = cells.max(2);
    let mut lines = Vec::new();
    let (mut start, mut col) = (0, 0);
    let mut last_break = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        let wide = grapheme_width(grapheme);
        let end = at + grapheme.len();
        if grapheme.chars().all(char::is_whitespace) {
            col += wide;
            last_break = end;
            continue;
        }
        let breaks_around = wide > 1;
        if breaks_around {
            last_break = at;
        }
        if col + wide > cells && at > start {
            let cut = if last_break > start { last_break } else { at };
            lines.push(start..cut);
            start = cut;
            col = width(&text[cut..at]);
            if col + wide > cells && at > start {
                lines.push(start..at);
                (start, col) = (at, 0);
            }
        }
        col += wide;
        if breaks_around {
            last_break = end;
        }
    }
    lines.push(start..text.len());
    lines
}

/// The text cut to at most `cells` cells, with `…` in place of what is left out.
pub(crate) fn fit(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    if cells == 0 {
        return String::new();
    }
    let mut out = String::new();
    let mut col = 0;
    for grapheme in text.graphemes(true) {
        let wide = grapheme_width(grapheme);
        if col + wide + 1 > cells {
            break;
        }
        out.push_str(grapheme);
        col += wide;
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str, cells: usize) -> Vec<&str> {
        wrap(text, cells).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn words_go_to_the_next_line_whole() {
        assert_eq!(lines("the quick brown fox", 10), ["the quick ", "brown fox"]);
        assert_eq!(lines("", 10), [""]);
        assert_eq!(lines("exactly 10", 10), ["exactly 10"]);
    }

    #[test]
    fn a_word_wider_than_a_line_is_cut_where_the_line_ends() {
        assert_eq!(lines("a https://example.org/very/long", 12), ["a ", "https://exam", "ple.org/very", "/long"]);
    }

    #[test]
    fn wide_characters_break_anywhere_and_never_in_half() {
        assert_eq!(lines("日本語日本", 5), ["日本", "語日", "本"]);
        assert_eq!(lines("👨‍👩‍👧‍👦👍🏽👍🏽", 4), ["👨‍👩‍👧‍👦👍🏽", "👍🏽"]);
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        assert_eq!(fit("lobby", 5), "lobby");
        assert_eq!(fit("lobbyist", 5), "lobb…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("x", 0), "");
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_and_keeps_to_the_width(text in "[ a-z日👍\u{301}-]{0,80}", cells in 2_usize..30) {
            let ranges = wrap(&text, cells);
            let joined: String = ranges.iter().map(|range| &text[range.clone()]).collect();
            prop_assert_eq!(&joined, &text);
            for range in ranges {
                prop_assert!(width(text[range].trim_end()) <= cells);
            }
        }
    }
}
