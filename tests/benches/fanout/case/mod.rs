//! The cases: each a load that a community makes, measured in turns with its baseline.

mod aftermath;
mod census;
mod crowd;
mod history;
mod mixed;
mod open;
mod profile;
mod quiet;
mod room;
mod rooms;
mod size;
pub(crate) mod store;
mod versus;
mod worker;

pub(crate) use profile::PARTS;

use std::io;

use hubbub_tests::bench::process::Core;

use crate::book::Found;

/// How much is measured, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// How often each case is played.
    pub(crate) rounds: usize,
    /// A short run, to see that everything works.
    pub(crate) quick: bool,
    /// The core of the server.
    pub(crate) server: Core,
}

/// A case.
pub(crate) struct Case {
    /// What it is asked for by.
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) what: &'static str,
    /// Does it. An error of the kind `Unsupported` says why it cannot be done on this machine.
    pub(crate) run: fn(Plan) -> io::Result<Found>,
}

/// All of them, in the order of the documents.
pub(crate) const CASES: &[Case] = &[
    Case { name: "busy", what: "a room of 1,000, as many posts as a window of 64 lets through", run: room::busy },
    Case { name: "open", what: "a room of 1,000, posts at a rate, whatever comes back", run: open::rates },
    Case { name: "single", what: "a room of 1,000, one post at a time", run: room::single },
    Case { name: "groups", what: "200 rooms of 10, all busy", run: rooms::groups },
    Case { name: "pairs", what: "1,000 rooms of 2, all busy", run: rooms::pairs },
    Case { name: "posts", what: "64 senders alone in their rooms, beside SQLite alone", run: store::posts },
    Case { name: "large", what: "a room of 10,000 beside a room of 3", run: mixed::large },
    Case { name: "arrivals", what: "10,000 connect and join at once beside a room of 3", run: mixed::arrivals },
    Case { name: "returns", what: "10,000 resume after a kill and a restart", run: crowd::returns },
    Case { name: "idle", what: "1,000, then 19,000 idle connections", run: crowd::idle },
    Case {
        name: "workers",
        what: "as many posts as windows let through, with one worker and with two",
        run: worker::workers,
    },
    Case { name: "history", what: "a room with a million posts", run: history::history },
    Case { name: "empty", what: "100,000 rooms that nobody is in", run: census::empty_rooms },
    Case { name: "left", what: "90,000 rooms that were entered and left", run: census::left_rooms },
    Case { name: "inhabited", what: "20,000 rooms with one person in each", run: census::inhabited_rooms },
    Case { name: "sizes", what: "rooms of 2 to 10,000", run: size::sizes },
    Case { name: "profile", what: "where the time goes, by perf, if it is there", run: profile::profile },
];
