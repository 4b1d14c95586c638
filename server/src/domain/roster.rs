//! The members of one room: who is in it, in which state, and what changed since that was last told.
//!
//! `S` is where a member is reached (a connection's address); the roster only keeps it and gives it back.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
};

use hubbub_protocol::{
    NameKey, Nick, RoomName,
    event::{Member, MemberChange, MemberState, Presence},
    id::UserId,
    limits::PRESENCE_CHANGES_MAX,
};

use super::number::ByNumber;

/// One member.
#[derive(Debug, Clone)]
struct Seated<S> {
    nick: Nick,
    away: bool,
    /// Where the member is reached; `None` while there is no connection.
    seat: Option<S>,
    /// Since when there is none, in the caller's milliseconds.
    offline_since_ms: u64,
}

impl<S> Seated<S> {
    fn state(&self) -> MemberState {
        match (&self.seat, self.away) {
            (None, _) => MemberState::Offline,
            (Some(_), true) => MemberState::Away,
            (Some(_), false) => MemberState::Online,
        }
    }
}

/// The members of one room.
#[derive(Debug, Clone)]
pub struct Roster<S> {
    members: HashMap<UserId, Seated<S>, ByNumber>,
    /// By nick, for pages in a stable order.
    order: BTreeMap<NameKey, UserId>,
    offline: HashSet<UserId, ByNumber>,
    changes: Vec<MemberChange>,
    changed: bool,
    partial: bool,
    members_told_max: usize,
    first_page: FirstPage,
}

/// Whether the first page of members is still as it was last told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum FirstPage {
    /// Somebody on it changed, or it was never told.
    Stale,
    /// Nobody on it changed; it ends with this key. `None`: all members are on it.
    Current(Option<NameKey>),
}

impl<S: Copy + PartialEq> Roster<S> {
    /// An empty roster that tells single changes while there are at most `members_told_max` members.
    #[must_use]
    pub fn new(members_told_max: usize) -> Self {
        Self {
            members: HashMap::default(),
            order: BTreeMap::new(),
            offline: HashSet::default(),
            changes: Vec::new(),
            changed: false,
            partial: false,
            members_told_max,
            first_page: FirstPage::Stale,
        }
    }

    /// The number of members, those offline included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is a member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Seats a user, new or returning. A member who has the nick here, but nowhere else any more, is taken out:
    /// the answer is its seat, if it had one.
    pub fn join(&mut self, user: UserId, nick: Nick, away: bool, seat: S) -> Option<S> {
        let displaced = self.displace(user, &nick);
        self.seat_anew(user, nick, away, seat);
        displaced
    }

    /// Takes out another member of the same nick; answers its seat.
    fn displace(&mut self, user: UserId, nick: &Nick) -> Option<S> {
        let namesake = self.order.get(&nick.key()).copied().filter(|namesake| *namesake != user)?;
        let seat = self.seat(namesake);
        self.part(namesake);
        seat
    }

    fn seat_anew(&mut self, user: UserId, nick: Nick, away: bool, seat: S) {
        let Some(known) = self.members.get(&user) else {
            let member = Seated { nick: nick.clone(), away, seat: Some(seat), offline_since_ms: 0 };
            let state = member.state();
            self.order.insert(nick.key(), user);
            self.members.insert(user, member);
            self.tell(MemberChange { nick, state, was: None });
            return;
        };
        let old_state = known.state();
        self.rename_alone(user, &nick);
        self.offline.remove(&user);
        if let Some(member) = self.members.get_mut(&user) {
            (member.seat, member.away) = (Some(seat), away);
            let change = MemberChange { nick: member.nick.clone(), state: member.state(), was: None };
            if change.state != old_state {
                self.tell(change);
            }
        }
    }

    /// Takes a user out; answers whether it was a member.
    pub fn part(&mut self, user: UserId) -> bool {
        let Some(member) = self.members.remove(&user) else { return false };
        self.offline.remove(&user);
        self.unorder(&member.nick, user);
        self.tell(MemberChange { nick: member.nick, state: MemberState::Left, was: None });
        true
    }

    /// The member's connection is gone.
    pub fn detach(&mut self, user: UserId, now_ms: u64) {
        let Some(member) = self.members.get_mut(&user).filter(|member| member.seat.is_some()) else { return };
        (member.seat, member.offline_since_ms) = (None, now_ms);
        let change = MemberChange { nick: member.nick.clone(), state: MemberState::Offline, was: None };
        self.offline.insert(user);
        self.tell(change);
    }

