//! Many at once: whoever races for a session, a nick or a room, one wins and nothing is lost.

use hubbub_protocol::{
    ErrorBody, ErrorCode, Request,
    envelope::read_ok,
    reply::{NickChanged, Welcome},
    request,
};
use hubbub_tests::{
    eventually::{eventually, within},
    http,
    ledger::Ledger,
    server::{Server, Setup},
    wire::{Heard, Wire, hello_guest, hello_token},
};

const RACERS: usize = 8;

/// Connections that stand ready.
async fn racers(server: &Server) -> Vec<Wire> {
    let mut wires = Vec::new();
    for _ in 0..RACERS {
        wires.push(Wire::connect(server.address()).await);
    }
    wires
}

/// Sends every racer's request before any answer is read.
async fn race(wires: &mut [Wire], request: impl Fn(usize) -> Request) -> Vec<Result<String, ErrorBody>> {
    let mut ids = Vec::new();
    for (number, wire) in wires.iter_mut().enumerate() {
        ids.push(wire.send(request(number)).await);
    }
    let mut outcomes = Vec::new();
    for (wire, id) in wires.iter_mut().zip(ids) {
        outcomes.push(wire.reply(id).await.map(|ok| ok.get().to_owned()));
    }
    outcomes
}

#[tokio::test]
async fn of_many_who_want_one_nick_one_gets_it() {
    let server = Server::start(Setup::for_load().shards(2)).await;
    for round in 0..10 {
        let nick = format!("nick{round}");
        let mut wires = racers(&server).await;
        let outcomes = race(&mut wires, |_| hello_guest(&nick)).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        for error in outcomes.into_iter().filter_map(Result::err) {
            assert_eq!(error.code, ErrorCode::NickTaken);
        }
    }
    // The same with a change of nick; the one that everybody leaves is free afterwards.
    let mut wires = Vec::new();
    for number in 0..RACERS {
        wires.push(Wire::guest(server.address(), &format!("racer{number}")).await.0);
    }
    let wanted = |nick: &str| Request::Nick(request::Nick { nick: nick.to_owned() });
    let outcomes = race(&mut wires, |_| wanted("winner")).await;
    let winner = outcomes.iter().position(Result::is_ok).expect("a winner");
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let other = (winner + 1) % RACERS;
    let freed: NickChanged = wires[other].ask(wanted(&format!("racer{winner}"))).await;
    assert_eq!(freed.nick.as_str(), format!("racer{winner}"));
}

#[tokio::test]
async fn of_many_who_resume_one_session_one_keeps_it_and_the_others_are_told() {
    let server = Server::start(Setup::for_load().shards(2)).await;
    let (first, welcome) = Wire::guest(server.address(), "ana").await;
    first.finish().await;
    for round in 0..10 {
        let mut wires = racers(&server).await;
        let mut ids = Vec::new();
        for wire in &mut wires {
            ids.push(wire.send(hello_token(&welcome.token)).await);
        }
        for (wire, id) in wires.iter_mut().zip(ids) {
            let ok = wire.reply(id).await.expect("each resumes the session");
            assert!(read_ok::<Welcome>(&ok).expect("a welcome").resumed);
        }
        // All but one are told to go; the one that is left can be told from them only by being alive.
        let mut alive = Vec::new();
        for wire in &mut wires {
            let id = wire.try_send(Request::Rooms(request::Rooms::default())).await;
            let ended = match id {
                Err(_) => true,
                Ok(id) => wire.try_reply(id).await.is_err(),
            };
            alive.push(!ended);
        }
        // Who was asked before its goodbye had reached it has answered all the same: look again until one is left.
        eventually("all but one to be told", async || {
            let mut left = 0;
            for (wire, alive) in wires.iter_mut().zip(&mut alive).filter(|(_, alive)| **alive) {
                let asked = wire.try_send(Request::Rooms(request::Rooms::default())).await;
                *alive = match asked {
                    Ok(id) => wire.try_reply(id).await.is_ok(),
                    Err(_) => false,
                };
                left += usize::from(*alive);
            }
            assert!(left > 0, "round {round}: nobody is left");
            (left == 1).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_room_that_closes_and_opens_all_the_time_keeps_its_log() {
    let server = Server::start(Setup::for_load().shards(2).limit("room_idle_ms", 0)).await;
    let address = server.address();
    let visitors: Vec<_> = (0..4)
        .map(|visitor| {
            tokio::spawn(async move {
                let mut said = Vec::new();
                for visit in 0..25 {
                    let room = ["lobby", "kitchen"][(visitor + visit) % 2];
                    let nick = format!("v{visitor}-{visit}");
                    let (mut wire, welcome) = Wire::guest(address, &nick).await;
                    wire.join(room).await;
                    let posted = wire.post(room, "hello", &format!("{nick} was here")).await;
                    said.push((room, welcome.user.id, posted));
                    if visit % 3 == 0 {
                        wire.quit().await;
                    }
                }
                said
            })
        })
        .collect();
    let mut ledger = Ledger::new();
    for visitor in visitors {
        for (room, user, posted) in within("a visitor", visitor).await.expect("no panic") {
            ledger.acknowledged(room, user, "hello", posted);
        }
    }
    let mut reader = Wire::guest(address, "reader").await.0;
    for room in ["lobby", "kitchen"] {
        ledger.got_all("reader", &reader.whole_log(room).await);
        ledger.must_be_whole("reader", room);
    }
    ledger.assert_kept();
    assert_eq!(ledger.acknowledgements(), 100);
}

#[tokio::test]
async fn a_room_without_members_is_closed_and_a_position_in_it_stays_worth_something() {
    let setup = Setup::for_load().limit("room_idle_ms", 0).limit("offline_member_ms", 0);
    let server = Server::start(setup).await;
    let address = server.address();
    let mut ana = Wire::guest(address, "ana").await.0;
    let epoch = ana.join("lobby").await.epoch;
    ana.post("lobby", "1", "x").await;
    ana.post("lobby", "2", "x").await;
    // Without a word: the room notices, and closes when its last member has been offline long enough.
    ana.reset();
    eventually("the room to be closed", async || {
        (http::metric(address, "hubbub_rooms_open").await == 0.0).then_some(())
    })
    .await;
    let mut bo = Wire::guest(address, "bo").await.0;
    let joined = bo.join_since("LOBBY", &epoch, 1).await;
    assert_eq!((joined.epoch, joined.seq, joined.events.len(), joined.member_count), (epoch, 2, 1, 1));
    assert_eq!(bo.post("lobby", "3", "x").await.seq, 3);
    assert!(matches!(bo.hear().await, Heard::Event(_)));
}
