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

use crate::{
    link::Page,
    safe::safe,
    screen::state::{mention::named, pending::Pending},
};

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
    ///
    /// `None` is an event that is not shown: it has its place all the same.
    pub(crate) fn append(&mut self, entry: Option<Entry>, seq: Seq) -> bool {
        self.log_end = self.log_end.max(seq);
        if seq > self.end + 1 && self.follows() {
            self.entries.clear();
            (self.start, self.end) = (seq, seq.saturating_sub(1));
        }
        // a full window that is read in the middle stays as it is: the server has what comes
        let full = self.entries.len() >= ENTRIES_MAX && !self.follows();
        if seq != self.end + 1 || full {
            return false;
        }
        self.entries.extend(entry);
        self.end = seq;
        if self.follows() {
            self.trim_front();
        }
        true
    }

    /// Takes a page of history in: in front of the window, or behind it. Entries that are `None` are not shown.
    /// `false`: the page fits and brought nothing, so that asking for it again would bring nothing either.
    pub(crate) fn take_page(&mut self, page: Page, mut entries: Vec<(Seq, Option<Entry>)>, more: bool) -> bool {
        let (start, end) = (self.start, self.end);
        match page {
            Page::Before(seq) if seq == self.start => {
                // whatever the server sends: the window ascends
                entries.retain(|(at, _)| *at < self.start);
                entries.sort_by_key(|(at, _)| *at);
                entries.dedup_by_key(|(at, _)| *at);
                let first = entries.first().map(|(at, _)| *at);
                // an empty page says that nothing is there any more, whatever the numbers say
                self.start = if more { first.unwrap_or(self.start) } else { 1 };
                self.leave_top();
                for entry in entries.into_iter().rev().filter_map(|(_, entry)| entry) {
                    self.entries.push_front(entry);
                }
                self.trim_back();
                self.start != start
            }
            Page::After(seq) if seq == self.end => {
                for (at, entry) in entries {
                    if at == self.end + 1 {
                        self.entries.extend(entry);
                        self.end = at;
                    }
                }
                let moved = self.end != end;
                self.log_end = if more { self.log_end.max(self.end + 1) } else { self.log_end.max(self.end) };
                self.trim_front();
                moved || self.has_newest()
            }
            Page::Before(_) | Page::After(_) | Page::Newest => true,
        }
    }

    /// A view at the line above the oldest entry stays with that entry when older ones come.
    fn leave_top(&mut self) {
        if let (View::At { key: Key::Top, .. }, Some(first)) = (self.view, self.entries.front()) {
            self.view = View::At { key: first.key, line: 0 };
        }
    }

    /// A view that begins with an entry that is not there any more goes to what is nearest.
    pub(crate) fn find_view_again(&mut self, pending: &[Pending]) {
        let View::At { key, .. } = self.view else { return };
        let found = match key {
            Key::Top => return,
            Key::Pending(id) => pending.iter().any(|post| post.id == id),
            Key::Event(_) | Key::Local(_) => self.find(key).is_some(),
        };
        if found {
            return;
        }
        // what has gone was at the end: a post that is in the log now, a line that was taken back
        self.view = match self.entries.back() {
            Some(last) if !self.has_newest() => View::At { key: last.key, line: 0 },
            _ => View::Follow,
        };
    }

    /// Adds a line of this program's own at the end.
    pub(crate) fn push_local(&mut self, at: UnixMs, body: Body) {
        if self.entries.len() >= ENTRIES_MAX && !self.follows() {
            self.cut_back(ENTRIES_MAX - 1);
        }
        self.locals += 1;
        self.entries.push_back(Entry { key: Key::Local(self.locals), at, body });
        if self.follows() {
            self.trim_front();
        }
    }

    /// Takes the last entry out when it says who came and left, to say it anew together with what followed.
    pub(crate) fn take_moves(&mut self) -> Option<Body> {
        let is_moves = matches!(self.entries.back(), Some(Entry { body: Body::Moves { .. }, .. }));
        let entry = self.entries.pop_back_if(|_| is_moves)?;
        if entry.key == Key::Local(self.locals) {
            // what is said anew has the same name, for a view that begins with it
            self.locals -= 1;
        }
        Some(entry.body)
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
        self.cut_back(ENTRIES_MAX);
    }

    fn cut_back(&mut self, entries_max: usize) {
        while self.entries.len() > entries_max {
            if let Some(Key::Event(seq)) = self.entries.pop_back().map(|entry| entry.key) {
                self.end = seq.saturating_sub(1);
            }
        }
    }
}

/// An event of the log as an entry; `None` for signals. An event of a kind that is not known here has no entry.
pub(crate) fn entry(event: &Event, me: Option<u64>, nick: &str) -> Option<(Seq, Option<Entry>)> {
    match event {
        Event::Post(post) => {
            let own = me == Some(post.user);
            let text = safe(&post.text).into_owned();
            let mention = !own && !named(&text, nick).is_empty();
            let body = Body::Post { from: post.from.clone(), kind: post.kind, text, mention };
            Some((post.seq, Some(Entry { key: Key::Event(post.seq), at: post.at, body })))
        }
        Event::Topic(topic) => {
            let body = Body::Topic { from: topic.from.clone(), topic: safe(&topic.topic).into_owned() };
            Some((topic.seq, Some(Entry { key: Key::Event(topic.seq), at: topic.at, body })))
        }
        Event::Typing(_) | Event::Presence(_) | Event::Lagged(_) | Event::Goodbye(_) => None,
        Event::Unknown(unknown) => unknown.seq.map(|seq| (seq, None)),
    }
}

#[cfg(test)]
mod tests;
