//! Numbers as people read them: three digits that count, a unit, never `NaN`.
//!
//! Between number and unit is a no-break space, so that no line ends there; on a terminal it becomes a plain one.

/// What stands in the place of a number that there is none of.
pub(super) const NONE: &str = "–";

/// A time, from microseconds: `0 µs`, `812 µs`, `12.3 ms`, `4.21 s`, `2 min 5 s`.
pub(super) fn time_us(us: f64) -> String {
    if !us.is_finite() {
        return NONE.to_owned();
    }
    match us.abs() {
        size if size < 999.5 => format!("{us:.0}\u{a0}µs"),
        size if size < 999_500.0 => format!("{}\u{a0}ms", three(us / 1e3)),
        size if size < 59.995e6 => format!("{}\u{a0}s", three(us / 1e6)),
        _ => long(us / 1e6),
    }
}

/// The same, from milliseconds.
pub(super) fn time_ms(ms: f64) -> String {
    if ms == 0.0 { "0\u{a0}s".to_owned() } else { time_us(ms * 1e3) }
}

/// A minute and more.
fn long(seconds: f64) -> String {
    let (sign, seconds) = if seconds < 0.0 { ("-", -seconds) } else { ("", seconds) };
    let whole = seconds.round();
    let (hours, minutes, rest) = ((whole / 3600.0).floor(), (whole / 60.0).floor() % 60.0, whole % 60.0);
    if hours >= 1.0 {
        format!("{sign}{hours:.0}\u{a0}h {minutes:.0}\u{a0}min")
    } else {
        format!("{sign}{minutes:.0}\u{a0}min {rest:.0}\u{a0}s")
    }
}

/// A count: exact with commas below a million, `1.23 M` above.
pub(super) fn count(n: u64) -> String {
    if n < 1_000_000 { commas(n) } else { large(n as f64) }
}

/// So many a second: `0.50/s`, `850/s`, `12,300/s`, `1.20 M/s`.
pub(super) fn rate(per_s: f64) -> String {
    if per_s.is_finite() { format!("{}/s", large(per_s)) } else { NONE.to_owned() }
}

/// A number without a unit, as short as it can be read.
pub(super) fn large(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    match value.abs() {
        size if size < 999.5 => plain(value),
        size if size < 999_500.0 => {
            let unit = if size < 9_995.0 { 10.0 } else { 100.0 };
            let sign = if value < 0.0 { "-" } else { "" };
            format!("{sign}{}", commas(((size / unit).round() * unit) as u64))
        }
        size if size < 999.5e6 => format!("{}\u{a0}M", three(value / 1e6)),
        _ => format!("{}\u{a0}G", three(value / 1e9)),
    }
}

/// Three digits that count, but whole numbers whole.
pub(super) fn plain(value: f64) -> String {
    if !value.is_finite() {
        NONE.to_owned()
    } else if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value:.0}")
    } else {
        three(value)
    }
}

/// Memory and traffic: `812 B`, `18.2 MiB`.
pub(super) fn bytes(bytes: f64) -> String {
    if !bytes.is_finite() {
        return NONE.to_owned();
    }
    let mut value = bytes;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value.abs() < 999.5 {
            return format!("{}\u{a0}{unit}", if unit == "B" { format!("{value:.0}") } else { plain(value) });
        }
        value /= 1024.0;
    }
    format!("{}\u{a0}TiB", plain(value))
}

/// A share of one, in percent: `0.42 %`, `61 %`.
pub(super) fn percent(share: f64) -> String {
    if !share.is_finite() {
        return NONE.to_owned();
    }
    let percent = share * 100.0;
    if percent.abs() >= 9.95 {
        format!("{percent:.0}\u{a0}%")
    } else {
        format!("{}\u{a0}%", short(&format!("{percent:.1}")))
    }
}

/// `1.0` is `1`.
fn short(text: &str) -> &str {
    text.strip_suffix(".0").unwrap_or(text)
}

/// Three digits that count.
fn three(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.0995 => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.3}"),
    }
}

/// A count with all its digits.
pub(crate) fn commas(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 person`, `2 people`.
pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{}\u{a0}{}", count(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With plain spaces, as a person types them.
    fn typed(text: &str) -> String {
        text.replace('\u{a0}', " ")
    }

    #[test]
    fn times_have_three_digits_and_the_unit_that_suits_them() {
        let of = |us: f64| typed(&time_us(us));
        assert_eq!(of(0.0), "0 µs");
        assert_eq!(of(812.4), "812 µs");
        assert_eq!(of(999.6), "1.00 ms");
        assert_eq!(of(12_345.0), "12.3 ms");
        assert_eq!(of(99_960.0), "100 ms");
        assert_eq!(of(4_210_000.0), "4.21 s");
        assert_eq!(of(59_999_000.0), "1 min 0 s");
        assert_eq!(of(125e6), "2 min 5 s");
        assert_eq!(of(7_500e6), "2 h 5 min");
        assert_eq!(typed(&time_ms(0.0)), "0 s");
        assert_eq!(typed(&time_ms(500.0)), "500 ms");
    }

    #[test]
    fn counts_are_exact_as_long_as_that_can_be_read() {
        assert_eq!(typed(&count(0)), "0");
        assert_eq!(typed(&count(1_234)), "1,234");
        assert_eq!(typed(&count(999_999)), "999,999");
        assert_eq!(typed(&count(1_234_567)), "1.23 M");
        assert_eq!(typed(&rate(0.5)), "0.50/s");
        assert_eq!(typed(&rate(12_345.6)), "12,300/s");
        assert_eq!(typed(&rate(1_999_400.0)), "2.00 M/s");
        assert_eq!(typed(&bytes(1_536.0)), "1.50 KiB");
        assert_eq!(typed(&bytes(64.0 * 1_048_576.0)), "64 MiB");
        assert_eq!(typed(&percent(0.614)), "61 %");
        assert_eq!(typed(&percent(0.0042)), "0.4 %");
        assert_eq!(typed(&counted(1, "person", "people")), "1 person");
    }

    #[test]
    fn what_is_no_number_is_a_dash() {
        for shown in [time_us(f64::NAN), time_ms(f64::INFINITY), rate(f64::NAN), large(f64::NAN), percent(f64::NAN)] {
            assert_eq!(shown, NONE);
        }
        assert_eq!((plain(f64::NAN), bytes(f64::NEG_INFINITY)), (NONE.to_owned(), NONE.to_owned()));
    }
}
