//! What a server may say and what not, and what no client should send.

use super::*;

#[test]
fn a_server_that_names_rooms_without_end_makes_nothing_grow_and_each_event_is_a_leak() {
    let mut scene = Scene::there();
    for number in 0..5_000 {
        scene.says(&event(1).replace("lobby", &format!("room-{number}"))).expect("it is taken");
    }
    assert!(scene.deck.rooms.len() < 1_100, "{}", scene.deck.rooms.len());
    assert_eq!(scene.account().totals.leaked, 5_000);
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let mut scene = Scene::there();
    scene.written();
    scene.input(&server_frame(0x89, b"are you there")).expect("it is taken");
    assert_eq!(client_frames(&scene.person.out), [(0xA, b"are you there".to_vec())]);
}

#[test]
fn what_a_server_may_not_say_ends_the_connection_with_the_reason() {
    let broken = |first: u8, payload: &[u8]| match Scene::there().input(&server_frame(first, payload)) {
        Err(Lost::Broken(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(broken(0x82, b"x"), "a frame is binary");
    assert_eq!(broken(0x01, b"x"), "a message comes in fragments");
    assert_eq!(broken(0x81, b"\xff"), "a text frame of the server is not UTF-8");
    assert_eq!(broken(0x81, br#"{"re":77,"ok":{}}"#), "the server answers request 77, which is none");
    assert!(broken(0x81, b"tea?").starts_with("the server's frame cannot be read: "));
    let mut scene = Scene::new();
    scene.connect();
    let hello = scene.says(r#"{"re":1,"ok":{"tea":1}}"#);
    assert!(matches!(hello, Err(Lost::Broken(why)) if why.starts_with("the server's reply to hello cannot be read: ")));
}

#[test]
fn an_answer_to_the_upgrade_is_final_or_not_by_its_status() {
    for (status, comes_back) in [(503, true), (429, true), (404, false), (403, false)] {
        let mut scene = Scene::new();
        scene.person.connect(&mut scene.deck);
        scene.person.dialing(&mut scene.deck);
        scene.person.dialed(&mut scene.deck);
        let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n");
        let lost = scene.input(answer.as_bytes()).expect_err("it is refused");
        assert_eq!(lost, Lost::Upgrade(upgrade::UpgradeError::Refused { status, error: None }));
        scene.person.lost(lost, &mut scene.deck);
        assert_eq!((scene.person.wish, scene.person.state == State::Waiting), (comes_back, comes_back), "{status}");
        assert_eq!(scene.account().totals.connect_failed, 1);
    }
}

#[test]
fn garbage_is_what_no_client_sends() {
    let mut scene = Scene::there();
    scene.written();
    assert!(scene.person.garbage(Garbage::Bytes, &mut scene.deck));
    assert_ne!(std::mem::take(&mut scene.person.out)[0] & 0x70, 0, "reserved bits");
    assert!(scene.person.garbage(Garbage::Oversized, &mut scene.deck));
    let declared = std::mem::take(&mut scene.person.out);
    assert_eq!((declared.len(), u64::from_be_bytes(declared[2..10].try_into().expect("eight"))), (14, 65_537));
    for (what, is_json) in [(Garbage::Text, false), (Garbage::Json, true)] {
        scene.person.garbage(what, &mut scene.deck);
        let text = scene.written().remove(0);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), is_json, "{text}");
    }
    scene
        .says(r#"{"re":null,"error":{"code":"malformed","message":""}}"#)
        .expect("the answer to garbage is none of ours");
    scene.person.lost(Lost::Broken("reset".to_owned()), &mut scene.deck);
    assert_eq!(scene.account().totals.connections_lost, 0, "it was provoked");
}
