//! The ledger: what was acknowledged, what every reader got, and whether the two keep the promises.
//!
//! It believes nobody: it compares acknowledgements with copies, and copies with each other. Every rule
//! has a test that breaks it, so that a ledger that finds nothing means something.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use hubbub_protocol::{
    Event,
    id::{Seq, UserId},
    reply::Posted,
};

/// A sender's name for one send.
type Send = (UserId, String);

/// What one event of a log says, as far as readers must agree on it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    send: Send,
    at: u64,
    body: String,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In which room.
    pub room: String,
    /// The reader whose copy shows it, or the nonce of the send that it is about.
    pub whose: String,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// A send was acknowledged with this place, where nobody has an event.
    Lost(Seq),
    /// A send was acknowledged with this place, where another event stands.
    Displaced(Seq),
    /// One send stands in the log at both places.
    Doubled(Seq, Seq),
    /// One send was acknowledged with both places.
    TwoPlaces(Seq, Seq),
    /// A copy goes on from the first place at the second: a repeat, a hole, or another order.
    NotDense(Seq, Seq),
    /// A copy has another event here than the copies before it.
    Disagreement(Seq),
    /// A copy ends with the first place, the log with the second.
    Short(Seq, Seq),
    /// The event at this place is older than the one before it.
    TimeWentBack(Seq),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {:?}", self.room, self.whose, self.wrong)
    }
}

#[derive(Debug, Default)]
struct RoomLedger {
    acknowledged: Vec<(Send, Posted)>,
    copies: BTreeMap<String, Vec<(Seq, Entry)>>,
    /// Readers whose copy must reach from the first event to the last.
    whole: HashSet<String>,
}

/// What was acknowledged and what every reader got.
#[derive(Debug, Default)]
pub struct Ledger {
    rooms: BTreeMap<String, RoomLedger>,
}

impl Ledger {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A server said `ok` to a post.
    pub fn acknowledged(&mut self, room: &str, user: UserId, nonce: &str, posted: Posted) {
        self.room(room).acknowledged.push(((user, nonce.to_owned()), posted));
    }

    /// A reader got an event of a log; others are left out.
    pub fn got(&mut self, reader: &str, event: &Event) {
        let (Some(seq), Some(room)) = (event.seq(), event.room()) else { return };
        let entry = match event {
            Event::Post(post) => Entry {
                send: (post.user, post.nonce.clone()),
                at: post.at,
                body: format!("{} {:?} {}", post.from, post.kind, post.text),
            },
            Event::Topic(topic) => Entry {
                send: (topic.user, topic.nonce.clone()),
                at: topic.at,
                body: format!("{} topic {}", topic.from, topic.topic),
            },
            _ => return,
        };
        let copies = &mut self.room(room.as_str()).copies;
        copies.entry(reader.to_owned()).or_default().push((seq, entry));
    }

    /// A reader got these, in this order.
    pub fn got_all<'a>(&mut self, reader: &str, events: impl IntoIterator<Item = &'a Event>) {
        events.into_iter().for_each(|event| self.got(reader, event));
    }

    /// From now on this reader's copy of the room must be whole: from 1 to the last known event.
    pub fn must_be_whole(&mut self, reader: &str, room: &str) {
        self.room(room).whole.insert(reader.to_owned());
    }

    /// The number of acknowledgements.
    #[must_use]
    pub fn acknowledgements(&self) -> usize {
        self.rooms.values().map(|room| room.acknowledged.len()).sum()
    }

    /// Everything that is wrong.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.rooms.iter().flat_map(|(name, room)| room.faults(name)).collect()
    }

    /// Panics with what is wrong, if anything is.
    pub fn assert_kept(&self) {
        let faults = self.faults();
        let shown: Vec<String> = faults.iter().take(10).map(Fault::to_string).collect();
        assert!(faults.is_empty(), "{} promises were broken, such as:\n{}", faults.len(), shown.join("\n"));
    }

    fn room(&mut self, room: &str) -> &mut RoomLedger {
        self.rooms.entry(room.to_owned()).or_default()
    }
}

impl RoomLedger {
    fn faults(&self, room: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault =
            |whose: &str, wrong| faults.push(Fault { room: room.to_owned(), whose: whose.to_owned(), wrong });
        let mut log: BTreeMap<Seq, &Entry> = BTreeMap::new();
        for (reader, copy) in &self.copies {
            for (seq, entry) in copy {
                if *log.entry(*seq).or_insert(entry) != entry {
                    fault(reader, Wrong::Disagreement(*seq));
                }
            }
            for pair in copy.windows(2) {
                let [(before, earlier), (found, later)] = pair else { continue };
                if *found != before + 1 {
                    fault(reader, Wrong::NotDense(*before, *found));
                } else if later.at < earlier.at {
                    fault(reader, Wrong::TimeWentBack(*found));
                }
            }
        }
        self.check_sends(&log, &mut fault);
        self.check_whole(&log, &mut fault);
        faults
    }

