//! A text being edited: characters as people see them, words, lines, undo and one kill buffer.
//!
//! The editing is `ratatui-textarea`'s. Added here: the cursor never stands inside a character that
//! consists of several code points, and drawing is left to the view, which wraps it like all other text.

use ratatui_textarea::{CursorMove, TextArea};
use unicode_segmentation::UnicodeSegmentation;

use crate::{
    safe::is_unsafe,
    screen::text::{width, wrap},
};

/// The most characters an editor takes; a paste beyond is cut and said so by the counter of the composer.
const CHARS_MAX: usize = 20_000;

/// One step of editing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    /// One character left.
    Left,
    /// One character right.
    Right,
    /// To the start of the word before.
    WordLeft,
    /// To the start of the word after.
    WordRight,
    /// To the start of the line.
    LineStart,
    /// To the end of the line.
    LineEnd,
    /// Delete the character before.
    Backspace,
    /// Delete the character after.
    Delete,
    /// Delete the word before.
    DeleteWordLeft,
    /// Delete the word after.
    DeleteWordRight,
    /// Delete up to the start of the line.
    DeleteToStart,
    /// Delete up to the end of the line.
    DeleteToEnd,
    /// Put back what was deleted last.
    Yank,
    /// Take back the last change.
    Undo,
    /// Do it again.
    Redo,
}

/// A cursor in the text as the view wraps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The visual line, from 0.
    pub(crate) row: usize,
    /// The cell in it, from 0.
    pub(crate) col: usize,
}

/// A text with a cursor.
#[derive(Debug, Clone)]
pub(crate) struct Editor {
    area: TextArea<'static>,
}

impl Default for Editor {
    fn default() -> Self {
        Self::new("")
    }
}

impl Editor {
    /// An editor that holds this text, its cursor at the end.
    pub(crate) fn new(text: &str) -> Self {
        let mut editor = Self { area: TextArea::default() };
        editor.insert(text);
        editor
    }

    /// The text, lines joined by line feeds.
    pub(crate) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// The lines; at least one.
    pub(crate) fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Whether there is no text.
    pub(crate) fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// The number of Unicode scalar values, line feeds included.
    pub(crate) fn chars(&self) -> usize {
        let feeds = self.lines().len().saturating_sub(1);
        self.lines().iter().map(|line| line.chars().count()).sum::<usize>() + feeds
    }

    /// The text before the cursor in its line, and the text after.
    pub(crate) fn around(&self) -> (&str, &str) {
        let (row, byte) = self.cursor();
        self.lines().get(row).map_or(("", ""), |line| line.split_at(byte))
    }

    /// Whether the cursor is in the first line.
    pub(crate) fn in_first_line(&self) -> bool {
        self.area.cursor().0 == 0
    }

    /// Whether nothing follows the cursor.
    pub(crate) fn at_end(&self) -> bool {
        self.area.cursor().0 + 1 == self.lines().len() && self.around().1.is_empty()
    }

    /// Replaces everything; the cursor goes to the end. Can be undone.
    pub(crate) fn set(&mut self, text: &str) {
        self.area.clear();
        self.insert(text);
    }

    /// Puts text in at the cursor, as much as there is room for.
    pub(crate) fn insert(&mut self, text: &str) {
        let room = CHARS_MAX.saturating_sub(self.chars());
        let mut text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
        // what would be shown as something else, or not at all, has no place at which a cursor could stand
        text.retain(|c| c == '\n' || !is_unsafe(c));
        let end = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
        self.area.insert_str(&text[..end]);
    }

    /// Replaces `count` bytes before the cursor, which must be in its line.
    pub(crate) fn replace_before(&mut self, bytes: usize, text: &str) {
        let before = self.around().0;
        let from = before.len().saturating_sub(bytes);
        let chars = before.get(from..).map_or(0, |tail| tail.chars().count());
        self.delete_before(chars);
        self.insert(text);
    }

