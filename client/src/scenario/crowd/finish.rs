//! The end of a run: the rooms are read back, the account is closed, everybody quits.

use std::time::Duration;

use super::{
    command::{Answer, tell},
    deck::{Reading, Sink},
    desk::Desk,
    order::{Parting, Recruit},
    person::State,
};
use crate::scenario::{
    file::cast::Via,
    id::{Moment, PersonId, RoomId},
    ledger::account::Account,
};

/// How long everybody may take to quit.
const QUIT: Duration = Duration::from_secs(5);

/// How far the end is.
#[derive(Debug)]
pub(super) struct Finish {
    answer: Answer<Account>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// One who is of no room reads them back, one after the other.
    Audit { auditor: PersonId, rooms: Vec<RoomId> },
    /// The account is closed; everybody quits.
    Quit { account: Box<Account>, deadline: Moment },
}

impl Desk {
    pub(super) fn begin_finish(&mut self, audit: bool, answer: Answer<Account>) {
        self.flows.stop(&mut self.people, &mut self.deck);
        for person in &mut self.people {
            person.paused = false;
        }
        let rooms = (0..self.deck.rooms.len() as u32).map(RoomId);
        let rooms: Vec<_> = rooms.rev().filter(|room| audit && self.deck.ledger.audit_from(*room).is_some()).collect();
        let stage = if rooms.is_empty() {
            self.close_account()
        } else {
            let name = format!("auditor-{}", self.deck.config.run.chars().take(8).collect::<String>());
            let name = name.trim_end_matches(['-', '_', '.']).to_owned();
            let auditor = self.recruit(Recruit { name, via: Via::Native, reads_bytes_per_s: None, returns: false });
            let person = &mut self.people[auditor.0 as usize];
            person.is_auditor = true;
            person.connect(&mut self.deck);
            Stage::Audit { auditor, rooms }
        };
        self.finish = Some(Finish { answer, stage });
    }

    /// Goes on with the end; true when there is nothing more to do.
    pub(super) fn go_on_finishing(&mut self) -> bool {
        let Some(Finish { answer, stage }) = self.finish.take() else { return false };
        let stage = match stage {
            Stage::Audit { auditor, mut rooms } => {
                let person = &mut self.people[auditor.0 as usize];
                match person.state {
                    State::Online if person.is_reading(&self.deck) => Stage::Audit { auditor, rooms },
                    State::Online => match rooms.pop() {
                        Some(room) => {
                            if let Some(after) = self.deck.ledger.audit_from(room) {
                                let key = self.deck.readings.insert(Reading {
                                    room,
                                    after,
                                    put_off: None,
                                    sink: Sink::Audit,
                                });
                                person.ask_read(key, &mut self.deck);
                            }
                            Stage::Audit { auditor, rooms }
                        }
                        None => self.close_account(),
                    },
                    // it could not connect, or lost the connection: what was read stands
                    State::Away => self.close_account(),
                    _ => Stage::Audit { auditor, rooms },
                }
            }
            Stage::Quit { account, deadline } => {
                if self.deck.now >= deadline || self.people.iter().all(|person| person.state == State::Away) {
                    tell(answer, *account);
                    return true;
                }
                Stage::Quit { account, deadline }
            }
        };
        self.finish = Some(Finish { answer, stage });
        false
    }

    /// Closes the account while everybody still sits where they are, and sends them home.
    fn close_account(&mut self) -> Stage {
        let deck = &mut self.deck;
        let account = deck.close_ledger();
        for person in &mut self.people {
            person.leave(Parting::Quit, deck);
        }
        Stage::Quit { account: Box::new(account), deadline: deck.now.after(QUIT) }
    }
}
