//! The expectations: each is known by the one key that no other has.

use super::{Shape, Word, kind::Kind, may, need, shape};

/// All of them; the name of each is the key that tells it from the others.
pub(crate) static EXPECTATIONS: &[Word] = &[
    Word {
        name: "receives",
        shape: &RECEIVES,
        meaning: "Each of them gets each of the captured messages so many times; or, with `nothing`, no event of any log in that time. Without `within`: within the patience of the run.",
        example: "{who: everyone in lobby except eve, receives: m1, within: 50 ms, at: p99}",
    },
    Word {
        name: "history_of",
        shape: &HISTORY_OF,
        meaning: "They read the room now, page by page, and it is what the others read.",
        example: "{who: bo, history_of: lobby, equals: ana}",
    },
    Word {
        name: "resumed",
        shape: &RESUMED,
        meaning: "How every room of their last reconnect came back.",
        example: "{who: cy, resumed: complete}",
    },
    Word {
        name: "accepted",
        shape: &ACCEPTED,
        meaning: "Every captured post was acknowledged; with `as_duplicate_of` as one that was there already, at the seq of the other capture.",
        example: "{accepted: m2, as_duplicate_of: m1}",
    },
    Word {
        name: "refused",
        shape: &REFUSED,
        meaning: "So many of the captured posts were refused with this code.",
        example: "{refused: flood, code: rate_limited, at_least: 1}",
    },
    Word {
        name: "closed",
        shape: &CLOSED,
        meaning: "The server ended their connections with this close code.",
        example: "{who: eve, closed: 1009}",
    },
    Word {
        name: "that",
        shape: &THAT,
        meaning: "Two numbers relate. `NAME.seq` is the seq of a capture's last accepted post (of a history: of its last event), `NAME.count` how many were accepted (or read), `NAME.refused` how many were refused.",
        example: "{that: m1.seq < m2.seq}",
    },
];

static RECEIVES: Shape = shape(
    "an expectation with `receives`",
    &[
        need("who", Kind::Who, "The receivers."),
        need("receives", Kind::Captures, "What they get."),
        may("times", Kind::Whole { min: 0, max: 1000 }, "How often. Default 1; with 0 `within` is how long to look."),
        may("within", Kind::Time { min_zero: false }, "In what time, from the intended time of each post."),
        may("at", Kind::Quantile, "Which share of the receipts must keep `within`. Default `max`: all."),
        may("for", Kind::Time { min_zero: false }, "With `receives: nothing`: how long."),
    ],
);

static HISTORY_OF: Shape = shape(
    "an expectation with `history_of`",
    &[
        need("who", Kind::Who, "The readers."),
        need("history_of", Kind::Room, "The room."),
        need("equals", Kind::Who, "Whose reading it is compared with."),
    ],
);

static RESUMED: Shape = shape(
    "an expectation with `resumed`",
    &[
        need("who", Kind::Who, "Who came back."),
        need(
            "resumed",
            Kind::Choice(&["complete", "gap", "reset", "fresh"]),
            "As in the reply to `join`; see PROTOCOL.md.",
        ),
    ],
);

static ACCEPTED: Shape = shape(
    "an expectation with `accepted`",
    &[
        need("accepted", Kind::Capture, "The posts."),
        may("as_duplicate_of", Kind::Capture, "The posts that were there first."),
    ],
);

static REFUSED: Shape = shape(
    "an expectation with `refused`",
    &[
        need("refused", Kind::Capture, "The posts."),
        need("code", Kind::ErrorCode, "The code of the refusal; all codes are in PROTOCOL.md."),
        may("at_least", Kind::Whole { min: 1, max: 1_000_000_000 }, "How many. Default 1."),
    ],
);

static CLOSED: Shape = shape(
    "an expectation with `closed`",
    &[need("who", Kind::Who, "Whose connections."), need("closed", Kind::CloseCode, "The close code.")],
);

static THAT: Shape = shape("an expectation with `that`", &[need("that", Kind::Comparison, "What must be true.")]);
