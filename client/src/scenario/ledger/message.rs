//! Messages: what is known of each send of this run, in chunks that are let go when all in them is told.

use hubbub_protocol::{ErrorBody, id::Seq};

use super::{group::Kept, log::NUMBER_MAX};
use crate::scenario::id::{MessageId, Moment, PersonId, RoomId};

/// Messages in one chunk.
const CHUNK: usize = 1024;

/// One send and what became of it.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) sender: PersonId,
    pub(super) room: RoomId,
    pub(super) intended: Moment,
    pub(super) sent: Option<Moment>,
    pub(super) accepted: Option<Moment>,
    /// Of pushed copies, by their coming.
    pub(super) first_receipt: Option<Moment>,
    pub(super) last_receipt: Moment,
    pub(super) last_reader: PersonId,
    pub(super) receipts: u32,
    pub(super) sends: u32,
    pub(super) acknowledgements: u32,
    /// Where the newest acknowledgement says that it stands.
    pub(super) acked: Option<Seq>,
    /// Where it was read first.
    pub(super) seen: Option<Seq>,
    pub(super) duplicate: bool,
    /// A digest of what it says, as it was sent first: part of its nonce.
    pub(super) words: u32,
    /// Accepted or refused at least once.
    pub(super) is_answered: bool,
    pub(super) is_refused: bool,
    pub(super) is_given_up: bool,
    /// Found when the room was read back.
    pub(super) is_audited: bool,
    is_alive: bool,
    /// For messages of a group.
    pub(super) kept: Option<Box<Kept>>,
}

impl Message {
    fn new(sender: PersonId, room: RoomId, intended: Moment) -> Self {
        Self {
            sender,
            room,
            intended,
            sent: None,
            accepted: None,
            first_receipt: None,
            last_receipt: Moment(0),
            last_reader: sender,
            receipts: 0,
            sends: 0,
            acknowledgements: 0,
            acked: None,
            seen: None,
            duplicate: false,
            words: 0,
            is_answered: false,
            is_refused: false,
            is_given_up: false,
            is_audited: false,
            is_alive: true,
            kept: None,
        }
    }

    pub(super) fn refusal(&self) -> Option<&ErrorBody> {
        self.kept.as_ref().and_then(|kept| kept.refused.as_ref())
    }
}

/// How a message was let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gone {
    /// It stands in the log, and everybody has it.
    Complete,
    /// The only copy that was ever sent was refused.
    Refused,
    /// Whether it is in the log is open.
    Open,
}

/// A thousand messages, or what is to be remembered of them.
#[derive(Debug, Default)]
struct Chunk {
    messages: Vec<Message>,
    alive: usize,
    is_evicted: bool,
    refused: [u64; CHUNK / 64],
    open: [u64; CHUNK / 64],
}

/// All of them, by number.
#[derive(Debug)]
pub(super) struct Messages {
    chunks: Vec<Chunk>,
    next: u32,
    /// Chunks before it hold nothing.
    oldest: usize,
    /// Messages that memory is held for, and how many that may be.
    held: usize,
    held_max: usize,
}

fn place(message: MessageId) -> (usize, usize) {
    let number = message.0 as usize;
    (number / CHUNK, number % CHUNK)
}

impl Messages {
    /// At most so many at once, in whole chunks.
    pub(super) fn new(held_max: usize) -> Self {
        Self { chunks: Vec::new(), next: 0, oldest: 0, held: 0, held_max }
    }

    /// A new one, and how many old ones had to be let go for it unfinished.
    pub(super) fn push(&mut self, sender: PersonId, room: RoomId, intended: Moment) -> (MessageId, u64) {
        let id = MessageId(self.next);
        self.next = self.next.saturating_add(1);
        if id.0 >= NUMBER_MAX {
            return (id, 1);
        }
        let (chunk, index) = place(id);
        let mut evicted = 0;
        if index == 0 {
            self.chunks.push(Chunk { messages: Vec::with_capacity(CHUNK), ..Chunk::default() });
            self.held += CHUNK;
            evicted = if self.held > self.held_max { self.evict() } else { 0 };
        }
        if let Some(chunk) = self.chunks.get_mut(chunk) {
            chunk.messages.push(Message::new(sender, room, intended));
            chunk.alive += 1;
        }
        (id, evicted)
    }

