//! The window of a room's log that is in memory, and where in it the view is.
//!
//! The window is dense: every event from the first to the last one is there. It holds at most
//! [`ENTRIES_MAX`] entries; what falls out at one end is read from the server again when the view comes there.

use std::collections::VecDeque;

use hubbub_protocol::{
    Event, Nick,
    event::PostKind,
    id::{Seq, UnixMs},
};

use crate::{link::Page, screen::text::safe};

/// The most entries of one room that are held.
pub(crate) const ENTRIES_MAX: usize = 2_000;

/// What an entry says. All texts are harmless to a terminal already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// Somebody said something.
    Post {
        /// Who, by the nick of then.
        from: Nick,
        /// How.
        kind: PostKind,
        /// What.
        text: String,
        /// Whether it names the user.
        mention: bool,
    },
    /// Somebody changed the topic.
    Topic {
        /// Who, by the nick of then.
        from: Nick,
        /// The new one; empty for none.
        topic: String,
    },
    /// Those who came and left since the entry before; merged as long as nothing else happens.
    Moves {
        /// Those who came.
        came: Vec<String>,
        /// Those who left.
        left: Vec<String>,
        /// Old and new nick.
        renamed: Vec<(String, String)>,
    },
    /// A word of this program's own.
    Notice {
        /// What.
        text: String,
        /// Whether something went wrong.
        bad: bool,
    },
}

/// What an entry is called, as long as it is in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// The line above the oldest entry.
    Top,
    /// An event of the log.
    Event(Seq),
    /// A line of this program's own.
    Local(u64),
    /// A post that is not in the log yet.
    Pending(u64),
}

/// A line of the timeline, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) key: Key,
    /// When.
    pub(crate) at: UnixMs,
    /// What.
    pub(crate) body: Body,
}

/// Where the view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// At the newest, and stays there.
    Follow,
    /// The first line shown is this line of this entry.
    At {
        /// The entry.
        key: Key,
        /// Its line, from 0.
        line: usize,
    },
}

/// A page that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loading {
    /// None.
    Idle,
    /// This one; nothing else is asked meanwhile.
    Asked(Page),
    /// The last one did not come; asked again when the view moves or the connection is back.
    Failed(String),
}

/// The window.
#[derive(Debug)]
pub(crate) struct Timeline {
    entries: VecDeque<Entry>,
    /// The first event of the window; `end + 1` when it holds none.
    start: Seq,
    /// The last event of the window.
    end: Seq,
    /// The last event of the log, as far as is known.
    log_end: Seq,
    locals: u64,
    /// Where the view is.
    pub(crate) view: View,
    /// What was asked for.
    pub(crate) loading: Loading,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            start: 1,
            end: 0,
            log_end: 0,
            locals: 0,
            view: View::Follow,
            loading: Loading::Idle,
        }
    }
}

impl Timeline {
    /// The entries, oldest first.
    pub(crate) fn entries(&self) -> &VecDeque<Entry> {
        &self.entries
    }

    /// The last event of the log, as far as is known.
    pub(crate) fn log_end(&self) -> Seq {
        self.log_end
    }

    /// The first event of the window.
    pub(crate) fn start(&self) -> Seq {
        self.start
    }

    /// The last event of the window.
    pub(crate) fn end(&self) -> Seq {
        self.end
    }

    /// Whether the log has no older events than the window.
    pub(crate) fn has_beginning(&self) -> bool {
        self.start <= 1
    }

    /// Whether the log has no newer events than the window.
    pub(crate) fn has_newest(&self) -> bool {
        self.end == self.log_end
    }

    /// Whether the view is at the newest.
    pub(crate) fn follows(&self) -> bool {
        self.view == View::Follow
    }

    /// The page before the window.
    pub(crate) fn page_before(&self) -> Page {
        Page::Before(self.start)
    }

    /// The page after the window.
    pub(crate) fn page_after(&self) -> Page {
        Page::After(self.end)
    }

    /// Empties the window and puts it behind this event of a log that ends at `log_end`.
    pub(crate) fn restart(&mut self, end: Seq, log_end: Seq) {
        self.entries.clear();
        (self.start, self.end, self.log_end) = (end + 1, end, log_end.max(end));
        self.view = View::Follow;
        self.loading = Loading::Idle;
    }

