//! Numbers and columns as people read them in a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A count with commas: `18,000`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 room`, `2,000 rooms`.
pub(super) fn some(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A size: `812 B`, `18.2 KiB`, `4.0 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1_024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if size < 1_000.0 {
            break;
        }
        (size, unit) = (size / 1_024.0, next);
    }
    format!("{size:.1} {unit}")
}

/// A time from microseconds: `812 µs`, `12.3 ms`, `4.2 s`, `2 min 5 s`, `3 h 12 min`, `5 d 3 h`.
pub(super) fn time_us(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        1_000_000..60_000_000 => format!("{:.1} s", us as f64 / 1e6),
        _ => long(us / 1_000_000),
    }
}

/// The same from milliseconds: `812 ms`, `4.2 s`.
pub(super) fn time_ms(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { time_us(ms.saturating_mul(1_000)) }
}

/// The same, as short as a column wants it: `4.2 s`, `3 h`.
pub(super) fn about_us(us: u64) -> String {
    match us / 60_000_000 {
        0 => time_us(us),
        minutes @ 1..60 => format!("{minutes} min"),
        minutes @ 60..2_880 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / 1_440),
    }
}

/// The same from milliseconds.
pub(super) fn about_ms(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { about_us(ms.saturating_mul(1_000)) }
}

/// A minute and more, from seconds.
fn long(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {} s", seconds % 60),
        (0, hours) => format!("{hours} h {} min", minutes % 60),
        (days, hours) => format!("{days} d {} h", hours % 24),
    }
}

/// A word cut to so many cells of a terminal, with `…` where it was cut; what could confuse one is left out.
pub(super) fn cut(word: &str, cells_max: usize) -> String {
    let mut text: String = word.chars().filter(|c| !c.is_control()).collect();
    if text.width() > cells_max {
        while text.width() >= cells_max.max(1) {
            text.pop();
        }
        text.push('…');
    }
    // A mark that stands on nothing would join the cell before it.
    if text.chars().next().is_some_and(|first| first.width() == Some(0)) {
        text.insert(0, '◌');
    }
    text
}

/// A table: a head and rows, each column as wide as it must be. A head that begins with `<` stands left, else right.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let names: Vec<String> = head.iter().map(|column| column.trim_start_matches('<').to_owned()).collect();
    let all = || std::iter::once(&names).chain(rows);
    let widest = |at: usize| all().filter_map(|row| row.get(at)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(widest).collect();
    let mut text = String::new();
    for row in all() {
        let mut line = String::new();
        for ((cell, column), width) in row.iter().zip(head).zip(&widths) {
            let gap = " ".repeat(width.saturating_sub(cell.width()));
            let (before, behind) = if column.starts_with('<') { ("", gap.as_str()) } else { (gap.as_str(), "") };
            line.extend(["  ", before, cell, behind]);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_count_and_a_unit() {
        assert_eq!([0, 1, 2].map(|number| some(number, "room")), ["0 rooms", "1 room", "2 rooms"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 1_023, 1_024, 262_144, 1_022_976, 5 << 30].map(bytes),
            ["0 B", "1023 B", "1.0 KiB", "256.0 KiB", "999.0 KiB", "5.0 GiB"]
        );
        assert_eq!([7, 1_500, 4_200_000, 125_000_000].map(time_us), ["7 µs", "1.5 ms", "4.2 s", "2 min 5 s"]);
        assert_eq!([7, 125_000_000, 11_520_000_000, 442_800_000_000].map(about_us), ["7 µs", "2 min", "3 h", "5 d"]);
        assert_eq!([22, 1_500].map(about_ms), ["22 ms", "1.5 s"]);
        assert_eq!([812, 11_520_000, 442_800_000].map(time_ms), ["812 ms", "3 h 12 min", "5 d 3 h"]);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_and_long_words_are_cut() {
        let rows = [vec!["lobby".to_owned(), "7".to_owned()], vec![cut("a-very-long-name", 8), "1,000".to_owned()]];
        assert_eq!(table(&["<room", "seq"], &rows), "  room        seq\n  lobby         7\n  a-very-…  1,000\n");
        assert_eq!(cut("a\u{1b}[31m", 9), "a[31m");
    }
}
