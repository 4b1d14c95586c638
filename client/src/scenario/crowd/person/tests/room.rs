//! Rooms: gaps, falling behind, refusals, parting.

use super::*;

#[test]
fn a_gap_is_filled_page_by_page_while_live_events_go_on_arriving() {
    let mut scene = Scene::there();
    scene.says(&event(1)).expect("it is taken");
    scene.break_and_return();
    scene.welcome(true);
    scene.written();
    scene.ok(&joined(7, "gap", &[event(6), event(7)]));
    let ask = r#"{"op":"history","room":"lobby","after":1,"limit":500}"#;
    assert_eq!(scene.written(), [ask]);
    assert!(!scene.person.arrived);
    scene.says(&event(8)).expect("it is taken");
    let page = |events: &[String], more: bool| {
        format!(r#"{{"room":"lobby","epoch":"e","seq":8,"events":[{}],"more":{more}}}"#, events.join(","))
    };
    scene.ok(&page(&[event(2), event(3)], true));
    assert_eq!(scene.written(), [ask.replace(":1,", ":3,")]);
    scene.ok(&page(&[event(4), event(5), event(6)], true));
    assert!(scene.person.arrived && scene.written().is_empty());
    assert_eq!(scene.person.rooms[0].how, Some((Resumed::Gap, 6)));
    let account = scene.account();
    assert_eq!((account.totals.foreign, account.totals.rooms_gap), (8, 1));
    assert_eq!(account.found, Default::default(), "{:?}", account.breaches);
}

#[test]
fn who_fell_behind_joins_again_from_what_they_have() {
    let mut scene = Scene::there();
    scene.says(&event(1)).expect("it is taken");
    scene.written();
    scene.says(r#"{"ev":"lagged","room":"lobby","seq":1}"#).expect("it is taken");
    assert_eq!(scene.written(), [r#"{"op":"join","room":"lobby","since":{"epoch":"e","seq":1}}"#]);
    scene.says(r#"{"ev":"lagged","room":"lobby","seq":1}"#).expect("it is taken");
    assert!(scene.written().is_empty(), "once is enough");
    scene.ok(&joined(2, "complete", &[event(2)]));
    assert_eq!(scene.person.rooms[0].place, Place::In);
    assert_eq!(scene.account().totals.lagged, 2);
}

#[test]
fn a_join_that_is_to_wait_is_asked_again_and_one_that_is_refused_is_said() {
    let mut scene = Scene::new();
    scene.connect();
    scene.welcome(false);
    scene.written();
    scene.refuse(r#"{"code":"overloaded","message":"","retry_after_ms":300}"#).expect("the connection lives");
    assert!(scene.written().is_empty());
    scene.wait();
    assert_eq!((scene.deck.now.0, scene.written()), (300_000_000, vec![r#"{"op":"join","room":"lobby"}"#.to_owned()]));
    scene.person.await_deed(1, Deed::Connect, &scene.deck);
    scene.refuse(r#"{"code":"too_many_rooms","message":"no"}"#).expect("the connection lives");
    let [Notice::Done { order: 1, outcome: Err(Failure::Refused(error)), .. }] = &scene.notices()[..] else {
        panic!("the order is told so");
    };
    assert_eq!(error.code, ErrorCode::TooManyRooms);
}

#[test]
fn who_parts_while_a_join_is_under_way_is_out_in_the_end() {
    let mut scene = Scene::new();
    scene.connect();
    scene.welcome(false);
    scene.written();
    assert!(scene.person.part(scene.lobby, &mut scene.deck));
    assert_eq!(scene.written(), [r#"{"op":"part","room":"lobby"}"#]);
    scene.ok(&joined(1, "fresh", &[event(1)]));
    scene.ok("{}");
    assert_eq!((scene.person.rooms[0].place, scene.person.rooms[0].entered), (Place::Out, false));
    assert!(scene.person.arrived);
    scene.says(&event(2)).expect("it is taken");
    assert_eq!(scene.account().totals.leaked, 1, "nothing of the room may come any more");
}
