//! The first screen: which server, which nick.

use crate::screen::state::editor::Editor;

/// A field of the first screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// The server's address.
    Server,
    /// The nick.
    Nick,
}

/// The first screen.
#[derive(Debug)]
pub(crate) struct Setup {
    /// The server's address.
    pub(crate) server: Editor,
    /// The nick.
    pub(crate) nick: Editor,
    /// Which of them is being edited.
    pub(crate) field: Field,
    /// Whether a connection is being made with what they hold.
    pub(crate) busy: bool,
    /// What is wrong, for people.
    pub(crate) error: Option<String>,
}

impl Setup {
    /// The first screen with its fields filled in; the first empty one is to be edited.
    pub(crate) fn new(server: &str, nick: &str) -> Self {
        let field = if server.is_empty() { Field::Server } else { Field::Nick };
        Self { server: Editor::new(server), nick: Editor::new(nick), field, busy: false, error: None }
    }

    /// The field that is being edited.
    pub(crate) fn editor(&mut self) -> &mut Editor {
        match self.field {
            Field::Server => &mut self.server,
            Field::Nick => &mut self.nick,
        }
    }

    /// Goes to the other field.
    pub(crate) fn switch(&mut self) {
        self.field = match self.field {
            Field::Server => Field::Nick,
            Field::Nick => Field::Server,
        };
    }

    /// Shows what is wrong with a field and lets it be edited.
    pub(crate) fn refuse(&mut self, field: Field, error: impl Into<String>) {
        self.field = field;
        self.error = Some(error.into());
        self.busy = false;
    }
}