    /// Takes out those that have been offline for `offline_ms`.
    pub fn expire(&mut self, now_ms: u64, offline_ms: u64) {
        let gone = |user: &UserId| {
            self.members.get(user).is_none_or(|member| member.offline_since_ms.saturating_add(offline_ms) <= now_ms)
        };
        let expired: Vec<UserId> = self.offline.iter().copied().filter(gone).collect();
        for user in expired {
            self.part(user);
        }
    }

    /// Whether anybody is offline, so that [`Roster::expire`] will have something to do.
    #[must_use]
    pub fn has_offline(&self) -> bool {
        !self.offline.is_empty()
    }

    /// Changes a member's nick; as with [`Roster::join`], nobody else keeps it.
    pub fn rename(&mut self, user: UserId, nick: &Nick) -> Option<S> {
        let displaced = if self.members.contains_key(&user) { self.displace(user, nick) } else { None };
        self.rename_alone(user, nick);
        displaced
    }

    fn rename_alone(&mut self, user: UserId, nick: &Nick) {
        let Some(member) = self.members.get_mut(&user).filter(|member| member.nick != *nick) else { return };
        let was = std::mem::replace(&mut member.nick, nick.clone());
        let change = MemberChange { nick: nick.clone(), state: member.state(), was: Some(was.clone()) };
        self.unorder(&was, user);
        self.order.insert(nick.key(), user);
        self.tell(change);
    }

    /// Marks a member away or back.
    pub fn set_away(&mut self, user: UserId, away: bool) {
        let Some(member) = self.members.get_mut(&user).filter(|member| member.away != away) else { return };
        member.away = away;
        let change = MemberChange { nick: member.nick.clone(), state: member.state(), was: None };
        self.tell(change);
    }

    /// Where a member is reached; `None` when it has no connection or is no member.
    #[must_use]
    pub fn seat(&self, user: UserId) -> Option<S> {
        self.members.get(&user).and_then(|member| member.seat)
    }

    /// A member's nick; `None` when the user is no member.
    #[must_use]
    pub fn nick(&self, user: UserId) -> Option<&Nick> {
        self.members.get(&user).map(|member| &member.nick)
    }

