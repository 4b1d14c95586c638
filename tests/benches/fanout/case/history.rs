//! Long histories and many rooms: what is stored must cost nothing that is not asked for.

use std::{
    fs,
    io::{self, Write},
    net::TcpStream,
    ops::Range,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use hubbub_protocol::{Nick, RoomName, event::PostKind, id::Nonce};
use hubbub_server::{
    limits::Limits,
    store::{
        EventBody, NewEvent, Store,
        sqlite::{Options, SqliteStore},
    },
};
use hubbub_tests::bench::{
    load::{Flow, Kept, Load, enter, reply},
    process::Server,
    socket::{Dialect, masked},
};

use super::{Plan, aftermath::account};
use crate::{
    book::{Drawing, Found, Line},
    row::{Reach, Row, median},
};

/// Posts of a long history.
const POSTS: u64 = 1_000_000;

/// Rooms that nobody is in.
const ROOMS: usize = 100_000;

/// Rooms that somebody was in, between which the slope of memory is taken.
const LEFT: [usize; 2] = [10_000, 90_000];

/// They are closed at once; and what a limit bounds is so small that the first of them fill it: what grows behind it is
/// seen.
const LEFT_SET: [(&str, &str); 6] = [
    ("HUBBUB_FANOUT_SHARDS", "1"),
    ("HUBBUB_LIMITS_ROOM_IDLE_MS", "50"),
    ("HUBBUB_LIMITS_STORE_JOURNAL_EVENTS_MAX", "256"),
    ("HUBBUB_LIMITS_STORE_NONCE_FILTER_BYTES", "65536"),
    ("HUBBUB_LIMITS_STORE_WRITER_CACHE_BYTES", "1048576"),
    ("HUBBUB_LIMITS_STORE_READER_CACHE_BYTES", "1048576"),
];

/// Who passes through rooms, each through its own.
const PASSERS: usize = 16;

/// How long rooms may take to be closed that nobody is in.
const EVICTION_MAX: Duration = Duration::from_secs(20);

/// Posts a second by which the length of a history is told in hours.
const POSTS_PER_S: f64 = 100.0;

/// Pages of each kind that are asked for.
const PAGES: usize = 300;

/// A room with a million posts: starting, reading and posting.
pub(super) fn history(plan: Plan) -> io::Result<Found> {
    let (data, none) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let posts = if plan.quick { POSTS / 20 } else { POSTS };
    let (full, empty) = (data.path().join("data"), none.path().join("data"));
    let (mut points, mut stored, mut kept) = (Vec::new(), 0, Kept::default());
    for part in [100, 30, 10, 3, 1] {
        fill(&full, stored, posts / part)?;
        stored = posts / part;
        let mut costs = Vec::new();
        for _ in 0..plan.rounds {
            let (cost, accounted) = delivery_us(plan, &full)?;
            costs.push(cost);
            kept += accounted;
        }
        points.push((stored as f64, median(&costs)));
    }
    let (mut ready, mut pages) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        let (empty_ms, full_ms) = (start_ms(plan, &empty)?, start_ms(plan, &full)?);
        ready.push((full_ms / empty_ms, format!("{full_ms:.1} ms, empty {empty_ms:.1} ms")));
        let [first, middle, last] = page_us(plan, &full, posts, round)?;
        let ratio = first.max(middle).max(last) / first.min(middle).min(last);
        pages.push((ratio, format!("first {first:.0}, middle {middle:.0}, last {last:.0} µs")));
    }
    // What is told is of the round whose figure is told.
    let row = |measure: &str, rounds: Vec<(f64, String)>, most| {
        let figures: Vec<f64> = rounds.iter().map(|(figure, _)| *figure).collect();
        let figure = median(&figures);
        let of_figure = rounds.into_iter().find(|(one, _)| *one == figure);
        Row::new(format!("room with {posts} posts"), measure, Reach::AtMost(most), figures)
            .beside(of_figure.map(|(_, told)| told).unwrap_or_default(), "")
    };
    let costs: Vec<f64> = points.iter().map(|(_, cost)| *cost).collect();
    let (least, most) =
        (costs.iter().copied().fold(f64::MAX, f64::min), costs.iter().copied().fold(f64::MIN, f64::max));
    let rows = vec![
        row("time until the server is ready, to an empty store's", ready, 2.0),
        row("CPU of a page of 100: the dearest of first, middle, last to the cheapest", pages, 1.2),
        row(
            "CPU per delivery to 1,000, window 64: the dearest length of history to the cheapest",
            vec![(most / least, format!("{least:.3}–{most:.3} µs"))],
            1.3,
        ),
    ];
    let drawing = Drawing {
        title: format!("Server CPU per delivery over hours of history, {POSTS_PER_S} posts a second"),
        x: format!("hours ({POSTS} posts: {:.1})", hours(POSTS as f64)),
        y: "µs".to_owned(),
        lines: vec![Line {
            name: "Hubbub".to_owned(),
            points: points.iter().map(|(posts, cost)| (hours(*posts), *cost)).collect(),
        }],
    };
    Ok(Found::of(rows).drawn(drawing).and_kept(kept))
}

