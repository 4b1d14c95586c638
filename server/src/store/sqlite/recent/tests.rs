//! What is staged, seen, paged and put into the tables, without any database.

use std::sync::Arc;

use hubbub_protocol::{
    Nick,
    event::PostKind,
    id::{Nonce, Seq},
};

use super::{Bounds, End, Recent, Sent, Slice};
use crate::store::{
    Appended, EventBody, NewEvent, Page, RoomId,
    sqlite::nonce::{Keyring, Known},
};

fn post(nonce: &str) -> NewEvent {
    let body = EventBody::Post { kind: PostKind::Text, text: "hi".to_owned() };
    let (nick, nonce) = (Nick::parse("ana").expect("a nick"), Nonce::parse(nonce).expect("a nonce"));
    NewEvent { at: 7, user: 1, nick, nonce, body }
}

fn stage(recent: &Recent, room: RoomId, seqs: impl IntoIterator<Item = Seq>) {
    for seq in seqs {
        let event = post(&seq.to_string());
        recent.stage(room, seq, recent.key(room, &event), Arc::new(event));
    }
}

fn recent(events: usize) -> Recent {
    bounded(Bounds { events, bytes: 1 << 30 })
}

/// With a filter that is never filled, so that it says nothing for sure.
fn bounded(bounds: Bounds) -> Recent {
    Recent::new(bounds, Arc::new(Known::new(1 << 16, Keyring::new([7; 16]))))
}

fn find(recent: &Recent, room: RoomId, nonce: &str) -> Sent {
    let event = post(nonce);
    recent.find(room, &event, recent.key(room, &event))
}

fn places(slice: &Slice) -> Vec<(RoomId, Seq)> {
    slice.events.iter().map(|held| (held.room, held.seq)).collect()
}

fn seqs(end: Option<End>) -> Option<(Seq, Seq, Vec<Seq>)> {
    end.map(|end| (end.first, end.last.0, end.events.iter().map(|held| held.seq).collect()))
}

#[test]
fn what_is_staged_is_known_to_the_writer_and_seen_by_nobody_else() {
    let recent = recent(100);
    stage(&recent, 1, [5, 6]);
    let known = Sent::Before(Appended { seq: 6, at: 7, duplicate: true });
    assert_eq!((recent.last(1), find(&recent, 1, "6")), (Some((6, 7)), known));
    assert_eq!((find(&recent, 1, "7"), find(&recent, 2, "6")), (Sent::AskTables, Sent::AskTables));
    assert!(recent.end(1, Page::After(0), 10).is_none() && recent.lasts().is_empty() && recent.events() == 0);
    recent.settle(1);
    assert_eq!(seqs(recent.end(1, Page::After(0), 10)), Some((5, 6, vec![5, 6])));
    assert_eq!(recent.lasts().get(&1), Some(&(6, 7)));
}

#[test]
fn what_is_discarded_was_never_there() {
    let recent = recent(100);
    stage(&recent, 1, [5]);
    recent.settle(1);
    stage(&recent, 1, [6]);
    stage(&recent, 2, [1]);
    stage(&recent, 1, [7]);
    assert!(recent.discard() && !recent.discard());
    assert_eq!((recent.last(1), recent.last(2), recent.events()), (Some((5, 7)), None, 1));
    assert_eq!(find(&recent, 1, "6"), Sent::AskTables);
    assert!(matches!(find(&recent, 1, "5"), Sent::Before(_)), "only what was staged is forgotten");
}

#[test]
fn the_tables_are_asked_for_what_may_be_there_only() {
    let known = Arc::new(Known::new(1 << 16, Keyring::new([7; 16])));
    known.filled();
    let recent = Recent::new(Bounds { events: 1, bytes: 1 }, known);
    stage(&recent, 1, [1]);
    recent.settle(1);
    assert_eq!(find(&recent, 1, "2"), Sent::Never);
    let slice = recent.rest(10).expect("one is there");
    recent.folded(&slice);
    assert_eq!((find(&recent, 1, "1"), find(&recent, 1, "2")), (Sent::AskTables, Sent::Never));
}

#[test]
fn pages_end_where_they_should() {
    let recent = recent(100);
    stage(&recent, 1, 10..20);
    recent.settle(1);
    stage(&recent, 1, [20]);
    let page = |page, count| seqs(recent.end(1, page, count)).expect("there").2;
    assert_eq!(page(Page::After(12), 3), [13, 14, 15]);
    assert_eq!(page(Page::After(3), 2), [10, 11], "those before are in the tables");
    assert_eq!(page(Page::Before(13), 2), [11, 12]);
    assert_eq!(page(Page::Before(Seq::MAX), 2), [18, 19]);
    assert_eq!(page(Page::Before(10), 2), Vec::<Seq>::new());
}

#[test]
fn a_round_takes_what_was_there_at_its_begin_room_by_room() {
    let recent = recent(10);
    stage(&recent, 9, [1, 2]);
    stage(&recent, 3, [4]);
    recent.settle(1);
    assert!(recent.slice(10).is_none(), "not half full");
    stage(&recent, 9, [3]);
    stage(&recent, 3, [5]);
    recent.settle(2);
    let first = recent.slice(3).expect("half full");
    assert_eq!((places(&first), first.clears), (vec![(3, 4), (3, 5), (9, 1)], None));
    recent.folded(&first);
    // It comes too late for this round, and must stay in the journal.
    stage(&recent, 9, [4]);
    stage(&recent, 1, [1]);
    recent.settle(3);
    let second = recent.slice(10).expect("under way");
    assert_eq!((places(&second), second.clears), (vec![(9, 2), (9, 3)], Some(2)));
    recent.folded(&second);
    assert_eq!((recent.events(), recent.last(9), recent.last(3)), (2, Some((4, 7)), None));
    assert_eq!(find(&recent, 9, "3"), Sent::AskTables);
    let rest = recent.rest(10).expect("two are left");
    assert_eq!((places(&rest), rest.clears), (vec![(1, 1), (9, 4)], Some(3)));
    recent.folded(&rest);
    assert!(recent.rest(10).is_none() && recent.lasts().is_empty());
}

#[test]
fn it_says_when_it_is_full() {
    let recent = bounded(Bounds { events: 100, bytes: 1_000 });
    stage(&recent, 1, 1..5);
    recent.settle(1);
    assert!(!recent.is_full() && recent.slice(1).is_some(), "half of the bytes are there");
    stage(&recent, 1, [5]);
    recent.settle(2);
    assert!(recent.is_full());
}
