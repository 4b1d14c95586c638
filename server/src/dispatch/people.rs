//! `members`, `rooms`, `typing`, `presence` and `nick`: who is where, and what they are called.

use std::sync::Arc;

use hubbub_protocol::{
    ErrorBody, Nick, RoomName,
    limits::{MEMBERS_PAGE_MAX, ROOMS_PAGE_MAX},
    reply::{Done, NickChanged, RoomInfo, RoomsPage},
    request,
};
use tokio::sync::mpsc::error::TrySendError;

use super::{Answer, Asked, Login, Outcome, failed, greet::parse_nick, log::store_error, page_size, room_name};
use crate::{
    frame,
    hub::Hub,
    metrics as names,
    room::{RoomCommand, RoomHandle},
    store::StoredRoom,
};

pub(super) fn members(login: &Login, asked: &Asked<'_>, members: &request::Members) -> Result<Answer, ErrorBody> {
    let room = login.room(&members.room)?.clone();
    let after = members.after.as_deref().map(parse_nick).transpose()?.map(|nick: Nick| nick.key());
    let limit = page_size(members.limit, MEMBERS_PAGE_MAX, MEMBERS_PAGE_MAX)?;
    Ok(Answer::Room(room, RoomCommand::Members { re: asked.re, from: asked.from, after, limit }))
}

pub(super) fn rooms(asked: &Asked<'_>, rooms: &request::Rooms) -> Result<Answer, ErrorBody> {
    let after = rooms.after.as_deref().map(room_name).transpose()?.map(|name: RoomName| name.key());
    let limit = page_size(rooms.limit, ROOMS_PAGE_MAX, ROOMS_PAGE_MAX)?;
    // One more than wanted tells whether there are more.
    let (hub, re) = (asked.hub.clone(), asked.re);
    Ok(Answer::Later(Box::pin(async move {
        Outcome::Reply(match hub.store.list_rooms(after, limit + 1).await {
            Ok(mut stored) => {
                let more = stored.len() > limit as usize;
                stored.truncate(limit as usize);
                let rooms = stored.into_iter().map(|room| room_info(&hub, room)).collect();
                frame::ok(re, &RoomsPage { rooms, more })
            }
            Err(error) => frame::error(Some(re), &store_error(&error)),
        })
    })))
}

/// What the store knows of a room, and what the room itself knows better if it is open.
fn room_info(hub: &Hub, stored: StoredRoom) -> RoomInfo {
    let open = hub.rooms.get(&stored.name.key());
    let member_count = open.as_ref().map_or(0, |room| room.members());
    let seq = open.as_ref().map_or(0, |room| room.seq()).max(stored.seq);
    RoomInfo { room: stored.name, topic: stored.topic, member_count, seq }
}

pub(super) fn typing(login: &Login, asked: &Asked<'_>, typing: &request::Typing) -> Result<Answer, ErrorBody> {
    let room = login.room(&typing.room)?;
    match room.try_send(RoomCommand::Typing { user: login.session.user }) {
        Ok(()) => {}
        // A signal may be lost: the room has more important things to do.
        Err(TrySendError::Full(_)) => metrics::counter!(names::SIGNALS_DROPPED_TOTAL).increment(1),
        Err(TrySendError::Closed(_)) => tracing::debug!(room = %room.name(), "typed in a room that has stopped"),
    }
    Ok(Answer::Reply(frame::ok(asked.re, &Done {})))
}

pub(super) fn presence(login: &mut Login, asked: &Asked<'_>, presence: &request::Presence) -> Answer {
    let (user, away, re) = (login.session.user, presence.away, asked.re);
    login.away = away;
    let rooms = login.rooms.clone();
    Answer::Later(Box::pin(async move {
        tell(&rooms, || RoomCommand::Away { user, away }).await;
        Outcome::Reply(frame::ok(re, &Done {}))
    }))
}

pub(super) fn nick(login: &Login, asked: &Asked<'_>, nick: &request::Nick) -> Result<Answer, ErrorBody> {
    let nick = parse_nick(&nick.nick)?;
    let (hub, session, re) = (asked.hub.clone(), login.session.clone(), asked.re);
    let rooms = login.rooms.clone();
    Ok(Answer::Later(Box::pin(async move {
        // In a task of its own: a change that was begun is finished in the store, in memory and in the rooms.
        let renamed = actix_rt::spawn(async move {
            hub.sessions.rename(&session, nick.clone()).await?;
            tell(&rooms, || RoomCommand::Rename { user: session.user, nick: nick.clone() }).await;
            Ok(nick)
        });
        Outcome::Reply(match renamed.await {
            Ok(Ok(nick)) => frame::ok(re, &NickChanged { nick }),
            Ok(Err(error)) => frame::error(Some(re), &error),
            Err(error) => frame::error(Some(re), &failed(&error)),
        })
    })))
}

/// Tells several rooms the same, waiting for space where there is none.
pub(super) async fn tell(rooms: &[Arc<RoomHandle>], command: impl Fn() -> RoomCommand) {
    for room in rooms {
        if room.send(command()).await.is_err() {
            tracing::debug!(room = %room.name(), "told something to a room that has stopped");
        }
    }
}
