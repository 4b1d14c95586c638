//! The keys: one table, from which keys are looked up and the help page is made.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::screen::state::editor::Edit;

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Show or close the help page.
    Help,
    /// Close what is open, clear the composer, or quit.
    Cancel,
    /// Quit.
    Quit,
    /// Draw everything anew.
    Redraw,
    /// Stop until the shell continues the program.
    Suspend,
    /// Open the list of rooms to jump to.
    Jump,
    /// To the next room with something unread, mentions first.
    NextUnread,
    /// To the room above.
    RoomUp,
    /// To the room below.
    RoomDown,
    /// To the room of this number, from 1.
    RoomNumber(usize),
    /// Show or hide the members.
    ToggleMembers,
    /// Show or hide the rooms.
    ToggleRooms,
    /// Scroll, in parts of a page.
    Page(Scroll),
    /// Show the newest.
    Newest,
    /// Show where reading stopped.
    Unread,
    /// Send failed posts again.
    Resend,
    /// Drop failed posts.
    Discard,
    /// Send what is written; go on.
    Enter,
    /// Begin a new line.
    NewLine,
    /// Complete a nick, room or command, or the next field.
    Complete,
    /// The same backwards.
    CompleteBack,
    /// A line up, or what was sent before.
    Up,
    /// A line down, or what was sent after.
    Down,
    /// To the end of the line, then to the newest.
    End,
    /// Leave what is open, or show the newest.
    Escape,
    /// Edit the text.
    Edit(Edit),
}

/// How far to scroll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scroll {
    /// A page towards the old.
    PageUp,
    /// A page towards the new.
    PageDown,
    /// A line towards the old.
    LineUp,
    /// A line towards the new.
    LineDown,
    /// To the oldest that is loaded.
    Top,
}

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chord {
    code: KeyCode,
    mods: KeyModifiers,
}

const fn plain(code: KeyCode) -> Chord {
    Chord { code, mods: KeyModifiers::NONE }
}

const fn ctrl(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), mods: KeyModifiers::CONTROL }
}

const fn alt(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), mods: KeyModifiers::ALT }
}

const fn with(mods: KeyModifiers, code: KeyCode) -> Chord {
    Chord { code, mods }
}

const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;

/// One row of the table.
pub(crate) struct Binding {
    /// The keys; the first is the one to remember.
    pub(crate) keys: &'static [Chord],
    /// What they do.
    pub(crate) action: Action,
    /// The same for people.
    pub(crate) what: &'static str,
}

/// The keys of one concern.
pub(crate) struct Group {
    /// Its name.
    pub(crate) title: &'static str,
    /// Its keys.
    pub(crate) bindings: &'static [Binding],
}

const fn bind(keys: &'static [Chord], action: Action, what: &'static str) -> Binding {
    Binding { keys, action, what }
}

