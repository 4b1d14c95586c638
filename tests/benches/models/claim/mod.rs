//! The small measurements behind what is claimed of the models in general.

mod counter;
mod file;
mod room;
mod store;
mod stuck;

use std::io;

use serde::{Deserialize, Serialize};

use crate::{measure::Figures, microthread, stackful};

pub(crate) use counter::Way;
pub(crate) use room::story;
pub(crate) use store::Disk;
pub(crate) use stuck::stuck;

/// What a process measures for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Claim {
    /// What a caller gets done while a file is read: by itself, or elsewhere with a callback at the end.
    File { elsewhere: bool },
    /// A counter that two threads count with.
    Counter(Way),
    /// What a lock costs that nobody else wants.
    Locks,
    /// How long others stand still while commits are made: on their thread, or on another one.
    Commit { elsewhere: bool, on: Disk },
    /// How long a small room waits for a large one on the same worker, in slices of so many visits.
    Slices(usize),
    /// How many bytes things have.
    Sizes,
    /// How many stacks the system gives, of so many asked for.
    Stacks(usize),
}

/// In the process: measures it.
pub(crate) fn check(claim: Claim) -> io::Result<Figures> {
    match claim {
        Claim::File { elsewhere } => file::check(elsewhere),
        Claim::Counter(way) => counter::check(way),
        Claim::Locks => counter::locks(),
        Claim::Commit { elsewhere, on } => store::check(elsewhere, on),
        Claim::Slices(slice) => microthread::slices(slice),
        Claim::Sizes => Ok(room::sizes()),
        Claim::Stacks(max) => {
            let (made, error) = stackful::limit(max);
            eprintln!("{made} stacks, then: {error}");
            Ok(Figures::from([("stacks".to_owned(), made as f64)]))
        }
    }
}
