//! The messages whose receipts came latest, kept while everything else is let go.

use std::time::Duration;

use super::{Ledger, account::Life, finding::ms, message::Message};
use crate::scenario::id::MessageId;

/// Lives that are kept.
const WORST_MAX: usize = 20;

/// The worst so far, worst first.
#[derive(Debug, Default)]
pub(super) struct Worst {
    lives: Vec<(Duration, Life)>,
}

impl Worst {
    fn wants(&self, lateness: Duration) -> bool {
        self.lives.len() < WORST_MAX || self.lives.last().is_some_and(|(least, _)| lateness > *least)
    }

    fn keep(&mut self, lateness: Duration, life: Life) {
        let at = self.lives.partition_point(|(there, _)| *there >= lateness);
        self.lives.insert(at, (lateness, life));
        self.lives.truncate(WORST_MAX);
    }

    pub(super) fn into_lives(self) -> Vec<Life> {
        self.lives.into_iter().map(|(_, life)| life).collect()
    }
}

impl Ledger {
    /// Offers a message that is about to be let go.
    pub(super) fn offer_worst(&mut self, id: MessageId) {
        let Some(message) = self.messages.get(id).filter(|message| message.first_receipt.is_some()) else { return };
        let lateness = message.last_receipt.since(message.intended);
        if self.worst.wants(lateness) {
            let life = self.life(id, message);
            self.worst.keep(lateness, life);
        }
    }

    fn life(&self, id: MessageId, message: &Message) -> Life {
        Life {
            message: format!("{}.{}.{:08x}", self.run, id.0, message.words),
            sender: self.name(message.sender).to_owned(),
            room: self.room_name(message.room).to_owned(),
            seq: message.seen.or(message.acked),
            intended_ms: ms(message.intended),
            sent_ms: message.sent.map(ms),
            accepted_ms: message.accepted.map(ms),
            first_receipt_ms: message.first_receipt.map(ms),
            last_receipt_ms: message.first_receipt.map(|_| ms(message.last_receipt)),
            last_reader: message.first_receipt.map(|_| self.name(message.last_reader).to_owned()),
            receipts: message.receipts.into(),
        }
    }
}
