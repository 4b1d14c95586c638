//! Printing what came from the network: never a character that a terminal would obey.

use std::{
    borrow::Cow,
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

/// What the further lines of a post begin with.
const INDENT: &str = "    ";

/// Whether a terminal could take the character for an order, or for another reading direction.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text with everything that a terminal would obey made visible: ESC as `^[`, others as `\u{202e}`.
pub(super) fn safe(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\u{7f}' => shown.push_str("^?"),
            '\0'..='\u{1f}' => {
                shown.push('^');
                shown.push(char::from((c as u8) ^ 0x40));
            }
            c if is_unsafe(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// An event of a log for people, without the last line feed; further lines are indented.
pub(super) fn human(event: &Event, zone: &TimeZone) -> Option<String> {
    match event {
        Event::Post(Post { at, from, kind, text, .. }) => {
            let mut shown = time(*at, zone);
            match kind {
                PostKind::Text | PostKind::Unknown => write!(shown, " {}: ", safe(from.as_str())),
                PostKind::Action => write!(shown, " * {} ", safe(from.as_str())),
            }
            .ok()?;
            let mut lines = text.split('\n');
            shown.push_str(&safe(lines.next().unwrap_or_default()));
            for line in lines {
                shown.push('\n');
                shown.push_str(INDENT);
                shown.push_str(&safe(line));
            }
            Some(shown)
        }
        Event::Topic(Topic { at, from, topic, .. }) => {
            let (time, from, topic) = (time(*at, zone), safe(from.as_str()), safe(topic));
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
        assert_eq!(safe("plain ä 日本 👍"), "plain ä 日本 👍");
        assert_eq!(safe("\u{1b}[2J\u{7}\r\u{7f}"), "^[[2J^G^M^?");
        assert_eq!(safe("\u{9b}2J \u{202e}abc"), "\\u{9b}2J \\u{202e}abc");
    }

    #[test]
    fn json_is_safe_and_still_the_same_value() {
        let event = post(PostKind::Text, "a\n\u{1b}\u{9b}\u{202e}\u{7f}b");
        let text = json(&event).expect("a line");
        assert!(!text.contains(is_unsafe), "{text}");
        assert_eq!(serde_json::from_str::<Event>(&text).expect("an event"), event);
    }
}
