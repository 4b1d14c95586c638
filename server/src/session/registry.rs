//! The registry of sessions.
//!
//! Role: decides whose a nick is and which connection a session has.
//! Owner of: the maps from token and nick to session; the store has a copy that outlives the process.
//! Limit: `sessions_max`; when it is reached, new guests are refused until idle sessions have ended.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use dashmap::{DashMap, DashSet, mapref::entry::Entry};
use hubbub_protocol::{
    ErrorBody, ErrorCode, NameKey, Nick, close,
    event::{Goodbye, GoodbyeReason},
    id::{UnixMs, UserId, random_word},
    limits::NICK_BYTES_MAX,
};
use metrics::gauge;
use sha2::{Digest, Sha256};

use super::by_token::{ByToken, TokenHash};
use crate::{
    clock::Clock,
    domain::rate::{Bucket, Rate},
    fanout::{ConnectionId, Fanout, Farewell, ShardCommand},
    limits::Limits,
    metrics as names,
    store::{NewSession, SessionChange, Store, StoreError, StoredSession},
};

/// The last number that is tried behind a taken nick.
const SUGGESTION_LAST: u32 = 99;

/// A session. Its changing part is behind a lock that is held for a few instructions.
pub struct Session {
    /// Its public name.
    pub id: Box<str>,
    /// Its user.
    pub user: UserId,
    pub(super) token_hash: TokenHash,
    state: Mutex<State>,
    /// Held while the store is told of a change, so that changes come one after the other and the newest is last.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct State {
    nick: Nick,
    connection: Option<ConnectionId>,
    idle_since: Option<UnixMs>,
    /// Here and not with the connection, so that reconnecting brings no new burst.
    posts: Bucket,
    /// Whether the store has it, or will have it, as one with a connection. A new one is stored as that.
    stored_connected: bool,
    ended: bool,
}

