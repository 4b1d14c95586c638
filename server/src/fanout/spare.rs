//! Lists of items whose batch was delivered, for the batches to come: each is needed for a moment, many times a turn.

use std::cell::RefCell;

use super::command::Item;

/// Lists that a thread keeps. As many batches are under way on it at once without memory being asked for.
const LISTS_MAX: usize = 256;

/// Items for which a list that is kept may have space: those of a turn of a room are mostly three.
const LIST_ITEMS_MAX: usize = 8;

thread_local! {
    static LISTS: RefCell<Vec<Vec<Item>>> = const { RefCell::new(Vec::new()) };
}

/// An empty list.
#[must_use]
pub fn list() -> Vec<Item> {
    LISTS.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Keeps a list that is empty now.
pub(super) fn keep(list: Vec<Item>) {
    debug_assert!(list.is_empty(), "what it held was delivered");
    LISTS.with_borrow_mut(|lists| {
        if lists.len() < LISTS_MAX && (1..=LIST_ITEMS_MAX).contains(&list.capacity()) {
            lists.push(list);
        }
    });
}
