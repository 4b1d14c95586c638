//! Printing what came from the network: never a character that a terminal would obey.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use hubbub_protocol::{
    Event,
    event::{Post, PostKind, Topic},
    id::UnixMs,
};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::safe::{is_unsafe, safe_line};

/// What the further lines of a post begin with.
const INDENT: &str = "    ";

/// An event of a log for people, without the last line feed; further lines are indented.
pub(super) fn human(event: &Event, zone: &TimeZone) -> Option<String> {
    match event {
        Event::Post(Post { at, from, kind, text, .. }) => {
            let mut shown = time(*at, zone);
            match kind {
                PostKind::Text | PostKind::Unknown => write!(shown, " {}: ", safe_line(from.as_str())),
                PostKind::Action => write!(shown, " * {} ", safe_line(from.as_str())),
            }
            .ok()?;
            let mut lines = text.split('\n');
            shown.push_str(&safe_line(lines.next().unwrap_or_default()));
            for line in lines {
                shown.push('\n');
                shown.push_str(INDENT);
                shown.push_str(&safe_line(line));
            }
            Some(shown)
        }
        Event::Topic(Topic { at, from, topic, .. }) => {
            let (time, from, topic) = (time(*at, zone), safe_line(from.as_str()), safe_line(topic));
            Some(if topic.is_empty() {
                format!("{time} * {from} removed the topic")
            } else {
                format!("{time} * {from} set the topic: {topic}")
            })
        }
        Event::Typing(_) | Event::Presence(_) | Event::Lagged(_) | Event::Goodbye(_) | Event::Unknown(_) => None,
    }
}

fn time(at: UnixMs, zone: &TimeZone) -> String {
    let stamp = i64::try_from(at).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(
        || "????-??-?? ??:??:??".to_owned(),
        |stamp| stamp.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// A value as one line of JSON, safe for a terminal too: what it would obey is escaped.
pub(super) fn json(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string(value)?;
    if !text.contains(is_unsafe) {
        return Ok(text);
    }
    // Outside of strings JSON as it is written here has no such character.
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) {
            write!(shown, "\\u{:04x}", u32::from(c)).map_err(io::Error::other)?;
        } else {
            shown.push(c);
        }
    }
    Ok(shown)
}

/// Prints a line, at once: whoever reads it may be a program that waits for it.
pub(super) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use hubbub_protocol::{Nick, RoomName};

    use super::*;

    fn post(kind: PostKind, text: &str) -> Event {
        Event::Post(Post {
            room: RoomName::parse("lobby").expect("a room"),
            seq: 1,
            at: 1_795_428_131_000,
            user: 1,
            from: Nick::parse("ana").expect("a nick"),
            kind,
            text: text.to_owned(),
            nonce: "n".to_owned(),
        })
    }

    #[test]
    fn a_post_is_one_line_with_its_time_and_further_lines_are_indented() {
        let shown = |event| human(&event, &TimeZone::UTC).expect("a log event");
        assert_eq!(shown(post(PostKind::Text, "hi")), "2026-11-23 10:02:11 ana: hi");
        assert_eq!(shown(post(PostKind::Action, "waves")), "2026-11-23 10:02:11 * ana waves");
        assert_eq!(shown(post(PostKind::Text, "a\n\nb")), "2026-11-23 10:02:11 ana: a\n    \n    b");
    }

    #[test]
    fn what_a_terminal_would_obey_is_made_visible() {
        let shown = human(&post(PostKind::Text, "a\u{1b}[2J\nb\u{202e}\u{9b}c"), &TimeZone::UTC).expect("a log event");
        assert_eq!(shown, "2026-11-23 10:02:11 ana: a␛[2J\n    b<U+202E><U+009B>c");
    }

    #[test]
    fn json_is_safe_and_still_the_same_value() {
        let event = post(PostKind::Text, "a\n\u{1b}\u{9b}\u{202e}\u{7f}b");
        let text = json(&event).expect("a line");
        assert!(!text.contains(is_unsafe), "{text}");
        assert_eq!(serde_json::from_str::<Event>(&text).expect("an event"), event);
    }
}
