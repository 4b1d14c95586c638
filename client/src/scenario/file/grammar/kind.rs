//! Kinds of values: what may stand behind a key, in words for errors and documents.

use super::Shape;

/// What may stand behind a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Words on one line or more.
    Line,
    /// Words with holes.
    Text,
    Whole {
        min: u64,
        max: u64,
    },
    Flag,
    /// A length of time; `min_zero`: it may be zero.
    Time {
        min_zero: bool,
    },
    Spread,
    /// A rate, or one that goes from one to another.
    Ramp,
    ReadRate,
    Share,
    /// `64 B` or `[16 B, 200 B]`.
    Sized,
    /// `3` or `[1, 5]`.
    Counts,
    Quantile,
    Who,
    Room,
    Rooms,
    /// A name that is given here.
    NewName,
    /// A name that was given with `as`.
    Capture,
    /// One such name, a list, or `nothing`.
    Captures,
    Choice(&'static [&'static str]),
    ErrorCode,
    CloseCode,
    /// `m1.seq < m2.seq`
    Comparison,
    /// `[lost == 0, p99_ms <= 50]`
    Comparisons,
    /// `{posts_per_s: 1000}`
    Limits,
    /// How a population is spread over rooms.
    Sizes,
    Steps,
    Shape(&'static Shape),
    /// A map from names of one's own to this.
    Named(&'static Shape),
}

impl Kind {
    /// What is expected, as a part of a sentence.
    pub(crate) fn expected(self) -> String {
        let words = match self {
            Self::Line => "words",
            Self::Text => "a text; `{who}`, `{n}`, `{random}` and `{NAME.seq}` in it are filled in",
            Self::Whole { min, max: u64::MAX } => return format!("a whole number from {min}"),
            Self::Whole { min, max } => return format!("a whole number from {min} to {max}"),
            Self::Flag => "`true` or `false`",
            Self::Time { .. } => "a time such as `50 ms`, `2 s`, `5 min` or `1 h`",
            Self::Spread => {
                "a time such as `2 s`, or `{uniform: [1 s, 3 s]}`, `{exponential: 2 s}`, `{lognormal: {median: 2 s, p99: 20 s}}`"
            }
            Self::Ramp => "a rate such as `100/s`, `30/min` or `5/h`, or `{from: 10/s, to: 500/s}`",
            Self::ReadRate => "bytes a second, such as `800 B/s` or `10 KiB/s`",
            Self::Share => "a share such as `20%`",
            Self::Sized => "bytes such as `64 B` or `4 KiB`, or from one to another: `[16 B, 400 B]`",
            Self::Counts => "a whole number such as `3`, or from one to another: `[1, 5]`",
            Self::Quantile => "`p50`, `p99`, `p99.9` … or `max`",
            Self::Who => {
                "who of the cast, such as `ana`, `ana and bo`, `crowd`, `10% of crowd`, `everyone in lobby except eve`"
            }
            Self::Room => "a room's name",
            Self::Rooms => "a room's name, or a list: `[lobby, tea]`",
            Self::NewName => "a new name, such as `m1`",
            Self::Capture => "a name that an earlier step gave with `as`",
            Self::Captures => "a name that an earlier step gave with `as`, a list of such names, or `nothing`",
            Self::Choice(words) => {
                return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
            }
            Self::ErrorCode => "an error's code, such as `rate_limited`",
            Self::CloseCode => "a close code such as `1009`, or `any`",
            Self::Comparison => "a comparison such as `m1.seq < m2.seq` or `flood.refused >= 1`",
            Self::Comparisons => "a list of comparisons such as `[lost == 0, p99_ms <= 50]`",
            Self::Limits => "a map of limits, such as `{posts_per_s: 1000}`",
            Self::Sizes => "a number such as `10`, a list such as `[100, 50, 10]`, or `{power_law: 1}`",
            Self::Steps => "a list of steps",
            Self::Shape(shape) => return format!("a map with {}", keys(shape)),
            Self::Named(shape) => return format!("a map of names, each with {}", keys(shape)),
        };
        words.to_owned()
    }

    /// The same for a table of the documents.
    #[cfg(test)]
    pub(crate) fn noun(self) -> String {
        match self {
            Self::Line | Self::Text => "text".to_owned(),
            Self::Whole { .. } => "whole number".to_owned(),
            Self::Flag => "true, false".to_owned(),
            Self::Time { .. } => "time".to_owned(),
            Self::Spread => "time or distribution".to_owned(),
            Self::Ramp => "rate".to_owned(),
            Self::ReadRate => "bytes a second".to_owned(),
            Self::Share => "share".to_owned(),
            Self::Sized => "bytes".to_owned(),
            Self::Counts => "number or range".to_owned(),
            Self::Quantile => "quantile".to_owned(),
            Self::Who => "who".to_owned(),
            Self::Room => "room".to_owned(),
            Self::Rooms => "room or list".to_owned(),
            Self::NewName => "new name".to_owned(),
            Self::Capture => "capture".to_owned(),
            Self::Captures => "captures or `nothing`".to_owned(),
            Self::Choice(words) => words.join(", "),
            Self::ErrorCode => "error code".to_owned(),
            Self::CloseCode => "close code or `any`".to_owned(),
            Self::Comparison => "comparison".to_owned(),
            Self::Comparisons => "list of comparisons".to_owned(),
            Self::Limits => "map of limits".to_owned(),
            Self::Sizes => "number, list or `{power_law: N}`".to_owned(),
            Self::Steps => "list of steps".to_owned(),
            Self::Shape(_) => "map".to_owned(),
            Self::Named(_) => "map by name".to_owned(),
        }
    }
}

fn keys(shape: &Shape) -> String {
    shape.fields.iter().map(|field| format!("`{}`", field.name)).collect::<Vec<_>>().join(", ")
}
