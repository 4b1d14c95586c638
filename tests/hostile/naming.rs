//! Names that try to pass for others, or for none: lengths at the limit, odd characters, and spellings of one name.

use hubbub_protocol::ErrorCode::{self, InvalidNick, InvalidRoom, NickTaken};
use hubbub_tests::server::Setup;

use crate::{
    peer::{Peer, text},
    scene::{GROWTH_BYTES_MAX, Scene},
};

fn ask(op: &str, field: &str, name: &str) -> Vec<u8> {
    text(&serde_json::json!({"id": 1, "op": op, field: name}).to_string())
}

/// Names that neither a room nor a person may have.
fn bad_names() -> Vec<String> {
    let mut bad: Vec<String> = [
        "",
        " ",
        "-",
        ".",
        "_x",
        "-x",
        ".x",
        "\u{301}x",
        "a b",
        " a",
        "a ",
        "a\tb",
        "a\nb",
        "a\r",
        "a\0",
        "\0",
        "a\u{7f}",
        "a\u{85}",
        "a\u{9b}",
        "a\u{a0}b",
        "a\u{ad}b",
        "a\u{200b}b",
        "a\u{200d}b",
        "a\u{200e}",
        "a\u{2060}b",
        "a\u{2066}b",
        "a\u{2028}b",
        "\u{feff}a",
        "a\u{fff9}b",
        "a\u{e0001}",
        "a/b",
        "a\\b",
        "#a",
        "@a",
        "a:b",
        "a,b",
        "a!b",
        "a*",
        "a?",
        "a\"b",
        "<a>",
        "a&b",
        "a%00",
        "a'b",
        "a`b",
        "a$b",
        "a|b",
        "😀",
        "a😀",
        "a\u{e000}",
        "a\u{10ffff}",
        "½",
        "a²",
        "€",
        "../../etc/passwd",
    ]
    .map(str::to_owned)
    .into();
    bad.extend(["\u{3164}", "\u{ffa0}", "\u{115f}", "ana\u{34f}", "ana\u{fe0f}"].map(str::to_owned));
    bad.extend(['\u{202a}', '\u{202b}', '\u{202d}', '\u{202e}', '\u{2067}', '\u{2069}'].map(|c| format!("a{c}b")));
    bad
}

#[tokio::test]
async fn names_with_characters_that_no_name_holds_are_refused() {
    let mut scene = Scene::start(Setup::new()).await;
    let mut guest = Peer::upgraded(scene.address()).await;
    let mut member = Peer::greeted(scene.address(), "member").await;
    for name in bad_names() {
        guest.send(&ask("hello", "guest", &name)).await;
        assert_eq!(guest.reply().await, (Some(1), Err(InvalidNick)), "{name:?}");
        for (op, field, code) in
            [("join", "room", InvalidRoom), ("nick", "nick", InvalidNick), ("history", "room", InvalidRoom)]
        {
            member.send(&ask(op, field, &name)).await;
            assert_eq!(member.reply().await, (Some(1), Err(code)), "{op} {name:?}");
        }
    }
    drop((guest, member));
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn names_are_as_long_as_allowed_and_not_a_byte_longer() {
    let mut scene = Scene::start(Setup::new()).await;
    let mut peer = Peer::greeted(scene.address(), &"n".repeat(32)).await;
    let long: [(&str, &str, String, Result<(), ErrorCode>); 8] = [
        ("join", "room", "r".repeat(64), Ok(())),
        ("join", "room", "r".repeat(65), Err(InvalidRoom)),
        ("join", "room", "ä".repeat(32), Ok(())),
        ("join", "room", format!("{}a", "ä".repeat(32)), Err(InvalidRoom)),
        ("join", "room", "r".repeat(60_000), Err(InvalidRoom)),
        ("nick", "nick", "日".repeat(10), Ok(())),
        ("nick", "nick", "日".repeat(11), Err(InvalidNick)),
        ("nick", "nick", "m".repeat(33), Err(InvalidNick)),
    ];
    for (op, field, name, outcome) in long {
        peer.send(&ask(op, field, &name)).await;
        assert_eq!(peer.reply().await, (Some(1), outcome), "{op} {name:.70}");
    }
    // As long as a name may be, and many times that when it is folded for comparing: one character becomes eighteen.
    peer.send(&ask("join", "room", &"\u{fdfa}".repeat(21))).await;
    assert_eq!(peer.reply().await, (Some(1), Ok(())));
    // A taken nick of full length has a suggestion that is none too long.
    let mut other = Peer::upgraded(scene.address()).await;
    for nick in ["日".repeat(10), "ㇰ".repeat(10)] {
        peer.send(&ask("nick", "nick", &nick)).await;
        assert_eq!(peer.reply().await.1, Ok(()));
        other.send(&ask("hello", "guest", &nick)).await;
        let error = other.reply_body().await.1.expect_err("taken");
        let suggestion = error.suggestion.expect("a free nick");
        assert!(suggestion.len() <= 32 && suggestion != nick, "{suggestion}");
    }
    drop((peer, other));
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn spellings_of_one_name_are_one_name() {
    let mut scene = Scene::start(Setup::new()).await;
    let mut other = Peer::upgraded(scene.address()).await;
    let spellings: [&[&str]; 6] = [
        &["admin", "ADMIN", "ａｄｍｉｎ", "𝐚𝐝𝐦𝐢𝐧", "ⓐⓓⓜⓘⓝ", "ªdmin"],
        &["Straße", "STRASSE", "ｓtraße", "straſſe", "STRAẞE"],
        &["éte", "e\u{301}te", "ÉTE", "E\u{301}TE"],
        &["ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ", "ϲίϲυφοϲ"],
        &["office", "oﬃce", "OFFICE"],
        &["10", "①0", "１０"],
    ];
    for (number, names) in spellings.iter().enumerate() {
        let mut owner = Peer::greeted(scene.address(), &format!("owner{number}")).await;
        owner.send(&ask("nick", "nick", names[0])).await;
        assert_eq!(owner.reply().await.1, Ok(()), "{}", names[0]);
        owner.send(&ask("join", "room", names[0])).await;
        assert_eq!(owner.reply().await.1, Ok(()), "{}", names[0]);
        for name in &names[1..] {
            other.send(&ask("hello", "guest", name)).await;
            let (_, outcome) = other.reply().await;
            // A spelling may break the rules by itself; it must not be another name.
            assert!(matches!(outcome, Err(NickTaken | InvalidNick)), "{name} is {}: {outcome:?}", names[0]);
            owner.send(&ask("typing", "room", name)).await;
            let (_, outcome) = owner.reply().await;
            assert!(matches!(outcome, Ok(()) | Err(InvalidRoom)), "{name} is {}: {outcome:?}", names[0]);
        }
    }
    drop(other);
    scene.settles(GROWTH_BYTES_MAX).await;
}