    /// The log is known to reach up to here; its events follow, or are loaded.
    pub(crate) fn note_log_end(&mut self, log_end: Seq) {
        self.log_end = self.log_end.max(log_end);
    }

    /// Appends an event that was just told. `false`: it is not in the window, which ends earlier or has it already.
    ///
    /// Events may have been left out before it. A view at the newest goes over the gap, and the window begins
    /// behind it; one that reads the old stays, and what is missing is loaded when it comes there.
    pub(crate) fn append(&mut self, entry: Entry, seq: Seq) -> bool {
        self.log_end = self.log_end.max(seq);
        if seq > self.end + 1 && self.follows() {
            self.entries.clear();
            (self.start, self.end) = (seq, seq.saturating_sub(1));
        }
        if seq != self.end + 1 {
            return false;
        }
        self.entries.push_back(entry);
        self.end = seq;
        if self.follows() {
            self.trim_front();
        }
        true
    }

    /// Takes a page of history in: in front of the window, or behind it.
    pub(crate) fn take_page(&mut self, page: Page, mut entries: Vec<(Seq, Entry)>, more: bool) {
        match page {
            Page::Before(seq) if seq == self.start => {
                // whatever the server sends: the window ascends
                entries.retain(|(at, _)| *at < self.start);
                entries.sort_by_key(|(at, _)| *at);
                entries.dedup_by_key(|(at, _)| *at);
                let first = entries.first().map(|(at, _)| *at);
                // an empty page says that nothing is there any more, whatever the numbers say
                self.start = if more { first.unwrap_or(self.start) } else { 1 };
                for (_, entry) in entries.into_iter().rev() {
                    self.entries.push_front(entry);
                }
                self.trim_back();
            }
            Page::After(seq) if seq == self.end => {
                for (at, entry) in entries {
                    if at == self.end + 1 {
                        self.entries.push_back(entry);
                        self.end = at;
                    }
                }
                self.log_end = if more { self.log_end.max(self.end + 1) } else { self.log_end.max(self.end) };
                self.trim_front();
            }
            Page::Before(_) | Page::After(_) | Page::Newest => {}
        }
    }

    /// Adds a line of this program's own at the end.
    pub(crate) fn push_local(&mut self, at: UnixMs, body: Body) {
        self.locals += 1;
        self.entries.push_back(Entry { key: Key::Local(self.locals), at, body });
        if self.follows() {
            self.trim_front();
        }
    }

    /// Takes the last entry out when it says who came and left, to say it anew together with what followed.
    pub(crate) fn take_moves(&mut self) -> Option<Body> {
        let is_moves = matches!(self.entries.back(), Some(Entry { body: Body::Moves { .. }, .. }));
        if is_moves { self.entries.pop_back().map(|entry| entry.body) } else { None }
    }

    /// The place of an entry; of one that has left the window, the nearest that is there.
    pub(crate) fn find(&self, key: Key) -> Option<usize> {
        let exact = self.entries.iter().position(|entry| entry.key == key);
        exact.or_else(|| match key {
            Key::Event(seq) => self.entries.iter().position(|entry| matches!(entry.key, Key::Event(at) if at > seq)),
            Key::Top | Key::Local(_) | Key::Pending(_) => None,
        })
    }

    fn trim_front(&mut self) {
        while self.entries.len() > ENTRIES_MAX {
            if let Some(Key::Event(seq)) = self.entries.pop_front().map(|entry| entry.key) {
                self.start = seq + 1;
            }
        }
    }

    fn trim_back(&mut self) {
        while self.entries.len() > ENTRIES_MAX {
            if let Some(Key::Event(seq)) = self.entries.pop_back().map(|entry| entry.key) {
                self.end = seq.saturating_sub(1);
            }
        }
    }
}

