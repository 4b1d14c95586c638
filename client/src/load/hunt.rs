//! The hunt for a server's capacity: probes at one rate after the other, on the same crowd, until the search is over.

use std::time::Duration;

use crate::{
    load::{
        capacity::{Capacity, Search, Trial},
        question::Fanout,
    },
    scenario::{
        crowd::order::{Beat, Words},
        file::{Scenario, unit::Range},
        play::{Load, PlayError, Probe, Stage},
        report::facts::ProbeFacts,
    },
};

/// How long everybody may take to catch up after a probe; a server that takes longer did not hold the rate.
const SETTLE: Duration = Duration::from_secs(20);

/// The share of its core beyond which the load side may be what is slow.
const LOAD_SHARE_MAX: f64 = 0.9;

/// How late the load side may send, as a share of the objective, before the figure is its own.
const LATENESS_SHARE_MAX: f64 = 0.5;

/// What is hunted for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hunt {
    /// Clients, rooms, senders, payload, and the time of each probe; its pace is not used.
    pub(crate) question: Fanout,
    /// The rate that is tried first.
    pub(crate) first_per_s: f64,
    /// What 99 % of the receipts must keep.
    pub(crate) p99: Duration,
    /// No rate beyond this is tried.
    pub(crate) most_per_s: f64,
}

/// What one probe showed.
#[derive(Debug, Clone, PartialEq)]
enum Showed {
    Held,
    /// The objective was broken; why.
    Broke(String),
    /// The server refused posts: the rate is its own rule, whatever it could do, and no other rate tells more.
    Refused(String),
    /// It was broken, and the load side was busy: nobody can say whose fault it was.
    LoadSide(String),
}

impl Hunt {
    /// The stage: everybody connected, nothing happening.
    pub(crate) fn scenario(&self) -> Scenario {
        let about = format!(
            "The highest rate at which 99 % of the receipts come within {}. Clients: {}, rooms: {}, senders: {}, bytes of a post: {}.",
            ms(self.p99),
            self.question.clients,
            self.question.rooms,
            self.question.senders,
            self.question.payload_bytes
        );
        Scenario { name: "Capacity".to_owned(), about, steps: Vec::new(), ..self.question.scenario() }
    }

    /// Hunts on a stage on which everybody is connected; the result is written into its report.
    ///
    /// # Errors
    /// When the crowd broke down.
    pub(crate) async fn run(&self, stage: &Stage) -> Result<(), PlayError> {
        let mut search = Search::new(self.first_per_s, self.most_per_s);
        let mut load_sides = Vec::new();
        while let Some(per_s) = search.next() {
            let probe = self.probe(stage, per_s).await?;
            let showed = self.judge(&probe);
            stage.tried(facts(per_s, &probe, &showed));
            if let Showed::LoadSide(why) = &showed {
                load_sides.push((per_s, why.clone()));
            }
            if let Showed::Refused(why) = showed {
                let found = format!(
                    "at {} posts/s {why}; what is searched for is what the server can do, not what it permits",
                    rate(per_s)
                );
                stage.conclude(&self.sought(), false, found);
                return Ok(());
            }
            search.tried(Trial { per_s, held: showed == Showed::Held });
        }
        self.conclude(stage, search.found(), &load_sides);
        Ok(())
    }

    async fn probe(&self, stage: &Stage, per_s: f64) -> Result<Probe, PlayError> {
        let bytes = self.question.payload_bytes;
        let beat = Beat::Open { from_per_s: per_s, to_per_s: per_s, time: self.question.time, poisson: true };
        let load = Load {
            name: format!("{} posts/s", rate(per_s)),
            who: &self.question.senders(),
            words: Words::Bytes(Range { from: bytes, to: bytes }),
            beat,
            settle: SETTLE,
        };
        stage.probe(load).await
    }

