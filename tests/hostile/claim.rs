//! Claims to what there is only once: a nick, a session, a place. Storms of them end with exactly one owner.

use std::net::SocketAddr;

use hubbub_protocol::{
    ErrorCode::{self, NickTaken, RoomLimit, ServerFull, UnknownSession},
    close,
};
use hubbub_tests::{eventually::eventually, server::Setup, wire::Wire};
use tokio::task::JoinSet;

use crate::{
    peer::{Heard, Peer, text},
    scene::{GROWTH_BYTES_MAX, Scene},
};

const CLAIMANTS: usize = 50;

/// Sends the same request from every peer; answers the peers with what each was answered.
async fn all_at_once(peers: Vec<Peer>, frame: impl Fn(usize) -> Vec<u8>) -> Vec<(Peer, Result<(), ErrorCode>)> {
    let asked = peers.into_iter().enumerate().map(|(number, mut peer)| {
        let frame = frame(number);
        async move {
            assert!(peer.send(&frame).await);
            let outcome = peer.reply().await.1;
            (peer, outcome)
        }
    });
    asked.collect::<JoinSet<_>>().join_all().await
}

async fn upgraded(address: SocketAddr, count: usize) -> Vec<Peer> {
    (0..count).map(|_| Peer::upgraded(address)).collect::<JoinSet<_>>().join_all().await
}

fn wins(answers: &[(Peer, Result<(), ErrorCode>)], loss: ErrorCode) -> usize {
    assert!(answers.iter().all(|(_, outcome)| matches!(outcome, Ok(())) || *outcome == Err(loss)));
    answers.iter().filter(|(_, outcome)| outcome.is_ok()).count()
}

