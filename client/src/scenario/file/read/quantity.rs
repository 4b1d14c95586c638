//! Quantities from words: times, rates, sizes, shares. Who forgets or mistakes a unit is told the right one.

use std::time::Duration;

use super::field::Wrong;
use crate::scenario::file::unit::Rate;

/// The longest time that can be asked for.
const TIME_MAX: Duration = Duration::from_hours(24);

/// The highest rate, a second.
const RATE_MAX: f64 = 1e7;

/// The largest post, in bytes.
pub(super) const SIZE_BYTES_MAX: u32 = 1 << 20;

const TIME_UNITS: &[(&str, f64)] =
    &[("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3600.0)];
const RATE_UNITS: &[(&str, f64)] = &[("/s", 1.0), ("/min", 60.0), ("/h", 3600.0)];
const BYTE_UNITS: &[(&str, f64)] = &[("B", 1.0), ("KiB", 1024.0), ("MiB", 1_048_576.0)];

/// How people write units that are written otherwise here.
const MISTAKEN: &[(&str, &str)] = &[
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("S", "s"),
    ("m", "min"),
    ("mins", "min"),
    ("minute", "min"),
    ("minutes", "min"),
    ("M", "min"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("H", "h"),
    ("msec", "ms"),
    ("millis", "ms"),
    ("milliseconds", "ms"),
    ("MS", "ms"),
    ("usec", "us"),
    ("micros", "us"),
    ("/sec", "/s"),
    ("/second", "/s"),
    ("per second", "/s"),
    ("per s", "/s"),
    ("hz", "/s"),
    ("Hz", "/s"),
    ("rps", "/s"),
    ("/m", "/min"),
    ("/minute", "/min"),
    ("per minute", "/min"),
    ("/hour", "/h"),
    ("per hour", "/h"),
    ("b", "B"),
    ("byte", "B"),
    ("bytes", "B"),
    ("k", "KiB"),
    ("K", "KiB"),
    ("kb", "KiB"),
    ("kB", "KiB"),
    ("KB", "KiB"),
    ("kib", "KiB"),
    ("M", "MiB"),
    ("mb", "MiB"),
    ("MB", "MiB"),
    ("mib", "MiB"),
];

/// A number at the begin of the text, and what follows it. `_` may stand between digits.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let value = digits.replace('_', "").parse::<f64>().ok().filter(|value| value.is_finite())?;
    digits.starts_with(|c: char| c.is_ascii_digit()).then_some((value, rest.trim_start()))
}

/// A number with one of these units, in the first one's measure.
fn measure(text: &str, what: &str, units: &[(&str, f64)], example: &str) -> Result<(f64, f64), Wrong> {
    let listed =
        || units.iter().filter(|(unit, _)| *unit != "µs").map(|(unit, _)| *unit).collect::<Vec<_>>().join(", ");
    let Some((value, rest)) = split(text) else {
        return Err(Wrong::new(format!("`{text}` is no {what}"), format!("write a number and a unit: {example}")));
    };
    let unit = if rest.starts_with('/') { rest.replace(' ', "") } else { rest.to_owned() };
    if let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) {
        return Ok((value, *factor));
    }
    let number = &text.trim()[..text.trim().len() - rest.len()].trim_end();
    let join = if units == RATE_UNITS { "" } else { " " };
    if unit.is_empty() {
        // Those that are rarely meant need not be shown.
        let usual = units.iter().filter(|(unit, _)| !matches!(*unit, "ns" | "us" | "µs" | "h"));
        let choices: Vec<String> = usual.map(|(unit, _)| format!("`{number}{join}{unit}`")).collect();
        let last = choices.len().saturating_sub(1);
        let help = format!("write {} or {}", choices[..last].join(", "), choices[last]);
        return Err(Wrong::new(format!("`{text}` has no unit"), help));
    }
    let meant = MISTAKEN
        .iter()
        .find(|(wrong, right)| *wrong == unit && units.iter().any(|(name, _)| name == right))
        .map(|(_, right)| *right);
    let help = match meant {
        Some(right) => format!("write `{number}{join}{right}`; the units are {}", listed()),
        None => format!("the units are {}: {example}", listed()),
    };
    Err(Wrong::new(format!("`{unit}` is no unit of {what}"), help))
}

/// `50 ms`
pub(super) fn time(text: &str, min_zero: bool) -> Result<Duration, Wrong> {
    if matches!(split(text), Some((value, "")) if value == 0.0) && min_zero {
        return Ok(Duration::ZERO);
    }
    let (value, factor) = measure(text, "time", TIME_UNITS, "`50 ms`, `2 s`, `5 min`")?;
    let too_long = || Wrong::new(format!("`{text}` is too long"), "a time is at most 24 h");
    let time = Duration::try_from_secs_f64(value * factor).map_err(|_| too_long())?;
    if time > TIME_MAX {
        return Err(too_long());
    }
    if time.is_zero() && !min_zero {
        return Err(Wrong::new("this time must be more than 0", ""));
    }
    Ok(time)
}

/// `100/s`
pub(super) fn rate(text: &str) -> Result<Rate, Wrong> {
    let (value, factor) = measure(text, "rate", RATE_UNITS, "`100/s`, `30/min`, `5/h`")?;
    let per_s = value / factor;
    if per_s <= 0.0 {
        return Err(Wrong::new("a rate must be more than 0", ""));
    }
    if per_s > RATE_MAX {
        return Err(Wrong::new(format!("`{text}` is too fast"), format!("a rate is at most {RATE_MAX:.0}/s")));
    }
    Ok(Rate(per_s))
}

fn bytes(text: &str) -> Result<f64, Wrong> {
    let (value, factor) = measure(text, "size", BYTE_UNITS, "`64 B`, `4 KiB`")?;
    let bytes = value * factor;
    if bytes.fract() != 0.0 {
        return Err(Wrong::new(format!("`{text}` is no whole number of bytes"), ""));
    }
    if bytes < 1.0 {
        return Err(Wrong::new("a size must be at least 1 B", ""));
    }
    Ok(bytes)
}

/// `4 KiB`
pub(super) fn size(text: &str) -> Result<u32, Wrong> {
    let bytes = bytes(text)?;
    if bytes > f64::from(SIZE_BYTES_MAX) {
        return Err(Wrong::new(format!("`{text}` is too large"), "a post has at most 1 MiB"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of at most 1 MiB")]
    Ok(bytes as u32)
}

/// `10 KiB/s`
pub(super) fn read_rate(text: &str) -> Result<u64, Wrong> {
    let Some((amount, "s")) = text.rsplit_once('/').map(|(amount, unit)| (amount.trim(), unit.trim())) else {
        return Err(Wrong::new(format!("`{text}` is no number of bytes a second"), "write `800 B/s` or `10 KiB/s`"));
    };
    let bytes = bytes(amount)?;
    if bytes > 1e12 {
        return Err(Wrong::new(format!("`{text}` is too fast"), ""));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of at most 10¹²")]
    Ok(bytes as u64)
}

/// `20%`, as a share from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, Wrong> {
    match split(text) {
        Some((value, "%")) if value <= 100.0 => Ok(value / 100.0),
        Some((_, "%")) => Err(Wrong::new(format!("`{text}` is more than everything"), "a share is at most 100%")),
        Some((value, "")) if value <= 1.0 => {
            Err(Wrong::new("a share is written in percent", format!("write `{}%`", value * 100.0)))
        }
        Some((value, "")) => Err(Wrong::new("a share is written in percent", format!("write `{value}%`"))),
        _ => Err(Wrong::new(format!("`{text}` is no share"), "write a percentage: `20%`")),
    }
}

/// `p99` or `max`, as a share from 0 to 1.
pub(super) fn quantile(text: &str) -> Result<f64, Wrong> {
    if text == "max" {
        return Ok(1.0);
    }
    match text.strip_prefix('p').and_then(split) {
        Some((value, "")) if value > 0.0 && value <= 100.0 => Ok(value / 100.0),
        _ => Err(Wrong::new(format!("`{text}` is no quantile"), "write `p50`, `p99`, `p99.9` … or `max`")),
    }
}

/// A whole number in a range.
pub(super) fn whole(text: &str, min: u64, max: u64) -> Result<u64, Wrong> {
    let bounds = if max == u64::MAX { format!("from {min}") } else { format!("from {min} to {max}") };
    let help = format!("a whole number {bounds}");
    let digits = text.trim().replace('_', "");
    match digits.parse::<u64>() {
        Ok(value) if (min..=max).contains(&value) => Ok(value),
        Ok(_) => Err(Wrong::new(format!("{digits} is out of range"), help)),
        Err(_) if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) => {
            Err(Wrong::new(format!("{digits} is out of range"), help))
        }
        Err(_) => Err(Wrong::new(format!("`{text}` is no whole number"), help)),
    }
}
