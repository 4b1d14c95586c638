//! Presence: who is in a room, told in merged signals and listed in pages.

use std::collections::{BTreeMap, BTreeSet};

use hubbub_protocol::{
    ErrorCode, Event, Request,
    event::MemberState,
    id::random_word,
    reply::{Done, MembersPage, NickChanged, Posted, RoomsPage},
    request,
};
use hubbub_tests::{
    eventually::eventually,
    seed,
    server::{Server, Setup},
    wire::Wire,
};
use rand::{RngExt, seq::IndexedMutRandom};

/// What an observer has been told of the members of a room, kept as a client keeps it.
struct Watcher {
    wire: Wire,
    members: BTreeMap<String, MemberState>,
    count: u64,
}

impl Watcher {
    async fn new(server: &Server, nick: &str) -> Self {
        let mut wire = Wire::guest(server.address(), nick).await.0;
        let joined = wire.join("lobby").await;
        let members = joined.members.into_iter().map(|member| (member.nick.to_string(), member.state)).collect();
        Self { wire, members, count: joined.member_count }
    }

    /// Follows the changes until somebody is in this state; `None`: no member.
    async fn until(&mut self, nick: &str, state: Option<MemberState>) {
        while self.members.get(nick).copied() != state {
            let event = self.wire.event_that(|event| matches!(event, Event::Presence(_))).await;
            self.apply(event);
        }
    }

    /// Takes in what it was told up to now: everything before a post that it sees.
    async fn take_in(&mut self, poster: &mut Wire) {
        let posted = poster.post("lobby", &random_word::<9>().expect("randomness"), "up to here").await;
        loop {
            let event = self.wire.event().await;
            if event.seq() == Some(posted.seq) {
                return;
            }
            self.apply(event);
        }
    }

    fn apply(&mut self, event: Event) {
        let Event::Presence(presence) = event else { return };
        assert!(!presence.partial, "{presence:?}");
        self.count = presence.member_count;
        for change in presence.changes {
            if let Some(was) = change.was {
                self.members.remove(was.as_str());
            }
            match change.state {
                MemberState::Left => self.members.remove(change.nick.as_str()),
                state => self.members.insert(change.nick.to_string(), state),
            };
        }
    }
}

fn away(away: bool) -> Request {
    Request::Presence(request::Presence { away })
}

#[tokio::test]
async fn members_come_go_away_offline_and_leave_before_everybody_s_eyes() {
    let server = Server::start(Setup::new().limit("offline_member_ms", 1_000)).await;
    let mut watcher = Watcher::new(&server, "watcher").await;
    let (mut ana, welcome) = Wire::guest(server.address(), "ana").await;
    ana.join("lobby").await;
    watcher.until("ana", Some(MemberState::Online)).await;
    assert_eq!(watcher.count, 2);
    ana.ask::<Done>(away(true)).await;
    watcher.until("ana", Some(MemberState::Away)).await;
    ana.ask::<Done>(away(false)).await;
    watcher.until("ana", Some(MemberState::Online)).await;
    ana.ask::<NickChanged>(Request::Nick(request::Nick { nick: "anna".to_owned() })).await;
    watcher.until("anna", Some(MemberState::Online)).await;
    assert!(!watcher.members.contains_key("ana"), "the old nick is gone");

    ana.reset();
    watcher.until("anna", Some(MemberState::Offline)).await;
    assert_eq!(watcher.count, 2, "who is expected back is a member still");
    let mut again = Wire::connect(server.address()).await;
    again.hello_token(&welcome.token).await;
    again.join("lobby").await;
    watcher.until("anna", Some(MemberState::Online)).await;
    again.reset();
    // Offline, and after a while no member any more.
    watcher.until("anna", None).await;
    assert_eq!(watcher.count, 1);

    let mut bo = Wire::guest(server.address(), "bo").await.0;
    bo.join("lobby").await;
    watcher.until("bo", Some(MemberState::Online)).await;
    bo.ask::<Done>(Request::Part(request::Part { room: "lobby".to_owned() })).await;
    watcher.until("bo", None).await;
    bo.join("lobby").await;
    watcher.until("bo", Some(MemberState::Online)).await;
    bo.quit().await;
    watcher.until("bo", None).await;
}

