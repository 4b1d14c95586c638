//! The end of a run: everybody catches up, the rooms are read back, and the facts are put together.

use std::{collections::BTreeSet, time::Duration};

use super::{
    PATIENCE_ROUNDS_MAX, PlayError, Stage, invariant,
    journal::{Verdict as Judged, as_ms},
    threshold, wording,
};
use crate::scenario::{
    crowd::order::Unsettled,
    file::{Place, threshold::Threshold},
    ledger::account::Account,
    report::facts::{FORMAT, Facts, Finding, Played, ServerFacts, Verdict},
};

/// How long those who were interrupted may take to catch up.
const PATIENCE_INTERRUPTED: Duration = Duration::from_secs(3);

/// Said when a process that was to be watched is not there any more.
const GONE: &str = "The server's process that was watched ended before the run did: its cost is told up to then, and \
                    not for each delivery.";

impl Stage {
    /// Lets everybody catch up, takes the account, and says what held. After this nothing can be played any more.
    ///
    /// # Errors
    /// When the crowd broke down.
    pub(crate) async fn finish(&self, thresholds: &[Threshold], interrupted: bool) -> Result<Facts, PlayError> {
        self.journal.ending(interrupted);
        let account = self.watched(self.account(interrupted)).await?;
        if account.not_read_back > 0 && !interrupted {
            let rooms = wording::count(account.not_read_back, "room");
            let found = format!("{rooms} could not be read to the end: what was acknowledged there may be lost");
            self.find(Place::default(), Judged::failed("at the end the rooms can be read back", found));
        }
        let at = self.now();
        self.watch.borrow_mut().look(at);
        if self.watch.borrow().is_gone() {
            self.note(GONE.to_owned());
        }
        self.seen_to_its_end().await;
        let cost = self.watch.borrow().cost(account.totals.delivered);
        let record = self.journal.record();
        let invariants = invariant::findings(&account, as_ms(at));
        let thresholds = threshold::findings(thresholds, &account, cost.as_ref(), as_ms(at));
        let all = || record.findings.iter().chain(&invariants).chain(&thresholds);
        let verdict = verdict(interrupted, all());
        let mut notes = record.notes;
        notes.extend(limits_to_raise(&record.limits_met, self.server_facts.private));
        Ok(Facts {
            format: FORMAT,
            scenario: Played { duration_ms: as_ms(at), rooms: self.room_count(), ..self.played.clone() },
            verdict,
            expectations: record.findings,
            invariants,
            thresholds,
            notes,
            probes: record.probes,
            marks: record.marks,
            account,
            server: ServerFacts { cost, ..self.server_facts.clone() },
        })
    }

    async fn account(&self, interrupted: bool) -> Result<Account, PlayError> {
        if interrupted {
            self.crowd.stop().await?;
        }
        let paused: Vec<_> = std::mem::take(&mut *self.paused.borrow_mut()).into_iter().collect();
        if !paused.is_empty() {
            self.crowd.reading(paused, true).await?;
        }
        if !interrupted {
            self.revive_server().await;
        }
        let unsettled = self.settle(interrupted).await?;
        if let (Some(found), false) = (self.still_open(&unsettled), interrupted) {
            self.find(Place::default(), Judged::failed("at the end everybody has everything", found));
        }
        Ok(self.crowd.clone().finish(!interrupted).await?)
    }

    /// A story may end with a dead server; what it had acknowledged must be there all the same.
    async fn revive_server(&self) {
        let is_dead = self.server.lock().await.as_ref().is_some_and(|server| server.pid().is_none());
        if is_dead {
            self.restart_server("the server starts again, to be read back", Place::default()).await;
        }
    }

    /// Waits as long as somebody catches up.
    async fn settle(&self, interrupted: bool) -> Result<Unsettled, PlayError> {
        if interrupted {
            return Ok(self.crowd.settle(self.now().after(PATIENCE_INTERRUPTED)).await?);
        }
        let mut unsettled = self.crowd.settle(self.now().after(self.round())).await?;
        for _ in 1..PATIENCE_ROUNDS_MAX {
            let open = open(&unsettled);
            if open == 0 {
                break;
            }
            let next = self.crowd.settle(self.now().after(self.round())).await?;
            let is_stuck = self::open(&next) >= open;
            unsettled = next;
            if is_stuck {
                break;
            }
        }
        Ok(unsettled)
    }

