//! A store in memory, for tests of what stands above the store: the same answers, nothing survives.
//!
//! Two switches stand in for a bad day of a disk: [`MemoryStore::fail_writes`] and
//! [`MemoryStore::hold_appends`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use hubbub_protocol::{
    NameKey, RoomName,
    id::{Nonce, Seq, UnixMs, UserId, random_word},
};
use tokio::sync::watch;

use super::{
    Appended, EventBody, Events, LogPage, NewEvent, NewSession, Outcomes, Page, RoomId, SessionChange, Store,
    StoreError, StoreFuture, StoredEvent, StoredRoom, StoredSession,
};

/// A store in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    failing: AtomicBool,
    held: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    rooms: BTreeMap<NameKey, Room>,
    /// The key of the room with number index + 1.
    keys: Vec<NameKey>,
    sessions: BTreeMap<String, StoredSession>,
    users_created: UserId,
    closed: bool,
}

#[derive(Debug)]
struct Room {
    stored: StoredRoom,
    events: Vec<StoredEvent>,
    nonces: HashMap<(UserId, Nonce), Appended>,
}

impl MemoryStore {
    /// While `true`, appends of anything new and probes fail with [`StoreError::Unavailable`].
    pub fn fail_writes(&self, failing: bool) {
        self.shared.failing.store(failing, Ordering::SeqCst);
    }

    /// While `true`, appends wait, stored nowhere yet; with `false` they go on.
    pub fn hold_appends(&self, held: bool) {
        self.shared.held.send_replace(held);
    }

    /// Does something with the state at once and hands out the result.
    fn with<T: Send + 'static>(&self, act: impl FnOnce(&mut State) -> Result<T, StoreError>) -> StoreFuture<T> {
        let result = self.shared.open().and_then(|mut state| act(&mut state));
        StoreFuture::steps(std::future::ready(result))
    }
}

impl Shared {
    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed { Err(StoreError::Closed) } else { Ok(state) }
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("writes are made to fail".to_owned()));
        }
        Ok(())
    }
}

impl State {
    fn open_room(&mut self, name: RoomName, rooms_max: u64) -> Result<StoredRoom, StoreError> {
        let key = name.key();
        if let Some(room) = self.rooms.get(&key) {
            return Ok(room.stored.clone());
        }
        let id = self.keys.len() as u64 + 1;
        if id > rooms_max {
            return Err(StoreError::RoomLimit);
        }
        let epoch = random_word::<12>().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let stored = StoredRoom { id, name, epoch, topic: String::new(), seq: 0, at: 0 };
        self.keys.push(key.clone());
        self.rooms.insert(key, Room { stored: stored.clone(), events: Vec::new(), nonces: HashMap::new() });
        Ok(stored)
    }

    fn room(&mut self, id: RoomId) -> Result<&mut Room, StoreError> {
        let index = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        let key = index.and_then(|index| self.keys.get(index));
        key.and_then(|key| self.rooms.get_mut(key)).ok_or_else(|| StoreError::Corrupt(format!("there is no room {id}")))
    }
}

impl Room {
    fn knows_all(&self, events: &Events) -> bool {
        events.iter().all(|event| self.nonces.contains_key(&(event.user, event.nonce.clone())))
    }

    fn append(&mut self, event: NewEvent) -> Appended {
        let sender = (event.user, event.nonce.clone());
        if let Some(first) = self.nonces.get(&sender) {
            return Appended { duplicate: true, ..*first };
        }
        let appended = Appended { seq: self.stored.seq + 1, at: event.at, duplicate: false };
        (self.stored.seq, self.stored.at) = (appended.seq, appended.at);
        if let EventBody::Topic { topic } = &event.body {
            self.stored.topic.clone_from(topic);
        }
        self.nonces.insert(sender, appended);
        self.events.push(StoredEvent { seq: appended.seq, event });
        appended
    }

    fn read(&self, page: Page, limit: u32, bytes_max: u64) -> LogPage {
        let mut wanted: Vec<&StoredEvent> = match page {
            Page::After(seq) => self.events.iter().filter(|event| event.seq > seq).collect(),
            Page::Before(seq) => self.events.iter().rev().filter(|event| event.seq < seq).collect(),
        };
        let (all, mut bytes) = (wanted.len(), 0);
        let fits = |event: &&StoredEvent| {
            bytes += text_bytes(event);
            bytes <= bytes_max
        };
        let fitting = wanted.iter().copied().take_while(fits).count().max(1);
        wanted.truncate(fitting.min(limit as usize));
        let more = wanted.len() < all;
        let mut events: Vec<StoredEvent> = wanted.into_iter().cloned().collect();
        events.sort_by_key(|event: &StoredEvent| -> Seq { event.seq });
        LogPage { room: self.stored.clone(), events, more }
    }
}

fn text_bytes(event: &StoredEvent) -> u64 {
    match &event.event.body {
        EventBody::Post { text, .. } => text.len() as u64,
        EventBody::Topic { topic } => topic.len() as u64,
    }
}