    /// Does one step.
    pub(crate) fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Left => self.step(CursorMove::Back),
            Edit::Right => self.step(CursorMove::Forward),
            Edit::WordLeft => self.step(CursorMove::WordBack),
            Edit::WordRight => self.step(CursorMove::WordForward),
            Edit::LineStart => self.area.move_cursor(CursorMove::Head),
            Edit::LineEnd => self.area.move_cursor(CursorMove::End),
            Edit::Backspace => self.backspace(),
            Edit::Delete => self.delete(),
            Edit::DeleteWordLeft => drop_answer(self.area.delete_word()),
            Edit::DeleteWordRight => drop_answer(self.area.delete_next_word()),
            Edit::DeleteToStart => drop_answer(self.area.delete_line_by_head()),
            Edit::DeleteToEnd => drop_answer(self.area.delete_line_by_end()),
            Edit::Yank => drop_answer(self.area.paste()),
            Edit::Undo => drop_answer(self.area.undo()),
            Edit::Redo => drop_answer(self.area.redo()),
        }
        self.settle(edit == Edit::Right || edit == Edit::WordRight);
    }

    /// Where the cursor is when lines are wrapped at `cells`.
    pub(crate) fn place(&self, cells: usize) -> Place {
        let (line, byte) = self.cursor();
        let mut row = 0;
        for (index, text) in self.lines().iter().enumerate() {
            let ranges = wrap(text, cells);
            if index < line {
                row += ranges.len();
                continue;
            }
            let at = ranges.iter().rposition(|range| range.start <= byte).unwrap_or(0);
            let col = width(&text[ranges[at].start..byte]);
            // at the edge, after white space that hangs over it, the cursor waits in the last cell
            return Place { row: row + at, col: col.min(cells.saturating_sub(1)) };
        }
        Place { row, col: 0 }
    }

    /// Moves the cursor up (-1) or down (1) one visual line. `false`: there is none in that direction.
    pub(crate) fn step_line(&mut self, down: bool, cells: usize) -> bool {
        let place = self.place(cells);
        let target = if down { Some(place.row + 1) } else { place.row.checked_sub(1) };
        target.is_some_and(|row| self.go_to(Place { row, col: place.col }, cells))
    }

    /// Puts the cursor at a place on the screen. `false`: there is no such line.
    pub(crate) fn go_to(&mut self, place: Place, cells: usize) -> bool {
        let mut row = 0;
        for (index, text) in self.lines().iter().enumerate() {
            for range in wrap(text, cells) {
                if row == place.row {
                    let byte = range.start + byte_at(&text[range], place.col);
                    let col = text[..byte].chars().count();
                    self.jump(index, col);
                    return true;
                }
                row += 1;
            }
        }
        false
    }

    /// Line and byte in it.
    fn cursor(&self) -> (usize, usize) {
        let cursor = self.area.cursor();
        let line = self.lines().get(cursor.0).map_or("", String::as_str);
        (cursor.0, line.char_indices().nth(cursor.1).map_or(line.len(), |(at, _)| at))
    }

    fn jump(&mut self, row: usize, col: usize) {
        let cell = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(cell(row), cell(col)));
    }

    fn step(&mut self, step: CursorMove) {
        self.area.move_cursor(step);
    }

    /// Moves a cursor that stands inside a character to its end or start.
    fn settle(&mut self, forward: bool) {
        let (row, byte) = self.cursor();
        let Some(line) = self.lines().get(row) else { return };
        let bounds = line.grapheme_indices(true).map(|(at, _)| at).chain([line.len()]);
        let target = if forward {
            bounds.into_iter().find(|at| *at >= byte)
        } else {
            bounds.take_while(|at| *at <= byte).last()
        };
        if let Some(target) = target.filter(|target| *target != byte) {
            let col = line[..target].chars().count();
            self.jump(row, col);
        }
    }

    fn backspace(&mut self) {
        let last = self.around().0.graphemes(true).next_back();
        let chars = last.map_or(1, |grapheme| grapheme.chars().count());
        self.delete_before(chars);
    }

    fn delete(&mut self) {
        let next = self.around().1.graphemes(true).next();
        match next.map_or(1, |grapheme| grapheme.chars().count()) {
            1 => drop_answer(self.area.delete_next_char()),
            chars => self.delete_keeping_kill(chars),
        }
    }

    fn delete_before(&mut self, chars: usize) {
        match chars {
            0 => {}
            1 => drop_answer(self.area.delete_char()),
            _ => {
                let cursor = self.area.cursor();
                self.jump(cursor.0, cursor.1.saturating_sub(chars));
                self.delete_keeping_kill(chars);
            }
        }
    }

    /// Deletes forward without changing what `Yank` puts back.
    fn delete_keeping_kill(&mut self, chars: usize) {
        let kill = self.area.yank_text();
        drop_answer(self.area.delete_str(chars));
        self.area.set_yank_text(kill);
    }
}

