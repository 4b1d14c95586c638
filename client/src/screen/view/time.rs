//! Times and days as people read them.

use hubbub_protocol::id::UnixMs;
use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};

/// The moment in the user's time zone; the ends of time for numbers that no clock shows.
fn zoned(at: UnixMs, zone: &TimeZone) -> Zoned {
    let ms = i64::try_from(at).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX).to_zoned(zone.clone())
}

/// Hours and minutes.
pub(crate) fn clock(at: UnixMs, zone: &TimeZone) -> String {
    let moment = zoned(at, zone);
    format!("{:02}:{:02}", moment.hour(), moment.minute())
}

/// The day.
pub(crate) fn day(at: UnixMs, zone: &TimeZone) -> Date {
    zoned(at, zone).date()
}

/// The day as people say it.
pub(crate) fn day_name(date: Date, today: Date) -> String {
    if date == today {
        return date.strftime("Today, %-d %B").to_string();
    }
    if date.tomorrow().is_ok_and(|next| next == today) {
        return date.strftime("Yesterday, %-d %B").to_string();
    }
    date.strftime("%A, %-d %B %Y").to_string()
}

/// When the next day begins; `None` at the end of time.
pub(crate) fn next_midnight(now: UnixMs, zone: &TimeZone) -> Option<UnixMs> {
    let next = zoned(now, zone).tomorrow().ok()?.start_of_day().ok()?;
    u64::try_from(next.timestamp().as_millisecond()).ok().filter(|next| *next > now)
}

/// How long ago or ahead, roughly.
pub(crate) fn span(ms: u64) -> String {
    let seconds = ms.div_ceil(1_000);
    match seconds {
        0..=90 => format!("{seconds} s"),
        91..=5_400 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3_600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_said_as_people_say_them() {
        let today = Date::new(2026, 9, 24).expect("a day");
        assert_eq!(day_name(today, today), "Today, 24 September");
        assert_eq!(day_name(today.yesterday().expect("a day"), today), "Yesterday, 23 September");
        assert_eq!(day_name(Date::new(2026, 1, 2).expect("a day"), today), "Friday, 2 January 2026");
    }

    #[test]
    fn no_number_is_too_large_to_be_a_time() {
        assert_eq!(clock(u64::MAX, &TimeZone::UTC).len(), 5);
        assert_eq!(clock(0, &TimeZone::UTC), "00:00");
        assert_eq!(span(5_001), "6 s");
        assert_eq!(span(600_000), "10 min");
    }
}
