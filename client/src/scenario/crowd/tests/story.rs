//! Every order of a story, one after the other, against the real server's program: to be run by hand.

use std::time::Duration;

use hubbub_protocol::{ErrorCode, RoomName};

use super::{
    block_on,
    real::{Server, crowd, finish, people},
};
use crate::scenario::{
    crowd::order::{Beat, Failure, Flow, Parting, RoomChoice, Words},
    file::{expectation::Resumed, step::Garbage},
};

#[test]
#[ignore = "needs the server's program"]
fn every_order_of_a_story_does_what_it_says() {
    let server = Server::start();
    block_on(async {
        let crowd = crowd(server.address);
        let who = people(&crowd, 4, "lobby").await;
        let lobby = crowd.room(RoomName::parse("lobby").expect("a room")).await.expect("a room");
        let attic = crowd.room(RoomName::parse("attic").expect("a room")).await.expect("a room");
        let eve = people(&crowd, 1, "attic").await[0];
        assert_eq!(crowd.members(lobby).await, Ok(who.clone()));
        let group = crowd.group().await.expect("a group");
        let say = |text: &str, room, posters| Flow {
            posters,
            room: RoomChoice::One(room),
            words: Words::Template(text.to_owned()),
            action: true,
            beat: Beat::Times(1),
            group: Some(group),
        };
        let end = crowd.flow(say("{who} waves", lobby, vec![who[0]])).await.expect("it ends");
        assert_eq!((end.sent, end.accepted), (1, 1));
        let soon = || crowd.now().after(Duration::from_secs(5));
        let reception = crowd.reception(who.clone(), vec![group], 1, soon()).await.expect("they have it");
        assert_eq!((reception.expected, reception.latencies.len(), reception.missing.len()), (4, 4, 0));
        assert_eq!(crowd.received(vec![who[3], eve]).await, Ok(vec![1, 0]));
        let fate = crowd.fates(group).await.expect("it is known").remove(0);
        assert_eq!((fate.accepted, fate.sender, fate.acknowledgements), (Some((1, false)), who[0], 1));
        let again = crowd.again(fate.message, None).await.expect("it ends");
        assert_eq!((again.sent, again.accepted), (1, 1));
        assert_eq!(crowd.fates(group).await.expect("it is known")[0].accepted, Some((1, true)));

        let refused = crowd.flow(say("let me in", lobby, vec![eve])).await.expect("it ends");
        assert_eq!((refused.refused[0].0.code, refused.refused[0].1), (ErrorCode::NotJoined, 1));
        assert_eq!(crowd.topic(vec![who[1]], lobby, "Tea at four".to_owned()).await.expect("it is set").done, 1);
        let topic = crowd.topic(vec![eve], lobby, "mine".to_owned()).await.expect("it is tried");
        assert!(matches!(&topic.failed[..], [(_, Failure::Refused(error))] if error.code == ErrorCode::NotJoined));
        assert_eq!(crowd.typing(who.clone(), lobby).await.expect("they type").done, 4);

        assert_eq!(crowd.leave(vec![who[2]], Parting::Close).await.expect("they go").done, 1);
        assert_eq!(crowd.typing(vec![who[2]], lobby).await.expect("they would").failed.len(), 1);
        crowd.flow(say("she is gone", lobby, vec![who[1]])).await.expect("it ends");
        assert_eq!(crowd.connect(vec![who[2]], Duration::ZERO).await.expect("they come back").done, 1);
        let returned = crowd.returns(vec![who[2]]).await.expect("they did")[0];
        assert_eq!((returned.how, returned.missed, returned.room), (Resumed::Complete, 1, lobby));

        let one = crowd.history(who[0], lobby, 0).await.expect("the crowd lives");
        assert_eq!(one, crowd.history(eve, lobby, 0).await.expect("the crowd lives"));
        assert_eq!(one.expect("it is read").events.len(), 3);
        let none =
            crowd.history(eve, crowd.room(RoomName::parse("none").expect("a room")).await.expect("one"), 0).await;
        assert!(matches!(none, Ok(Err(Failure::Refused(error))) if error.code == ErrorCode::NoSuchRoom));

        assert_eq!(crowd.part(vec![who[3]], lobby).await.expect("they part").done, 1);
        assert_eq!(crowd.join(vec![(who[3], attic)]).await.expect("they join").done, 1);
        assert_eq!(crowd.members(lobby).await, Ok(who[..3].to_vec()));
        for (what, code) in [(Garbage::Bytes, 1002), (Garbage::Oversized, 1009)] {
            assert_eq!(crowd.garbage(vec![eve], what).await.expect("it is sent").done, 1);
            while crowd.closed(vec![eve]).await != Ok(vec![Some(code)]) {
                tokio::task::yield_now().await;
            }
            assert_eq!(crowd.connect(vec![eve], Duration::ZERO).await.expect("they come back").done, 1);
        }
        for what in [Garbage::Text, Garbage::Json] {
            assert_eq!(crowd.garbage(vec![eve], what).await.expect("it is sent").done, 1);
        }
        assert_eq!(crowd.leave(vec![who[3]], Parting::Quit).await.expect("they quit").done, 1);
        assert_eq!(crowd.settle(soon()).await, Ok(Default::default()));
        finish(crowd).await;
    });
}
