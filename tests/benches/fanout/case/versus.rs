//! Hubbub and the baselines on the same load, in turns.

use std::{io, time::Duration};

use hubbub_tests::bench::{process::Server, socket::Dialect};

use super::Plan;
use crate::{
    load::{Done, Flow, Load},
    row::{Reach, Row, median},
};

/// What is played: rooms of these sizes, all with this flow.
#[derive(Debug, Clone)]
pub(crate) struct Play {
    pub(crate) sizes: Vec<usize>,
    pub(crate) flow: Flow,
    pub(crate) time: Duration,
    /// Played before anything counts.
    pub(crate) warm: Duration,
    /// Whether the naive example is to play it, too.
    pub(crate) naive: bool,
}

/// What one server did with it.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) done: Done,
    pub(crate) cpu_s: f64,
}

impl Played {
    /// Server CPU for one delivery, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu_s * 1e6 / self.done.deliveries.max(1) as f64
    }

    /// A quantile of the latencies, in milliseconds.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        self.done.latency.value_at_quantile(quantile) as f64 / 1e6
    }

    /// A quantile of the times until the last reader had it, in milliseconds.
    pub(crate) fn last_ms(&self, quantile: f64) -> f64 {
        self.done.last.value_at_quantile(quantile) as f64 / 1e6
    }
}

/// Plays it once on the server of a role.
pub(crate) fn play(role: &str, plan: Plan, play: &Play) -> io::Result<Played> {
    let dialect = if role == "hubbub" { Dialect::Hubbub } else { Dialect::Bare };
    let data = tempfile::tempdir()?;
    let server = Server::start(role, &data.path().join("data"), plan.server)?;
    let mut load = Load::gather(dialect, &server.address, &play.sizes)?;
    let say = |error| io::Error::other(format!("{role}: {error}"));
    load.run(&[play.flow], play.warm).map_err(say)?;
    let before = server.cpu_s()?;
    let done = load.run(&[play.flow], play.time).map_err(say)?;
    Ok(Played { done, cpu_s: server.cpu_s()? - before })
}

/// All rounds of one play.
pub(crate) struct Rounds {
    pub(crate) hubbub: Vec<Played>,
    pub(crate) floor: Vec<Played>,
    pub(crate) naive: Vec<Played>,
}

/// Plays it on all servers, in turns.
pub(crate) fn rounds(plan: Plan, what: &Play) -> io::Result<Rounds> {
    let mut rounds = Rounds { hubbub: Vec::new(), floor: Vec::new(), naive: Vec::new() };
    for _ in 0..plan.rounds {
        rounds.floor.push(play("floor", plan, what)?);
        rounds.hubbub.push(play("hubbub", plan, what)?);
        if what.naive {
            rounds.naive.push(play("naive", plan, what)?);
        }
    }
    Ok(rounds)
}

impl Rounds {
    /// A row that compares a figure of each.
    pub(crate) fn row(&self, case: &str, measure: &str, unit: &str, reach: Reach, of: fn(&Played) -> f64) -> Row {
        let figures = |played: &[Played]| played.iter().map(of).collect::<Vec<_>>();
        let (hubbub, floor) = (figures(&self.hubbub), figures(&self.floor));
        let ratios = |own: &[f64]| own.iter().zip(&floor).map(|(own, floor)| own / floor).collect::<Vec<_>>();
        let rounds = ratios(&hubbub);
        let naive = (!self.naive.is_empty()).then(|| median(&ratios(&figures(&self.naive))));
        Row {
            case: case.to_owned(),
            measure: measure.to_owned(),
            hubbub: format!("{:.3} {unit}", median(&hubbub)),
            baseline: format!("floor {:.3} {unit}", median(&floor)),
            figure: median(&rounds),
            rounds,
            reach,
            naive,
        }
    }
}
