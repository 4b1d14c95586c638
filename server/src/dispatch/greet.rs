//! `hello` and `quit`: how a session begins, goes on and ends.

use hubbub_protocol::{
    ErrorBody, ErrorCode, Nick,
    limits::CLIENT_NAME_BYTES_MAX,
    reply::{Done, User, Welcome},
    request,
};

use super::{Answer, Asked, Greeting, Login, Outcome, failed, people::tell};
use crate::{frame, room::RoomCommand, session::Session};

pub(super) fn hello(asked: &Asked<'_>, hello: request::Hello) -> Result<Answer, ErrorBody> {
    if asked.hub.is_draining() {
        let message = "the server is shutting down; reconnect later";
        return Err(ErrorBody::new(ErrorCode::ShuttingDown, message).retry_after(5_000));
    }
    let client = hello.client.unwrap_or_default();
    if client.len() > CLIENT_NAME_BYTES_MAX {
        let message = format!("`client` has at most {CLIENT_NAME_BYTES_MAX} bytes");
        return Err(ErrorBody::new(ErrorCode::InvalidArgument, message));
    }
    tracing::debug!(client, connection = ?asked.from, "hello");
    let (hub, re) = (asked.hub.clone(), asked.re);
    match (hello.guest, hello.token) {
        (Some(nick), None) => {
            let nick = parse_nick(&nick)?;
            Ok(Answer::Later(Box::pin(async move {
                match hub.sessions.begin(nick).await {
                    Ok((session, token)) => {
                        let reply = frame::ok(re, &welcome(&hub, &session, token, false));
                        Outcome::Greeted(Greeting { re, session, is_new: true, reply })
                    }
                    Err(error) => Outcome::Reply(frame::error(Some(re), &error)),
                }
            })))
        }
        (None, Some(token)) => {
            let session = hub.sessions.find(&token)?;
            let reply = frame::ok(re, &welcome(&hub, &session, token, true));
            let greeting = Greeting { re, session, is_new: false, reply };
            Ok(Answer::Later(Box::pin(async move { Outcome::Greeted(greeting) })))
        }
        (Some(_), Some(_)) | (None, None) => {
            let message = "`hello` takes either `guest`, a nick, or `token`, that of a session";
            Err(ErrorBody::new(ErrorCode::InvalidArgument, message))
        }
    }
}

fn welcome(hub: &crate::hub::Hub, session: &Session, token: String, resumed: bool) -> Welcome {
    Welcome {
        session: session.id.to_string(),
        token,
        resumed,
        user: User { id: session.user, nick: session.nick() },
        limits: hub.limits_told(),
        server: hub.server_told(),
    }
}

pub(super) fn parse_nick(nick: &str) -> Result<Nick, ErrorBody> {
    Nick::parse(nick).map_err(|error| {
        let shown: String = nick.chars().take(32).collect();
        ErrorBody::new(ErrorCode::InvalidNick, format!("{shown:?} is no nick: {error}"))
    })
}

pub(super) fn quit(login: &Login, asked: &Asked<'_>) -> Answer {
    let (hub, session, re, from) = (asked.hub.clone(), login.session.clone(), asked.re, asked.from);
    let rooms = login.rooms.clone();
    Answer::Later(Box::pin(async move {
        // In a task of its own: what was begun is finished, whether or not the peer waits for it.
        let ended = actix_rt::spawn(async move {
            tell(&rooms, || RoomCommand::Part { re: None, from, user: session.user }).await;
            hub.sessions.end(&session, Some(from)).await;
        });
        match ended.await {
            Ok(()) => Outcome::Quit(frame::ok(re, &Done {})),
            Err(error) => Outcome::Reply(frame::error(Some(re), &failed(&error))),
        }
    }))
}
