//! What is being written in a room, what was sent before, and completion.

use unicode_segmentation::UnicodeSegmentation;

use crate::screen::state::editor::Editor;

/// How many sent texts are remembered in a room.
const HISTORY_MAX: usize = 100;

/// A completion that goes round when Tab is pressed again.
#[derive(Debug, Clone)]
struct Completion {
    /// What can stand there.
    candidates: Vec<String>,
    /// Which one stands there.
    at: usize,
}

/// What is being written in a room.
#[derive(Debug, Default)]
pub(crate) struct Composer {
    /// The text and its cursor.
    pub(crate) editor: Editor,
    history: Vec<String>,
    /// Which of the history is shown, from the newest; `None`: what is being written.
    recalled: Option<usize>,
    /// What was being written when the history was opened.
    draft: String,
    completion: Option<Completion>,
}

/// The word before the cursor that is to be completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stem {
    /// The word so far.
    pub(crate) word: String,
    /// Whether it begins the text.
    pub(crate) first: bool,
    /// Whether it is the second word of the first line: what a command is about.
    pub(crate) second: bool,
}

impl Composer {
    /// Takes the text out, to be sent; it goes into the history.
    pub(crate) fn take(&mut self) -> String {
        let text = self.editor.text();
        self.remember(&text);
        self.editor = Editor::default();
        self.reset();
        text
    }

    /// Whether something is being written that was not sent. With `command` what is shown is a command that is being
    /// run, and only what was put aside for it counts.
    pub(crate) fn holds_draft(&self, command: bool) -> bool {
        match self.recalled {
            Some(_) => !self.draft.trim().is_empty(),
            None => !command && !self.editor.text().trim().is_empty(),
        }
    }

    /// Ends completion and history: the text was edited.
    pub(crate) fn reset(&mut self) {
        self.completion = None;
        self.recalled = None;
    }

    /// Ends completion only: the cursor was moved.
    pub(crate) fn end_completion(&mut self) {
        self.completion = None;
    }

    /// What was sent before what is shown.
    pub(crate) fn recall_older(&mut self) {
        let next = self.recalled.map_or(0, |at| at + 1);
        if next >= self.history.len() {
            return;
        }
        if self.recalled.is_none() {
            self.draft = self.editor.text();
        }
        self.recalled = Some(next);
        self.show_recalled();
    }

    /// What was sent after what is shown; in the end what was being written.
    pub(crate) fn recall_newer(&mut self) {
        let Some(at) = self.recalled else { return };
        self.recalled = at.checked_sub(1);
        if self.recalled.is_some() {
            self.show_recalled();
        } else {
            let draft = std::mem::take(&mut self.draft);
            self.editor.set(&draft);
        }
    }

    /// The word to complete; `None` when Tab goes round among candidates already.
    pub(crate) fn stem(&self) -> Option<Stem> {
        if self.completion.is_some() {
            return None;
        }
        let before = self.editor.around().0;
        let start = before
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + before[at..].graphemes(true).next().map_or(1, str::len));
        let words = before[..start].split_whitespace().count();
        let first_line = self.editor.in_first_line();
        let word = before[start..].to_owned();
        Some(Stem { word, first: start == 0 && first_line, second: words == 1 && first_line })
    }

    /// Begins a completion; the last candidate is what was typed, so that Tab comes back to it.
    pub(crate) fn begin_completion(&mut self, stem: &Stem, mut candidates: Vec<String>) {
        if candidates.is_empty() {
            return;
        }
        candidates.push(stem.word.clone());
        let at = candidates.len() - 1;
        self.completion = Some(Completion { candidates, at });
    }

    /// Puts the next candidate in place of the one that stands there.
    pub(crate) fn turn(&mut self, back: bool) {
        let Some(completion) = &mut self.completion else { return };
        let count = completion.candidates.len();
        let old = completion.candidates[completion.at].len();
        completion.at = (completion.at + if back { count - 1 } else { 1 }) % count;
        let new = completion.candidates[completion.at].clone();
        self.editor.replace_before(old, &new);
        if count == 2 {
            self.completion = None;
        }
    }

    fn show_recalled(&mut self) {
        let shown = self.recalled.and_then(|at| self.history.len().checked_sub(at + 1));
        if let Some(text) = shown.and_then(|index| self.history.get(index)).cloned() {
            self.editor.set(&text);
        }
    }

    fn remember(&mut self, text: &str) {
        if text.trim().is_empty() || self.history.last().is_some_and(|last| last == text) {
            return;
        }
        self.history.push(text.to_owned());
        if self.history.len() > HISTORY_MAX {
            self.history.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_being_written_comes_back_after_a_look_into_the_history() {
        let mut composer = Composer::default();
        for text in ["one", "two"] {
            composer.editor.insert(text);
            composer.take();
        }
        composer.editor.insert("dra");
        composer.recall_older();
        composer.recall_older();
        composer.recall_older();
        assert_eq!(composer.editor.text(), "one");
        composer.recall_newer();
        composer.recall_newer();
        assert_eq!(composer.editor.text(), "dra");
    }

    #[test]
    fn tab_goes_round_and_comes_back_to_what_was_typed() {
        let mut composer = Composer::default();
        composer.editor.insert("hi a");
        let stem = composer.stem().expect("nothing goes round yet");
        assert_eq!(stem, Stem { word: "a".to_owned(), first: false, second: true });
        composer.begin_completion(&stem, vec!["ana ".to_owned(), "amy ".to_owned()]);
        let mut seen = Vec::new();
        for _ in 0..4 {
            composer.turn(false);
            seen.push(composer.editor.text());
        }
        assert_eq!(seen, ["hi ana ", "hi amy ", "hi a", "hi ana "]);
        composer.turn(true);
        assert_eq!(composer.editor.text(), "hi a");
    }
}