    fn check_sends(&self, log: &BTreeMap<Seq, &Entry>, fault: &mut impl FnMut(&str, Wrong)) {
        let mut placed: HashMap<&Send, Seq> = HashMap::new();
        for (seq, entry) in log {
            if let Some(first) = placed.insert(&entry.send, *seq) {
                fault(&entry.send.1, Wrong::Doubled(first, *seq));
            }
        }
        let mut told: HashMap<&Send, Seq> = HashMap::new();
        for (send, Posted { seq, .. }) in &self.acknowledged {
            if let Some(first) = told.insert(send, *seq).filter(|first| first != seq) {
                fault(&send.1, Wrong::TwoPlaces(first, *seq));
            }
            match log.get(seq) {
                None => fault(&send.1, Wrong::Lost(*seq)),
                Some(entry) if entry.send != *send => fault(&send.1, Wrong::Displaced(*seq)),
                Some(_) => {}
            }
        }
    }

    fn check_whole(&self, log: &BTreeMap<Seq, &Entry>, fault: &mut impl FnMut(&str, Wrong)) {
        let acknowledged = self.acknowledged.iter().map(|(_, posted)| posted.seq).max().unwrap_or(0);
        let last = log.keys().last().copied().unwrap_or(0).max(acknowledged);
        for reader in &self.whole {
            let copy = self.copies.get(reader).map_or(&[][..], Vec::as_slice);
            let first = copy.first().map_or(1, |(seq, _)| *seq);
            let reached = copy.last().map_or(0, |(seq, _)| *seq);
            if first != 1 {
                fault(reader, Wrong::NotDense(0, first));
            }
            if reached != last {
                fault(reader, Wrong::Short(reached, last));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hubbub_protocol::{Nick, RoomName, event};

    use super::*;

    fn posted(seq: Seq) -> Posted {
        Posted { seq, at: 0, duplicate: false }
    }

    fn post(seq: Seq, nonce: &str) -> Event {
        Event::Post(event::Post {
            room: RoomName::parse("lobby").expect("a room"),
            seq,
            at: 5,
            user: 1,
            from: Nick::parse("ana").expect("a nick"),
            kind: event::PostKind::Text,
            text: "hi".to_owned(),
            nonce: nonce.to_owned(),
        })
    }

    /// Two readers, three posts, all well.
    fn sound() -> Ledger {
        let mut ledger = Ledger::new();
        for (seq, nonce) in [(1, "a"), (2, "b"), (3, "c")] {
            ledger.acknowledged("lobby", 1, nonce, posted(seq));
            ledger.got("x", &post(seq, nonce));
            ledger.got("y", &post(seq, nonce));
        }
        ledger.must_be_whole("x", "lobby");
        ledger
    }

    /// What is wrong with a ledger.
    fn wrongs(ledger: &Ledger) -> Vec<Wrong> {
        ledger.faults().into_iter().map(|fault| fault.wrong).collect()
    }

    #[test]
    fn a_sound_ledger_has_no_faults() {
        sound().assert_kept();
        assert_eq!(sound().acknowledgements(), 3);
    }

    #[test]
    fn an_acknowledged_post_that_nobody_has_is_lost() {
        let mut ledger = Ledger::new();
        ledger.acknowledged("lobby", 1, "d", posted(1));
        assert_eq!(wrongs(&ledger), [Wrong::Lost(1)]);
    }

    #[test]
    fn another_post_at_an_acknowledged_place_is_found() {
        let mut ledger = sound();
        ledger.acknowledged("lobby", 1, "other", posted(2));
        assert_eq!(wrongs(&ledger), [Wrong::Displaced(2)]);
    }

    #[test]
    fn a_send_that_stands_twice_is_found() {
        let mut ledger = sound();
        ledger.got("x", &post(4, "a"));
        assert_eq!(wrongs(&ledger), [Wrong::Doubled(1, 4)]);
    }

    #[test]
    fn a_send_with_two_acknowledged_places_is_found() {
        let mut ledger = sound();
        ledger.acknowledged("lobby", 1, "a", posted(2));
        assert!(wrongs(&ledger).contains(&Wrong::TwoPlaces(1, 2)));
    }

    #[test]
    fn a_repeat_and_a_hole_in_a_copy_are_found() {
        let mut ledger = sound();
        ledger.got("y", &post(3, "c"));
        assert_eq!(wrongs(&ledger), [Wrong::NotDense(3, 3)]);
        let mut ledger = sound();
        ledger.got("z", &post(1, "a"));
        ledger.got("z", &post(3, "c"));
        assert_eq!(wrongs(&ledger), [Wrong::NotDense(1, 3)]);
    }

    #[test]
    fn readers_that_disagree_are_found() {
        let mut ledger = sound();
        ledger.got("z", &post(2, "another"));
        assert!(wrongs(&ledger).contains(&Wrong::Disagreement(2)));
    }

    #[test]
    fn a_copy_that_begins_late_or_ends_early_is_not_whole() {
        let mut ledger = sound();
        ledger.got("z", &post(2, "b"));
        ledger.must_be_whole("z", "lobby");
        assert!(wrongs(&ledger).contains(&Wrong::NotDense(0, 2)));
        assert!(wrongs(&ledger).contains(&Wrong::Short(2, 3)));
    }

    #[test]
    fn time_that_goes_back_is_found() {
        let mut ledger = sound();
        let Event::Post(mut early) = post(4, "d") else { panic!("a post") };
        early.at = 1;
        ledger.got("x", &Event::Post(early));
        assert_eq!(wrongs(&ledger), [Wrong::TimeWentBack(4)]);
    }
}
