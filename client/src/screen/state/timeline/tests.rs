//! The window: its bounds, its pages, and a view that keeps its place.

use super::*;

fn post(seq: Seq) -> (Seq, Option<Entry>) {
    let from = Nick::parse("ana").expect("a nick");
    let body = Body::Post { from, kind: PostKind::Text, text: "hi".to_owned(), mention: false };
    (seq, Some(Entry { key: Key::Event(seq), at: seq, body }))
}

fn push(timeline: &mut Timeline, seqs: std::ops::RangeInclusive<Seq>) {
    for seq in seqs {
        let (seq, entry) = post(seq);
        timeline.append(entry, seq);
    }
}

fn seqs(timeline: &Timeline) -> (Key, Key, usize) {
    let entries = timeline.entries();
    (entries[0].key, entries[entries.len() - 1].key, entries.len())
}

#[test]
fn the_window_is_bounded_and_what_fell_out_can_be_asked_for() {
    let mut timeline = Timeline::default();
    push(&mut timeline, 1..=2_500);
    assert_eq!(seqs(&timeline), (Key::Event(501), Key::Event(2_500), ENTRIES_MAX));
    assert_eq!(timeline.page_before(), Page::Before(501));
    timeline.take_page(Page::Before(501), (401..=500).map(post).collect(), true);
    assert_eq!(seqs(&timeline), (Key::Event(401), Key::Event(2_400), ENTRIES_MAX));
    assert!(!timeline.has_newest());
    assert_eq!(timeline.page_after(), Page::After(2_400));
}

#[test]
fn live_events_wait_on_the_server_while_the_window_is_far_back() {
    let mut timeline = Timeline::default();
    push(&mut timeline, 1..=2_000);
    timeline.view = View::At { key: Key::Event(5), line: 0 };
    push(&mut timeline, 2_001..=2_011);
    assert_eq!(seqs(&timeline), (Key::Event(1), Key::Event(2_000), ENTRIES_MAX));
    assert_eq!(timeline.log_end(), 2_011);
    timeline.push_local(0, Body::Notice { text: "said here".to_owned(), bad: false });
    assert_eq!(timeline.entries().len(), ENTRIES_MAX);
    timeline.take_page(Page::After(1_999), (2_000..=2_011).map(post).collect(), false);
    assert!(timeline.has_newest());
    assert_eq!(timeline.entries().len(), ENTRIES_MAX);
}

#[test]
fn an_event_of_an_unknown_kind_has_its_place_and_is_not_shown() {
    let mut timeline = Timeline::default();
    push(&mut timeline, 1..=3);
    assert!(timeline.append(None, 4));
    push(&mut timeline, 5..=6);
    assert_eq!(seqs(&timeline), (Key::Event(1), Key::Event(6), 5));
    timeline.restart(20, 20);
    assert!(timeline.take_page(Page::Before(21), vec![(19, None), (20, None)], true));
    assert_eq!((timeline.start(), timeline.end()), (19, 20));
    assert!(!timeline.take_page(Page::Before(19), Vec::new(), true), "it brought nothing");
}

#[test]
fn a_view_keeps_its_place_when_what_it_begins_with_changes() {
    let mut timeline = Timeline::default();
    timeline.restart(50, 50);
    timeline.take_page(Page::Before(51), (41..=50).map(post).collect(), true);
    timeline.view = View::At { key: Key::Top, line: 0 };
    timeline.take_page(Page::Before(41), (31..=40).map(post).collect(), true);
    assert_eq!(timeline.view, View::At { key: Key::Event(41), line: 0 });
    let moves = || Body::Moves { came: vec!["bo".to_owned()], left: Vec::new(), renamed: Vec::new() };
    timeline.push_local(0, moves());
    timeline.view = View::At { key: Key::Local(1), line: 0 };
    timeline.take_moves();
    timeline.push_local(0, moves());
    timeline.find_view_again(&[]);
    assert_eq!(timeline.view, View::At { key: Key::Local(1), line: 0 });
    timeline.view = View::At { key: Key::Pending(7), line: 0 };
    timeline.find_view_again(&[]);
    assert_eq!(timeline.view, View::Follow);
}

#[test]
fn the_same_event_twice_is_there_once() {
    let mut timeline = Timeline::default();
    push(&mut timeline, 1..=3);
    push(&mut timeline, 2..=4);
    assert_eq!(seqs(&timeline), (Key::Event(1), Key::Event(4), 4));
}

#[test]
fn a_page_that_nobody_waits_for_is_ignored() {
    let mut timeline = Timeline::default();
    timeline.restart(50, 50);
    timeline.take_page(Page::Before(20), vec![post(19)], true);
    assert!(timeline.entries().is_empty());
    timeline.take_page(Page::Before(51), (1..=50).map(post).collect(), false);
    assert!(timeline.has_beginning() && timeline.has_newest());
}
