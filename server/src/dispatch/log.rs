//! `join`, `part`, `post`, `topic` and `history`: requests about a room's log.

use std::sync::Arc;

use hubbub_protocol::{
    ErrorBody, ErrorCode,
    event::{Event, PostKind},
    id::Nonce,
    limits::{HISTORY_EVENTS_DEFAULT, HISTORY_EVENTS_MAX},
    reply::History,
    request,
};

use super::{Answer, Asked, Login, Outcome, page_size, room_name};
use crate::{
    domain::{rate::Rate, text},
    frame,
    room::RoomCommand,
    store::{EventBody, LogPage, NewEvent, Page, StoreError},
};

pub(super) fn join(login: &Login, asked: &Asked<'_>, join: request::Join) -> Result<Answer, ErrorBody> {
    let name = room_name(&join.room)?;
    let command = RoomCommand::Join {
        re: asked.re,
        from: asked.from,
        user: login.session.user,
        nick: login.session.nick(),
        away: login.away,
        since: join.since.map(Box::new),
    };
    if let Some(room) = login.joined(&name.key()) {
        return Ok(Answer::Room(room.clone(), command));
    }
    let rooms_max = asked.hub.limits.rooms_per_session_max;
    if login.rooms.len() as u64 >= rooms_max {
        let message = format!("you are in {rooms_max} rooms, as many as one may be in; part one first");
        return Err(ErrorBody::new(ErrorCode::TooManyRooms, message));
    }
    let (hub, re) = (asked.hub.clone(), asked.re);
    Ok(Answer::Later(Box::pin(async move {
        match hub.rooms.open(name).await {
            Ok(room) => Outcome::Opened(room, command),
            Err(error) => Outcome::Reply(frame::error(Some(re), &store_error(&error))),
        }
    })))
}

pub(super) fn part(login: &Login, asked: &Asked<'_>, part: &request::Part) -> Result<Answer, ErrorBody> {
    let room = login.room(&part.room)?.clone();
    Ok(Answer::Room(room, RoomCommand::Part { re: Some(asked.re), from: asked.from, user: login.session.user }))
}

pub(super) fn post(login: &Login, asked: &Asked<'_>, post: request::Post) -> Result<Answer, ErrorBody> {
    let request::Post { room, nonce, text, kind } = post;
    text::check_post(&text, asked.hub.limits.text_chars_max)?;
    if kind == PostKind::Unknown {
        return Err(ErrorBody::new(ErrorCode::InvalidArgument, "`kind` is `text` or `action`"));
    }
    append(login, asked, &room, nonce, EventBody::Post { kind, text })
}

pub(super) fn topic(login: &Login, asked: &Asked<'_>, topic: request::Topic) -> Result<Answer, ErrorBody> {
    let request::Topic { room, nonce, topic } = topic;
    text::check_topic(&topic, asked.hub.limits.topic_chars_max)?;
    append(login, asked, &room, nonce, EventBody::Topic { topic })
}

fn append(login: &Login, asked: &Asked<'_>, room: &str, nonce: String, body: EventBody) -> Result<Answer, ErrorBody> {
    let room = login.room(room)?.clone();
    let nonce = Nonce::try_from(nonce).map_err(|error| ErrorBody::new(ErrorCode::InvalidNonce, error.to_string()))?;
    let rate = Rate { burst: asked.hub.limits.post_burst, per_s: asked.hub.limits.posts_per_s };
    login.session.count_post(rate, asked.now_ms).map_err(|wait_ms| {
        let message = "you post faster than this server allows; send it again later with the same nonce";
        ErrorBody::new(ErrorCode::RateLimited, message).retry_after(wait_ms)
    })?;
    let (user, nick) = (login.session.user, login.session.nick());
    let event = Arc::new(NewEvent { at: 0, user, nick, nonce, body });
    Ok(Answer::Room(room, RoomCommand::Append { re: asked.re, from: asked.from, event }))
}

pub(super) fn history(asked: &Asked<'_>, history: &request::History) -> Result<Answer, ErrorBody> {
    let name = room_name(&history.room)?;
    let page = match (history.after, history.before) {
        (None, None) => Page::Before(u64::MAX),
        (Some(after), None) => Page::After(after),
        (None, Some(before)) => Page::Before(before),
        (Some(_), Some(_)) => {
            let message = "`history` takes `after` or `before`, not both";
            return Err(ErrorBody::new(ErrorCode::InvalidArgument, message));
        }
    };
    let limit = page_size(history.limit, HISTORY_EVENTS_DEFAULT, HISTORY_EVENTS_MAX)?;
    let (hub, re) = (asked.hub.clone(), asked.re);
    Ok(Answer::Later(Box::pin(async move {
        let read = hub.store.read_log(name.key(), page, limit, hub.limits.room_tail_bytes_max);
        Outcome::Reply(match read.await {
            Ok(Some(log)) => frame::ok(re, &history_page(log)),
            Ok(None) => frame::error(Some(re), &no_such_room(name.as_str())),
            Err(error) => frame::error(Some(re), &store_error(&error)),
        })
    })))
}

fn history_page(log: LogPage) -> History<Event> {
    let LogPage { room, events, more } = log;
    let events = events.into_iter().map(|event| event.into_event(room.name.clone())).collect();
    History { room: room.name, epoch: room.epoch, seq: room.seq, events, more }
}

fn no_such_room(name: &str) -> ErrorBody {
    ErrorBody::new(ErrorCode::NoSuchRoom, format!("there is no room {name}; join creates it"))
}

/// The store's reasons as clients see them.
pub(super) fn store_error(error: &StoreError) -> ErrorBody {
    match error {
        StoreError::RoomLimit => {
            ErrorBody::new(ErrorCode::RoomLimit, "this server has as many rooms as it may; join one of them")
        }
        StoreError::Overloaded => {
            ErrorBody::new(ErrorCode::Overloaded, "the server has much to read; ask again").retry_after(250)
        }
        StoreError::Closed => {
            ErrorBody::new(ErrorCode::ShuttingDown, "the server is shutting down; reconnect later").retry_after(5_000)
        }
        StoreError::Unavailable(_) => {
            tracing::warn!(%error, "the store refused");
            ErrorBody::new(ErrorCode::StoreUnavailable, "the server cannot use its store now").retry_after(1_000)
        }
        StoreError::Corrupt(_) => {
            tracing::error!(%error, "the store holds something unreadable");
            ErrorBody::new(ErrorCode::Internal, "the server could not read what it has stored").retry_after(5_000)
        }
    }
}
