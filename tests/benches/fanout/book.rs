//! Where results are kept: raw data, plots, and the tables of the documents, all from one file.
//!
//! A case that is measured again replaces what it said before, so that one can be repeated without the others.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use hubbub_tests::bench::{
    document,
    plot::{Axis, Plot, Scale, Series},
};
use serde::{Deserialize, Serialize};

use crate::{
    case::CASES,
    row::{Row, short_table, table},
};

/// A line of a plot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    /// What it is.
    pub(crate) name: String,
    /// Where it goes.
    pub(crate) points: Vec<(f64, f64)>,
}

/// What a case found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Its lines of the table.
    pub(crate) rows: Vec<Row>,
    /// What it draws, if it draws.
    #[serde(default)]
    pub(crate) drawing: Option<Drawing>,
}

impl Found {
    /// Lines of the table, and no plot.
    pub(crate) fn of(rows: Vec<Row>) -> Self {
        Self { rows, drawing: None }
    }
}

/// A plot of a case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Drawing {
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) lines: Vec<Line>,
}

/// All results, by the name of the case.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Book {
    cases: BTreeMap<String, Found>,
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn data() -> PathBuf {
    docs().join("figures/fanout.json")
}

impl Book {
    /// What was found before; empty when nothing was.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(crate) fn open() -> io::Result<Self> {
        match fs::read_to_string(data()) {
            Ok(text) => serde_json::from_str(&text).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// What a case found replaces what it found before.
    pub(crate) fn enter(&mut self, case: &str, found: Found) {
        self.cases.insert(case.to_owned(), found);
    }

    /// Writes raw data, plots, and the tables of the documents.
    ///
    /// # Errors
    /// When something cannot be written, or a document has no place for it.
    pub(crate) fn publish(&self) -> io::Result<()> {
        fs::create_dir_all(docs().join("figures"))?;
        fs::write(data(), serde_json::to_string_pretty(self)? + "\n")?;
        let mut all = Vec::new();
        for case in CASES {
            let Some(found) = self.cases.get(case.name) else { continue };
            all.extend(found.rows.iter().cloned());
            if let Some(drawing) = &found.drawing {
                fs::write(docs().join(format!("figures/{}.svg", case.name)), drawing.plot().svg())?;
            }
        }
        document::put(&docs().join("PERFORMANCE.md"), "fanout", &table(&all))?;
        document::put(&docs().join("../README.md"), "fanout-short", &short_table(&all))
    }
}

impl Drawing {
    fn plot(&self) -> Plot {
        let axis = |label: &String| Axis { label: label.clone(), scale: Scale::Log };
        let series = |line: &Line| Series { name: line.name.clone(), points: line.points.clone() };
        Plot {
            title: self.title.clone(),
            x: axis(&self.x),
            y: axis(&self.y),
            series: self.lines.iter().map(series).collect(),
        }
    }
}