/// Every key. Earlier rows win.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        title: "Rooms",
        bindings: &[
            bind(&[ctrl('k')], Action::Jump, "jump to a room: type a part of its name, or a new one to create it"),
            bind(&[alt('a')], Action::NextUnread, "next room with something unread, mentions first"),
            bind(&[with(ALT, KeyCode::Up)], Action::RoomUp, "room above"),
            bind(&[with(ALT, KeyCode::Down)], Action::RoomDown, "room below"),
            // one row stands for all nine digits, see `lookup`
            bind(&[alt('1')], Action::RoomNumber(1), "room of that number (Alt-1 to Alt-9)"),
            bind(&[alt('l')], Action::ToggleRooms, "show or hide the rooms"),
            bind(&[alt('m')], Action::ToggleMembers, "show or hide the members"),
        ],
    },
    Group {
        title: "Reading",
        bindings: &[
            bind(&[plain(KeyCode::PageUp)], Action::Page(Scroll::PageUp), "older, from the server where needed"),
            bind(&[plain(KeyCode::PageDown)], Action::Page(Scroll::PageDown), "newer"),
            bind(
                &[with(SHIFT, KeyCode::Up)],
                Action::Page(Scroll::LineUp),
                "a line towards the old (or the mouse wheel)",
            ),
            bind(&[with(SHIFT, KeyCode::Down)], Action::Page(Scroll::LineDown), "a line towards the new"),
            bind(&[with(CTRL, KeyCode::Home)], Action::Page(Scroll::Top), "oldest that is loaded"),
            bind(&[alt('u')], Action::Unread, "the line where reading stopped"),
            bind(&[plain(KeyCode::Esc)], Action::Escape, "newest; or close what is open"),
            bind(&[with(CTRL, KeyCode::End)], Action::Newest, "newest"),
        ],
    },
    Group {
        title: "Sending",
        bindings: &[
            bind(&[plain(KeyCode::Enter)], Action::Enter, "send"),
            bind(&[with(ALT, KeyCode::Enter), ctrl('j')], Action::NewLine, "new line (pasted lines stay lines)"),
            bind(
                &[plain(KeyCode::Tab)],
                Action::Complete,
                "complete a nick, a #room or a /command; again for the next",
            ),
            bind(&[plain(KeyCode::BackTab), with(SHIFT, KeyCode::BackTab)], Action::CompleteBack, "the one before"),
            bind(&[plain(KeyCode::Up), ctrl('p')], Action::Up, "line above, then what you sent before"),
            bind(&[plain(KeyCode::Down), ctrl('n')], Action::Down, "line below, then what you sent after"),
            bind(&[alt('r')], Action::Resend, "send failed posts again (or click them)"),
            bind(&[alt('x')], Action::Discard, "discard failed posts"),
        ],
    },
    Group {
        title: "Writing",
        bindings: &[
            bind(&[plain(KeyCode::Left), ctrl('b')], Action::Edit(Edit::Left), "left"),
            bind(&[plain(KeyCode::Right), ctrl('f')], Action::Edit(Edit::Right), "right"),
            bind(
                &[with(CTRL, KeyCode::Left), with(ALT, KeyCode::Left), alt('b')],
                Action::Edit(Edit::WordLeft),
                "word left",
            ),
            bind(
                &[with(CTRL, KeyCode::Right), with(ALT, KeyCode::Right), alt('f')],
                Action::Edit(Edit::WordRight),
                "word right",
            ),
            bind(&[plain(KeyCode::Home), ctrl('a')], Action::Edit(Edit::LineStart), "start of the line"),
            bind(&[plain(KeyCode::End), ctrl('e')], Action::End, "end of the line; there already: newest"),
            bind(&[plain(KeyCode::Backspace), ctrl('h')], Action::Edit(Edit::Backspace), "delete left"),
            bind(&[plain(KeyCode::Delete), ctrl('d')], Action::Edit(Edit::Delete), "delete right"),
            bind(
                &[ctrl('w'), with(ALT, KeyCode::Backspace)],
                Action::Edit(Edit::DeleteWordLeft),
                "delete the word left",
            ),
            bind(
                &[alt('d'), with(CTRL, KeyCode::Delete)],
                Action::Edit(Edit::DeleteWordRight),
                "delete the word right",
            ),
            bind(&[ctrl('u')], Action::Edit(Edit::DeleteToStart), "delete to the start of the line"),
            bind(&[alt('k')], Action::Edit(Edit::DeleteToEnd), "delete to the end of the line"),
            bind(&[ctrl('y')], Action::Edit(Edit::Yank), "put back what was deleted"),
            // terminals send Ctrl-_ as Ctrl-7
            bind(&[ctrl('_'), ctrl('7')], Action::Edit(Edit::Undo), "undo"),
            bind(&[alt('_')], Action::Edit(Edit::Redo), "redo"),
        ],
    },
    Group {
        title: "Program",
        bindings: &[
            bind(&[plain(KeyCode::F(1))], Action::Help, "this page"),
            bind(&[ctrl('c')], Action::Cancel, "close what is open, clear what is written, else quit"),
            bind(&[ctrl('q')], Action::Quit, "quit; your nick and rooms are kept for when you come back"),
            bind(&[ctrl('l')], Action::Redraw, "draw the screen anew"),
            bind(&[ctrl('z')], Action::Suspend, "to the shell; `fg` comes back"),
        ],
    },
];