    /// At most `limit` members by nick after `after`, and whether more follow.
    #[must_use]
    pub fn page(&self, after: Option<&NameKey>, limit: usize) -> (Vec<Member>, bool) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.order.range::<NameKey, _>((from, Bound::Unbounded));
        let member = |user: &UserId| {
            self.members.get(user).map(|member| Member { nick: member.nick.clone(), state: member.state() })
        };
        let page = rest.by_ref().take(limit).filter_map(|(_, user)| member(user)).collect();
        (page, rest.next().is_some())
    }

    /// Whether nobody on the first page has changed since [`Roster::first_page`] told it.
    #[must_use]
    pub fn is_first_page_current(&self) -> bool {
        self.first_page != FirstPage::Stale
    }

    /// The first page, at most `limit` members; from now on it is watched whether it stays so.
    pub fn first_page(&mut self, limit: usize) -> Vec<Member> {
        let (members, more) = self.page(None, limit);
        self.first_page = FirstPage::Current(members.last().filter(|_| more).map(|last| last.nick.key()));
        members
    }

    /// Forgets that the first page was told, if the change is of somebody on it.
    fn watch_first_page(&mut self, change: &MemberChange) {
        if let FirstPage::Current(end) = &self.first_page {
            let is_on_it = |nick: &Nick| end.as_ref().is_none_or(|end| nick.key() <= *end);
            if is_on_it(&change.nick) || change.was.as_ref().is_some_and(is_on_it) {
                self.first_page = FirstPage::Stale;
            }
        }
    }

    /// What changed since this was last asked, as the event to send; `None` when nothing did.
    pub fn take_changes(&mut self, room: &RoomName) -> Option<Presence> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let changes = std::mem::take(&mut self.changes);
        let partial = std::mem::take(&mut self.partial);
        Some(Presence { room: room.clone(), member_count: self.members.len() as u64, changes, partial })
    }

    /// Whether there is something that [`Roster::take_changes`] would tell.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.changed
    }

    /// Forgets a nick's place, unless somebody else has taken it meanwhile.
    fn unorder(&mut self, nick: &Nick, user: UserId) {
        let key = nick.key();
        if self.order.get(&key) == Some(&user) {
            self.order.remove(&key);
        }
    }

    fn tell(&mut self, change: MemberChange) {
        self.changed = true;
        self.watch_first_page(&change);
        if self.partial || self.members.len() > self.members_told_max || self.changes.len() >= PRESENCE_CHANGES_MAX {
            self.partial = true;
            self.changes.clear();
            return;
        }
        // A later change of the same member makes the earlier one superfluous, unless names are involved.
        let superfluous =
            |earlier: &MemberChange| earlier.nick == change.nick && earlier.was.is_none() && change.was.is_none();
        if let Some(last) = self.changes.iter().rposition(superfluous)
            && self.changes[last..].iter().all(|later| later.was.is_none())
        {
            self.changes.remove(last);
        }
        self.changes.push(change);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nick(text: &str) -> Nick {
        Nick::parse(text).expect("a nick")
    }

    fn room() -> RoomName {
        RoomName::parse("lobby").expect("a room")
    }

    fn told(roster: &mut Roster<u32>) -> Vec<(String, MemberState)> {
        let changes = roster.take_changes(&room()).map(|presence| presence.changes).unwrap_or_default();
        changes.into_iter().map(|change| (change.nick.to_string(), change.state)).collect()
    }

    #[test]
    fn changes_of_one_member_are_merged_into_the_last() {
        let mut roster = Roster::new(100);
        roster.join(1, nick("ana"), false, 10);
        roster.detach(1, 0);
        roster.join(1, nick("ana"), false, 11);
        roster.join(2, nick("bo"), true, 20);
        assert_eq!(told(&mut roster), [("ana".into(), MemberState::Online), ("bo".into(), MemberState::Away)]);
        assert_eq!(roster.take_changes(&room()), None);
    }

    #[test]
    fn a_member_without_connection_is_offline_and_after_a_while_gone() {
        let mut roster = Roster::new(100);
        roster.join(1, nick("ana"), false, 10);
        roster.join(1, nick("ana"), false, 11);
        assert_eq!((told(&mut roster).len(), roster.seat(1)), (1, Some(11)));
        roster.detach(1, 5);
        assert_eq!(told(&mut roster), [("ana".into(), MemberState::Offline)]);
        roster.expire(1_004, 1_000);
        assert_eq!(roster.len(), 1);
        roster.expire(1_005, 1_000);
        assert!(roster.is_empty());
        assert_eq!(told(&mut roster), [("ana".into(), MemberState::Left)]);
    }

    #[test]
    fn a_large_room_tells_only_its_number() {
        let mut roster = Roster::new(2);
        for user in 0..5 {
            roster.join(user, nick(&format!("n{user}")), false, 0);
        }
        let presence = roster.take_changes(&room()).expect("changes");
        assert_eq!((presence.member_count, presence.changes.len(), presence.partial), (5, 0, true));
    }

    #[test]
    fn who_comes_with_a_nick_takes_the_place_of_who_had_it_before() {
        let mut roster = Roster::new(100);
        assert_eq!(roster.join(1, nick("ana"), false, 10), None);
        assert_eq!(roster.join(2, nick("Ana"), false, 20), Some(10));
        assert_eq!((roster.len(), roster.page(None, 10).0.len()), (1, 1));
        assert_eq!(told(&mut roster), [("ana".into(), MemberState::Left), ("Ana".into(), MemberState::Online)]);
        assert!(!roster.part(1));
        assert_eq!(told(&mut roster), []);
    }

    proptest! {
        #[test]
        fn pages_show_every_member_once_and_changes_lead_to_the_same_list(
            steps in prop::collection::vec((0_u64..6, 0_u8..5, any::<bool>()), 0..80),
        ) {
            let mut roster = Roster::new(100);
            let mut seen: BTreeMap<String, MemberState> = BTreeMap::new();
            let mut first = Vec::new();
            for (at, (user, step, flag)) in steps.into_iter().enumerate() {
                match step {
                    0 => drop(roster.join(user, nick(&format!("n{user}")), flag, 1)),
                    1 => drop(roster.part(user)),
                    2 => roster.detach(user, at as u64),
                    3 => roster.set_away(user, flag),
                    _ => drop(roster.rename(user, &nick(&format!("m{user}")))),
                }
                if roster.is_first_page_current() {
                    prop_assert_eq!(&roster.page(None, 2).0, &first, "a page that is current is as it was told");
                } else {
                    first = roster.first_page(2);
                }
                if flag {
                    for change in roster.take_changes(&room()).map(|p| p.changes).unwrap_or_default() {
                        if let Some(was) = change.was { seen.remove(was.as_str()); }
                        if change.state == MemberState::Left {
                            seen.remove(change.nick.as_str());
                        } else {
                            seen.insert(change.nick.to_string(), change.state);
                        }
                    }
                    let mut listed = BTreeMap::new();
                    let mut after = None;
                    loop {
                        let (page, more) = roster.page(after.as_ref(), 2);
                        after = page.last().map(|member| member.nick.key());
                        listed.extend(page.into_iter().map(|member| (member.nick.to_string(), member.state)));
                        if !more { break }
                    }
                    prop_assert_eq!(listed.len(), roster.len());
                    prop_assert_eq!(&listed, &seen);
                }
            }
        }
    }
}
