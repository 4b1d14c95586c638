//! Whether a thread has a backlog: deliveries that it goes on with at once.
//!
//! The shard says so of its thread, and those who ask for something on behalf of that thread may take their time: what
//! comes of it would wait behind the backlog.

use std::cell::Cell;

thread_local! {
    static IS_THERE: Cell<bool> = const { Cell::new(false) };
}

/// Says of this thread whether it has one.
pub(crate) fn note(is_there: bool) {
    IS_THERE.set(is_there);
}

/// Whether this thread has one.
pub(crate) fn is_there() -> bool {
    IS_THERE.get()
}
