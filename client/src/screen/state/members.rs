//! Who is in a room, as far as the server tells.

use hubbub_protocol::{
    Nick,
    event::{Member, MemberState, Presence},
    id::UnixMs,
};

/// What a presence event says for people: who came, who left, who has another nick.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Moves {
    /// Those who came.
    pub(crate) came: Vec<Nick>,
    /// Those who left.
    pub(crate) left: Vec<Nick>,
    /// Old and new nick.
    pub(crate) renamed: Vec<(Nick, Nick)>,
}

impl Moves {
    /// Whether there is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.came.is_empty() && self.left.is_empty() && self.renamed.is_empty()
    }
}

/// Who is in a room.
#[derive(Debug, Default)]
pub(crate) struct Members {
    list: Vec<Member>,
    count: u64,
    /// Whether the list must be asked for anew.
    pub(crate) stale: bool,
    /// When it was asked for last; in a large, lively room that is not done at every change.
    pub(crate) asked_at: UnixMs,
}

impl Members {
    /// How many there are, known by name or not.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Those known by name: first those who are there, then by nick.
    pub(crate) fn list(&self) -> &[Member] {
        &self.list
    }

    /// Replaces everything.
    pub(crate) fn replace(&mut self, count: u64, list: Vec<Member>) {
        self.list = list;
        self.count = count;
        self.stale = false;
        self.sort();
    }

    /// Takes a change in, and says what of it people want to know.
    pub(crate) fn apply(&mut self, event: &Presence) -> Moves {
        let mut moves = Moves::default();
        self.count = event.member_count;
        self.stale |= event.partial;
        for change in &event.changes {
            let old = change.was.as_ref().unwrap_or(&change.nick);
            let known = self.position(old);
            if let Some(index) = known {
                self.list.remove(index);
            }
            if change.state == MemberState::Left {
                moves.left.extend(known.map(|_| change.nick.clone()));
                continue;
            }
            // a rename can meet the entry of the same nick in another case
            if let Some(index) = self.position(&change.nick) {
                self.list.remove(index);
            }
            match (known, &change.was) {
                (None, None) => moves.came.push(change.nick.clone()),
                (_, Some(was)) if *was != change.nick => moves.renamed.push((was.clone(), change.nick.clone())),
                _ => {}
            }
            self.list.push(Member { nick: change.nick.clone(), state: change.state });
        }
        self.sort();
        moves
    }

    fn position(&self, nick: &Nick) -> Option<usize> {
        let key = nick.key();
        self.list.iter().position(|member| member.nick.key() == key)
    }

    fn sort(&mut self) {
        self.list.sort_by_cached_key(|member| (rank(member.state), member.nick.key()));
    }
}

fn rank(state: MemberState) -> u8 {
    match state {
        MemberState::Online | MemberState::Unknown => 0,
        MemberState::Away => 1,
        MemberState::Offline => 2,
        MemberState::Left => 3,
    }
}

#[cfg(test)]
mod tests {
    use hubbub_protocol::{RoomName, event::MemberChange};

    use super::*;

    fn nick(text: &str) -> Nick {
        Nick::parse(text).expect(text)
    }

    fn change(text: &str, state: MemberState, was: Option<&str>) -> MemberChange {
        MemberChange { nick: nick(text), state, was: was.map(nick) }
    }

    fn presence(count: u64, changes: Vec<MemberChange>) -> Presence {
        let room = RoomName::parse("lobby").expect("a name");
        Presence { room, member_count: count, changes, partial: false }
    }

    #[test]
    fn those_who_come_leave_and_are_renamed_are_told() {
        let mut members = Members::default();
        members.replace(1, vec![Member { nick: nick("ana"), state: MemberState::Online }]);
        let moves = members.apply(&presence(
            2,
            vec![
                change("bo", MemberState::Online, None),
                change("anna", MemberState::Online, Some("ana")),
                change("cy", MemberState::Left, None),
            ],
        ));
        assert_eq!(moves.came, [nick("bo")]);
        assert_eq!(moves.renamed, [(nick("ana"), nick("anna"))]);
        assert!(moves.left.is_empty(), "nobody knew cy");
        let moves = members.apply(&presence(1, vec![change("bo", MemberState::Left, None)]));
        assert_eq!((moves.left, members.list().len()), (vec![nick("bo")], 1));
    }

    #[test]
    fn a_member_whose_state_changes_has_not_come() {
        let mut members = Members::default();
        members.replace(1, vec![Member { nick: nick("ana"), state: MemberState::Offline }]);
        let moves = members.apply(&presence(1, vec![change("ana", MemberState::Away, None)]));
        assert!(moves.is_empty());
        assert_eq!(members.list()[0].state, MemberState::Away);
    }
}
