//! Many rooms, and what each costs in memory: those that nobody is in, those that were left, those with one person.

use std::{
    io::{self, Write},
    net::TcpStream,
    ops::Range,
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use hubbub_protocol::RoomName;
use hubbub_server::store::Store;
use hubbub_tests::bench::{
    load::{enter, reply},
    process::Server,
    socket::masked,
};

use super::{Plan, history::with_store};
use crate::{
    book::Found,
    row::{Reach, Row},
};

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

/// Rooms with one person in each, between which the slope of memory is taken.
const INHABITED: [usize; 2] = [2_000, 20_000];

/// Who passes may be in so many rooms.
const INHABITED_SET: [(&str, &str); 2] =
    [("HUBBUB_FANOUT_SHARDS", "1"), ("HUBBUB_LIMITS_ROOMS_PER_SESSION_MAX", "10000")];

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
    let steps = [Step::Join, Step::Post, Step::Part];
    let bytes = slopes(plan, &LEFT_SET, [few, many], &steps, |server| {
        // The one that stays is the lobby.
        let begun = Instant::now();
        while server.counts("hubbub_rooms_open")?.iter().sum::<f64>() > 1.0 {
            if begun.elapsed() > EVICTION_MAX {
                return Err(io::Error::other("rooms that nobody is in stay open"));
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(())
    })?;
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

/// Rooms with one person in each, who is in many.
pub(super) fn inhabited_rooms(plan: Plan) -> io::Result<Found> {
    let [few, many] = INHABITED.map(|rooms| if plan.quick { rooms / 10 } else { rooms });
    let bytes = slopes(plan, &INHABITED_SET, [few, many], &[Step::Join], |_| Ok(()))?;
    Ok(Found::of(vec![
        Row::new(
            format!("{few} → {many} rooms with one person in each"),
            "server memory for each further one, bytes",
            Reach::Told,
            bytes,
        )
        .own(0, "B"),
    ]))
}

/// Bytes of the server for each room between so many, of each round, once people took these steps in all of them and the
/// server is as it is to be.
fn slopes(
    plan: Plan,
    set: &[(&str, &str)],
    [few, many]: [usize; 2],
    steps: &[Step],
    until: impl Fn(&Server) -> io::Result<()>,
) -> io::Result<Vec<f64>> {
    let round = |_| {
        let data = tempfile::tempdir()?;
        let server = Server::start_with("hubbub", &data.path().join("data"), plan.server, set)?;
        let mut passers = passers(&server)?;
        let mut memory = |mut rooms: Range<usize>| {
            while !rooms.is_empty() {
                in_each(&mut passers, &mut rooms, steps)?;
            }
            until(&server)?;
            server.private_bytes()
        };
        let before = memory(0..few)?;
        Ok((memory(few..many)? - before) / (many - few) as f64)
    };
    (0..plan.rounds).map(round).collect()
}

/// What somebody does in a room.
#[derive(Debug, Clone, Copy)]
enum Step {
    Join,
    Post,
    Part,
}

impl Step {
    /// The request, without its id.
    fn request(self, room: usize) -> String {
        match self {
            Self::Join => format!(r#""op":"join","room":"room-{room}""#),
            Self::Post => format!(r#""op":"post","room":"room-{room}","nonce":"n-{room}","text":"hello""#),
            Self::Part => format!(r#""op":"part","room":"room-{room}""#),
        }
    }
}

/// Those who pass through rooms; all are in the lobby.
fn passers(server: &Server) -> io::Result<Vec<TcpStream>> {
    (0..PASSERS).map(|number| enter(&server.address, &format!("passer{number}"), "lobby")).collect()
}

/// Each takes the next room and does in it what is to be done, one step after another.
fn in_each(passers: &mut [TcpStream], rooms: &mut Range<usize>, steps: &[Step]) -> io::Result<()> {
    let mut inside: Vec<_> = passers.iter_mut().zip(rooms).collect();
    for (step, what) in (0..).zip(steps) {
        let id = |room: usize| 10 + 3 * room as u64 + step;
        for (socket, room) in &mut inside {
            socket.write_all(&masked(&format!(r#"{{"id":{},{}}}"#, id(*room), what.request(*room))))?;
        }
        inside.iter_mut().try_for_each(|(socket, room)| reply(socket, id(*room)).map(drop))?;
    }
    Ok(())
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
