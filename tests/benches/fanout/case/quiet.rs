//! Turns that count: those in which the host of a virtual machine gave its cores to nobody else.
//!
//! What is asked is not what a turn measured but what the system says of the host, so nothing is chosen by its outcome.

use std::io;

use hubbub_tests::bench::machine::Watch;

/// Of the cores, so much may have been given to others.
const STOLEN_MAX: f64 = 0.01;

/// As many turns as are wanted in which nothing was taken away; where the host leaves none alone, at most as many are left
/// out as are wanted. Answers how many were.
pub(super) fn turns<T>(
    wanted: usize,
    mut play: impl FnMut() -> io::Result<T>,
    mut count: impl FnMut(T),
) -> io::Result<usize> {
    let (mut counted, mut left_out) = (0, 0);
    while counted < wanted {
        let watch = Watch::begin()?;
        let played = play()?;
        if watch.stolen()? > STOLEN_MAX && left_out < wanted {
            left_out += 1;
        } else {
            count(played);
            counted += 1;
        }
    }
    Ok(left_out)
}
