//! A room as the screen knows it: its log's window, who is there, and how far it was read.

use std::collections::BTreeSet;

use hubbub_protocol::{
    NameKey, Nick, RoomName,
    id::{Seq, UnixMs},
};

use crate::screen::state::{
    composer::Composer,
    members::Members,
    pending::Pending,
    timeline::{Body, Entry, Key, Timeline},
};

/// The most posts that name the user that are counted in one room.
const MENTIONS_MAX: usize = 1_000;

/// A room.
#[derive(Debug)]
pub(crate) struct Room {
    /// Its name as its creator wrote it, once that is known.
    pub(crate) name: RoomName,
    /// What it is compared by.
    pub(crate) key: NameKey,
    /// The log's name; `None` before it was joined for the first time.
    pub(crate) epoch: Option<String>,
    /// What was remembered from the last time: the log's name, and how far it was read.
    pub(crate) remembered: Option<(String, Seq)>,
    /// Whether the server has us in it now.
    pub(crate) joined: bool,
    /// The topic; empty for none.
    pub(crate) topic: String,
    /// The window of the log that is in memory, and where in it the view is.
    pub(crate) timeline: Timeline,
    /// What the user said that is not in the log yet.
    pub(crate) pending: Vec<Pending>,
    /// Who is there.
    pub(crate) members: Members,
    /// What is being written.
    pub(crate) composer: Composer,
    /// Who is typing, and until when that is shown.
    pub(crate) typing: Vec<(Nick, UnixMs)>,
    /// The last event that was before the user's eyes.
    pub(crate) read: Seq,
    /// Where reading stopped: the unread line stands after this event.
    pub(crate) marker: Option<Seq>,
    /// Whether the unread line was on the screen since it was put there.
    pub(crate) marker_seen: bool,
    /// Whether the log is being loaded back to the unread line.
    pub(crate) seeks_marker: bool,
    /// Posts that name the user and were not read, as far as they came: live or by a page of history.
    pub(crate) mentions: BTreeSet<Seq>,
    /// Until when coming and going is not told: after a lost connection everybody comes back.
    pub(crate) quiet_until: UnixMs,
    /// When the user's typing was last told, for the interval between two signals.
    pub(crate) typing_told: UnixMs,
}

impl Room {
    /// A room of which nothing is known but its name.
    pub(crate) fn new(name: RoomName) -> Self {
        Self {
            key: name.key(),
            name,
            epoch: None,
            remembered: None,
            joined: false,
            topic: String::new(),
            timeline: Timeline::default(),
            pending: Vec::new(),
            members: Members::default(),
            composer: Composer::default(),
            typing: Vec::new(),
            read: 0,
            marker: None,
            marker_seen: false,
            seeks_marker: false,
            mentions: BTreeSet::new(),
            quiet_until: 0,
            typing_told: 0,
        }
    }

    /// The events that were not read.
    pub(crate) fn unread(&self) -> u64 {
        if self.epoch.is_some() { self.timeline.log_end().saturating_sub(self.read) } else { 0 }
    }

    /// How many posts name the user and were not read.
    pub(crate) fn mentioned(&self) -> u64 {
        u64::try_from(self.mentions.len()).unwrap_or(u64::MAX)
    }

    /// Counts a post that names the user, once; what it says, when it is one that was neither read nor counted.
    pub(crate) fn note_mention<'a>(&mut self, entry: &'a Entry) -> Option<&'a Body> {
        let (Key::Event(seq), Body::Post { mention: true, .. }) = (entry.key, &entry.body) else { return None };
        let counts = seq > self.read && self.mentions.len() < MENTIONS_MAX;
        (counts && self.mentions.insert(seq)).then_some(&entry.body)
    }

    /// Everything up to the newest was read.
    pub(crate) fn mark_read(&mut self) {
        self.read = self.timeline.log_end();
        self.mentions.clear();
    }

    /// Something new came and nobody reads: the unread line goes to where reading stopped.
    pub(crate) fn mark_unread(&mut self, before: Seq) {
        if self.read >= before || self.marker.is_none() {
            self.marker = Some(self.read);
            self.marker_seen = false;
        }
    }

    /// The user turns to another room.
    pub(crate) fn leave_view(&mut self) {
        self.seeks_marker = false;
        if self.unread() == 0 {
            self.marker = None;
        }
    }

    /// The posts that failed.
    pub(crate) fn failed(&self) -> usize {
        self.pending.iter().filter(|post| post.failure().is_some()).count()
    }
}
