//! The list of rooms to jump to: those joined and those of the directory, narrowed by what is typed.

use hubbub_protocol::{NameKey, RoomName, reply::RoomInfo};
use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use crate::screen::state::editor::Editor;

/// The most rooms of the directory that are asked for, in pages of the protocol's size.
pub(crate) const DIRECTORY_ROOMS_MAX: usize = 2_000;

/// A room that can be jumped to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Its name.
    pub(crate) name: RoomName,
    /// What is known of it.
    pub(crate) kind: ChoiceKind,
}

/// What is known of a room that can be jumped to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChoiceKind {
    /// The user is in it.
    Joined {
        /// Unread events.
        unread: u64,
        /// Unread posts that name the user.
        mentions: u64,
    },
    /// The server has it.
    Listed {
        /// Its members.
        members: u64,
        /// Its topic.
        topic: String,
    },
    /// Nobody has it yet.
    New,
}

/// The list and what is typed.
#[derive(Debug, Default)]
pub(crate) struct Jump {
    /// Which opening of the list this is.
    pub(crate) opening: u64,
    /// What is typed.
    pub(crate) query: Editor,
    /// Which choice is selected.
    pub(crate) selected: usize,
    /// The server's rooms, as far as they came.
    pub(crate) directory: Vec<RoomInfo>,
    /// Whether more of them are to come.
    pub(crate) loading: bool,
    /// Why they did not come.
    pub(crate) error: Option<String>,
}

impl Jump {
    /// The choices for what is typed, best first: given the joined rooms.
    pub(crate) fn choices(&self, joined: &[Choice]) -> Vec<Choice> {
        let query = self.query.text();
        let query = query.trim().trim_start_matches('#');
        let known: Vec<NameKey> = joined.iter().map(|choice| choice.name.key()).collect();
        let listed = self.directory.iter().filter(|info| !known.contains(&info.room.key()));
        let listed = listed.map(|info| Choice {
            name: info.room.clone(),
            kind: ChoiceKind::Listed { members: info.member_count, topic: info.topic.clone() },
        });
        let all: Vec<Choice> = joined.iter().cloned().chain(listed).collect();
        let exact = all.iter().any(|choice| choice.name.key() == NameKey::of(query));
        let mut choices = rank(query, all);
        if let Some(name) = RoomName::parse(query).ok().filter(|_| !exact) {
            choices.push(Choice { name, kind: ChoiceKind::New });
        }
        choices
    }
}

/// Those that match, best first; with nothing typed all of them in their order.
fn rank(query: &str, all: Vec<Choice>) -> Vec<Choice> {
    if query.is_empty() {
        return all;
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, Choice)> = all
        .into_iter()
        .filter_map(|choice| {
            let score = pattern.score(Utf32Str::new(choice.name.as_str(), &mut buffer), &mut matcher)?;
            Some((score, choice))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, choice)| choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(name: &str) -> Choice {
        let name = RoomName::parse(name).expect("a name");
        Choice { name, kind: ChoiceKind::Joined { unread: 0, mentions: 0 } }
    }

    fn names(query: &str) -> Vec<String> {
        let jump = Jump { query: Editor::new(query), ..Jump::default() };
        let rooms = [joined("lobby"), joined("rust-async"), joined("Straße")];
        jump.choices(&rooms).into_iter().map(|choice| choice.name.to_string()).collect()
    }

    #[test]
    fn a_part_of_a_name_finds_it_and_a_new_name_makes_it() {
        assert_eq!(names(""), ["lobby", "rust-async", "Straße"]);
        assert_eq!(names("ras"), ["rust-async", "Straße", "ras"]);
        assert_eq!(names("#lobby"), ["lobby"]);
        assert_eq!(names("LOBBY"), ["lobby"]);
        assert!(names("no name").iter().all(|name| name != "no name"));
    }
}