#[tokio::test]
async fn what_a_watcher_was_told_is_what_is_listed_whatever_happened() {
    let mut random = seed::random("what_a_watcher_was_told");
    let setup = Setup::for_load().shards(2).limit("presence_interval_ms", 10).limit("offline_member_ms", 600_000);
    let server = Server::start(setup).await;
    let mut watcher = Watcher::new(&server, "watcher").await;
    let mut people = Vec::new();
    for number in 0..6 {
        let (wire, welcome) = Wire::guest(server.address(), &format!("p{number}")).await;
        people.push((Some(wire), welcome.token));
    }
    for step in 0..150 {
        let (wire, token) = people.choose_mut(&mut random).expect("somebody");
        let Some(here) = wire else {
            let mut again = Wire::connect(server.address()).await;
            again.hello_token(token).await;
            *wire = Some(again);
            continue;
        };
        let room = || "lobby".to_owned();
        let request = match random.random_range(0..10) {
            0..=3 => Request::Join(request::Join { room: room(), since: None }),
            4 => Request::Part(request::Part { room: room() }),
            5..=6 => away(random.random_bool(0.5)),
            7..=8 => Request::Nick(request::Nick { nick: format!("n{}", random.random_range(0..8)) }),
            _ => {
                if let Some(wire) = wire.take() {
                    wire.reset();
                }
                continue;
            }
        };
        let id = here.send(request).await;
        if let Err(error) = here.reply(id).await {
            let expected = [ErrorCode::NotJoined, ErrorCode::NickTaken];
            assert!(expected.contains(&error.code), "step {step}: {error}");
        }
    }
    // A last change that everybody is told after all others.
    let mut last = Wire::guest(server.address(), "last").await.0;
    last.join("lobby").await;
    watcher.until("last", Some(MemberState::Online)).await;
    // The end of a connection is noticed in its own time; from then on the two must agree.
    eventually("the watcher and the list to agree", async || {
        let request = request::Members { room: "lobby".to_owned(), ..Default::default() };
        let page: MembersPage = last.ask(Request::Members(request)).await;
        let listed: BTreeMap<String, MemberState> =
            page.members.into_iter().map(|member| (member.nick.to_string(), member.state)).collect();
        watcher.take_in(&mut last).await;
        (listed == watcher.members && page.member_count == watcher.count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_large_room_tells_only_its_number() {
    let server = Server::start(Setup::new().limit("presence_members_max", 2)).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    ana.join("lobby").await;
    let mut others = Vec::new();
    for number in 0..4 {
        let mut wire = Wire::guest(server.address(), &format!("p{number}")).await.0;
        wire.join("lobby").await;
        others.push(wire);
    }
    let full = |event: &Event| matches!(event, Event::Presence(presence) if presence.member_count == 5);
    let Event::Presence(presence) = ana.event_that(full).await else { panic!("presence") };
    assert!(presence.partial && presence.changes.is_empty(), "{presence:?}");
}

#[tokio::test]
async fn typing_is_merged_reaches_the_room_and_costs_no_seq() {
    // One signal in a long while: all that type meanwhile must be in it, once.
    let server = Server::start(Setup::for_load().limit("presence_interval_ms", 500)).await;
    let mut watcher = Watcher::new(&server, "watcher").await.wire;
    let mut typists = Vec::new();
    for number in 0..3 {
        let mut wire = Wire::guest(server.address(), &format!("t{number}")).await.0;
        wire.join("lobby").await;
        typists.push(wire);
    }
    let typing = || Request::Typing(request::Typing { room: "lobby".to_owned() });
    for _ in 0..20 {
        for wire in &mut typists {
            wire.ask::<Done>(typing()).await;
        }
    }
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut signals = 0;
    while seen.len() < typists.len() {
        let Event::Typing(typing) = watcher.event_that(|event| matches!(event, Event::Typing(_))).await else {
            continue;
        };
        signals += 1;
        let nicks: BTreeSet<String> = typing.nicks.iter().map(ToString::to_string).collect();
        assert_eq!(nicks.len(), typing.nicks.len(), "twice in one signal: {typing:?}");
        seen.extend(nicks);
    }
    assert!(signals < 60, "{signals} signals for 60 requests: nothing was merged");
    let posted = typists[0].post("lobby", "n", "typed").await;
    assert_eq!(posted.seq, 1, "signals are not in the log");
}

#[tokio::test]
async fn members_and_rooms_are_listed_in_pages_each_once_and_in_order() {
    let server = Server::start(Setup::for_load()).await;
    let mut wires = Vec::new();
    for number in 0..7 {
        let mut wire = Wire::guest(server.address(), &format!("m{number}")).await.0;
        wire.join("lobby").await;
        wire.join(&format!("Room-{number}")).await;
        wires.push(wire);
    }
    let asker = &mut wires[0];
    let (mut nicks, mut after) = (Vec::new(), None);
    loop {
        let request = request::Members { room: "lobby".to_owned(), after: after.take(), limit: Some(3) };
        let page: MembersPage = asker.ask(Request::Members(request)).await;
        assert_eq!((page.member_count, page.members.len() <= 3), (7, true));
        nicks.extend(page.members.iter().map(|member| member.nick.to_string()));
        after = nicks.last().cloned();
        if !page.more {
            break;
        }
    }
    assert_eq!(nicks, ["m0", "m1", "m2", "m3", "m4", "m5", "m6"]);

    asker.post("lobby", "n", "hi").await;
    let topic = request::Topic { room: "room-3".to_owned(), nonce: "t".to_owned(), topic: "the third".to_owned() };
    wires[3].ask::<Posted>(Request::Topic(topic)).await;
    let (mut rooms, mut after) = (Vec::new(), None);
    loop {
        let page: RoomsPage =
            wires[0].ask(Request::Rooms(request::Rooms { after: after.take(), limit: Some(3) })).await;
        rooms.extend(page.rooms);
        after = rooms.last().map(|info| info.room.to_string());
        if !page.more {
            break;
        }
    }
    let lines: Vec<_> =
        rooms.iter().map(|info| (info.room.as_str(), info.topic.as_str(), info.member_count, info.seq)).collect();
    assert_eq!(lines.len(), 8);
    assert_eq!(lines[0], ("lobby", "", 7, 1));
    assert_eq!(lines[1], ("Room-0", "", 1, 0));
    assert_eq!(lines[4], ("Room-3", "the third", 1, 1));
}

#[tokio::test]
async fn a_topic_is_an_event_a_state_and_outlives_the_server() {
    let mut server = Server::start(Setup::new()).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    let mut bo = Wire::guest(server.address(), "bo").await.0;
    ana.join("lobby").await;
    bo.join("lobby").await;
    let topic = |nonce: &str, topic: &str| {
        let (nonce, topic) = (nonce.to_owned(), topic.to_owned());
        Request::Topic(request::Topic { room: "lobby".to_owned(), nonce, topic })
    };
    ana.ask::<Posted>(topic("1", "tea")).await;
    let Event::Topic(told) = bo.log_event().await else { panic!("a topic") };
    assert_eq!((told.topic.as_str(), told.from.as_str(), told.seq), ("tea", "ana", 1));
    server.kill().await;
    server.restart().await;
    let mut cy = Wire::guest(server.address(), "cy").await.0;
    assert_eq!(cy.join("lobby").await.topic, "tea");
    cy.ask::<Posted>(topic("2", "")).await;
    assert_eq!(cy.join("lobby").await.topic, "");
}