/// The editor's steps answer whether the text changed; nothing here depends on it.
fn drop_answer(_changed: bool) {}

/// The byte of the character that covers a cell, or the end (before white space that hangs over).
fn byte_at(text: &str, cell: usize) -> usize {
    let mut col = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        let wide = width(grapheme);
        if col + wide > cell {
            return at;
        }
        col += wide;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_of_several_code_points_is_one_step_and_one_deletion() {
        let mut editor = Editor::new("a👨‍👩‍👧‍👦e\u{301}");
        editor.apply(Edit::Left);
        assert_eq!(editor.around().1, "e\u{301}");
        editor.apply(Edit::Left);
        assert_eq!(editor.around(), ("a", "👨‍👩‍👧‍👦e\u{301}"));
        editor.apply(Edit::Right);
        editor.apply(Edit::Backspace);
        assert_eq!(editor.text(), "ae\u{301}");
        editor.apply(Edit::Delete);
        assert_eq!(editor.text(), "a");
        editor.apply(Edit::Undo);
        editor.apply(Edit::Undo);
        assert_eq!(editor.text(), "a👨‍👩‍👧‍👦e\u{301}");
    }

    #[test]
    fn words_are_deleted_and_come_back_with_yank() {
        let mut editor = Editor::new("one two three");
        editor.apply(Edit::DeleteWordLeft);
        assert_eq!(editor.text(), "one two ");
        editor.apply(Edit::LineStart);
        editor.apply(Edit::Yank);
        assert_eq!(editor.text(), "threeone two ");
        editor.apply(Edit::DeleteToEnd);
        assert_eq!(editor.text(), "three");
    }

    #[test]
    fn the_cursor_follows_the_wrapped_lines() {
        let mut editor = Editor::new("the quick brown fox");
        assert_eq!(editor.place(10), Place { row: 1, col: 9 });
        assert!(editor.step_line(false, 10));
        assert_eq!(editor.around().0, "the quick");
        assert!(!editor.step_line(false, 10));
        assert!(editor.step_line(true, 10));
        assert!(!editor.step_line(true, 10));
        let wide = Editor::new("日本語");
        assert_eq!(wide.place(4), Place { row: 1, col: 2 });
    }

    #[test]
    fn a_paste_keeps_its_lines_whatever_their_ends() {
        let mut editor = Editor::default();
        editor.insert("a\r\nb\rc\nd");
        assert_eq!(editor.text(), "a\nb\nc\nd");
        assert_eq!(editor.chars(), 7);
    }

    #[test]
    fn what_is_drawn_is_as_wide_as_where_the_cursor_stands() {
        let pasted = Editor::new("a\u{200b}b\u{ad}c\u{202e}d\u{7}");
        assert_eq!(pasted.text(), "abcd");
        assert_eq!(pasted.place(80).col, width(&crate::safe::safe_line(&pasted.text())));
    }

    #[test]
    fn more_than_an_editor_holds_is_cut() {
        let mut editor = Editor::new(&"x".repeat(CHARS_MAX + 10));
        assert_eq!(editor.chars(), CHARS_MAX);
        editor.insert("y");
        assert_eq!(editor.chars(), CHARS_MAX);
    }
}
