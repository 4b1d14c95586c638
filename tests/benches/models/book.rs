//! The book that a run of the bench writes: every measurement of every round, and the medians asked of it.

use std::{fs, io, path::Path};

use hubbub_tests::bench::process::Core;
use serde::Serialize;

use crate::{
    measure::{Figures, median},
    run::{Task, measure},
};

/// One measurement.
#[derive(Debug, Serialize)]
struct Record {
    case: String,
    /// Who did it: a model, or a way.
    by: String,
    /// How much of it; 0 where that is always the same.
    size: usize,
    figures: Figures,
}

/// All measurements so far.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Book {
    pub(crate) machine: String,
    /// Rounds that were taken.
    pub(crate) rounds: usize,
    records: Vec<Record>,
}

impl Book {
    pub(crate) fn new(machine: String) -> Self {
        Self { machine, rounds: 0, records: Vec::new() }
    }

    /// Has a process measure a task and writes it down.
    pub(crate) fn run(&mut self, case: &str, by: &str, size: usize, task: &Task, core: Core) -> io::Result<()> {
        let figures = measure(task, core)?;
        self.put(case, by, size, figures);
        Ok(())
    }

    pub(crate) fn put(&mut self, case: &str, by: &str, size: usize, figures: Figures) {
        eprint!(".");
        self.records.push(Record { case: case.to_owned(), by: by.to_owned(), size, figures });
    }

    /// The median of a figure over all rounds; `None`: it was not measured.
    pub(crate) fn median(&self, case: &str, by: &str, size: usize, figure: &str) -> Option<f64> {
        let of_case = |record: &&Record| record.case == case && record.by == by && record.size == size;
        let records = self.records.iter().filter(of_case);
        let mut values: Vec<f64> = records.filter_map(|record| record.figures.get(figure).copied()).collect();
        (!values.is_empty()).then(|| median(&mut values))
    }

    /// Writes everything down for others to look at.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        fs::write(path, serde_json::to_string_pretty(self)? + "\n")
    }
}
