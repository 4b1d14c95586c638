//! The verbs: every step that a story can take.

use super::{Field, Shape, Word, kind::Kind, may, need};

const WHO: Field = need("who", Kind::Who, "Who does it.");
const ROOM: Field = need("room", Kind::Room, "In which room.");
const OVER: Field = may("over", Kind::Time { min_zero: true }, "Evenly over this time. Default: as fast as it goes.");
const STEPS: Field = need("steps", Kind::Steps, "The steps.");

/// All of them.
pub(crate) static VERBS: &[Word] = &[
    word("connect", &GOING, "They connect, who were not there yet.", "connect: crowd"),
    word("disconnect", &WHO_ONLY, "They say goodbye and stay away until `reconnect`.", "disconnect: ana"),
    word(
        "reconnect",
        &GOING,
        "They resume their sessions and every room, and fetch what a gap left out.",
        "reconnect: {who: crowd, over: 1 s}",
    ),
    word("join", &WHO_ROOM, "They join a room, or one each of a group of rooms.", "join: {who: ana, room: tea}"),
    word("part", &WHO_ROOM, "They leave a room.", "part: {who: ana, room: tea}"),
    word(
        "post",
        &POST,
        "They post: once, so many times, at a rate, or with a window.",
        "post: {who: ana, room: lobby, text: \"hi\", as: m1}",
    ),
    word("topic", &TOPIC, "They set a room's topic.", "topic: {who: ana, room: tea, text: \"Green or black?\"}"),
    word("type", &WHO_ROOM, "They say that they are typing.", "type: {who: ana, room: tea}"),
    word(
        "history",
        &HISTORY,
        "They read a room page by page, from its beginning or from after a capture.",
        "history: {who: ana, room: tea, after: m1, as: h1}",
    ),
    word(
        "pause_reading",
        &PAUSE,
        "They read nothing from their sockets, for that time or until `resume_reading`.",
        "pause_reading: {who: ana, for: 2 s}",
    ),
    word("resume_reading", &WHO_ONLY, "They read again.", "resume_reading: ana"),
    word(
        "chat",
        &CHAT,
        "The habits of the cast (`talk`, `reconnects`) are played for that time.",
        "chat: {who: crowd, for: 10 s}",
    ),
    word("wait", &WAIT, "Nothing, for that time.", "wait: 1 s"),
    word(
        "settle",
        &SETTLE,
        "Waits until everybody who is there has everything that was accepted.",
        "settle: {within: 10 s}",
    ),
    word(
        "barrier",
        &BARRIER,
        "Each branch of a `parallel` that names it waits until all of them are there.",
        "barrier: ready",
    ),
    word(
        "sequence",
        &BRANCHES,
        "One after the other, as a branch of a `parallel`.",
        "sequence: [{wait: 1 s}, {cut: ana}]",
    ),
    word("parallel", &BRANCHES, "All at once; over when all are.", "parallel: [{wait: 1 s}, {chat: 1 s}]"),
    word("repeat", &REPEAT, "The steps, so many times.", "repeat: {times: 3, steps: [{wait: 100 ms}]}"),
    word(
        "phase",
        &PHASE,
        "A named piece of the time, marked in every report.",
        "phase: {name: peak, steps: [{chat: 1 s}]}",
    ),
    word(
        "cut",
        &WHO_ONLY,
        "A fault: their connections are reset. They come back by themselves unless their role says `returns: false`.",
        "cut: 10% of crowd",
    ),
    word("garbage", &GARBAGE, "A fault: they send nonsense in place of a request.", "garbage: {who: eve, what: text}"),
    word(
        "kill_server",
        &KILL,
        "A fault: the private server ends as in a power cut, and begins again after that time, or with `restart_server`. Over when it is ready again (or dead).",
        "kill_server: {restart_after: 500 ms}",
    ),
    word("restart_server", &NOTHING, "Starts the private server that was killed, on the same data.", "restart_server"),
    word(
        "expect",
        &EXPECT,
        "Something must be true at this point; see the expectations.",
        "expect: {who: bo, receives: m1}",
    ),
];

const fn word(name: &'static str, shape: &'static Shape, meaning: &'static str, example: &'static str) -> Word {
    Word { name, shape, meaning, example }
}

const fn verb(title: &'static str, short: Option<&'static str>, fields: &'static [Field]) -> Shape {
    Shape { title, fields, short }
}