    /// A finding if the private server ended by itself.
    async fn seen_to_its_end(&self) {
        let ended = self.server.lock().await.as_mut().and_then(|server| server.ended());
        if let Some(found) = ended {
            self.find(Place::default(), Judged::failed("the server stays up", found));
        }
    }
}

/// How much is open, in one number: of people, events and posts.
fn open(unsettled: &Unsettled) -> u64 {
    let Unsettled { behind, absent, unanswered } = unsettled;
    let behind = behind.iter().fold(0_u64, |sum, (_, _, events)| sum.saturating_add(*events));
    behind.saturating_add(absent.len() as u64).saturating_add(*unanswered)
}

fn verdict<'a>(interrupted: bool, mut findings: impl Iterator<Item = &'a Finding>) -> Verdict {
    if interrupted {
        Verdict::Interrupted
    } else if findings.all(|finding| finding.held) {
        Verdict::Held
    } else {
        Verdict::Failed
    }
}

/// What to do about limits of the server that were met, and that nobody wanted to meet.
fn limits_to_raise(codes: &BTreeSet<String>, is_private: bool) -> Vec<String> {
    let place = match is_private {
        true => "in the file: `server: {limits: …}`",
        false => "under `[limits]` in that server's configuration",
    };
    let limits = |code: &str| -> Option<&[&str]> {
        Some(match code {
            "rate_limited" => &["post_burst", "posts_per_s", "request_burst", "requests_per_s"],
            "too_many_connections" => &["connections_per_ip_max"],
            "server_full" => &["connections_max", "sessions_max"],
            "too_many_rooms" => &["rooms_per_session_max"],
            "room_limit" => &["rooms_max"],
            "text_too_long" => &["text_chars_max"],
            "overloaded" => &["store_reader_inbox_max"],
            _ => return None,
        })
    };
    let sentence = |code: &String| {
        let limits = limits(code)?.join("`, `");
        Some(format!(
            "The server refused with `{code}`: if that is not what is to be shown, raise its `{limits}` ({place}), or \
             let the step say `may_be_refused: true`."
        ))
    };
    codes.iter().filter_map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::id::{PersonId, RoomId};

    #[test]
    fn one_thing_that_did_not_hold_is_a_failure_and_an_interrupt_is_neither() {
        let finding = |held| Finding { what: String::new(), held, found: String::new(), line: None, at_ms: 0.0 };
        let (good, bad) = (finding(true), finding(false));
        assert_eq!(verdict(false, [&good, &good].into_iter()), Verdict::Held);
        assert_eq!(verdict(false, [&good, &bad].into_iter()), Verdict::Failed);
        assert_eq!(verdict(true, [&good, &bad].into_iter()), Verdict::Interrupted);
        assert_eq!(verdict(false, std::iter::empty()), Verdict::Held);
    }

    #[test]
    fn what_is_open_is_people_events_and_posts() {
        let behind = vec![(PersonId(1), RoomId(1), 3), (PersonId(2), RoomId(1), 4)];
        assert_eq!(open(&Unsettled { behind, absent: vec![PersonId(9)], unanswered: 5 }), 13);
        assert_eq!(open(&Unsettled::default()), 0);
    }

    #[test]
    fn a_limit_that_was_met_is_named() {
        let codes = ["rate_limited".to_owned(), "not_joined".to_owned()].into();
        let notes = limits_to_raise(&codes, true);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("in the file"), "{}", notes[0]);
        let notes = limits_to_raise(&codes, false);
        assert!(notes[0].contains("`[limits]`") && !notes[0].contains("in the file"), "{}", notes[0]);
        assert!(notes[0].contains("`posts_per_s`") && notes[0].contains("may_be_refused"), "{}", notes[0]);
    }
}