/// How long so many posts take at that rate.
fn hours(posts: f64) -> f64 {
    posts / POSTS_PER_S / 3_600.0
}

/// Rooms that nobody is in.
pub(super) fn empty_rooms(plan: Plan) -> io::Result<Found> {
    let (few, many) = (ROOMS / 10, ROOMS);
    let mut bytes = Vec::new();
    for _ in 0..plan.rounds {
        let memory = |rooms: usize| {
            let data = tempfile::tempdir()?;
            create(data.path(), rooms)?;
            let set = [("HUBBUB_FANOUT_SHARDS", "1"), ("HUBBUB_LIMITS_ROOMS_MAX", "1000000")];
            let server = Server::start_with("hubbub", data.path(), plan.server, &set)?;
            // Somebody comes and lists them, as people do.
            let mut socket = enter(&server.address, "ana", "lobby")?;
            socket.write_all(&masked(r#"{"id":3,"op":"rooms"}"#))?;
            reply(&mut socket, 3)?;
            server.private_bytes()
        };
        bytes.push((memory(many)? - memory(few)?) / (many - few) as f64);
    }
    Ok(Found::of(vec![
        Row::new(
            format!("{few} → {many} rooms that nobody is in"),
            "server memory for each further one, bytes",
            Reach::AtMost(4.0),
            bytes,
        )
        .own(1, "B"),
    ]))
}

/// Rooms that somebody was in, spoke in and left, and that were closed then.
pub(super) fn left_rooms(plan: Plan) -> io::Result<Found> {
    let [few, many] = LEFT.map(|rooms| if plan.quick { rooms / 10 } else { rooms });
    let mut bytes = Vec::new();
    for _ in 0..plan.rounds {
        let data = tempfile::tempdir()?;
        let server = Server::start_with("hubbub", &data.path().join("data"), plan.server, &LEFT_SET)?;
        let passers = (0..PASSERS).map(|number| enter(&server.address, &format!("passer{number}"), "lobby"));
        let mut passers = passers.collect::<io::Result<Vec<_>>>()?;
        let mut memory = |mut rooms: Range<usize>| {
            while !rooms.is_empty() {
                pass_through(&mut passers, &mut rooms)?;
            }
            // The one that stays is the lobby.
            let begun = Instant::now();
            while server.counts("hubbub_rooms_open")?.iter().sum::<f64>() > 1.0 {
                if begun.elapsed() > EVICTION_MAX {
                    return Err(io::Error::other("rooms that nobody is in stay open"));
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
            server.private_bytes()
        };
        let before = memory(0..few)?;
        bytes.push((memory(few..many)? - before) / (many - few) as f64);
    }
    Ok(Found::of(vec![
        Row::new(
            format!("{few} → {many} rooms that were entered, spoken in and left"),
            "server memory for each further one after it was closed, bytes",
            Reach::AtMost(64.0),
            bytes,
        )
        .own(1, "B"),
    ]))
}

/// Each enters the next room, says something and leaves.
fn pass_through(passers: &mut [TcpStream], rooms: &mut Range<usize>) -> io::Result<()> {
    let mut inside: Vec<_> = passers.iter_mut().zip(rooms).collect();
    for step in 0..3 {
        let id = |room: usize| 10 + 3 * room as u64 + step;
        for (socket, room) in &mut inside {
            let what = match step {
                0 => format!(r#""op":"join","room":"room-{room}""#),
                1 => format!(r#""op":"post","room":"room-{room}","nonce":"n-{room}","text":"hello""#),
                _ => format!(r#""op":"part","room":"room-{room}""#),
            };
            socket.write_all(&masked(&format!(r#"{{"id":{},{what}}}"#, id(*room))))?;
        }
        inside.iter_mut().try_for_each(|(socket, room)| reply(socket, id(*room)).map(drop))?;
    }
    Ok(())
}

/// Milliseconds from the start of the program until it is ready.
fn start_ms(plan: Plan, folder: &Path) -> io::Result<f64> {
    let begun = Instant::now();
    let server = Server::start("hubbub", folder, plan.server)?;
    let took = begun.elapsed();
    drop(server);
    Ok(took.as_secs_f64() * 1e3)
}

/// Server CPU for a page of 100 at the begin, in the middle and at the end, in microseconds.
fn page_us(plan: Plan, folder: &Path, posts: u64, round: usize) -> io::Result<[f64; 3]> {
    let server = Server::start("hubbub", folder, plan.server)?;
    let mut socket = enter(&server.address, &format!("reader{round}"), "r0")?;
    // Which nonces are stored is read beside everything else, once, by a thread that ends then.
    while server.threads()?.iter().any(|thread| thread.name == "store-nonces") {
        std::thread::yield_now();
    }
    let mut id = 2;
    let mut cost = |place: String| {
        let mut ask = |count: usize| {
            for _ in 0..count {
                id += 1;
                socket
                    .write_all(&masked(&format!(r#"{{"id":{id},"op":"history","room":"r0",{place},"limit":100}}"#)))?;
                reply(&mut socket, id)?;
            }
            Ok::<_, io::Error>(())
        };
        ask(PAGES / 10)?;
        let before = server.cpu_s()?;
        ask(PAGES)?;
        let cost = (server.cpu_s()? - before) * 1e6 / PAGES as f64;
        if cost > 0.0 { Ok(cost) } else { Err(io::Error::other("the server's threads have changed meanwhile")) }
    };
    Ok([
        cost(r#""after":0"#.to_owned())?,
        cost(format!(r#""after":{}"#, posts / 2))?,
        cost(format!(r#""before":{}"#, posts))?,
    ])
}

/// Server CPU per delivery to a thousand, on a copy, so that the history stays as long as it is.
fn delivery_us(plan: Plan, folder: &Path) -> io::Result<(f64, Kept)> {
    let copy = tempfile::tempdir()?;
    let data = copy.path().join("data");
    fs::create_dir(&data)?;
    fs::copy(folder.join("hubbub.db"), data.join("hubbub.db"))?;
    let server = Server::start("hubbub", &data, plan.server)?;
    let mut load = Load::gather(Dialect::Hubbub, &server.address, &[1_000])?;
    load.run(&[Flow::Window(64)], Duration::from_millis(500))?;
    let before = server.cpu_s()?;
    let done = load.run(&[Flow::Window(64)], Duration::from_secs(if plan.quick { 1 } else { 3 }))?;
    let cost = (server.cpu_s()? - before) * 1e6 / done.deliveries as f64;
    Ok((cost, account(plan, vec![load], Flow::Window(64), server, &data)?))
}

/// Does something with a store that no server uses.
fn with_store<F: Future<Output = io::Result<()>>>(
    folder: &Path,
    work: impl FnOnce(Arc<SqliteStore>) -> F,
) -> io::Result<()> {
    let store = SqliteStore::open(&Options::new(folder, &Limits::default())).map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        work(store.clone()).await?;
        store.close().await.map_err(io::Error::other)
    })
}

/// More posts for the room.
fn fill(folder: &Path, stored: u64, posts: u64) -> io::Result<()> {
    with_store(folder, |store| async move {
        let name = RoomName::parse("r0").map_err(io::Error::other)?;
        let room = store.open_room(name, 1, u64::MAX >> 1).await.map_err(io::Error::other)?;
        let nick = Nick::parse("writer").map_err(io::Error::other)?;
        let post = |number: u64| {
            let nonce = Nonce::parse(&format!("h-{number}")).map_err(io::Error::other)?;
            let body = EventBody::Post { kind: PostKind::Text, text: format!("{number:0>64}") };
            Ok::<_, io::Error>(NewEvent { at: number, user: 1, nick: nick.clone(), nonce, body })
        };
        for first in (stored + 1..=posts).step_by(500) {
            let events = (first..(first + 500).min(posts + 1)).map(post).collect::<io::Result<Vec<_>>>()?;
            store.append(room.id, events.into()).await.map_err(io::Error::other)?;
        }
        Ok(())
    })
}

/// Rooms.
fn create(folder: &Path, rooms: usize) -> io::Result<()> {
    with_store(folder, |store| async move {
        let numbers: Vec<usize> = (0..rooms).collect();
        for some in numbers.chunks(500) {
            let opened = some.iter().map(|number| {
                let name = RoomName::parse(&format!("room-{number}")).map_err(io::Error::other);
                let store = store.clone();
                async move { store.open_room(name?, 1, u64::MAX >> 1).await.map_err(io::Error::other) }
            });
            try_join_all(opened).await?;
        }
        Ok(())
    })
}
