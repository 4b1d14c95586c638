//! Long histories: what is stored must cost nothing that is not asked for.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

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

/// Posts a second by which the length of a history is told in hours.
const POSTS_PER_S: f64 = 100.0;

/// Turns in which pages of each place are asked for, and how many: short ones, so that what disturbs the machine disturbs
/// all places.
const TURNS: usize = 30;
const PAGES: usize = 20;

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
    let mut turn = |place: &str| {
        let before = server.cpu_s()?;
        for _ in 0..PAGES {
            id += 1;
            let page = format!(r#"{{"id":{id},"op":"history","room":"r0",{place},"limit":100}}"#);
            socket.write_all(&masked(&page))?;
            reply(&mut socket, id)?;
        }
        let cost_us = (server.cpu_s()? - before) * 1e6;
        if cost_us > 0.0 { Ok(cost_us) } else { Err(io::Error::other("the server's threads have changed meanwhile")) }
    };
    let places = [r#""after":0"#.to_owned(), format!(r#""after":{}"#, posts / 2), format!(r#""before":{posts}"#)];
    // The first turns do not count: they bring the pages into memory.
    places.iter().try_for_each(|place| turn(place).map(drop))?;
    let mut costs_us = [0.0; 3];
    for _ in 0..TURNS {
        for (place, cost_us) in places.iter().zip(&mut costs_us) {
            *cost_us += turn(place)?;
        }
    }
    Ok(costs_us.map(|cost_us| cost_us / (TURNS * PAGES) as f64))
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
pub(super) fn with_store<F: Future<Output = io::Result<()>>>(
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