#[tokio::test]
async fn a_nick_that_many_want_at_once_is_given_to_one() {
    let mut scene = Scene::over_shards(2, Setup::for_load()).await;
    let mut peers = upgraded(scene.address(), CLAIMANTS).await;
    for round in 0..10 {
        // Different spellings of one nick.
        let spelling = |number: usize| ["crown", "CROWN", "ｃｒｏｗｎ", "Crown"][number % 4];
        let answers = all_at_once(peers, |number| {
            text(&format!(r#"{{"id":1,"op":"hello","guest":"{}{round}"}}"#, spelling(number)))
        })
        .await;
        assert_eq!(wins(&answers, NickTaken), 1, "round {round}");
        peers = answers.into_iter().filter(|(_, outcome)| outcome.is_err()).map(|(peer, _)| peer).collect();
    }
    // The same by `nick`, among those that have sessions.
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.greet(&format!("heir{number}")).await;
    }
    let answers = all_at_once(peers, |_| text(r#"{"id":1,"op":"nick","nick":"heritage"}"#)).await;
    assert_eq!(wins(&answers, NickTaken), 1);
    drop(answers);
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn a_storm_of_wrong_tokens_opens_nothing() {
    let mut scene = Scene::over_shards(2, Setup::new()).await;
    let (mut owner, welcome) = Wire::guest(scene.address(), "owner").await;
    let right = welcome.token;
    let flipped: String = right.chars().rev().collect();
    let wrong = [
        "",
        "x",
        &welcome.session,
        &right[1..],
        &right[..right.len() - 1],
        &format!("{right}="),
        &format!("{right} "),
        &right.to_lowercase(),
        &flipped,
        &"A".repeat(43),
        &"\u{0}".repeat(43),
        &"x".repeat(60_000),
    ]
    .map(str::to_owned);
    let mut storm = JoinSet::new();
    let address = scene.address();
    for _ in 0..CLAIMANTS {
        let wrong = wrong.clone();
        storm.spawn(async move {
            let mut peer = Peer::upgraded(address).await;
            for token in wrong.iter().cycle().take(120) {
                let request = serde_json::json!({"id": 1, "op": "hello", "token": token});
                assert!(peer.send(&text(&request.to_string())).await);
                assert_eq!(peer.reply().await, (Some(1), Err(UnknownSession)), "{token:.50}");
            }
        });
    }
    storm.join_all().await;
    // The owner noticed nothing, and its token is still its own.
    owner.join("home").await;
    let mut back = Wire::connect(scene.address()).await;
    assert!(back.hello_token(&right).await.resumed);
    assert_eq!(owner.ending().await.1, 4001);
    drop((owner, back));
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn a_session_that_many_resume_at_once_has_one_connection() {
    let mut scene = Scene::over_shards(2, Setup::new()).await;
    let (owner, welcome) = Wire::guest(scene.address(), "owner").await;
    let peers = upgraded(scene.address(), CLAIMANTS).await;
    let hello = serde_json::json!({"id": 1, "op": "hello", "token": welcome.token}).to_string();
    let mut answers = all_at_once(peers, |_| text(&hello)).await;
    assert!(answers.iter().all(|(_, outcome)| outcome.is_ok()), "the token is right");
    // The witness and one more are left.
    eventually("one winner", async || (scene.figures().await.connections <= 2.0).then_some(())).await;
    let mut winners = 0;
    for (peer, _) in &mut answers {
        peer.send(&text(r#"{"id":2,"op":"rooms"}"#)).await;
        loop {
            match peer.hear().await {
                Heard::Text(reply) if reply.starts_with(r#"{"re":2,"ok":"#) => break winners += 1,
                Heard::Closed(code) => break assert_eq!(code, close::REPLACED),
                Heard::End => panic!("no close frame"),
                Heard::Text(_) | Heard::Ping | Heard::Pong(_) => {}
            }
        }
    }
    assert_eq!(winners, 1);
    drop((answers, owner));
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn there_are_as_many_rooms_as_allowed_however_many_are_wanted_at_once() {
    let mut scene = Scene::over_shards(2, Setup::for_load().limit("rooms_max", 10)).await;
    let mut peers = upgraded(scene.address(), CLAIMANTS).await;
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.greet(&format!("settler{number}")).await;
    }
    let answers = all_at_once(peers, |number| text(&format!(r#"{{"id":1,"op":"join","room":"plot{number}"}}"#))).await;
    // The witness has one.
    assert_eq!(wins(&answers, RoomLimit), 9);
    let (mut winners, mut losers): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, outcome)| outcome.is_ok());
    let (loser, _) = &mut losers[0];
    loser.send(&text(r#"{"id":2,"op":"join","room":"witness"}"#)).await;
    assert_eq!(loser.reply().await, (Some(2), Ok(())), "what exists can be joined");
    winners[0].0.send(&text(r#"{"id":2,"op":"join","room":"another"}"#)).await;
    assert_eq!(winners[0].0.reply().await, (Some(2), Err(RoomLimit)));
    drop((winners, losers));
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn there_are_as_many_sessions_as_allowed_and_a_place_that_is_left_is_taken() {
    let setup = Setup::for_load().limit("sessions_max", 60).limit("connections_max", 60);
    let mut scene = Scene::over_shards(2, setup).await;
    let (owner, welcome) = Wire::guest(scene.address(), "owner").await;
    let token = welcome.token;
    drop(owner);
    let peers = upgraded(scene.address(), 58).await;
    let answers =
        all_at_once(peers, |number| text(&format!(r#"{{"id":1,"op":"hello","guest":"first{number}"}}"#))).await;
    assert_eq!(wins(&answers, ServerFull), 58);
    drop(answers);
    // Their sessions live on without their connections.
    eventually("places for connections", async || (scene.figures().await.connections <= 1.0).then_some(())).await;
    let late = upgraded(scene.address(), 40).await;
    let answers = all_at_once(late, |number| text(&format!(r#"{{"id":1,"op":"hello","guest":"late{number}"}}"#))).await;
    assert_eq!(wins(&answers, ServerFull), 0);
    assert_eq!(scene.metric("hubbub_sessions").await, 60.0);
    drop(answers);
    // One of them comes back with its token, ends its session, and somebody else has the place.
    let mut owner = Wire::connect(scene.address()).await;
    assert!(owner.hello_token(&token).await.resumed);
    owner.quit().await;
    let answers = all_at_once(upgraded(scene.address(), 10).await, |number| {
        text(&format!(r#"{{"id":1,"op":"hello","guest":"next{number}"}}"#))
    })
    .await;
    assert_eq!(wins(&answers, ServerFull), 1);
    drop(answers);
    scene.settles(GROWTH_BYTES_MAX).await;
}
