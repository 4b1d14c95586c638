//! Tasks that share memory race: one number that two threads count with, in each way that there is; and bare locks.

use std::{
    hint::black_box,
    io,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::Instant,
};

use dashmap::DashMap;
use serde::{Deserialize, Serialize};

use crate::{
    coroutine::runtime,
    measure::{Figures, us},
};

/// Who counts, and how far each.
const THREADS: u64 = 2;
const EACH: u64 = 2_000_000;

/// What one writer gets at once, where it gets several.
const BATCH: u64 = 64;

/// Messages that wait for the writer.
const INBOX: usize = 1_024;

/// Uses of a lock that are timed.
const USES: u32 = 1_000_000;

/// How it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    /// Read, add, write, without a word to the others.
    Racing,
    /// One instruction that the processor does not let others into.
    Atomic,
    /// Under a lock.
    Locked,
    /// By one writer, told of each.
    Writer,
    /// By one writer, told of many at once.
    WriterOfBatches,
    /// By each thread for itself, added up at the end.
    Apart,
}

impl Way {
    pub(crate) const ALL: [(Self, &'static str); 6] = [
        (Self::Racing, "read, add, write; no lock (the worst of 10 races)"),
        (Self::Atomic, "one atomic instruction"),
        (Self::Locked, "a lock"),
        (Self::Writer, "one writer, a message for each"),
        (Self::WriterOfBatches, "one writer, a message for 64"),
        (Self::Apart, "a counter for each thread, added up at the end"),
    ];
}

/// Runs the same on all threads; answers what each answered, added up.
fn on_threads(run: impl Fn() -> u64 + Sync) -> u64 {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(&run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
    })
}

/// Has one writer count what the threads send, so many at once.
fn by_writer(batch: u64) -> u64 {
    let (sender, inbox) = sync_channel::<u64>(INBOX);
    let writer = thread::spawn(move || inbox.iter().sum::<u64>());
    on_threads(|| {
        let sender = sender.clone();
        (0..EACH / batch).map(|_| u64::from(sender.send(batch).is_err())).sum()
    });
    // The rest that a batch does not divide.
    let rest = THREADS * (EACH % batch);
    if rest > 0 && sender.send(rest).is_err() {
        return 0;
    }
    drop(sender);
    writer.join().unwrap_or_default()
}

/// Times that a race is run: it shows only where both threads run at once, which a busy machine does not always let them.
const RACES: usize = 10;

/// Measures a way; of the race, what was lost at worst.
pub(super) fn check(way: Way) -> io::Result<Figures> {
    let mut figures = count(way)?;
    for _ in 1..if way == Way::Racing { RACES } else { 1 } {
        let again = count(way)?;
        for (name, figure) in &mut figures {
            *figure = again.get(name).copied().filter(|_| name == "lost_share").unwrap_or_default().max(*figure);
        }
    }
    Ok(figures)
}

fn count(way: Way) -> io::Result<Figures> {
    let (shared, locked) = (AtomicU64::new(0), Mutex::new(0_u64));
    let at = Instant::now();
    let counted = match way {
        Way::Racing => {
            on_threads(|| {
                for _ in 0..EACH {
                    let seen = shared.load(Ordering::Relaxed);
                    shared.store(black_box(seen) + 1, Ordering::Relaxed);
                }
                0
            });
            shared.load(Ordering::Relaxed)
        }
        Way::Atomic => {
            on_threads(|| {
                for _ in 0..EACH {
                    shared.fetch_add(1, Ordering::Relaxed);
                }
                0
            });
            shared.load(Ordering::Relaxed)
        }
        Way::Locked => {
            on_threads(|| {
                for _ in 0..EACH {
                    *locked.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                }
                0
            });
            *locked.lock().unwrap_or_else(PoisonError::into_inner)
        }
        Way::Writer => by_writer(1),
        Way::WriterOfBatches => by_writer(BATCH),
        Way::Apart => on_threads(|| (0..EACH).fold(0, |sum, _| black_box(sum) + 1)),
    };
    let wanted = (THREADS * EACH) as f64;
    Ok(Figures::from([
        ("each_ns".to_owned(), us(at) * 1e3 / wanted),
        ("lost_share".to_owned(), 1.0 - counted as f64 / wanted),
    ]))
}

/// Nanoseconds of one use, of many.
fn each_ns(mut one: impl FnMut()) -> f64 {
    let at = Instant::now();
    for _ in 0..USES {
        one();
    }
    us(at) * 1e3 / f64::from(USES)
}

/// The locks that the server has, each taken and given back by the only one that wants it.
pub(super) fn locks() -> io::Result<Figures> {
    let (mutex, shared) = (Mutex::new(0_u64), RwLock::new(0_u64));
    let map: DashMap<u64, Arc<u64>> = (0..1_000).map(|key| (key, Arc::new(key))).collect();
    let mut key = 0;
    let plain = [
        (
            "atomic_ns",
            each_ns({
                let counter = AtomicU64::new(0);
                move || {
                    black_box(counter.fetch_add(1, Ordering::Relaxed));
                }
            }),
        ),
        ("mutex_ns", each_ns(|| *black_box(&mutex).lock().unwrap_or_else(PoisonError::into_inner) += 1)),
        (
            "rwlock_ns",
            each_ns(|| {
                black_box(*black_box(&shared).read().unwrap_or_else(PoisonError::into_inner));
            }),
        ),
        (
            "dashmap_ns",
            each_ns(|| {
                key = (key + 1) % 1_000;
                drop(black_box(map.get(&key).map(|found| Arc::clone(&found))));
            }),
        ),
    ];
    let mut figures: Figures = plain.map(|(name, ns)| (name.to_owned(), ns)).into();
    let (mutex, semaphore) = (tokio::sync::Mutex::new(0_u64), tokio::sync::Semaphore::new(32));
    runtime()?.block_on(async {
        let at = Instant::now();
        for _ in 0..USES {
            *mutex.lock().await += 1;
        }
        figures.insert("async_mutex_ns".to_owned(), us(at) * 1e3 / f64::from(USES));
        let at = Instant::now();
        for _ in 0..USES {
            drop(black_box(semaphore.acquire().await));
        }
        figures.insert("semaphore_ns".to_owned(), us(at) * 1e3 / f64::from(USES));
    });
    Ok(figures)
}
