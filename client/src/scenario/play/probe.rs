//! Probes: one load on a stage, measured by itself, as often as one likes.

use std::time::Duration;

use super::{PlayError, Stage, journal::Verdict};
use crate::scenario::{
    crowd::order::{Beat, Flow, FlowEnd, RoomChoice, Unsettled, Words},
    file::{Place, who::Who},
    ledger::account::Lap,
};

/// What a probe is made of.
#[derive(Debug, Clone)]
pub(crate) struct Load<'a> {
    /// What the phase is called.
    pub(crate) name: String,
    pub(crate) who: &'a Who,
    pub(crate) words: Words,
    pub(crate) beat: Beat,
    /// How long everybody may take to catch up afterwards.
    pub(crate) settle: Duration,
}

/// What came of a probe.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(crate) end: FlowEnd,
    /// Who was still behind after the time to settle.
    pub(crate) unsettled: Unsettled,
    /// What was counted and measured from its begin to its end.
    pub(crate) lap: Lap,
}

impl Stage {
    /// Plays a load and waits until everybody has it.
    ///
    /// # Errors
    /// When the crowd broke down.
    pub(crate) async fn probe(&self, load: Load<'_>) -> Result<Probe, PlayError> {
        let posters = self.people(load.who).await?;
        let flow =
            Flow { posters, room: RoomChoice::Own, words: load.words, action: false, beat: load.beat, group: None };
        let phase = self.journal.begin_phase(&load.name, || self.now());
        self.crowd.lap().await?;
        let played = self.watched(async {
            let end = self.crowd.flow(flow).await?;
            let unsettled = self.crowd.settle(self.now().after(load.settle)).await?;
            Ok::<_, PlayError>((end, unsettled))
        });
        let (end, unsettled) = played.await?;
        drop(phase);
        Ok(Probe { end, unsettled, lap: self.crowd.lap().await? })
    }

    /// Writes down a conclusion that no step of a file asked for.
    pub(crate) fn conclude(&self, what: &str, held: bool, found: String) {
        let verdict = Verdict { what: what.to_owned(), held, found };
        self.find(Place::default(), verdict);
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> &str {
        &self.server_facts.url
    }

    /// Adds a sentence to the report.
    pub(crate) fn note(&self, sentence: String) {
        self.journal.note(sentence);
    }
}
