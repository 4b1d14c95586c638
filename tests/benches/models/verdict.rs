//! What is said of the models, and what holds: the table of the claims, one row each.

use hubbub_tests::bench::plot::short;

use crate::{
    book::Book,
    claim::Way,
    job::Model,
    report::Extent,
    sockets,
    table::{self, READS_PER_S, carried, cell, many_of, table, whole},
};

/// What is said: where it is looked at, the words, where it shows, and the verdict.
const CLAIMS: [[&str; 4]; 8] = [
    [
        "1-who-asks-goes-on",
        "an asynchronous caller goes on, and is told when the work is done",
        "server/src/connection/actor.rs::later",
        "yes. For a small read it costs more than it gains",
    ],
    [
        "2-who-shares-memory-races",
        "tasks that share memory race; locks protect it",
        "server/src/room/state.rs::Room",
        "yes; but the lock is replaced by one writer, and a delivery takes none",
    ],
    [
        "3-a-coroutine-keeps-its-place",
        "a coroutine is primed, runs, suspends with its place kept, goes on; values are sent into it",
        "server/src/room/task.rs::flow",
        "yes, for both kinds of coroutine",
    ],
    [
        "4-switching-is-cheap-slow-output-is-not",
        "a coroutine's switch is cheap; slow input and output belongs on background threads",
        "server/src/store/sqlite/writer.rs::run",
        "yes to both; the slower the disk, the more",
    ],
    [
        "5-coroutines-are-hard-to-debug-and-take-memory",
        "coroutines are hard to debug and to extend, and take memory, as each has a stack",
        "server/src/room/task.rs::future_bytes",
        "to debug: yes. To extend: no. Memory for a stack: no, Rust's have none",
    ],
    [
        "6-callbacks-are-flexible-and-nested-ones-hurt",
        "callbacks are flexible, but nested ones hurt",
        "server/src/connection/actor.rs::finish",
        "yes to both; three rules keep the longest chain flat",
    ],
    [
        "7-microthreads-cost-less-than-threads",
        "microthreads cost less than threads, pause without a thread switch, suit short bursts; there are as many \
         workers as cores, or one",
        "server/src/fanout/shard.rs::run_slice",
        "cheaper, without a switch, and short bursts let others go first: yes. One a core: it depends on what a delivery \
         costs; in memory one worker is mostly better",
    ],
    [
        "8-fewer-switches-carry-more",
        "fewer thread switches let a server carry more connections",
        "server/src/fanout/shard.rs::visit",
        "yes, where something is delivered: switches are for each message, not for each delivery, and a core carries more \
         readers. A connection that nothing happens to costs no switch in any model",
    ],
];

/// One row a claim: what is said, where it shows, the figure, and whether it holds.
pub(crate) fn claims(book: &Book, extent: &Extent, chain: &str) -> String {
    let of = |case: &str, by: &str, figure: &str, factor: f64| {
        cell(book.median(case, by, 0, figure).map(|value| value * factor))
    };
    let [_, _, (_, locked), _, (_, batches), _] = Way::ALL;
    let room = extent.members.max(1_000);
    let delivered = |model: Model, figure: &str, factor: f64| {
        cell(book.median("deliver", model.name(), room, figure).map(|value| value * factor))
    };
    let future = whole(book.median("sizes", "all", 0, "room_future_bytes"));
    let [(one, _), .., (many, _)] = sockets::LOADS;
    let waited = |slice: usize| cell(book.median("slices", "all", slice, "small_p50_us"));
    let switched = |by: &str| {
        let each = |figure| book.median("sockets", by, many, figure).map(|each| each * 1e3);
        cell(each("voluntary").zip(each("involuntary")).map(|(waited, interrupted)| waited + interrupted))
    };
    let figures = [
        format!(
            "{} % of the wait for 64 MiB are used; for 4 KiB it is {} instead of {} µs",
            of("file", "elsewhere", "busy_share", 100.0),
            of("file", "elsewhere", "small_p50_us", 1.0),
            of("file", "itself", "small_p50_us", 1.0),
        ),
        format!(
            "two threads count: {} ns by a lock, {} by one writer that is sent 64 at once",
            of("counter", locked, "each_ns", 1.0),
            of("counter", batches, "each_ns", 1.0),
        ),
        format!("all that a room keeps while it waits: {future} bytes"),
        format!(
            "a switch {} ns, a thread's {}; beside commits on its thread a coroutine stands still for {} % of the time, beside \
             a thread's for {}; with a disk that takes 10 ms more for {} and {}",
            of("switch", Model::Coroutine.name(), "each_ns", 1.0),
            of("switch", Model::Thread.name(), "each_ns", 1.0),
            of("commit", "itself", "still_share", 100.0),
            of("commit", "elsewhere", "still_share", 100.0),
            of("slow commit", "itself", "still_share", 100.0),
            of("slow commit", "elsewhere", "still_share", 100.0),
        ),
        format!(
            "at rest {} bytes, with a stack {}",
            whole(book.median("deliver", Model::Coroutine.name(), many_of(extent), "resident_bytes")),
            whole(book.median("deliver", Model::Stackful.name(), many_of(extent), "resident_bytes")),
        ),
        format!("the longest chain: {chain}"),
        format!(
            "deliveries to {}: {} million a second, {} with a worker a core, {} with a thread each; beside a room of 10,000 one \
             of 3 waits {} µs in slices of 32, {} without slices",
            short(room as f64),
            delivered(Model::Microthread, "deliveries_per_s", 1e-6),
            delivered(Model::Microthreads, "deliveries_per_s", 1e-6),
            delivered(Model::Thread, "deliveries_per_s", 1e-6),
            waited(table::SLICE),
            waited(table::NO_SLICES),
        ),
        format!(
            "switches for 1,000 deliveries, many under way: Hubbub {}, a thread for each reader {}; a core carries at most {} and \
             {} thousand readers at {READS_PER_S} a second, one message at a time",
            switched("hubbub"),
            switched("thread"),
            cell(carried(book, "hubbub", one)),
            cell(carried(book, "thread", one)),
        ),
    ];
    let rows = CLAIMS.iter().zip(figures).enumerate().map(|(at, (claim, figure))| {
        let [anchor, said, place, holds] = claim.map(str::to_owned);
        vec![format!("[{}](#{anchor})", at + 1), said, format!("`{place}`"), figure, holds]
    });
    table(&["", "it is said that", "it shows in", "measured", "and holds here"], rows).replace("---:", "---")
}
