//! Requests whose connection is cut while they are under way: what was begun is done or not done, never half.

use std::collections::HashMap;

use hubbub_protocol::{ErrorCode::NickTaken, NameKey, Request, request};
use hubbub_tests::{
    eventually::eventually,
    http,
    server::{Server, Setup},
    wire::{Wire, hello_guest, post},
};

const CUTS: usize = 150;

fn nick(nick: &str) -> Request {
    Request::Nick(request::Nick { nick: nick.to_owned() })
}

/// Posts until it is aborted, so that there is always something to be written to who is in the room.
async fn chatter(mut wire: Wire) {
    wire.join("busy").await;
    for round in 0_u64.. {
        let mut ids = Vec::new();
        for number in 0..8 {
            ids.push(wire.send(post("busy", &format!("{round}-{number}"), "chatter")).await);
        }
        for id in ids {
            wire.reply(id).await.expect("posted");
        }
        while wire.log_event().await.seq() != Some((round + 1) * 8) {}
    }
}

#[tokio::test]
async fn a_nick_has_one_owner_however_its_changes_were_cut_off() {
    let mut server = Server::start(Setup::for_load()).await;
    let address = server.address();
    let chatter = tokio::spawn(chatter(Wire::guest(address, "chatterbox").await.0));
    let mut tokens = Vec::new();
    for number in 0..CUTS {
        let (mut wire, welcome) = Wire::guest(address, &format!("old{number}")).await;
        wire.join("busy").await;
        wire.send(nick(&format!("new{number}"))).await;
        wire.reset();
        tokens.push(welcome.token);
    }
    chatter.abort();
    assert!(chatter.await.is_err_and(|error| error.is_cancelled()));
    eventually("all to be gone", async || (http::metric(address, "hubbub_connections").await == 0.0).then_some(()))
        .await;
    // Both nicks of each are wanted; one is given away, the other is still its owner's.
    let mut given = 0;
    for number in 0..CUTS {
        for stem in ["old", "new"] {
            let mut wire = Wire::connect(address).await;
            let id = wire.send(hello_guest(&format!("{stem}{number}"))).await;
            match wire.reply(id).await {
                Ok(ok) => {
                    let welcome: hubbub_protocol::reply::Welcome =
                        hubbub_protocol::envelope::read_ok(&ok).expect("a welcome");
                    tokens.push(welcome.token);
                    given += 1;
                }
                Err(error) => assert_eq!(error.code, NickTaken),
            }
        }
    }
    assert_eq!(given, CUTS, "of two nicks one is free");
    for restarted in [false, true] {
        if restarted {
            server.kill().await;
            server.restart().await;
        }
        let mut owners: HashMap<NameKey, usize> = HashMap::new();
        for (number, token) in tokens.iter().enumerate() {
            let nick = Wire::connect(address).await.hello_token(token).await.user.nick;
            if let Some(other) = owners.insert(nick.key(), number) {
                panic!("{nick} is the nick of sessions {other} and {number}, restarted: {restarted}");
            }
        }
    }
}

#[tokio::test]
async fn who_quit_is_in_no_room_however_that_was_cut_off() {
    // Rooms have hardly any inbox, so that leaving one has to wait.
    let setup = Setup::for_load().limit("offline_member_ms", 0).limit("room_inbox_max", 1);
    let server = Server::start(setup).await;
    let address = server.address();
    let chatter = tokio::spawn(chatter(Wire::guest(address, "chatterbox").await.0));
    let rooms = ["busy", "one", "two", "three", "four", "five"];
    for number in 0..CUTS {
        let mut wire = Wire::guest(address, &format!("leaver{number}")).await.0;
        for room in rooms {
            wire.join(room).await;
        }
        wire.send(Request::Quit(request::Quit {})).await;
        wire.reset();
    }
    chatter.abort();
    assert!(chatter.await.is_err_and(|error| error.is_cancelled()));
    let mut looker = Wire::guest(address, "looker").await.0;
    for room in rooms {
        looker.join(room).await;
        eventually("an empty room", async || {
            let members: hubbub_protocol::reply::MembersPage =
                looker.ask(Request::Members(request::Members { room: room.to_owned(), ..Default::default() })).await;
            let others = members.members.iter().filter(|member| member.nick.as_str() != "looker").count();
            (others == 0).then_some(())
        })
        .await;
    }
}
