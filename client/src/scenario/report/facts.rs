//! The facts of a run: what `--json` holds, and all that the summary, the page and the comparison are made of.

use serde::{Deserialize, Serialize};

use crate::scenario::ledger::account::Account;

/// The form of the facts; a reader refuses what it does not know.
pub(crate) const FORMAT: u32 = 1;

/// Everything about one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// [`FORMAT`].
    pub(crate) format: u32,
    pub(crate) scenario: Played,
    pub(crate) verdict: Verdict,
    /// In the order of the story; then what ended early.
    pub(crate) expectations: Vec<Finding>,
    /// The six that always run, in fixed order.
    pub(crate) invariants: Vec<Finding>,
    pub(crate) thresholds: Vec<Finding>,
    /// Whole sentences for people: a limit to raise, a setting that was not used, …
    pub(crate) notes: Vec<String>,
    /// The rates that were tried, in their order, by `hubbub load find-capacity`; else empty.
    pub(crate) probes: Vec<ProbeFacts>,
    /// Phases and faults, for marks in the plots.
    pub(crate) marks: Vec<Mark>,
    pub(crate) account: Account,
    pub(crate) server: ServerFacts,
}

/// Why a text is no facts that can be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FactsError {
    /// It says so itself: made by an older or newer program.
    #[error(
        "these facts have format {0}, and this program reads format {FORMAT}: use the program that wrote them, or play again"
    )]
    Format(u64),
    /// Something else altogether, or damaged.
    #[error("this is no file of facts, as `hubbub scenario run --json` writes it: {0}")]
    Text(#[from] serde_json::Error),
}

impl Facts {
    /// Reads what [`Facts::write`] wrote.
    ///
    /// # Errors
    /// When it has another format, or is something else.
    pub(crate) fn read(text: &str) -> Result<Self, FactsError> {
        /// All that is looked at before the format is known.
        #[derive(Deserialize)]
        struct Head {
            format: u64,
        }
        let Head { format } = serde_json::from_str(text)?;
        if format != u64::from(FORMAT) {
            return Err(FactsError::Format(format));
        }
        Ok(serde_json::from_str(text)?)
    }

    /// One JSON document, indented, with a line feed at its end.
    pub(crate) fn write(&self) -> String {
        // Its only errors are keys that are no text; the types here have none.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Everything that was to hold, in the order of reports.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.expectations.iter().chain(&self.invariants).chain(&self.thresholds)
    }
}

/// What was played, where and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Played {
    pub(crate) name: String,
    pub(crate) about: String,
    /// The file as it was given; `None` for `hubbub load`.
    pub(crate) file: Option<String>,
    pub(crate) seed: u64,
    pub(crate) scale: f64,
    /// Milliseconds since 1970.
    pub(crate) started_unix_ms: u64,
    pub(crate) duration_ms: f64,
    pub(crate) people: u64,
    pub(crate) rooms: u64,
    /// `hubbub 0.1.0`
    pub(crate) program: String,
    /// Cores and operating system of the machine that played.
    pub(crate) machine: String,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Everything held.
    Held,
    /// Something did not.
    Failed,
    /// It was ended from outside before it was over; what was seen up to then is here.
    Interrupted,
}

/// One thing that was to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// In words: what was to hold.
    pub(crate) what: String,
    pub(crate) held: bool,
    /// What was found, in figures, and for what did not hold in detail (some lines).
    pub(crate) found: String,
    /// The line of the file; `None`: no file says it.
    pub(crate) line: Option<u32>,
    pub(crate) at_ms: f64,
}

/// One rate that was tried, measured by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProbeFacts {
    /// Posts a second, as they were meant.
    pub(crate) posts_per_s: f64,
    /// Delivery latency that 99 % of the receipts kept.
    pub(crate) p99_ms: f64,
    pub(crate) receipts_per_s: f64,
    /// Whether the objective was kept.
    pub(crate) held: bool,
    /// What broke it, in a few words; empty when it held.
    pub(crate) why: String,
    /// The share of its core that the load side used.
    pub(crate) load_share: f64,
    /// How late the load side itself sent: 99 % of the posts were less late.
    pub(crate) load_lateness_p99_ms: f64,
}

/// Something to be marked in a plot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) kind: MarkKind,
    pub(crate) text: String,
    pub(crate) from_ms: f64,
    /// `None`: a point in time.
    pub(crate) to_ms: Option<f64>,
}

/// What is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MarkKind {
    Phase,
    Fault,
}

/// About the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServerFacts {
    pub(crate) url: String,
    /// Started for this run.
    pub(crate) private: bool,
    /// What it cost; `None` when its process could not be watched.
    pub(crate) cost: Option<ServerCost>,
}

/// What a watched server process cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServerCost {
    /// CPU time in the run, over all its processes if it was restarted.
    pub(crate) cpu_ms: f64,
    pub(crate) cpu_us_per_delivery: Option<f64>,
    pub(crate) memory_start_bytes: u64,
    pub(crate) memory_max_bytes: u64,
    /// About twice a second.
    pub(crate) samples: Vec<ServerSample>,
}

/// One look at the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServerSample {
    pub(crate) at_ms: f64,
    /// Cores used since the look before.
    pub(crate) cores: f64,
    pub(crate) memory_bytes: u64,
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::{super::example, *};

    #[test]
    fn what_is_written_stays_the_same_from_one_version_to_the_next() {
        // whoever changes this on purpose raises FORMAT, and the table in docs/SCENARIOS.md
        assert_snapshot!(example::small().write());
    }

    #[test]
    fn what_was_written_is_read_back_as_it_was() {
        for facts in [example::small(), example::rich(1, 1.0), example::empty()] {
            let read = Facts::read(&facts.write()).expect("facts");
            // the last bit of a number may get lost on the way
            assert_eq!(format!("{read:.6?}"), format!("{facts:.6?}"));
        }
    }

    #[test]
    fn facts_of_another_format_are_refused_with_a_sentence() {
        let text = example::small().write().replacen("\"format\": 1", "\"format\": 99", 1);
        let error = Facts::read(&text).expect_err("another format").to_string();
        assert!(error.starts_with("these facts have format 99, and this program reads format 1"), "{error}");
        // even when nothing else of it is known
        assert!(matches!(Facts::read(r#"{"format":2,"what":[]}"#), Err(FactsError::Format(2))));
    }

    #[test]
    fn what_is_no_file_of_facts_is_refused() {
        for text in ["", "{}", "[1]", "name: hello", r#"{"format":1}"#] {
            let error = Facts::read(text).expect_err("no facts").to_string();
            assert!(error.starts_with("this is no file of facts"), "{error}");
        }
    }
}
