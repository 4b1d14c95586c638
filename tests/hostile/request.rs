//! Requests that are none: each gets its error with the id where there is one, and the connection lives.

use hubbub_protocol::ErrorCode::{
    self, AlreadyGreeted, HelloRequired, InvalidArgument, InvalidNonce, InvalidRoom, Malformed, NotJoined, TextEmpty,
    TextTooLong, UnknownOp,
};
use hubbub_tests::server::Setup;

use crate::{
    peer::{Peer, text},
    scene::{GROWTH_BYTES_MAX, Scene},
};

/// Sends each frame and compares its answer; a proper request after each shows that the connection lives.
async fn provoke(scene: &mut Scene, nick: &str, frames: &[(&str, Option<u64>, ErrorCode)]) {
    let mut peer = Peer::greeted(scene.address(), nick).await;
    for (json, re, code) in frames {
        peer.send(&text(json)).await;
        let shown: String = json.chars().take(80).collect();
        let (found, outcome) = peer.reply_body().await;
        let error = outcome.expect_err(&shown);
        assert_eq!((found, error.code), (*re, *code), "{shown}: {error}");
        assert!(error.message.len() > 10 && !error.message.contains(char::is_control), "{shown}: {error:?}");
        peer.send(&text(r#"{"id":77,"op":"presence","away":false}"#)).await;
        assert_eq!(peer.reply().await, (Some(77), Ok(())), "after {shown}");
    }
    scene.well_served().await;
}

#[tokio::test]
async fn what_is_no_json_object_is_malformed() {
    let mut scene = Scene::start(Setup::new()).await;
    let frames = [
        "",
        " ",
        "{",
        "}",
        "null",
        "true",
        "5",
        "\"op\"",
        "[]",
        "[1]",
        "[[]]",
        "{}{}",
        "{} x",
        "{,}",
        "{\"id\"}",
        "{\"id\":}",
        "{id:1}",
        "{'id':1}",
        "\u{feff}{}",
        "\0",
        "{\"id\":1,\"op\":\"join\",}",
        "NaN",
        "-",
        "1e",
        "\"",
        "\"\\",
        "{\"\\ud800\":1}",
        "{\"id\":1,\"op\":\"quit\"}{\"id\":2,\"op\":\"quit\"}",
        "//",
        "{\"id\":01}",
    ];
    provoke(&mut scene, "shapeless", &frames.map(|json| (json, None, Malformed))).await;
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn an_id_that_is_none_is_malformed_and_so_is_every_field_that_does_not_fit() {
    let mut scene = Scene::start(Setup::new()).await;
    let frames = [
        (r#"{"op":"rooms"}"#, None, Malformed),
        (r#"{"id":null,"op":"rooms"}"#, None, Malformed),
        (r#"{"id":-1,"op":"rooms"}"#, None, Malformed),
        (r#"{"id":1.0,"op":"rooms"}"#, None, Malformed),
        (r#"{"id":1e2,"op":"rooms"}"#, None, Malformed),
        (r#"{"id":"1","op":"rooms"}"#, None, Malformed),
        (r#"{"id":[1],"op":"rooms"}"#, None, Malformed),
        (r#"{"id":9007199254740992,"op":"rooms"}"#, None, Malformed),
        (r#"{"id":18446744073709551616,"op":"rooms"}"#, None, Malformed),
        (r#"{"id":1e400,"op":"rooms"}"#, None, Malformed),
        (r#"{"id":1,"id":2,"op":"rooms"}"#, None, Malformed),
        (r#"{"id":1}"#, Some(1), Malformed),
        (r#"{"id":1,"op":null}"#, Some(1), Malformed),
        (r#"{"id":1,"op":""}"#, Some(1), UnknownOp),
        (r#"{"id":1,"op":"HELLO"}"#, Some(1), UnknownOp),
        (r#"{"id":1,"op":"join\u0000"}"#, Some(1), UnknownOp),
        (r#"{"id":9007199254740991,"op":"\u202e\u001b[2J"}"#, Some(9_007_199_254_740_991), UnknownOp),
        (r#"{"id":1,"op":"join"}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"join","room":null}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"join","room":5}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"join","room":["a"]}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"join","room":"a","room":"b"}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"join","room":"\ud800"}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"join","room":"a","since":5}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"join","room":"a","since":{"epoch":"e"}}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"join","room":"a","since":{"epoch":"e","seq":-1}}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"join","room":"a","since":{"epoch":"e","seq":1e99}}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"post","room":"witness","nonce":"n"}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"post","room":"witness","nonce":"n","text":"x","kind":"shout"}"#, Some(1), InvalidArgument),
        (r#"{"id":1,"op":"presence","away":"no"}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"presence","away":0}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"history","room":"witness","after":-1}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"history","room":"witness","limit":4294967296}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"history","room":"witness","limit":1.5}"#, Some(1), Malformed),
        (r#"{"id":1,"op":"history","room":"witness","limit":0}"#, Some(1), InvalidArgument),
        (r#"{"id":1,"op":"history","room":"witness","limit":4294967295}"#, Some(1), InvalidArgument),
        (r#"{"id":1,"op":"rooms","limit":201}"#, Some(1), InvalidArgument),
        (r#"{"id":1,"op":"members","room":"witness"}"#, Some(1), NotJoined),
        (r#"{"id":1,"op":"hello","guest":"again"}"#, Some(1), AlreadyGreeted),
        (r#"{"id":1,"op":"hello"}"#, Some(1), AlreadyGreeted),
    ];
    provoke(&mut scene, "misfit", &frames).await;
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn positions_beyond_every_log_are_answered() {
    let mut scene = Scene::start(Setup::new()).await;
    let mut peer = Peer::greeted(scene.address(), "far").await;
    for seq in ["0", "9007199254740992", "9223372036854775807", "9223372036854775808", "18446744073709551615"] {
        let requests = [
            format!(r#"{{"id":1,"op":"history","room":"witness","after":{seq}}}"#),
            format!(r#"{{"id":1,"op":"history","room":"witness","before":{seq}}}"#),
            format!(r#"{{"id":1,"op":"join","room":"witness","since":{{"epoch":"e","seq":{seq}}}}}"#),
        ];
        for request in requests {
            peer.send(&text(&request)).await;
            assert_eq!(peer.reply().await, (Some(1), Ok(())), "{request}");
        }
    }
    drop(peer);
    scene.well_served().await;
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn deep_nesting_is_skipped_in_unknown_fields_and_malformed_elsewhere() {
    let depth = 100_000;
    let mut scene = Scene::start(Setup::new().limit("frame_bytes_max", 1_048_576)).await;
    let mut peer = Peer::greeted(scene.address(), "deep").await;
    let objects = format!("{}1{}", r#"{"a":"#.repeat(80_000), "}".repeat(80_000));
    let nests = [format!("{}{}", "[".repeat(depth), "]".repeat(depth)), objects];
    for nest in &nests {
        peer.send(&text(&format!(r#"{{"id":1,"x":{nest},"op":"presence","away":true,"y":{nest}}}"#))).await;
        assert_eq!(peer.reply().await, (Some(1), Ok(())), "in fields that the server does not know");
        for (frame, re) in [
            (nest.clone(), None),
            (nest[..80_000].to_owned(), None),
            (format!(r#"{{"id":{nest},"op":"rooms"}}"#), None),
            (format!(r#"{{"id":2,"op":{nest}}}"#), Some(2)),
        ] {
            peer.send(&text(&frame)).await;
            assert_eq!(peer.reply().await, (re, Err(Malformed)));
        }
        for field in ["room", "since"] {
            peer.send(&text(&format!(r#"{{"id":3,"op":"join","{field}":{nest}}}"#))).await;
            assert_eq!(peer.reply().await, (Some(3), Err(Malformed)));
        }
    }
    drop(peer);
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn huge_numbers_strings_and_many_fields_are_answered() {
    let mut scene = Scene::start(Setup::new()).await;
    let mut peer = Peer::greeted(scene.address(), "huge").await;
    let fields: String = (0..5_000).map(|number| format!(r#""{number}":0,"#)).collect();
    let digits = "9".repeat(60_000);
    let accepted = [
        format!(r#"{{{fields}"id":1,"op":"rooms"}}"#),
        format!(r#"{{"x":{digits},"id":1,"op":"rooms"}}"#),
        format!(r#"{{"x":-{digits}.{}e-99999,"id":1,"op":"rooms"}}"#, &digits[..5_000]),
        format!(r#"{{"x":"{}","id":1,"op":"rooms"}}"#, "\\u0000".repeat(10_000)),
        format!("{{\"{}\":0,\"id\":1,\"op\":\"rooms\"}}", "\u{202e}".repeat(20_000)),
        r#"{"x":"\ud800","x":"\udfff","id":1,"op":"rooms"}"#.to_owned(),
    ];
    for json in accepted {
        peer.send(&text(&json)).await;
        assert_eq!(peer.reply().await, (Some(1), Ok(())), "{:.60}", json);
    }
    let refused = [
        (format!(r#"{{"id":{digits},"op":"rooms"}}"#), None, Malformed),
        (format!(r#"{{"id":1,"op":"{}"}}"#, "\u{200b}".repeat(21_000)), Some(1), UnknownOp),
        (format!(r#"{{"id":1,"op":"join","room":"{}"}}"#, "\u{200b}".repeat(21_000)), Some(1), InvalidRoom),
        (format!(r#"{{"id":1,"op":"join","room":{digits}}}"#), Some(1), Malformed),
        (format!(r#"{{"id":1,"op":"hello","client":"{}"}}"#, "x".repeat(60_000)), Some(1), AlreadyGreeted),
    ];
    for (json, re, code) in refused {
        peer.send(&text(&json)).await;
        assert_eq!(peer.reply().await, (re, Err(code)), "{:.60}", json);
    }
    drop(peer);
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn nothing_but_hello_is_answered_before_it() {
    let mut scene = Scene::start(Setup::new()).await;
    let mut peer = Peer::upgraded(scene.address()).await;
    let requests = [
        r#""op":"join","room":"lobby""#,
        r#""op":"part","room":"lobby""#,
        r#""op":"post","room":"witness","nonce":"n","text":"x""#,
        r#""op":"topic","room":"witness","nonce":"n","topic":"x""#,
        r#""op":"history","room":"witness""#,
        r#""op":"members","room":"witness""#,
        r#""op":"rooms""#,
        r#""op":"typing","room":"witness""#,
        r#""op":"presence","away":true"#,
        r#""op":"nick","nick":"x""#,
        r#""op":"quit""#,
    ];
    for request in requests {
        peer.send(&text(&format!("{{\"id\":4,{request}}}"))).await;
        assert_eq!(peer.reply().await, (Some(4), Err(HelloRequired)), "{request}");
    }
    for hello in [r#""guest":"a","token":"b""#, r#""x":0"#, r#""guest":null"#] {
        peer.send(&text(&format!(r#"{{"id":5,"op":"hello",{hello}}}"#))).await;
        assert_eq!(peer.reply().await, (Some(5), Err(InvalidArgument)), "{hello}");
    }
    let client = "x".repeat(65);
    peer.send(&text(&format!(r#"{{"id":5,"op":"hello","guest":"a","client":"{client}"}}"#))).await;
    assert_eq!(peer.reply().await, (Some(5), Err(InvalidArgument)));
    peer.greet("late").await;
    drop(peer);
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn texts_and_nonces_that_are_not_allowed_are_refused_and_odd_ones_come_back_as_they_were() {
    let mut scene = Scene::start(Setup::for_load()).await;
    let mut peer = Peer::greeted(scene.address(), "writer").await;
    peer.send(&text(r#"{"id":0,"op":"join","room":"page"}"#)).await;
    assert_eq!(peer.reply().await, (Some(0), Ok(())));
    let post =
        |nonce: &str, text: &str| format!(r#"{{"id":1,"op":"post","room":"page","nonce":"{nonce}","text":"{text}"}}"#);
    let long = "ä".repeat(4_001);
    let refused = [
        (post("n", ""), TextEmpty),
        (post("n", r" \n\t\u3000\u2003"), TextEmpty),
        (post("n", r"x\u0000"), InvalidArgument),
        (post("n", r"x\u001b[2J"), InvalidArgument),
        (post("n", r"x\r\n"), InvalidArgument),
        (post("n", r"x\u007f"), InvalidArgument),
        (post("n", r"x\u0085"), InvalidArgument),
        (post("n", r"x\u009b31m"), InvalidArgument),
        (post("n", &long), TextTooLong),
        (post("", "x"), InvalidNonce),
        (post(&"n".repeat(65), "x"), InvalidNonce),
        (post("ä", "x"), InvalidNonce),
        (post(r"a\u0000", "x"), InvalidNonce),
        (post(r"a\u007f", "x"), InvalidNonce),
        (r#"{"id":1,"op":"topic","room":"page","nonce":"n","topic":"two\nlines"}"#.to_owned(), InvalidArgument),
    ];
    for (json, code) in refused {
        peer.send(&text(&json)).await;
        assert_eq!(peer.reply().await, (Some(1), Err(code)), "{json:.100}");
    }
    let odd = [
        "\u{202e}desrever",
        "a\u{200d}\u{feff}\u{fffe}",
        "\u{10ffff}\u{e000}",
        "z\u{0301}\u{0301}\u{0301}",
        &long[..8_000],
    ];
    for (number, text_sent) in odd.iter().enumerate() {
        peer.send(&text(&post(&format!("{}{number}", "n".repeat(63)), text_sent))).await;
        assert_eq!(peer.reply().await, (Some(1), Ok(())), "{text_sent:.40}");
    }
    let mut reader = hubbub_tests::wire::Wire::guest(scene.address(), "reader").await.0;
    let log = reader.whole_log("page").await;
    let texts: Vec<&str> = log
        .iter()
        .filter_map(
            |event| if let hubbub_protocol::Event::Post(post) = event { Some(post.text.as_str()) } else { None },
        )
        .collect();
    assert_eq!(texts, odd);
    drop((peer, reader));
    scene.settles(GROWTH_BYTES_MAX).await;
}
