//! Colours and styles: only the terminal's own sixteen, so that light and dark both work, or none.

use hubbub_protocol::NameKey;
use ratatui::style::{Color, Modifier, Style};

/// Colours that can be read on white and on black alike.
const NICK_COLORS: [Color; 7] =
    [Color::Red, Color::Green, Color::Magenta, Color::Cyan, Color::LightBlue, Color::Yellow, Color::LightRed];

/// How things look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme {
    /// Whether colours may be used; see <https://no-color.org>.
    pub(crate) color: bool,
}

impl Theme {
    fn tint(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    /// What is there without being looked at: times, rules, hints.
    pub(crate) fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What stands out a little.
    pub(crate) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What wants attention.
    pub(crate) fn accent(self) -> Style {
        self.tint(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// That somebody was spoken to.
    pub(crate) fn mention(self) -> Style {
        self.tint(Color::Magenta).add_modifier(Modifier::BOLD)
    }

    /// That all is well.
    pub(crate) fn good(self) -> Style {
        self.tint(Color::Green)
    }

    /// That something takes its time.
    pub(crate) fn warn(self) -> Style {
        self.tint(Color::Yellow)
    }

    /// That something went wrong.
    pub(crate) fn bad(self) -> Style {
        self.tint(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// The whole status line when there is no connection.
    pub(crate) fn alarm(self) -> Style {
        self.tint(Color::Red).add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    /// The line that is selected.
    pub(crate) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The line where reading stopped.
    pub(crate) fn unread_line(self) -> Style {
        self.tint(Color::Red)
    }

    /// Addresses of pages.
    pub(crate) fn link(self) -> Style {
        Style::new().add_modifier(Modifier::UNDERLINED)
    }

    /// A nick: the same colour everywhere and every time.
    pub(crate) fn nick(self, nick: &str) -> Style {
        let hash = fnv1a(NameKey::of(nick).as_str().as_bytes());
        // the high half has seen more mixing than the low one in names as short as these
        let hash = hash ^ (hash >> 32);
        let count = u64::try_from(NICK_COLORS.len()).unwrap_or(1);
        let index = usize::try_from(hash % count).unwrap_or_default();
        self.tint(NICK_COLORS[index]).add_modifier(Modifier::BOLD)
    }
}

/// FNV-1a, 64 bits: stable across programs and versions, unlike the standard library's hashes.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nick_has_one_colour_however_it_is_written() {
        let theme = Theme { color: true };
        assert_eq!(theme.nick("Ana"), theme.nick("aNA"));
        assert!(theme.nick("ana").fg.is_some());
    }

    #[test]
    fn without_colours_nothing_is_coloured() {
        let theme = Theme { color: false };
        for style in [theme.nick("ana"), theme.bad(), theme.alarm(), theme.mention(), theme.good(), theme.unread_line()]
        {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }
}