/// What a key means; `None`: nothing, so if it is a character it is text.
pub(crate) fn lookup(key: KeyEvent) -> Option<Action> {
    let pressed = normal(key);
    if let Chord { code: KeyCode::Char(digit @ '1'..='9'), mods: ALT } = pressed {
        return digit.to_digit(10).and_then(|n| usize::try_from(n).ok()).map(Action::RoomNumber);
    }
    let mut rows = GROUPS.iter().flat_map(|group| group.bindings);
    rows.find(|row| row.keys.contains(&pressed)).map(|row| row.action)
}

/// The text that a key types; `None` for those that type none.
pub(crate) fn typed(key: KeyEvent) -> Option<char> {
    // AltGr arrives as Ctrl+Alt on some systems, together with the character that it makes
    let altgr = key.modifiers.contains(CTRL | ALT);
    match key.code {
        KeyCode::Char(c) if altgr || !key.modifiers.intersects(CTRL | ALT) => Some(c),
        _ => None,
    }
}

/// Brings what different terminals report for one key into one form.
fn normal(key: KeyEvent) -> Chord {
    let mods = key.modifiers & (CTRL | ALT | SHIFT);
    match key.code {
        // Shift is in the character already
        KeyCode::Char(c) if mods.intersects(CTRL | ALT) => {
            Chord { code: KeyCode::Char(c.to_ascii_lowercase()), mods: mods - SHIFT }
        }
        // Escape pressed twice fast
        KeyCode::Esc => plain(KeyCode::Esc),
        KeyCode::Char(_) => Chord { code: key.code, mods: mods - SHIFT },
        code => Chord { code, mods },
    }
}

/// A key as people write it, such as `Alt-Enter`.
pub(crate) fn name(chord: Chord) -> String {
    let mut out = String::new();
    for (mods, word) in [(CTRL, "Ctrl-"), (ALT, "Alt-"), (SHIFT, "Shift-")] {
        if chord.mods.contains(mods) {
            out.push_str(word);
        }
    }
    match chord.code {
        KeyCode::Char(c) => out.extend(c.to_uppercase()),
        KeyCode::F(n) => out.push_str(&format!("F{n}")),
        KeyCode::BackTab => out.push_str(if chord.mods.contains(SHIFT) { "Tab" } else { "Shift-Tab" }),
        KeyCode::PageUp => out.push_str("PageUp"),
        KeyCode::PageDown => out.push_str("PageDown"),
        code => out.push_str(&code.to_string()),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things() {
        let keys: Vec<_> = GROUPS.iter().flat_map(|group| group.bindings).flat_map(|row| row.keys).collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{}", name(**key));
        }
    }

    #[test]
    fn every_key_of_the_table_does_what_the_table_says() {
        for row in GROUPS.iter().flat_map(|group| group.bindings) {
            for chord in row.keys {
                let found = lookup(KeyEvent::new(chord.code, chord.mods));
                assert_eq!(found, Some(row.action), "{}", name(*chord));
            }
        }
    }

    #[test]
    fn characters_are_text_and_digits_with_alt_are_rooms() {
        let key = |c, mods| KeyEvent::new(KeyCode::Char(c), mods);
        assert_eq!(lookup(key('a', KeyModifiers::NONE)), None);
        assert_eq!(typed(key('A', SHIFT)), Some('A'));
        assert_eq!(typed(key('@', CTRL | ALT)), Some('@'));
        assert_eq!(typed(key('k', CTRL)), None);
        assert_eq!(lookup(key('7', ALT)), Some(Action::RoomNumber(7)));
        assert_eq!(lookup(key('K', CTRL | SHIFT)), Some(Action::Jump));
    }

    #[test]
    fn keys_are_named_as_people_write_them() {
        let names = |chords: &[Chord]| chords.iter().map(|chord| name(*chord)).collect::<Vec<_>>();
        let chords = [ctrl('k'), with(ALT, KeyCode::Enter), plain(KeyCode::BackTab), plain(KeyCode::F(1))];
        assert_eq!(names(&chords), ["Ctrl-K", "Alt-Enter", "Shift-Tab", "F1"]);
        assert_eq!(names(&[plain(KeyCode::PageUp), plain(KeyCode::Esc), alt('a')]), ["PageUp", "Esc", "Alt-A"]);
    }
}