impl Store for MemoryStore {
    fn open_room(&self, name: RoomName, _at: UnixMs, rooms_max: u64) -> StoreFuture<StoredRoom> {
        self.with(|state| state.open_room(name, rooms_max))
    }

    fn append(&self, room: RoomId, events: Events) -> StoreFuture<Outcomes> {
        let shared = Arc::clone(&self.shared);
        StoreFuture::steps(async move {
            let mut held = shared.held.subscribe();
            // It cannot end: its sender is in `shared`.
            held.wait_for(|held| !held).await.map_err(|_| StoreError::Closed)?;
            let mut state = shared.open()?;
            let room = state.room(room)?;
            if !room.knows_all(&events) {
                shared.check_writable()?;
            }
            Ok(events.iter().map(|event| room.append(NewEvent::clone(event))).collect())
        })
    }

    fn read_log(&self, room: NameKey, page: Page, limit: u32, bytes_max: u64) -> StoreFuture<Option<LogPage>> {
        self.with(|state| Ok(state.rooms.get(&room).map(|room| room.read(page, limit, bytes_max))))
    }

    fn list_rooms(&self, after: Option<NameKey>, limit: u32) -> StoreFuture<Vec<StoredRoom>> {
        self.with(|state| {
            let listed = state.rooms.iter().filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
            Ok(listed.take(limit as usize).map(|(_, room)| room.stored.clone()).collect())
        })
    }

    fn create_session(&self, session: NewSession) -> StoreFuture<UserId> {
        self.with(|state| {
            let NewSession { id, token_hash, nick, at: _ } = session;
            state.users_created += 1;
            let user = state.users_created;
            state.sessions.insert(id.clone(), StoredSession { id, token_hash, user, nick, idle_since: None });
            Ok(user)
        })
    }

    fn change_session(&self, id: String, change: SessionChange) -> StoreFuture<()> {
        self.with(|state| {
            let Some(session) = state.sessions.get_mut(&id) else { return Ok(()) };
            match change {
                SessionChange::Connected => session.idle_since = None,
                SessionChange::Idle(since) => session.idle_since = Some(since),
                SessionChange::Renamed(nick) => session.nick = nick,
                SessionChange::Ended => {
                    state.sessions.remove(&id);
                }
            }
            Ok(())
        })
    }

    fn recover_sessions(&self, now: UnixMs, idle_before: UnixMs) -> StoreFuture<Vec<StoredSession>> {
        self.with(|state| {
            state.sessions.values_mut().for_each(|session| {
                session.idle_since.get_or_insert(now);
            });
            state.sessions.retain(|_, session| session.idle_since.is_none_or(|since| since >= idle_before));
            Ok(state.sessions.values().cloned().collect())
        })
    }

    fn probe(&self) -> StoreFuture<()> {
        let writable = self.shared.check_writable();
        self.with(|_| writable)
    }

    fn close(&self) -> StoreFuture<()> {
        self.with(|state| {
            state.closed = true;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use hubbub_protocol::{Nick, event::PostKind};

    use super::*;

    fn post(nonce: &str) -> Vec<NewEvent> {
        let body = EventBody::Post { kind: PostKind::Text, text: "hi".to_owned() };
        let nonce = Nonce::parse(nonce).expect("a nonce");
        vec![NewEvent { at: 1, user: 1, nick: Nick::parse("ana").expect("a nick"), nonce, body }]
    }

    fn store_with_room() -> (MemoryStore, RoomId) {
        let store = MemoryStore::default();
        let opened = store.open_room(RoomName::parse("lobby").expect("a name"), 1, 9).now_or_never();
        let room = opened.expect("at once").expect("opened").id;
        (store, room)
    }

    #[test]
    fn writes_fail_until_they_may_again() {
        let (store, room) = store_with_room();
        store.fail_writes(true);
        assert!(matches!(store.append(room, post("a").into()).now_or_never(), Some(Err(StoreError::Unavailable(_)))));
        assert!(matches!(store.probe().now_or_never(), Some(Err(StoreError::Unavailable(_)))));
        store.fail_writes(false);
        let appended = store.append(room, post("a").into()).now_or_never().expect("at once").expect("appended");
        assert_eq!(*appended, [Appended { seq: 1, at: 1, duplicate: false }]);
    }

    #[test]
    fn held_appends_go_on_when_released() {
        let (store, room) = store_with_room();
        store.hold_appends(true);
        let mut append = store.append(room, post("a").into());
        assert!((&mut append).now_or_never().is_none());
        let read = store.read_log(NameKey::of("lobby"), Page::After(0), 9, 9).now_or_never().expect("at once");
        assert!(read.expect("read").expect("the room").events.is_empty(), "nothing is stored yet");
        store.hold_appends(false);
        assert!(matches!(append.now_or_never(), Some(Ok(_))));
    }
}
