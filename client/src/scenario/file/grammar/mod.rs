//! The grammar: every word that a scenario may hold, what stands behind it, and what it means.
//!
//! One table for the reader (which keys there are), the JSON Schema and the documents.

mod expect;
pub(crate) mod kind;
mod verb;

pub(crate) use self::{expect::EXPECTATIONS, verb::VERBS};

use self::kind::Kind;

/// A key, what stands behind it, and what it means.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_required: bool,
    pub(crate) meaning: &'static str,
}

/// A map with known keys.
#[derive(Debug)]
pub(crate) struct Shape {
    /// What it is, as in "`colour` is no key of …".
    pub(crate) title: &'static str,
    pub(crate) fields: &'static [Field],
    /// The field that is meant when a single value stands in place of the map: `wait: 1 s`.
    pub(crate) short: Option<&'static str>,
}

/// A verb, or a kind of expectation.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) name: &'static str,
    pub(crate) shape: &'static Shape,
    pub(crate) meaning: &'static str,
    pub(crate) example: &'static str,
}

impl Shape {
    /// The field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether the map may be left out.
    pub(crate) fn may_be_empty(&self) -> bool {
        self.fields.iter().all(|field| !field.is_required)
    }
}

/// A field that must be there.
const fn need(name: &'static str, kind: Kind, meaning: &'static str) -> Field {
    Field { name, kind, is_required: true, meaning }
}

/// A field that may be left out.
const fn may(name: &'static str, kind: Kind, meaning: &'static str) -> Field {
    Field { name, kind, is_required: false, meaning }
}

const fn shape(title: &'static str, fields: &'static [Field]) -> Shape {
    Shape { title, fields, short: None }
}

/// The whole file.
pub(crate) static FILE: Shape = shape(
    "a scenario",
    &[
        need("name", Kind::Line, "What it is called in reports."),
        may("about", Kind::Line, "What it shows, for people."),
        may(
            "seed",
            Kind::Whole { min: 0, max: u64::MAX },
            "The seed of every draw of chance when `--seed` names none. Left out: a new one each time. It is always printed.",
        ),
        may("server", Kind::Shape(&SERVER), "How the private server is set up. Not used with `--server`."),
        may(
            "rooms",
            Kind::Named(&ROOMS),
            "Groups of rooms: `team: {count: 200}` are `team-1` to `team-200`. A single room needs no entry here.",
        ),
        need("cast", Kind::Named(&ROLE), "Who there is: people, and populations when `count` is given."),
        need("steps", Kind::Steps, "What happens, in order."),
        may("thresholds", Kind::Comparisons, "What the figures of the whole run must be at its end."),
    ],
);

/// `server:`
pub(crate) static SERVER: Shape = shape(
    "`server`",
    &[
        may("limits", Kind::Limits, "Keys of the server's `[limits]`, such as `posts_per_s: 1000`; see OPERATIONS.md."),
        may("workers", Kind::Whole { min: 1, max: 1024 }, "Its number of worker threads. Left out: one a core."),
    ],
);

/// An entry of `rooms:`
pub(crate) static ROOMS: Shape = shape(
    "a group of rooms",
    &[
        need(
            "count",
            Kind::Whole { min: 1, max: 100_000 },
            "How many rooms. They are called `NAME-1`, `NAME-2` … `--scale` multiplies it.",
        ),
        may(
            "size",
            Kind::Sizes,
            "How many of a population that joins the group go to each room: `10`; `[100, 50, 10]`, the list again from its start when it is over; or `{power_law: 1}`, where the room of rank r gets a share proportional to 1/r to that power. Left out: all rooms are equal to one. People beyond what the rooms take are spread evenly.",
        ),
    ],
);

/// An entry of `cast:`
pub(crate) static ROLE: Shape = shape(
    "a role",
    &[
        may(
            "count",
            Kind::Whole { min: 1, max: 1_000_000 },
            "Makes it a population of so many, called `NAME-1`, `NAME-2` … `--scale` multiplies it.",
        ),
        may(
            "join",
            Kind::Rooms,
            "The rooms that they are in from the start, one or a list. Of a group of rooms each gets one.",
        ),
        may(
            "via",
            Kind::Choice(&["native"]),
            "How they speak with the server: `native`, Hubbub's own protocol, the default.",
        ),
        may("connected", Kind::Flag, "`false`: they are not there until a step says `connect`. Default `true`."),
        may(
            "arrive",
            Kind::Time { min_zero: true },
            "The time over which a population connects, evenly. Default: as fast as it goes.",
        ),
        may("reads", Kind::ReadRate, "Slow readers: so many bytes a second at most. Default: as fast as it goes."),
        may(
            "returns",
            Kind::Flag,
            "`false`: who loses the connection stays away until a step says `reconnect`. Default `true`: they come back by themselves, after a short random while.",
        ),
        may("talk", Kind::Shape(&TALK), "What they do in a step `chat`. Left out: they lurk."),
        may("reconnects", Kind::Shape(&RECONNECTS), "That they go and come back by chance during a step `chat`."),
    ],
);

/// `talk:`
pub(crate) static TALK: Shape = shape(
    "`talk`",
    &[
        may("share", Kind::Share, "The part of the population that talks at all; the others lurk. Default `100%`."),
        may("think", Kind::Spread, "The time between two bursts of one person. Default `{exponential: 5 s}`."),
        may("burst", Kind::Counts, "Posts in a row. Default `1`."),
        may("pause", Kind::Spread, "The time between the posts of a burst. Default `500 ms`."),
        may("types", Kind::Flag, "`true`: says that it is typing before each post. Default `false`."),
        may("text", Kind::Text, "What is said."),
        may("size", Kind::Sized, "In place of `text`: so many bytes of made-up words. Default `[16 B, 200 B]`."),
    ],
);

/// `reconnects:`
pub(crate) static RECONNECTS: Shape = shape(
    "`reconnects`",
    &[
        need("every", Kind::Spread, "The time that one stays."),
        may("away", Kind::Spread, "The time that one is away. Default `{uniform: [100 ms, 2 s]}`."),
    ],
);
