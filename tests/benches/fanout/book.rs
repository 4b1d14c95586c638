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
    load::Kept,
    plot::{Axis, Plot, Scale, Series},
};
use serde::{Deserialize, Serialize};

use crate::{
    case::{CASES, PARTS},
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
    /// What was checked of the promises, where something is posted.
    #[serde(default)]
    pub(crate) kept: Option<Kept>,
    /// Where the time goes, where that was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) profiles: Vec<Profile>,
    /// Pictures that are made at once, by the names of their files.
    #[serde(skip)]
    pub(crate) pictures: Vec<(String, String)>,
    /// Where and when.
    #[serde(default)]
    pub(crate) measured: Option<Measured>,
}

/// Where, when and how a case was measured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// The day, in UTC.
    pub(crate) on: String,
    pub(crate) machine: String,
    /// How many rounds were asked for.
    pub(crate) rounds: usize,
    /// Whether it was a short run, to see that everything works.
    pub(crate) is_quick: bool,
}

impl Found {
    /// Lines of the table, and no plot.
    pub(crate) fn of(rows: Vec<Row>) -> Self {
        Self { rows, ..Self::default() }
    }

    /// With a plot.
    pub(crate) fn drawn(self, drawing: Drawing) -> Self {
        Self { drawing: Some(drawing), ..self }
    }

    /// With what was checked of the promises.
    pub(crate) fn and_kept(self, kept: Kept) -> Self {
        Self { kept: Some(kept), ..self }
    }
}

/// Where a server's time goes under a load.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The load.
    pub(crate) load: String,
    /// Server CPU for a delivery, in microseconds.
    pub(crate) cpu_us: f64,
    /// The floor's.
    pub(crate) floor_us: f64,
    /// Samples.
    pub(crate) samples: usize,
    /// Which part of them is whose.
    pub(crate) shares: BTreeMap<String, f64>,
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
    pub(crate) fn enter(&mut self, case: &str, found: Found, measured: Measured) {
        self.cases.insert(case.to_owned(), Found { measured: Some(measured), ..found });
    }

    /// What was checked of the promises in each case, as a table in Markdown.
    fn promises(&self) -> String {
        let mut text = String::from(
            "| case | deliveries, contents checked | bytes counted | kills | posts acknowledged before | others, sent or \
             about to be | of these stored | in the logs at the end, once each |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        let line = |name: &str, kept: Kept| {
            let Kept { checked, counted, kills, acknowledged, open, stored_open, stored } = kept;
            format!(
                "| {name} | {checked} | {counted} | {kills} | {acknowledged} | {open} | {stored_open} | {stored} |\n"
            )
        };
        let mut all = Kept::default();
        for case in CASES {
            if let Some(kept) = self.cases.get(case.name).and_then(|found| found.kept) {
                text += &line(case.name, kept);
                all += kept;
            }
        }
        text + &line("all", all)
    }

    /// Where the time goes, in parts of what a delivery costs the floor.
    fn profile(&self) -> String {
        let profiles: Vec<&Profile> = self.cases.values().flat_map(|found| &found.profiles).collect();
        let line = |name: &str, cell: &dyn Fn(&Profile) -> String| {
            let cells: Vec<String> = profiles.iter().map(|profile| cell(profile)).collect();
            format!("| {name} | {} |\n", cells.join(" | "))
        };
        let mut text = line("in floors (of all)", &|profile| profile.load.clone());
        text += &line("---", &|_| "---:".to_owned());
        for part in PARTS {
            text += &line(part, &|profile| {
                let share = profile.shares.get(part).copied().unwrap_or(0.0);
                format!("{:.2} ({:.0} %)", share * profile.cpu_us / profile.floor_us, share * 100.0)
            });
        }
        text += &line("all", &|profile| format!("{:.2}", profile.cpu_us / profile.floor_us));
        text + &line("samples", &|profile| profile.samples.to_string())
    }

    /// Where and when what was measured.
    fn measured(&self) -> String {
        let mut by: BTreeMap<&Measured, Vec<&str>> = BTreeMap::new();
        for case in CASES {
            if let Some(measured) = self.cases.get(case.name).and_then(|found| found.measured.as_ref()) {
                by.entry(measured).or_default().push(case.name);
            }
        }
        let line = |(Measured { on, machine, rounds, is_quick }, cases): (&Measured, Vec<&str>)| {
            let quick = if *is_quick { ", **quick**" } else { "" };
            format!("- {on}, {machine}, `--rounds {rounds}`{quick}: {}.\n", cases.join(", "))
        };
        by.into_iter().map(line).collect()
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
            for (name, picture) in &found.pictures {
                fs::write(docs().join(format!("figures/{name}.svg")), picture)?;
            }
            if let Some(drawing) = &found.drawing {
                fs::write(docs().join(format!("figures/{}.svg", case.name)), drawing.plot().svg())?;
            }
        }
        let page = docs().join("PERFORMANCE.md");
        document::put(&page, "fanout", &table(&all))?;
        document::put(&page, "fanout-promises", &self.promises())?;
        document::put(&page, "fanout-measured", &self.measured())?;
        document::put(&page, "fanout-profile", &self.profile())?;
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