static WHO_ONLY: Shape = verb("this step", Some("who"), &[WHO]);
static GOING: Shape = verb("this step", Some("who"), &[WHO, OVER]);
static WHO_ROOM: Shape = verb("this step", None, &[WHO, ROOM]);
static NOTHING: Shape = verb("this step", None, &[]);
static BRANCHES: Shape = verb("this step", Some("steps"), &[STEPS]);

static POST: Shape = verb(
    "`post`",
    None,
    &[
        may("who", Kind::Who, "The posters. Needed unless it is `again`."),
        may("room", Kind::Room, "Where. Default: the poster's own rooms, in turn."),
        may("text", Kind::Text, "What is said."),
        may("size", Kind::Sized, "In place of `text`: so many bytes of made-up words. Default `[16 B, 80 B]`."),
        may("kind", Kind::Choice(&["text", "action"]), "`action` is what `/me` does. Default `text`."),
        may(
            "times",
            Kind::Whole { min: 1, max: 1_000_000 },
            "Each of them so many times, the next when the one before it is answered. Default 1.",
        ),
        may("rate", Kind::Ramp, "Open: all of them together at this rate, whatever the server does. Needs `for`."),
        may(
            "arrivals",
            Kind::Choice(&["even", "poisson"]),
            "With `rate`: whether the times of sending are even or drawn by chance. Default `even`.",
        ),
        may(
            "window",
            Kind::Whole { min: 1, max: 1_000_000 },
            "Closed: all of them together keep so many posts under way. Needs `for` or `posts`.",
        ),
        may("for", Kind::Time { min_zero: false }, "How long, with `rate` or `window`."),
        may("posts", Kind::Whole { min: 1, max: 1_000_000_000 }, "How many in all, with `window`."),
        may("as", Kind::NewName, "The name by which these messages are known later."),
        may("again", Kind::Capture, "Sends what was captured again, with the same nonce, by those who sent it."),
        may("may_be_refused", Kind::Flag, "`true`: a refusal is no failure, but is counted and captured."),
    ],
);

static TOPIC: Shape = verb("`topic`", None, &[WHO, ROOM, need("text", Kind::Line, "The topic; may be empty.")]);

static HISTORY: Shape = verb(
    "`history`",
    None,
    &[
        WHO,
        ROOM,
        may("after", Kind::Capture, "Only what comes after the seq of this capture."),
        may("as", Kind::NewName, "The name by which what was read is known later."),
    ],
);

static PAUSE: Shape = verb(
    "`pause_reading`",
    Some("who"),
    &[WHO, may("for", Kind::Time { min_zero: false }, "How long. Default: until `resume_reading`.")],
);

static CHAT: Shape = verb(
    "`chat`",
    Some("for"),
    &[
        may("who", Kind::Who, "Whose habits. Default `everyone`."),
        need("for", Kind::Time { min_zero: false }, "How long. `--scale` multiplies it."),
    ],
);

static WAIT: Shape = verb("`wait`", Some("for"), &[need("for", Kind::Time { min_zero: false }, "How long.")]);

static SETTLE: Shape = verb(
    "`settle`",
    Some("within"),
    &[may(
        "within",
        Kind::Time { min_zero: false },
        "How long to wait at most; what is not settled then is a failure. Default `10 s`.",
    )],
);

static BARRIER: Shape = verb("`barrier`", Some("name"), &[need("name", Kind::NewName, "The name of the barrier.")]);

static REPEAT: Shape =
    verb("`repeat`", None, &[need("times", Kind::Whole { min: 1, max: 1_000_000 }, "How often."), STEPS]);

static PHASE: Shape = verb("`phase`", None, &[need("name", Kind::Line, "What it is called."), STEPS]);

static GARBAGE: Shape = verb(
    "`garbage`",
    None,
    &[
        WHO,
        need(
            "what",
            Kind::Choice(&["bytes", "text", "json", "oversized"]),
            "Random bytes where a frame should be; a text frame that is not JSON; JSON that is no request; a frame that is larger than the server takes.",
        ),
    ],
);

static KILL: Shape = verb(
    "`kill_server`",
    None,
    &[may("restart_after", Kind::Time { min_zero: true }, "How long it is dead. Left out: until `restart_server`.")],
);

static EXPECT: Shape = verb("`expect`", None, &[]);
