//! The tables and plots of the book, in Markdown and as pictures; ratios stand beside absolute figures.

use hubbub_tests::bench::plot::{Axis, Plot, Scale, Series, short};

use crate::{
    book::Book,
    claim::Way,
    job::{Kind, Model},
    report::{Extent, SLOW, is_possible},
    sockets,
    thread::limits,
    verdict,
};

/// Who does one after the other, by no model at all.
pub(crate) const ONE_BY_ONE: &str = "one after the other";

/// What ratios are taken to.
const BASE: Model = Model::Coroutine;

/// How many of them the making and the memory are told of.
pub(crate) fn many_of(extent: &Extent) -> usize {
    extent.sizes.iter().copied().filter(|size| *size <= 10_000).max().unwrap_or(1)
}

/// Every block of figures: its name in the document, and its text.
pub(crate) fn blocks(book: &Book, extent: &Extent, story: &[[String; 3]], chain: &str) -> Vec<(&'static str, String)> {
    vec![
        ("models", all(book, extent)),
        ("models-deliver", deliveries(book, extent)),
        ("models-sockets", over_sockets(book, extent)),
        ("claims", verdict::claims(book, extent, chain)),
        ("claim-1", file(book)),
        ("claim-2", counter(book)),
        ("claim-2-locks", locks(book)),
        ("claim-3", told(story)),
        ("claim-4", commits(book)),
        ("claim-5", sizes(book, extent)),
        ("claim-7", workers(book, extent)),
        ("claim-7-slices", slices(book)),
        ("claim-8", switches(book, extent)),
        ("claim-8-readers", readers(book)),
    ]
}

pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let aligned = head.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "---:" }.to_owned());
    let mut lines = vec![line(head.iter().map(|cell| (*cell).to_owned()).collect()), line(aligned.collect())];
    lines.extend(rows.into_iter().map(line));
    lines.join("\n")
}

/// A number, or a dash for what was not measured.
pub(crate) fn cell(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), short)
}

/// A whole number, its thousands apart.
pub(crate) fn whole(value: Option<f64>) -> String {
    let Some(value) = value else { return "–".to_owned() };
    let digits = format!("{value:.0}");
    let apart = digits.char_indices().flat_map(|(at, digit)| {
        let is_first = at == 0 || (digits.len() - at) % 3 != 0;
        [Some(',').filter(|_| !is_first), Some(digit)].into_iter().flatten()
    });
    apart.collect()
}

/// A number with its ratio to another.
fn with_ratio(value: Option<f64>, base: Option<f64>) -> String {
    match (value, base) {
        (Some(value), Some(base)) if base != 0.0 => format!("{} ({}×)", short(value), short(value / base)),
        (value, _) => cell(value),
    }
}