impl Session {
    fn new(id: String, user: UserId, token_hash: TokenHash, state: State) -> Self {
        Self { id: id.into(), user, token_hash, state: Mutex::new(state), changing: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that is done under the lock can panic halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a post at `now_ms` of a clock that does not go back; `rate` is how many are allowed.
    ///
    /// # Errors
    /// The milliseconds after which another is allowed.
    pub fn count_post(&self, rate: Rate, now_ms: u64) -> Result<(), u64> {
        self.state().posts.take(rate, now_ms)
    }

    /// Whether the session is reached through this connection.
    #[must_use]
    pub fn is_at(&self, connection: ConnectionId) -> bool {
        self.state().connection == Some(connection)
    }

    /// The user's nick now.
    #[must_use]
    pub fn nick(&self) -> Nick {
        self.state().nick.clone()
    }
}

/// All sessions.
pub struct Sessions {
    by_token: DashSet<ByToken>,
    /// Nicks that are somebody's, or about to be.
    nicks: DashMap<NameKey, ()>,
    count: AtomicU64,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    fanout: Fanout,
    limits: Arc<Limits>,
}

impl Sessions {
    /// The sessions that the store remembers.
    ///
    /// # Errors
    /// When the store cannot read them.
    pub async fn recover(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        fanout: Fanout,
        limits: Arc<Limits>,
    ) -> Result<Self, StoreError> {
        let now = clock.now();
        let stored = store.recover_sessions(now, now.saturating_sub(limits.session_idle_ms)).await?;
        let (by_token, nicks, count) = (DashSet::new(), DashMap::new(), AtomicU64::new(0));
        let sessions = Self { by_token, nicks, count, store, clock, fanout, limits };
        stored.into_iter().for_each(|session| sessions.remember(session, now));
        sessions.gauge();
        Ok(sessions)
    }

    fn remember(&self, stored: StoredSession, now: UnixMs) {
        let StoredSession { id, token_hash, user, nick, idle_since } = stored;
        self.nicks.insert(nick.key(), ());
        let state = State {
            nick,
            connection: None,
            idle_since: idle_since.or(Some(now)),
            posts: Bucket::default(),
            stored_connected: false,
            ended: false,
        };
        self.by_token.insert(ByToken(Arc::new(Session::new(id, user, token_hash, state))));
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins a guest's session; answers it, still without a connection, and its token.
    ///
    /// # Errors
    /// `nick_taken`, `server_full`, or the store's reason.
    pub async fn begin(&self, nick: Nick) -> Result<(Arc<Session>, String), ErrorBody> {
        let begun = self.begin_within_limits(nick).await;
        self.gauge();
        begun
    }

    async fn begin_within_limits(&self, nick: Nick) -> Result<(Arc<Session>, String), ErrorBody> {
        let mut reserved = Reservation { sessions: self, counted: true, key: None, session: None };
        if self.count.fetch_add(1, Ordering::Relaxed) >= self.limits.sessions_max {
            let message = "this server has no place for another session now";
            return Err(ErrorBody::new(ErrorCode::ServerFull, message).retry_after(60_000));
        }
        self.reserve(&nick)?;
        reserved.key = Some(nick.key());
        let (id, token) = (random_word::<9>().map_err(no_randomness)?, random_word::<32>().map_err(no_randomness)?);
        let token_hash = hash(&token);
        let now = self.clock.now();
        let stored = NewSession { id: id.clone(), token_hash, nick: nick.clone(), at: now };
        reserved.session = Some(id.clone());
        let user = self.store.create_session(stored).await.map_err(store_error)?;
        let state = State {
            nick,
            connection: None,
            idle_since: Some(now),
            posts: Bucket::default(),
            stored_connected: true,
            ended: false,
        };
        let session = Arc::new(Session::new(id, user, token_hash, state));
        self.by_token.insert(ByToken(session.clone()));
        reserved.keep();
        Ok((session, token))
    }

    /// Takes a nick that nobody has.
    fn reserve(&self, nick: &Nick) -> Result<(), ErrorBody> {
        let is_free = |nick: &Nick| match self.nicks.entry(nick.key()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(());
                true
            }
        };
        if is_free(nick) {
            return Ok(());
        }
        let taken = ErrorBody::new(ErrorCode::NickTaken, format!("somebody is {nick} already"));
        let free = (2..=SUGGESTION_LAST).filter_map(|number| numbered(nick, number));
        match free.into_iter().find(|nick| !self.nicks.contains_key(&nick.key())) {
            Some(free) => Err(taken.suggest(free.as_str())),
            None => Err(taken),
        }
    }

    /// The session that a token names.
    ///
    /// # Errors
    /// `unknown_session`.
    pub fn find(&self, token: &str) -> Result<Arc<Session>, ErrorBody> {
        self.by_token.get(&hash(token)).map(|found| found.0.clone()).ok_or_else(unknown_session)
    }

    /// From now on the session is reached through `connection`; the one it had is closed. The store is told only if
    /// it does not know of a connection: of a new session it does.
    ///
    /// # Errors
    /// `unknown_session`: it has ended meanwhile.
    pub fn attach(self: &Arc<Self>, session: &Arc<Session>, connection: ConnectionId) -> Result<(), ErrorBody> {
        let (replaced, is_stored) = {
            let mut state = session.state();
            if state.ended {
                return Err(unknown_session());
            }
            state.idle_since = None;
            (state.connection.replace(connection), std::mem::replace(&mut state.stored_connected, true))
        };
        let replaced = replaced.filter(|old| *old != connection);
        if replaced.is_none() && is_stored {
            return Ok(());
        }
        let (sessions, session) = (self.clone(), session.clone());
        actix_rt::spawn(async move {
            if let Some(old) = replaced {
                let message = "this session was resumed on another connection";
                sessions.close(old, GoodbyeReason::Replaced, message, close::REPLACED).await;
            }
            if !is_stored {
                sessions.write_or_warn(&session).await;
            }
        });
        Ok(())
    }

    /// The connection is gone; without effect when the session has another by now.
    pub async fn detach(&self, session: &Session, connection: ConnectionId) {
        {
            let mut state = session.state();
            if state.ended || state.connection != Some(connection) {
                return;
            }
            (state.connection, state.idle_since) = (None, Some(self.clock.now()));
            state.stored_connected = false;
        }
        self.write_or_warn(session).await;
    }

    /// Changes a session's nick. To be run to its end: what is dropped halfway is known in one place only.
    ///
    /// # Errors
    /// `nick_taken`, `unknown_session`, or the store's reason; then the nick is the old one.
    pub async fn rename(&self, session: &Session, nick: Nick) -> Result<(), ErrorBody> {
        let _changing = session.changing.lock().await;
        let old = {
            let state = session.state();
            if state.ended {
                return Err(unknown_session());
            }
            state.nick.clone()
        };
        let mut reserved = Reservation { sessions: self, counted: false, key: None, session: None };
        if old.key() != nick.key() {
            self.reserve(&nick)?;
            reserved.key = Some(nick.key());
        }
        let change = SessionChange::Renamed(nick.clone());
        self.store.change_session(session.id.to_string(), change).await.map_err(store_error)?;
        session.state().nick = nick;
        // Now the old one is to be given back instead.
        reserved.key = reserved.key.is_some().then(|| old.key());
        Ok(())
    }

    /// Ends a session: its nick is free, its token worthless. Should it have a connection by now that is not the
    /// one at which this was asked for, that one is closed.
    pub async fn end(&self, session: &Session, asked_at: Option<ConnectionId>) {
        self.end_if(session, asked_at, |_| true).await;
    }

    async fn end_if(&self, session: &Session, asked_at: Option<ConnectionId>, is_due: impl Fn(&State) -> bool) {
        let _changing = session.changing.lock().await;
        let State { nick, connection, .. } = {
            let mut state = session.state();
            if state.ended || !is_due(&state) {
                return;
            }
            state.ended = true;
            state.clone()
        };
        self.by_token.remove(&session.token_hash);
        self.nicks.remove(&nick.key());
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.gauge();
        if let Err(error) = self.store.change_session(session.id.to_string(), SessionChange::Ended).await {
            tracing::warn!(session = %session.id, %error, "a session's end was not stored; it ends by itself later");
        }
        if let Some(other) = connection.filter(|connection| Some(*connection) != asked_at) {
            self.close(other, GoodbyeReason::SessionEnded, "this session was ended", close::SESSION_ENDED).await;
        }
    }

    /// Ends the sessions that have been idle too long.
    pub async fn sweep(&self) {
        let idle_before = self.clock.now().saturating_sub(self.limits.session_idle_ms);
        let is_over = |state: &State| state.idle_since.is_some_and(|since| since < idle_before);
        let over: Vec<_> =
            self.by_token.iter().filter(|entry| is_over(&entry.0.state())).map(|entry| entry.0.clone()).collect();
        for session in over {
            // Who came back meanwhile stays.
            self.end_if(&session, None, is_over).await;
        }
    }

    /// Writes the newest state of a session to the store. What is not written costs nothing but time: after a
    /// restart the session counts as idle since the restart, or since it was last written to be.
    async fn write_or_warn(&self, session: &Session) {
        let _changing = session.changing.lock().await;
        let change = match session.state().idle_since {
            None => SessionChange::Connected,
            Some(since) => SessionChange::Idle(since),
        };
        if let Err(error) = self.store.change_session(session.id.to_string(), change).await {
            session.state().stored_connected = false;
            tracing::warn!(session = %session.id, %error, "a session's change was not stored");
        }
    }

    async fn close(&self, connection: ConnectionId, reason: GoodbyeReason, message: &str, code: u16) {
        let goodbye = Goodbye { reason, message: message.to_owned(), reconnect_after_ms: None };
        let Some(shard) = self.fanout.shard(connection.shard) else { return };
        if shard.send(ShardCommand::Close(connection, Farewell { goodbye, code })).await.is_err() {
            tracing::debug!(?connection, "the connection's shard has stopped");
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn gauge(&self) {
        gauge!(names::SESSIONS).set(self.count.load(Ordering::Relaxed) as f64);
    }
}

/// A place, a nick and a stored session that are given back when this goes out of scope, however it does.
struct Reservation<'a> {
    sessions: &'a Sessions,
    counted: bool,
    key: Option<NameKey>,
    session: Option<String>,
}

impl Reservation<'_> {
    fn keep(&mut self) {
        (self.counted, self.key, self.session) = (false, None, None);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.counted {
            self.sessions.count.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(key) = &self.key {
            self.sessions.nicks.remove(key);
        }
        if let Some(id) = self.session.take() {
            let ended = self.sessions.store.change_session(id, SessionChange::Ended);
            actix_rt::spawn(async move {
                if let Err(error) = ended.await {
                    tracing::warn!(%error, "a session that nobody got was not deleted; it ends by itself later");
                }
            });
        }
    }
}

/// `ana` → `ana2`, shortened where that would be too long.
fn numbered(nick: &Nick, number: u32) -> Option<Nick> {
    let number = number.to_string();
    let stem = nick.as_str();
    let stem = &stem[..stem.floor_char_boundary(NICK_BYTES_MAX - number.len())];
    Nick::parse(&format!("{stem}{number}")).ok()
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

fn unknown_session() -> ErrorBody {
    let message = "this token belongs to no session: it expired or was ended; say hello as a guest";
    ErrorBody::new(ErrorCode::UnknownSession, message)
}

fn no_randomness(error: getrandom::Error) -> ErrorBody {
    tracing::error!(%error, "the system has no randomness");
    ErrorBody::new(ErrorCode::Internal, "the server has no randomness for a token").retry_after(1_000)
}

fn store_error(error: StoreError) -> ErrorBody {
    tracing::warn!(%error, "a session could not be stored");
    ErrorBody::new(ErrorCode::StoreUnavailable, "the server cannot store sessions now").retry_after(1_000)
}
