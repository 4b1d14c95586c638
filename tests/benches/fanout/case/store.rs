//! What durable history costs: posts of many senders, beside SQLite alone.

use std::{
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use hubbub_tests::bench::{
    load::{Flow, Kept},
    process::role,
};
use rusqlite::{Connection, params};

use super::{
    Plan,
    versus::{Play, play},
};
use crate::{
    book::Found,
    row::{Reach, Row, median},
};

/// Senders, each alone in a room.
const SENDERS: usize = 64;

/// Rows in a transaction of SQLite alone.
const BATCH: u64 = 256;

/// Posts of 64 senders, 32 of each under way.
pub(super) fn posts(plan: Plan) -> io::Result<Found> {
    let what = Play {
        sizes: vec![1; SENDERS],
        flow: Flow::Window(32),
        lazy: None,
        time: Duration::from_secs(if plan.quick { 1 } else { 4 }),
        warm: Duration::from_millis(500),
        naive: false,
    };
    let (mut own, mut alone, mut kept) = (Vec::new(), Vec::new(), Kept::default());
    for _ in 0..plan.rounds {
        let data = tempfile::tempdir()?;
        let mut sqlite = role("sqlite", plan.server)?;
        sqlite.env("BENCH_DATA", data.path()).env("BENCH_SECONDS", what.time.as_secs().to_string());
        let mut child = sqlite.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        child.wait()?;
        alone.push(line.trim().parse::<f64>().map_err(io::Error::other)?);
        let (played, accounted) = play(plan, &what)?;
        kept += accounted;
        own.push(played.done.messages as f64 / played.done.wall.as_secs_f64());
    }
    let rounds: Vec<f64> = own.iter().zip(&alone).map(|(own, alone)| own / alone).collect();
    Ok(Found::of(vec![
        Row::new(
            "64 senders alone in their rooms, 32 posts under way each",
            "posts stored and acknowledged a second",
            Reach::AtLeast(0.4),
            rounds,
        )
        .beside(
            format!("{:.0} thousand", median(&own) / 1e3),
            format!("SQLite alone {:.0} thousand", median(&alone) / 1e3),
        )
        .made_of([("hubbub_per_s", &own), ("sqlite_per_s", &alone)]),
    ])
    .and_kept(kept))
}

/// A row for each post, as everybody would have it: a room's are together, and none is there twice.
const TABLE: &str = "CREATE TABLE events (
    room_id INTEGER NOT NULL,
    seq     INTEGER NOT NULL CHECK (seq >= 1),
    at      INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    nick    TEXT    NOT NULL,
    nonce   TEXT    NOT NULL,
    kind    INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
    body    TEXT    NOT NULL,
    PRIMARY KEY (room_id, seq),
    UNIQUE (room_id, user_id, nonce)
) STRICT, WITHOUT ROWID";

/// SQLite alone: a row for each post, durable, in transactions of 256. Prints rows a second.
pub(crate) fn sqlite() -> io::Result<()> {
    let told = |name| std::env::var(name).map_err(io::Error::other);
    let seconds: u64 = told("BENCH_SECONDS")?.parse().map_err(io::Error::other)?;
    let database = PathBuf::from(told("BENCH_DATA")?).join("rows.db");
    let rate = insert(&database, Duration::from_secs(seconds)).map_err(io::Error::other)?;
    println!("{rate}");
    Ok(())
}

fn insert(database: &Path, time: Duration) -> rusqlite::Result<f64> {
    let mut connection = Connection::open(database)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(TABLE)?;
    let (begun, mut rows) = (Instant::now(), 0_u64);
    let text = "0".repeat(64);
    while begun.elapsed() < time {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO events (room_id, seq, at, user_id, nick, nonce, kind, body)
                 VALUES (?1, ?2, 1795395438722, ?1, ?3, ?4, 0, ?5)",
            )?;
            // As many of each room in a row as its sender has under way.
            for _ in 0..BATCH {
                let (room, seq) = (rows / 32 % SENDERS as u64 + 1, rows / (32 * SENDERS as u64) * 32 + rows % 32 + 1);
                insert.execute(params![room, seq, format!("m{room}"), format!("n-{seq}"), text])?;
                rows += 1;
            }
        }
        transaction.commit()?;
    }
    Ok(rows as f64 / begun.elapsed().as_secs_f64())
}