    fn judge(&self, probe: &Probe) -> Showed {
        let lap = &probe.lap;
        let p99 = Duration::from_micros(lap.delivery.p99_us);
        let behind: u64 = probe.unsettled.behind.iter().map(|(_, _, events)| events).sum();
        let refused: u64 = probe.end.refused.iter().map(|(_, count)| count).sum();
        // what is fetched on return has no latency: it would be left out of the figure
        let late = lap.totals.delivered.saturating_sub(lap.totals.delivered_live);
        let broken = if refused > 0 {
            let why = probe.end.refused.first().map_or_else(String::new, |(error, _)| error.code.as_str().to_owned());
            return Showed::Refused(format!("{refused} of {} posts were refused with {why}", probe.end.sent));
        } else if behind > 0 || probe.end.unsettled > 0 {
            format!("{behind} receipts and {} answers were still missing {SETTLE:?} later", probe.end.unsettled)
        } else if lap.totals.delivered == 0 {
            "nothing was delivered".to_owned()
        } else if probe.end.unsent > 0 {
            format!("{} posts could not be sent, for too many were without an answer", probe.end.unsent)
        } else if late > lap.totals.delivered.max(1) / 100 {
            format!("{late} receipts were fetched by readers who had lost their connection")
        } else if p99 > self.p99 {
            "too slow".to_owned()
        } else {
            return Showed::Held;
        };
        let share = lap.load_cpu_ms / lap.wall_ms.max(1.0);
        let lateness = Duration::from_micros(lap.lateness_p99_us);
        if share > LOAD_SHARE_MAX {
            Showed::LoadSide(format!("{broken}; the load side used {:.0} % of its core", share * 100.0))
        } else if lateness > self.p99.mul_f64(LATENESS_SHARE_MAX) {
            Showed::LoadSide(format!("{broken}; the load side itself sent {} late", ms(lateness)))
        } else {
            Showed::Broke(broken)
        }
    }

    fn sought(&self) -> String {
        format!("the highest rate with p99 ≤ {} is found", ms(self.p99))
    }

    fn conclude(&self, stage: &Stage, found: Capacity, load_sides: &[(f64, String)]) {
        let words = match (found.held_per_s, found.broke_per_s) {
            (Some(held), Some(broke)) => format!("{} posts/s; {} posts/s are too many", rate(held), rate(broke)),
            (Some(held), None) => format!("{} posts/s, the most that was to be tried", rate(held)),
            (None, Some(broke)) => format!("not even {} posts/s keep it", rate(broke)),
            (None, None) => "nothing was tried".to_owned(),
        };
        stage.conclude(&self.sought(), found.held_per_s.is_some(), words);
        let decisive =
            found.broke_per_s.and_then(|broke| load_sides.iter().find(|(rate, _)| rate.total_cmp(&broke).is_eq()));
        if let Some((_, why)) = decisive {
            stage.note(format!(
                "Where the objective broke, the load side was no longer in time itself ({why}): the server may well hold \
                 more. Play the load when the machine has nothing else to do, with fewer clients, or from another machine."
            ));
        }
    }
}

/// A probe as reports tell it.
fn facts(per_s: f64, probe: &Probe, showed: &Showed) -> ProbeFacts {
    let lap = &probe.lap;
    let why = match showed {
        Showed::Held => String::new(),
        Showed::Broke(why) | Showed::Refused(why) | Showed::LoadSide(why) => why.clone(),
    };
    ProbeFacts {
        posts_per_s: per_s,
        p99_ms: lap.delivery.p99_us as f64 / 1_000.0,
        receipts_per_s: lap.totals.delivered as f64 / (lap.wall_ms / 1_000.0).max(0.001),
        held: *showed == Showed::Held,
        why,
        load_share: lap.load_cpu_ms / lap.wall_ms.max(1.0),
        load_lateness_p99_ms: lap.lateness_p99_us as f64 / 1_000.0,
    }
}

fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}

/// Three digits are what a search to a tenth can tell.
fn rate(per_s: f64) -> String {
    let places = if per_s < 10.0 { 2 } else { 0 };
    format!("{per_s:.places$}")
}
