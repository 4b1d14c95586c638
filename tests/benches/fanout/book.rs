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
    row::{Reach, Row, median, short_table, table},
};

/// Cases in which a post has few readers, and how many, so that to store it is seen.
const STORED: [(&str, f64); 2] = [("groups", 10.0), ("pairs", 2.0)];

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
    /// Turns that do not count, because the host took the machine away.
    #[serde(default)]
    pub(crate) left_out: usize,
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

    /// With so many turns that do not count.
    pub(crate) fn without(self, left_out: usize) -> Self {
        Self { left_out, ..self }
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

    /// What it costs that posts are stored: the naive example with SQLite alone, and Hubbub without its store.
    fn durability(&self) -> String {
        let mut text = String::from(
            "| server CPU per delivery, in floors | to reach | naive | naive, and SQLite alone for each post | Hubbub \
             | … without its store |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
        );
        let row_of = |case: &str| self.cases.get(case).map(|found| found.rows.as_slice()).unwrap_or_default().first();
        let values = |row: &Row, whose: &str| row.values.get(whose).map(|values| median(values));
        let sqlite_us = row_of("posts").and_then(|row| values(row, "sqlite_per_s")).map(|per_s| 1e6 / per_s);
        let profiles = || self.cases.values().flat_map(|found| &found.profiles);
        for (case, readers) in STORED {
            let Some(row) = row_of(case) else { continue };
            let floor_us = values(row, "floor");
            let stored = sqlite_us.zip(floor_us).map(|(sqlite_us, floor_us)| sqlite_us / readers / floor_us);
            let profile = profiles().find(|profile| row.case.starts_with(&profile.load));
            let store = profile.map(|profile| {
                let shares = profile.shares.iter().filter(|(part, _)| part.starts_with("store: "));
                shares.map(|(_, share)| share).sum::<f64>()
            });
            let told = |figure: Option<f64>| figure.map_or("–".to_owned(), |figure| format!("{figure:.2}"));
            let reach = if let Reach::AtMost(most) = row.reach { format!("≤ {most}") } else { String::new() };
            text += &format!(
                "| {} | {reach} | {} | {} | {:.2} | {} |\n",
                row.case,
                told(row.naive),
                told(row.naive.zip(stored).map(|(naive, stored)| naive + stored)),
                row.figure,
                told(store.map(|store| row.figure * (1.0 - store))),
            );
        }
        text
    }

    /// Where and when what was measured.
    fn measured(&self) -> String {
        let mut by: BTreeMap<&Measured, Vec<String>> = BTreeMap::new();
        for case in CASES {
            let Some(found) = self.cases.get(case.name) else { continue };
            let left_out =
                if found.left_out > 0 { format!(" (turns left out: {})", found.left_out) } else { String::new() };
            if let Some(measured) = &found.measured {
                by.entry(measured).or_default().push(format!("{}{left_out}", case.name));
            }
        }
        let line = |(Measured { on, machine, rounds, is_quick }, cases): (&Measured, Vec<String>)| {
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
        document::put(&page, "fanout-durability", &self.durability())?;
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
