//! What the bench says: rows of ratios, each with what is to be reached.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reach {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
    /// It is told, and nothing is asked of it.
    Told,
}

impl Reach {
    /// Whether a figure is what it must be.
    pub(crate) fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
            Self::Told => true,
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The load.
    pub(crate) case: String,
    /// What was measured of it.
    pub(crate) measure: String,
    /// Hubbub's own figure, for people: with its unit.
    pub(crate) hubbub: String,
    /// What it is compared with.
    pub(crate) baseline: String,
    /// The figure that is judged, mostly Hubbub's as a part of the baseline's: the median of all rounds.
    pub(crate) figure: f64,
    /// The figure of each round.
    pub(crate) rounds: Vec<f64>,
    /// What it must be.
    pub(crate) reach: Reach,
    /// The naive example's figure as a part of the same baseline's, where it was measured.
    pub(crate) naive: Option<f64>,
    /// What the figures were made of, round by round: by whose it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) values: BTreeMap<String, Vec<f64>>,
}

impl Row {
    /// A figure for each round.
    pub(crate) fn new(case: impl Into<String>, measure: impl Into<String>, reach: Reach, rounds: Vec<f64>) -> Self {
        let (hubbub, baseline, values) = Default::default();
        let (case, measure, figure) = (case.into(), measure.into(), median(&rounds));
        Self { case, measure, hubbub, baseline, figure, rounds, reach, naive: None, values }
    }

    /// What stands beside it: Hubbub's own figure, and what it is compared with.
    pub(crate) fn beside(mut self, hubbub: impl Into<String>, baseline: impl Into<String>) -> Self {
        (self.hubbub, self.baseline) = (hubbub.into(), baseline.into());
        self
    }

    /// The figure is Hubbub's own, in a unit.
    pub(crate) fn own(self, decimals: usize, unit: &str) -> Self {
        let told = format!("{:.decimals$} {unit}", self.figure);
        self.beside(told, "")
    }

    /// The naive example's figure.
    pub(crate) fn with_naive(self, figure: f64) -> Self {
        Self { naive: Some(figure), ..self }
    }

    /// What the figures were made of.
    pub(crate) fn made_of<const N: usize>(mut self, values: [(&str, &[f64]); N]) -> Self {
        self.values.extend(values.map(|(whose, values)| (whose.to_owned(), values.to_vec())));
        self
    }

    /// Whether the figure is what it must be.
    pub(crate) fn holds(&self) -> bool {
        self.reach.holds(self.figure)
    }
}

/// The middle one of some figures; the upper one of two.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Those rows that were measured with the naive example, too, and are judged: the short form for the front page.
pub(crate) fn short_table(rows: &[Row]) -> String {
    let mut text =
        String::from("| server CPU per delivery | Hubbub : floor | naive : floor |\n| --- | ---: | ---: |\n");
    for row in rows.iter().filter(|row| row.measure == "server CPU per delivery" && row.reach != Reach::Told) {
        if let Some(naive) = row.naive {
            text += &format!("| {} | {:.2} | {naive:.2} |\n", row.case, row.figure);
        }
    }
    text
}

/// All rows as a table in Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| load | measured | Hubbub | baseline | figure | from–to | to reach | | naive |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: |\n",
    );
    for row in rows {
        let reach = match row.reach {
            Reach::AtMost(most) => format!("≤ {most}"),
            Reach::AtLeast(least) => format!("≥ {least}"),
            Reach::Told => "–".to_owned(),
        };
        let verdict = match (row.reach, row.holds()) {
            (Reach::Told, _) => "",
            (_, true) => "held",
            (_, false) => "**missed**",
        };
        let least = row.rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = row.rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let naive = row.naive.map(|naive| format!("{naive:.2}")).unwrap_or_default();
        let Row { case, measure, hubbub, baseline, figure, .. } = row;
        text += &format!(
            "| {case} | {measure} | {hubbub} | {baseline} | {figure:.2} | {least:.2}–{most:.2} | {reach} | {verdict} | {naive} |\n"
        );
    }
    text
}
