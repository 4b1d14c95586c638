//! Guests and their sessions.

use hubbub_protocol::{
    Nick,
    id::{UnixMs, UserId},
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    super::{NewSession, SessionChange, StoredSession},
    operation::{Failure, Operation},
};

/// Creates a guest and its session.
pub(super) struct CreateSession(pub(super) NewSession);

impl Operation for CreateSession {
    type Answer = UserId;

    fn run(&self, connection: &Connection) -> Result<UserId, Failure> {
        let Self(NewSession { id, token_hash, nick, at }) = self;
        let user: UserId = connection
            .prepare_cached("INSERT INTO users (nick, created_at) VALUES (?1, ?2) RETURNING id")?
            .query_row(params![nick.as_str(), at], |row| row.get(0))?;
        connection
            .prepare_cached("INSERT INTO sessions (id, token_hash, user_id, created_at) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![id, token_hash, user, at])?;
        Ok(user)
    }
}

/// Changes a session, or nothing when there is none.
pub(super) struct ChangeSession {
    pub(super) id: String,
    pub(super) change: SessionChange,
}

impl Operation for ChangeSession {
    type Answer = ();

    fn run(&self, connection: &Connection) -> Result<(), Failure> {
        let id = &self.id;
        match &self.change {
            SessionChange::Connected => set_idle_since(connection, id, None),
            SessionChange::Idle(since) => set_idle_since(connection, id, Some(*since)),
            SessionChange::Renamed(nick) => {
                let sql = "UPDATE users SET nick = ?2 WHERE id = (SELECT user_id FROM sessions WHERE id = ?1)";
                connection.prepare_cached(sql)?.execute(params![id, nick.as_str()])?;
                Ok(())
            }
            SessionChange::Ended => end(connection, id),
        }
    }
}

fn set_idle_since(connection: &Connection, id: &str, since: Option<UnixMs>) -> Result<(), Failure> {
    connection.prepare_cached("UPDATE sessions SET idle_since = ?2 WHERE id = ?1")?.execute(params![id, since])?;
    Ok(())
}

/// Deletes a session and its guest; the guest's number is not used again, and its events stay.
fn end(connection: &Connection, id: &str) -> Result<(), Failure> {
    let user: Option<UserId> = connection
        .prepare_cached("DELETE FROM sessions WHERE id = ?1 RETURNING user_id")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if let Some(user) = user {
        delete_guest(connection, user)?;
    }
    Ok(())
}

fn delete_guest(connection: &Connection, user: UserId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM users WHERE id = ?1")?.execute([user]).map(|_| ())
}

/// Deletes what is too old and returns the rest, at the start.
pub(super) struct RecoverSessions {
    pub(super) now: UnixMs,
    pub(super) idle_before: UnixMs,
}

impl Operation for RecoverSessions {
    type Answer = Vec<StoredSession>;

    fn run(&self, connection: &Connection) -> Result<Vec<StoredSession>, Failure> {
        connection.execute("UPDATE sessions SET idle_since = ?1 WHERE idle_since IS NULL", [self.now])?;
        let sql = "DELETE FROM sessions WHERE idle_since < ?1 RETURNING user_id";
        let ended: Vec<UserId> =
            connection.prepare(sql)?.query_map([self.idle_before], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for user in ended {
            delete_guest(connection, user)?;
        }
        let mut statement = connection.prepare(
            "SELECT sessions.id, token_hash, user_id, nick, idle_since
             FROM sessions JOIN users ON users.id = user_id ORDER BY sessions.id",
        )?;
        let mut rows = statement.query([])?;
        let mut sessions = Vec::new();
        while let Some(row) = rows.next()? {
            let (id, nick): (String, String) = (row.get(0)?, row.get(3)?);
            // Something was written: an unreadable nick must roll it back.
            let nick = Nick::parse(&nick).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(error))
            })?;
            let (token_hash, user, idle_since) = (row.get(1)?, row.get(2)?, row.get(4)?);
            sessions.push(StoredSession { id, token_hash, user, nick, idle_since });
        }
        Ok(sessions)
    }
}
