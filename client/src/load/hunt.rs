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
    /// It was broken, and the load side was busy: nobody can say whose fault it was.
    LoadSide(String),
}

impl Hunt {
    /// The stage: everybody connected, nothing happening.
    pub(crate) fn scenario(&self) -> Scenario {
        let about = format!(
            "The highest rate at which 99 % of the receipts come within {}: {} clients, {} senders.",
            ms(self.p99),
            self.question.clients,
            self.question.senders
        );
        Scenario { name: "Capacity".to_owned(), about, steps: Vec::new(), ..self.question.scenario() }
    }

    /// Hunts on a stage on which everybody is connected; the result is written into its report.
    ///
    /// # Errors
    /// When the crowd broke down.
    pub(crate) async fn run(&self, stage: &Stage) -> Result<(), PlayError> {
        let mut search = Search::new(self.first_per_s, self.most_per_s);
        let mut load_side = None;
        while let Some(per_s) = search.next() {
            let probe = self.probe(stage, per_s).await?;
            let showed = self.judge(&probe);
            stage.note(self.line(per_s, &probe, &showed));
            if let Showed::LoadSide(why) = &showed {
                load_side = Some(why.clone());
            }
            search.tried(Trial { per_s, held: showed == Showed::Held });
        }
        self.conclude(stage, search.found(), load_side);
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
            // The rate is the server's own rule, whatever it could do.
            let why = probe.end.refused.first().map_or_else(String::new, |(error, _)| error.code.as_str().to_owned());
            return Showed::Broke(format!("{refused} posts were refused: {why}"));
        } else if behind > 0 || probe.end.unsettled > 0 {
            format!("{behind} receipts and {} answers were still missing {SETTLE:?} later", probe.end.unsettled)
        } else if lap.totals.delivered == 0 {
            "nothing was delivered".to_owned()
        } else if probe.end.unsent > 0 {
            format!("{} posts could not be sent, for too many were without an answer", probe.end.unsent)
        } else if late > lap.totals.delivered.max(1) / 100 {
            format!("{late} receipts were fetched by readers who had lost their connection")
        } else if p99 > self.p99 {
            format!("p99 was {}", ms(p99))
        } else {
            return Showed::Held;
        };
        let share = lap.load_cpu_ms / lap.wall_ms.max(1.0);
        let lateness = Duration::from_micros(lap.lateness_p99_us);
        if share > LOAD_SHARE_MAX {
            Showed::LoadSide(format!("{broken}, and the load side used {:.0} % of its core", share * 100.0))
        } else if lateness > self.p99.mul_f64(LATENESS_SHARE_MAX) {
            Showed::LoadSide(format!("{broken}, and the load side sent {} late (p99)", ms(lateness)))
        } else {
            Showed::Broke(broken)
        }
    }

    fn line(&self, per_s: f64, probe: &Probe, showed: &Showed) -> String {
        let deliveries = probe.lap.totals.delivered as f64 / (probe.lap.wall_ms / 1_000.0).max(0.001);
        let p99 = ms(Duration::from_micros(probe.lap.delivery.p99_us));
        let end = match showed {
            Showed::Held => "kept".to_owned(),
            Showed::Broke(why) | Showed::LoadSide(why) => format!("broken: {why}"),
        };
        format!("{} posts/s: p99 {p99}, {} receipts/s, {end}", rate(per_s), rate(deliveries))
    }

    fn conclude(&self, stage: &Stage, found: Capacity, load_side: Option<String>) {
        let what = format!("the highest rate with p99 ≤ {} is found", ms(self.p99));
        let words = match (found.held_per_s, found.broke_per_s) {
            (Some(held), Some(broke)) => format!("{} posts/s; {} posts/s are too many", rate(held), rate(broke)),
            (Some(held), None) => format!("{} posts/s, the most that was to be tried", rate(held)),
            (None, Some(broke)) => format!("not even {} posts/s keep it", rate(broke)),
            (None, None) => "nothing was tried".to_owned(),
        };
        stage.conclude(&what, found.held_per_s.is_some(), words);
        if let Some(why) = load_side {
            stage.note(format!(
                "The load side was at its own limit where the objective broke ({why}): the server may well hold more. \
                 Play the load from another machine, or with fewer clients."
            ));
        }
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
