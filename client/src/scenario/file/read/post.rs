//! Posts: what is said, and how often.

use super::{
    Reader,
    field::{Fields, Wrong, value},
    quantity,
};
use crate::scenario::file::{
    grammar::kind::Kind as Value,
    step::{Pace, Post, Text},
    template::{Piece, pieces},
    tree::{Kind, Node},
    unit::{Ramp, Range},
};

/// What is said where nothing else is said.
const DEFAULT_SIZE: Range = Range { from: 16, to: 80 };

impl Reader {
    pub(super) fn post(&mut self, fields: &Fields<'_>) -> Option<Post> {
        let again = fields.get("again", &mut self.faults).and_then(|node| self.captured(node, true));
        let why = "it sends the same posts again, as they were";
        let excluded = ["room", "text", "size", "kind", "times", "rate", "arrivals", "window", "for", "posts"];
        fields.exclude("again", &excluded, why, &mut self.faults);
        let who = match (&again, fields.has("who")) {
            (Some(again), false) => self.captures.get(again).map(|capture| capture.who.clone()),
            _ => self.need_who(fields, "who"),
        };
        let may_be_refused = fields.flag("may_be_refused", false, &mut self.faults);
        let room = fields.get("room", &mut self.faults).and_then(|node| {
            // A post to a room that nobody is in can be meant: to see it refused.
            if may_be_refused { self.room(node, true) } else { self.used_room(node, true) }
        });
        let text = self.said(fields, true);
        let action = fields.choice("kind", &mut self.faults) == Some("action");
        let pace = self.pace(fields);
        let who = who?;
        let capture = fields.get("as", &mut self.faults).and_then(|node| self.define(node, true, &who));
        Some(Post {
            who,
            room,
            text: text.unwrap_or(Text::Size(DEFAULT_SIZE)),
            action,
            pace,
            capture,
            again,
            may_be_refused,
        })
    }

    /// `text` or `size`.
    pub(super) fn said(&mut self, fields: &Fields<'_>, may_capture: bool) -> Option<Text> {
        fields.exclude("text", &["size"], "give the words or their size", &mut self.faults);
        if let Some(node) = fields.get("text", &mut self.faults) {
            return self.template(node, may_capture);
        }
        let node = fields.get("size", &mut self.faults)?;
        self.range(node, Value::Sized, quantity::size).map(Text::Size)
    }

    fn template(&mut self, node: &Node, may_capture: bool) -> Option<Text> {
        let text = value(node, Value::Text, &mut self.faults, |text| {
            if text.trim().is_empty() { Err(Wrong::new("a post needs words", "")) } else { Ok(text.to_owned()) }
        })?;
        for piece in pieces(&text) {
            match piece {
                Ok(Piece::Capture { name, .. } | Piece::Code { name }) if may_capture => {
                    self.is_captured(name, node.spot, false);
                }
                Ok(Piece::Capture { .. } | Piece::Code { .. }) => {
                    self.faults.add(
                        node.spot,
                        "captures cannot be used in `talk`",
                        "it has `{who}`, `{n}` and `{random}`",
                    );
                }
                Ok(_) => {}
                Err(bad) => {
                    let help = "there are `{who}`, `{n}`, `{random}` and `{NAME.seq}`; a brace itself is written `{{`";
                    self.faults.add(node.part(bad.from, bad.count), bad.message, help);
                }
            }
        }
        Some(Text::Template(text))
    }

    fn pace(&mut self, fields: &Fields<'_>) -> Pace {
        let faults = &mut self.faults;
        fields.exclude("rate", &["window", "posts", "times"], "a rate alone says how often", faults);
        fields.exclude("window", &["times"], "`posts` says how many in all", faults);
        fields.exclude("for", &["times"], "give a number of times, or a `rate` for a time", faults);
        fields.exclude("for", &["posts"], "give a time or a number of posts, not both", faults);
        fields.require("rate", "for", faults);
        fields.require("arrivals", "rate", faults);
        fields.require("posts", "window", faults);
        if fields.has("for") && !fields.has("rate") && !fields.has("window") {
            faults.add(fields.key("for"), "`for` needs `rate` or `window`", "such as `rate: 100/s` or `window: 16`");
        }
        if fields.has("window") && !fields.has("for") && !fields.has("posts") {
            faults.add(fields.key("window"), "`window` needs `for` or `posts`", "such as `for: 10 s` or `posts: 1000`");
        }
        let poisson = fields.choice("arrivals", faults) == Some("poisson");
        let time = fields.time("for", faults).unwrap_or_default();
        let times = fields.count("times", faults).unwrap_or(1);
        let window = fields.count("window", faults).unwrap_or(1);
        let posts = fields.whole("posts", faults);
        let rate = fields.get("rate", faults);
        match (rate.and_then(|node| self.ramp(node)), fields.has("window"), posts) {
            (Some(rate), ..) => Pace::Open { rate, time, poisson },
            (None, true, Some(posts)) => Pace::ClosedCount { window, posts },
            (None, true, None) => Pace::Closed { window, time },
            (None, false, _) => Pace::Times(times),
        }
    }

    /// `100/s`, or `{from: 10/s, to: 500/s}`
    fn ramp(&mut self, node: &Node) -> Option<Ramp> {
        let Kind::Map(pairs) = &node.kind else {
            return value(node, Value::Ramp, &mut self.faults, quantity::rate)
                .map(|rate| Ramp { from: rate, to: rate });
        };
        let (mut from, mut to) = (None, None);
        for (key, node) in pairs {
            let end = match key.text() {
                Some("from") => &mut from,
                Some("to") => &mut to,
                _ => {
                    self.faults.add(key.spot, "a rate goes `from` one `to` another", "write `{from: 10/s, to: 500/s}`");
                    return None;
                }
            };
            *end = Some(value(node, Value::Ramp, &mut self.faults, quantity::rate)?);
        }
        if from.is_none() || to.is_none() {
            self.faults.add(node.spot, "a rate goes `from` one `to` another", "write `{from: 10/s, to: 500/s}`");
        }
        Some(Ramp { from: from?, to: to? })
    }
}