/// One line of the large table: what is told, of which case and size, which figure, times what.
struct Line(&'static str, &'static str, usize, &'static str, f64);

fn all(book: &Book, extent: &Extent) -> String {
    let (many, room) = (many_of(extent), extent.sizes.iter().copied().find(|size| *size >= 1_000).unwrap_or(1));
    let mut lines = vec![
        Line("make one and run it to its first wait, µs", "deliver", many, "make_us", 1.0),
        Line("memory of one at rest, bytes", "deliver", many, "resident_bytes", 1.0),
        Line("… and in the kernel, bytes", "deliver", many, "kernel_bytes", 1.0),
        Line("a switch, ns", "switch", 0, "each_ns", 1.0),
        Line("**deliver to 1,000**: millions a second", "deliver", room, "deliveries_per_s", 1e-6),
        Line("processor time for one, ns", "deliver", room, "burst_cpu_us", 1e3),
        Line("one message: the last has it, p50 µs", "deliver", room, "last_p50_us", 1.0),
        Line("… p99 µs", "deliver", room, "last_p99_us", 1.0),
        Line("context switches for 1,000 deliveries, saturated", "deliver", room, "burst_voluntary", 1e3),
        Line("… one message at a time", "deliver", room, "single_voluntary", 1e3),
        Line("**wait 10 ms, all at once**: until all have, ms", "wait", 0, "wall_ms", 1.0),
        Line("late, p50 ms", "wait", 0, "p50_us", 1e-3),
        Line("late, p99 ms", "wait", 0, "p99_us", 1e-3),
        Line("processor time for one, µs", "wait", 0, "each_cpu_us", 1.0),
        Line("context switches for one", "wait", 0, "each_voluntary", 1.0),
    ];
    for (title, kind) in [
        ("**read 4 KiB files**: thousands a second", Kind::File),
        ("**look up rows**: thousands a second", Kind::Query),
        ("**ask a server**: thousands a second", Kind::Request),
    ] {
        lines.push(Line(title, kind.name(), 0, "per_s", 1e-3));
        lines.push(Line("p50 µs", kind.name(), 0, "p50_us", 1.0));
        lines.push(Line("p99 µs", kind.name(), 0, "p99_us", 1.0));
        lines.push(Line("processor time for one, µs", kind.name(), 0, "each_cpu_us", 1.0));
        lines.push(Line("context switches for one", kind.name(), 0, "each_voluntary", 1.0));
    }
    for ((case, _), title) in SLOW.iter().zip([
        "**1,000 short ones of 10 µs**: p50 ms",
        "**… behind one of 50 ms**, p50 ms",
        "**… that gives way after 100 µs**, p50 ms",
    ]) {
        lines.push(Line(title, case, 0, "p50_us", 1e-3));
        lines.push(Line("p99 ms", case, 0, "p99_us", 1e-3));
    }
    let rows = lines.into_iter().map(|Line(title, case, size, figure, factor)| {
        let of = |model: Model| book.median(case, model.name(), size, figure).map(|value| value * factor);
        // A ratio of nearly nothing to nearly nothing says nothing.
        let is_small = figure.ends_with("voluntary") || figure == "kernel_bytes";
        let base = of(BASE).filter(|_| !is_small);
        let cells = Model::ALL.map(|model| with_ratio(of(model), base));
        let plain = book.median(case, ONE_BY_ONE, size, figure).map(|value| value * factor);
        [title.to_owned()].into_iter().chain(cells).chain([with_ratio(plain, base)]).collect()
    });
    let head: Vec<&str> = ["of each"].into_iter().chain(Model::ALL.map(Model::name)).chain([ONE_BY_ONE]).collect();
    let (rounds, waits, units) = (book.rounds, short(extent.waits as f64), short(many as f64));
    let said = format!(
        "{}. Rounds: {rounds}, the median is told. Making and memory: of {units}; {waits} wait; {} chores, {} requests.",
        book.machine, extent.chores, extent.requests
    );
    format!("{said}\n\n{}", table(&head, rows))
}

fn deliveries(book: &Book, extent: &Extent) -> String {
    let rows = extent.sizes.iter().map(|&size| {
        let of = |model: Model| book.median("deliver", model.name(), size, "deliveries_per_s").map(|value| value / 1e6);
        let cells = Model::ALL.map(|model| with_ratio(of(model), of(BASE)));
        [short(size as f64)].into_iter().chain(cells).collect()
    });
    let head: Vec<&str> = ["recipients"].into_iter().chain(Model::ALL.map(Model::name)).collect();
    format!("Millions of deliveries a second (ratio to the coroutine):\n\n{}", table(&head, rows))
}

fn over_sockets(book: &Book, extent: &Extent) -> String {
    let rows = sockets::LOADS.iter().map(|&(window, _)| {
        let of = |role: &str| book.median("sockets", role, window, "cpu_us");
        let cells = sockets::SERVERS.map(|(_, role)| with_ratio(of(role), of("bare")));
        [window.to_string(), cell(of("bare"))].into_iter().chain(cells).collect()
    });
    let head: Vec<&str> =
        ["messages under way", "bare loop"].into_iter().chain(sockets::SERVERS.map(|(_, role)| role)).collect();
    let members = short(extent.members as f64);
    format!(
        "Server CPU for one delivery in a room of {members}, µs (ratio to the bare loop):\n\n{}",
        table(&head, rows)
    )
}

fn file(book: &Book) -> String {
    let row = |title: &str, by| {
        let of = |figure| book.median("file", by, 0, figure);
        let share = of("busy_share").map(|share| share * 100.0);
        vec![
            title.to_owned(),
            cell(of("read_us").map(|us| us / 1e3)),
            cell(of("steps")),
            cell(share),
            cell(of("small_p50_us")),
        ]
    };
    let head = ["", "64 MiB: ms until it has them", "steps of 10 µs meanwhile", "% of the time", "4 KiB: p50 µs"];
    table(&head, [row("the caller reads", "itself"), row("read elsewhere, with a callback", "elsewhere")])
}

fn counter(book: &Book) -> String {
    let rows = Way::ALL.map(|(_, by)| {
        let of = |figure| book.median("counter", by, 0, figure);
        let base = book.median("counter", Way::ALL[1].1, 0, "each_ns");
        vec![by.to_owned(), with_ratio(of("each_ns"), base), cell(of("lost_share").map(|share| share * 100.0))]
    });
    table(&["two threads count to four million", "ns for one", "% lost"], rows)
}

fn locks(book: &Book) -> String {
    let named = [
        ("atomic_ns", "an atomic counter"),
        ("mutex_ns", "`std::sync::Mutex`"),
        ("rwlock_ns", "`std::sync::RwLock`, read"),
        ("dashmap_ns", "`DashMap`, one key read"),
        ("async_mutex_ns", "`tokio::sync::Mutex`"),
        ("semaphore_ns", "`tokio::sync::Semaphore`, one permit"),
    ];
    let rows = named.map(|(figure, name)| vec![name.to_owned(), cell(book.median("locks", "all", 0, figure))]);
    table(&["nobody else wants it", "ns"], rows)
}

fn told(story: &[[String; 3]]) -> String {
    let head = ["what happens to it", "a coroutine with a stack", "a task"];
    table(&head, story.iter().map(|row| row.to_vec())).replace("---:", "---")
}

fn commits(book: &Book) -> String {
    let row = |title: &str, case, by| {
        let of = |figure, factor: f64| cell(book.median(case, by, 0, figure).map(|value| value * factor));
        vec![title.to_owned(), of("commit_p50_us", 1e-3), of("still_share", 100.0), of("longest_us", 1e-3)]
    };
    let head =
        ["64 rows, synchronous FULL", "a commit, p50 ms", "its neighbour stands still, % of the time", "longest, ms"];
    let rows = [
        row("on the thread of the coroutines", "commit", "itself"),
        row("on another thread", "commit", "elsewhere"),
        row("on the thread of the coroutines, a disk that takes 10 ms more", "slow commit", "itself"),
        row("on another thread, the same disk", "slow commit", "elsewhere"),
    ];
    table(&head, rows)
}

fn sizes(book: &Book, extent: &Extent) -> String {
    let of = |figure: &str| whole(book.median("sizes", "all", 0, figure));
    let at_rest = |model: Model, figure| whole(book.median("deliver", model.name(), many_of(extent), figure));
    let mut rows = vec![
        vec!["a room's task in Hubbub: the future".to_owned(), of("room_future_bytes")],
        vec!["a connection in Hubbub: the fields of its actor".to_owned(), of("actor_bytes")],
        vec!["a command to a room".to_owned(), of("room_command_bytes")],
        vec!["the bench's task at rest, with its queue".to_owned(), at_rest(Model::Coroutine, "resident_bytes")],
        vec!["the bench's stackful coroutine at rest".to_owned(), at_rest(Model::Stackful, "resident_bytes")],
        vec!["… of that its stack".to_owned(), at_rest(Model::Stackful, "stack_bytes")],
        vec!["… its page tables".to_owned(), at_rest(Model::Stackful, "kernel_bytes")],
        vec![
            "the bench's thread at rest, with what the allocator keeps for it".to_owned(),
            at_rest(Model::Thread, "resident_bytes"),
        ],
        vec!["… of that its stack".to_owned(), at_rest(Model::Thread, "stack_bytes")],
        vec!["… its stack in the kernel, and page tables".to_owned(), at_rest(Model::Thread, "kernel_bytes")],
    ];
    let stacks = whole(book.median("stacks", "all", 0, "stacks"));
    rows.push(vec!["stackful coroutines that one process gets".to_owned(), stacks]);
    let limits = limits(Model::Thread)
        .into_iter()
        .map(|(name, most)| vec![format!("threads by `{name}`, at most"), whole(Some(most))]);
    rows.extend(limits);
    table(&["", "bytes, or how many"], rows)
}

fn workers(book: &Book, extent: &Extent) -> String {
    let rows = extent.sizes.iter().filter(|size| **size > 1).map(|&size| {
        let of = |model: Model| book.median("deliver", model.name(), size, "deliveries_per_s").map(|value| value / 1e6);
        let one = of(Model::Microthread);
        let alone = of(Model::Thread);
        vec![short(size as f64), cell(one), with_ratio(of(Model::Microthreads), one), with_ratio(alone, one)]
    });
    let head = ["recipients", "1 worker, millions a second", "1 a core", "a thread for each"];
    table(&head, rows)
}

/// The server's own number of visits in a slice, and one that is more than there are.
pub(crate) const SLICE: usize = 32;
pub(crate) const NO_SLICES: usize = 16_384;

/// Visits of a slice, at most.
pub(crate) const SLICES: [(usize, &str); 4] =
    [(1, "1"), (SLICE, "32"), (256, "256"), (NO_SLICES, "as many as there are")];

fn slices(book: &Book) -> String {
    let row = |(slice, name): (usize, &str)| {
        let of = |figure, factor: f64| cell(book.median("slices", "all", slice, figure).map(|value| value * factor));
        vec![name.to_owned(), of("deliveries_per_s", 1e-6), of("small_p50_us", 1.0), of("small_p99_us", 1.0)]
    };
    let head = ["visits in a slice", "deliveries to 10,000, millions a second", "a room of 3 waits, p50 µs", "p99 µs"];
    table(&head, SLICES.map(row))
}

fn switches(book: &Book, extent: &Extent) -> String {
    let in_memory = Model::ALL.map(|model| {
        let of = |figure: &str| {
            let value = book.median("deliver", model.name(), extent.members.max(1_000), figure);
            value.map(|each| each * 1e3)
        };
        let both = |name: &str| {
            format!("{} + {}", cell(of(&format!("{name}_voluntary"))), cell(of(&format!("{name}_involuntary"))))
        };
        vec![format!("{}, in memory", model.name()), both("single"), "–".to_owned(), both("burst")]
    });
    let roles = [("bare", "bare loop"), ("hubbub", "**Hubbub's server**")].into_iter();
    let over_sockets = roles.chain(sockets::SERVERS.map(|(_, role)| (role, role))).map(|(role, name)| {
        let both = |window: usize| {
            let of = |figure| cell(book.median("sockets", role, window, figure).map(|each| each * 1e3));
            format!("{} + {}", of("voluntary"), of("involuntary"))
        };
        let [one, some, many] = sockets::LOADS.map(|(window, _)| both(window));
        vec![format!("{name}, over sockets"), one, some, many]
    });
    let head = ["switches for 1,000 deliveries: waited + was interrupted", "1 under way", "16", "many"];
    table(&head, in_memory.into_iter().chain(over_sockets))
}

/// What a reader gets, of which it is told how many a core carries.
pub(crate) const READS_PER_S: f64 = 10.0;

/// Readers, in thousands, that one core carries at most, at so much processor time for a delivery.
pub(crate) fn carried(book: &Book, role: &str, window: usize) -> Option<f64> {
    book.median("sockets", role, window, "cpu_us").map(|cpu_us| 1e3 / READS_PER_S / cpu_us)
}

fn readers(book: &Book) -> String {
    let roles = [("bare", "bare loop"), ("hubbub", "**Hubbub's server**")].into_iter();
    let rows = roles.chain(sockets::SERVERS.map(|(_, role)| (role, role))).map(|(role, name)| {
        let [one, some, many] = sockets::LOADS.map(|(window, _)| cell(carried(book, role, window)));
        vec![name.to_owned(), one, some, many]
    });
    let head =
        format!("thousands of readers that a core carries at most, at {READS_PER_S} deliveries a second for each");
    table(&[&head, "1 under way", "16", "many"], rows)
}

/// Every picture, with the last part of its file's name.
pub(crate) fn plots(book: &Book, extent: &Extent) -> Vec<(&'static str, Plot)> {
    let series = |figures: &[&str], factor: fn(f64, f64) -> f64| {
        let of = |model: Model| {
            let points = extent.sizes.iter().filter(|size| is_possible(model, **size)).filter_map(|&size| {
                let values = figures.iter().map(|figure| book.median("deliver", model.name(), size, figure));
                let value = values.sum::<Option<f64>>()?;
                Some((size as f64, factor(value, size as f64)))
            });
            Series { name: model.name().to_owned(), points: points.collect() }
        };
        Model::ALL.map(of).into_iter().collect::<Vec<_>>()
    };
    let axis = |label: &str| Axis { label: label.to_owned(), scale: Scale::Log };
    let plot = |title: &str, y: &str, x: &str, series| Plot { title: title.to_owned(), x: axis(x), y: axis(y), series };
    let mut memory = series(&["resident_bytes", "kernel_bytes"], |bytes, count| bytes * count / 1_024.0);
    // Below a thousand it is the granularity of the allocator that is measured.
    memory.iter_mut().for_each(|series| series.points.retain(|(count, _)| *count >= 1_000.0));
    vec![
        (
            "deliver",
            plot(
                "Deliveries, as fast as queues allow",
                "deliveries a second",
                "recipients",
                series(&["deliveries_per_s"], |value, _| value),
            ),
        ),
        (
            "last",
            plot(
                "One message: until the last recipient has it",
                "µs, median",
                "recipients",
                series(&["last_p50_us"], |value, _| value),
            ),
        ),
        ("memory", plot("Memory of all at rest, with what the kernel keeps for them", "KiB", "how many", memory)),
    ]
}
