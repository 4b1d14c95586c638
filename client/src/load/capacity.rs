//! The search for the highest rate that keeps an objective: raises it until that breaks, then narrows down.
//!
//! Pure: it names the next rate to try and is told how that went. A rate that broke once and held once is tried a
//! third time, since machines have bad moments; two of three count.

/// The factor from one rate to the next while nothing has broken.
const RAISE: f64 = 2.0;

/// The search is over when the lowest rate that broke is at most this much above the highest that held.
const CLOSE_ENOUGH: f64 = 1.1;

/// Trials at most, those that are repeated included.
const TRIALS_MAX: usize = 40;

/// The lowest rate that is tried, a second.
const RATE_MIN: f64 = 0.5;

/// How a rate went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trial {
    /// Posts a second.
    pub(crate) per_s: f64,
    /// Whether the objective was kept.
    pub(crate) held: bool,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Capacity {
    /// The highest rate that held; `None`: not even the lowest did.
    pub(crate) held_per_s: Option<f64>,
    /// The lowest rate that broke; `None`: none did up to the limit of the search.
    pub(crate) broke_per_s: Option<f64>,
}

/// The search.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    first_per_s: f64,
    most_per_s: f64,
    trials: Vec<Trial>,
}

impl Search {
    /// Begins at a rate and never goes beyond another.
    pub(crate) fn new(first_per_s: f64, most_per_s: f64) -> Self {
        Self { first_per_s: first_per_s.clamp(RATE_MIN, most_per_s), most_per_s, trials: Vec::new() }
    }

    /// The rate to try next; `None`: the search is over.
    pub(crate) fn next(&self) -> Option<f64> {
        if self.trials.len() >= TRIALS_MAX {
            return None;
        }
        let Some(last) = self.trials.last() else { return Some(self.first_per_s) };
        if !last.held && self.votes(last.per_s) == (0, 1) {
            return Some(last.per_s);
        }
        if let (held, broke) = self.votes(last.per_s)
            && held == broke
        {
            return Some(last.per_s);
        }
        let Capacity { held_per_s, broke_per_s } = self.found();
        match (held_per_s, broke_per_s) {
            (Some(held), None) if held >= self.most_per_s => None,
            (Some(held), None) => Some((held * RAISE).min(self.most_per_s)),
            (None, Some(broke)) if broke <= RATE_MIN => None,
            (None, Some(broke)) => Some((broke / RAISE).max(RATE_MIN)),
            (Some(held), Some(broke)) if broke / held <= CLOSE_ENOUGH => None,
            // In the middle of the ratio: a rate is known to a share of itself.
            (Some(held), Some(broke)) => Some((held * broke).sqrt()),
            (None, None) => Some(self.first_per_s),
        }
    }

    /// Tells how a rate went.
    pub(crate) fn tried(&mut self, trial: Trial) {
        self.trials.push(trial);
    }

    /// What is known by now.
    pub(crate) fn found(&self) -> Capacity {
        let broke = |rate: f64| {
            let (held, broke) = self.votes(rate);
            broke > held
        };
        let rates = || self.trials.iter().map(|trial| trial.per_s);
        let broke_per_s = rates().filter(|rate| broke(*rate)).min_by(f64::total_cmp);
        let below = |rate: &f64| broke_per_s.is_none_or(|broke| *rate < broke);
        let held_per_s = rates().filter(|rate| !broke(*rate)).filter(below).max_by(f64::total_cmp);
        Capacity { held_per_s, broke_per_s }
    }

    /// Every trial, in order.
    #[cfg(test)]
    fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// How often a rate held and broke.
    fn votes(&self, per_s: f64) -> (usize, usize) {
        let of_rate = self.trials.iter().filter(|trial| trial.per_s.total_cmp(&per_s).is_eq());
        of_rate.fold((0, 0), |(held, broke), trial| if trial.held { (held + 1, broke) } else { (held, broke + 1) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches on a server that holds every rate up to `capacity`, except that the trials in `bad` break.
    fn search(mut search: Search, capacity: f64, bad: &[usize]) -> Search {
        while let Some(per_s) = search.next() {
            let number = search.trials().len();
            search.tried(Trial { per_s, held: per_s <= capacity && !bad.contains(&number) });
        }
        search
    }

    proptest! {
        #[test]
        fn the_capacity_is_found_to_a_tenth(capacity in 1.0_f64..100_000.0, first in 0.1_f64..100_000.0) {
            let found = search(Search::new(first, 1_000_000.0), capacity, &[]).found();
            let (held, broke) = (found.held_per_s.expect("held"), found.broke_per_s.expect("broke"));
            prop_assert!(held <= capacity && capacity < broke, "{found:?}");
            prop_assert!(broke / held <= CLOSE_ENOUGH, "{found:?}");
        }

        #[test]
        fn one_bad_moment_changes_nothing(capacity in 10.0_f64..10_000.0, bad in 0_usize..20) {
            let found = search(Search::new(10.0, 1_000_000.0), capacity, &[bad]).found();
            let (held, broke) = (found.held_per_s.expect("held"), found.broke_per_s.expect("broke"));
            prop_assert!(held <= capacity && capacity < broke, "{found:?}");
        }
    }

    #[test]
    fn a_server_that_holds_everything_ends_the_search_at_its_limit() {
        let found = search(Search::new(10.0, 1_000.0), f64::INFINITY, &[]).found();
        assert_eq!(found, Capacity { held_per_s: Some(1_000.0), broke_per_s: None });
    }

    #[test]
    fn a_server_that_holds_nothing_ends_the_search_too() {
        let found = search(Search::new(1_000.0, 10_000.0), 0.0, &[]).found();
        assert_eq!(found, Capacity { held_per_s: None, broke_per_s: Some(RATE_MIN) });
    }
}
