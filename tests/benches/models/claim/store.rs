//! Slow output belongs on another thread: how long a coroutine stands still whose neighbour commits to a disk.

use std::{
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use tokio::task::{spawn_blocking, yield_now};

use crate::{
    coroutine::runtime,
    measure::{Figures, percentile, us},
};

/// Commits that are made, and rows in each: what the store's writer takes at once when it is busy.
const COMMITS: usize = 100;
const ROWS: usize = 64;

/// A pause between two turns of the neighbour that counts as standing still, of which a turn of it takes a hundredth.
const STILL_US: f64 = 20.0;

/// What is committed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Disk {
    /// The one that is there.
    Own,
    /// One that takes longer: each commit waits for [`SLOW`] more, as for a disk that turns.
    Slow,
}

/// What a slow disk takes more.
const SLOW: Duration = Duration::from_millis(10);

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE rows (text TEXT)")?;
    Ok(connection)
}

#[expect(clippy::disallowed_methods, reason = "the time that a slow disk takes is what is looked at")]
fn commit(connection: &mut Connection, disk: Disk) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for _ in 0..ROWS {
        transaction.prepare_cached("INSERT INTO rows VALUES (?1)")?.execute(["t".repeat(64)])?;
    }
    transaction.commit()?;
    if disk == Disk::Slow {
        thread::sleep(SLOW);
    }
    Ok(())
}

pub(super) fn check(elsewhere: bool, disk: Disk) -> io::Result<Figures> {
    let folder = tempfile::tempdir()?;
    let mut connection = open(&folder.path().join("rows.sqlite")).map_err(io::Error::other)?;
    runtime()?.block_on(async {
        let committing = tokio::spawn(async move {
            let mut times = Vec::with_capacity(COMMITS);
            for _ in 0..COMMITS {
                let at = Instant::now();
                if elsewhere {
                    let committed = spawn_blocking(move || commit(&mut connection, disk).map(|()| connection));
                    connection = committed.await.map_err(io::Error::other)?.map_err(io::Error::other)?;
                } else {
                    commit(&mut connection, disk).map_err(io::Error::other)?;
                }
                times.push(us(at));
                yield_now().await;
            }
            Ok::<_, io::Error>(times)
        });
        let (begun, mut still_us, mut longest_us) = (Instant::now(), 0.0, 0.0_f64);
        while !committing.is_finished() {
            let at = Instant::now();
            yield_now().await;
            let pause_us = us(at);
            still_us += if pause_us > STILL_US { pause_us } else { 0.0 };
            longest_us = longest_us.max(pause_us);
        }
        let still_share = still_us / us(begun);
        let mut times = committing.await.map_err(io::Error::other)??;
        Ok(Figures::from([
            ("commit_p50_us".to_owned(), percentile(&mut times, 0.5)),
            ("still_share".to_owned(), still_share),
            ("longest_us".to_owned(), longest_us),
        ]))
    })
}