    /// Lets the oldest chunk go that holds something.
    fn evict(&mut self) -> u64 {
        while self.chunks.get(self.oldest).is_some_and(|chunk| chunk.messages.capacity() == 0) {
            self.oldest += 1;
        }
        let Some(chunk) = self.chunks.get_mut(self.oldest) else { return 0 };
        chunk.messages = Vec::new();
        chunk.is_evicted = true;
        self.held -= CHUNK;
        std::mem::take(&mut chunk.alive) as u64
    }

    #[inline]
    pub(super) fn get(&self, id: MessageId) -> Option<&Message> {
        let (chunk, index) = place(id);
        self.chunks.get(chunk)?.messages.get(index).filter(|message| message.is_alive)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: MessageId) -> Option<&mut Message> {
        let (chunk, index) = place(id);
        self.chunks.get_mut(chunk)?.messages.get_mut(index).filter(|message| message.is_alive)
    }

    /// Whether this run ever made it.
    pub(super) fn was_made(&self, id: MessageId) -> bool {
        id.0 < self.next
    }

    /// Lets one go.
    pub(super) fn let_go(&mut self, id: MessageId, how: Gone) {
        let (chunk, index) = place(id);
        let Some(chunk) = self.chunks.get_mut(chunk) else { return };
        let Some(message) = chunk.messages.get_mut(index).filter(|message| message.is_alive) else { return };
        message.is_alive = false;
        message.kept = None;
        let bit = 1_u64 << (index % 64);
        match how {
            Gone::Complete => {}
            Gone::Refused => chunk.refused[index / 64] |= bit,
            Gone::Open => chunk.open[index / 64] |= bit,
        }
        chunk.alive -= 1;
        if chunk.alive == 0 && chunk.messages.len() == CHUNK {
            chunk.messages = Vec::new();
            self.held -= CHUNK;
        }
    }

    /// How a message that is not held any more was let go.
    pub(super) fn gone(&self, id: MessageId) -> Gone {
        let (chunk, index) = place(id);
        let Some(chunk) = self.chunks.get(chunk) else { return Gone::Open };
        let is_in = |set: &[u64; CHUNK / 64]| set[index / 64] & 1_u64 << (index % 64) != 0;
        match () {
            () if chunk.is_evicted || is_in(&chunk.open) => Gone::Open,
            () if is_in(&chunk.refused) => Gone::Refused,
            () => Gone::Complete,
        }
    }

    /// Those that are held.
    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageId, &Message)> {
        self.chunks.iter().enumerate().flat_map(|(chunk, held)| {
            let alive = held.messages.iter().enumerate().filter(|(_, message)| message.is_alive);
            alive.map(move |(index, message)| {
                (MessageId(u32::try_from(chunk * CHUNK + index).unwrap_or(u32::MAX)), message)
            })
        })
    }

    /// Messages that memory is held for.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(messages: &mut Messages, count: usize) -> u64 {
        (0..count).map(|_| messages.push(PersonId(0), RoomId(0), Moment(0)).1).sum()
    }

    #[test]
    fn beyond_the_limit_the_oldest_are_let_go_and_counted() {
        let mut messages = Messages::new(3 * CHUNK);
        assert_eq!(push(&mut messages, 3 * CHUNK), 0);
        messages.let_go(MessageId(5), Gone::Complete);
        assert_eq!(push(&mut messages, 1), CHUNK as u64 - 1);
        assert_eq!((messages.held(), messages.gone(MessageId(5))), (3 * CHUNK, Gone::Open));
        assert!(messages.get(MessageId(6)).is_none() && messages.get(MessageId(CHUNK as u32)).is_some());
    }

    #[test]
    fn a_chunk_is_let_go_when_all_in_it_are() {
        let mut messages = Messages::new(usize::MAX);
        push(&mut messages, 2 * CHUNK);
        (0..CHUNK as u32).for_each(|number| {
            messages.let_go(MessageId(number), if number == 9 { Gone::Refused } else { Gone::Complete });
        });
        assert_eq!((messages.held(), messages.iter().count()), (CHUNK, CHUNK));
        assert_eq!(
            [8, 9, 10].map(|number| messages.gone(MessageId(number))),
            [Gone::Complete, Gone::Refused, Gone::Complete]
        );
        assert_eq!(messages.iter().next().map(|(id, _)| id), Some(MessageId(CHUNK as u32)));
    }
}