/// An event of the log as an entry; `None` for signals.
pub(crate) fn entry(event: &Event, me: Option<u64>, nick: &str) -> Option<(Seq, Entry)> {
    match event {
        Event::Post(post) => {
            let own = me == Some(post.user);
            let text = safe(&post.text).into_owned();
            let mention = !own && mentions(&text, nick);
            let body = Body::Post { from: post.from.clone(), kind: post.kind, text, mention };
            Some((post.seq, Entry { key: Key::Event(post.seq), at: post.at, body }))
        }
        Event::Topic(topic) => {
            let body = Body::Topic { from: topic.from.clone(), topic: safe(&topic.topic).into_owned() };
            Some((topic.seq, Entry { key: Key::Event(topic.seq), at: topic.at, body }))
        }
        Event::Typing(_) | Event::Presence(_) | Event::Lagged(_) | Event::Goodbye(_) | Event::Unknown(_) => None,
    }
}

/// Whether a text names somebody: the nick as a word of its own, however it is written.
pub(crate) fn mentions(text: &str, nick: &str) -> bool {
    if nick.is_empty() {
        return false;
    }
    let (text, nick) = (text.to_lowercase(), nick.to_lowercase());
    let in_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    text.match_indices(&nick).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(in_name) && !after.is_some_and(in_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(seq: Seq) -> (Seq, Entry) {
        let from = Nick::parse("ana").expect("a nick");
        let body = Body::Post { from, kind: PostKind::Text, text: "hi".to_owned(), mention: false };
        (seq, Entry { key: Key::Event(seq), at: seq, body })
    }

    fn push(timeline: &mut Timeline, seqs: std::ops::RangeInclusive<Seq>) {
        for seq in seqs {
            let (seq, entry) = post(seq);
            timeline.append(entry, seq);
        }
    }

    fn seqs(timeline: &Timeline) -> (Key, Key, usize) {
        let entries = timeline.entries();
        (entries[0].key, entries[entries.len() - 1].key, entries.len())
    }

    #[test]
    fn the_window_is_bounded_and_what_fell_out_can_be_asked_for() {
        let mut timeline = Timeline::default();
        push(&mut timeline, 1..=2_500);
        assert_eq!(seqs(&timeline), (Key::Event(501), Key::Event(2_500), ENTRIES_MAX));
        assert_eq!(timeline.page_before(), Page::Before(501));
        timeline.take_page(Page::Before(501), (401..=500).map(post).collect(), true);
        assert_eq!(seqs(&timeline), (Key::Event(401), Key::Event(2_400), ENTRIES_MAX));
        assert!(!timeline.has_newest());
        assert_eq!(timeline.page_after(), Page::After(2_400));
    }

    #[test]
    fn live_events_wait_on_the_server_while_the_window_is_far_back() {
        let mut timeline = Timeline::default();
        push(&mut timeline, 1..=2_000);
        timeline.view = View::At { key: Key::Event(5), line: 0 };
        timeline.note_log_end(2_010);
        let (seq, entry) = post(2_011);
        assert!(!timeline.append(entry, seq));
        assert_eq!(timeline.log_end(), 2_011);
        timeline.take_page(Page::After(2_000), (2_001..=2_011).map(post).collect(), false);
        assert!(timeline.has_newest());
    }

    #[test]
    fn the_same_event_twice_is_there_once() {
        let mut timeline = Timeline::default();
        push(&mut timeline, 1..=3);
        push(&mut timeline, 2..=4);
        assert_eq!(seqs(&timeline), (Key::Event(1), Key::Event(4), 4));
    }

    #[test]
    fn a_page_that_nobody_waits_for_is_ignored() {
        let mut timeline = Timeline::default();
        timeline.restart(50, 50);
        timeline.take_page(Page::Before(20), vec![post(19)], true);
        assert!(timeline.entries().is_empty());
        timeline.take_page(Page::Before(51), (1..=50).map(post).collect(), false);
        assert!(timeline.has_beginning() && timeline.has_newest());
    }

    #[test]
    fn a_nick_is_named_only_as_a_word() {
        for text in ["ana: hi", "hi Ana", "(ana)", "ana", "ANA!"] {
            assert!(mentions(text, "ana"), "{text}");
        }
        for text in ["banana", "anabel", "ana-maria", "an a"] {
            assert!(!mentions(text, "ana"), "{text}");
        }
    }
}
