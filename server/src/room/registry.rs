//! The registry of open rooms: name → handle.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use dashmap::DashMap;
use hubbub_protocol::{NameKey, RoomName};
use metrics::gauge;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{
    handle::RoomHandle,
    inbox::channel,
    press::Press,
    sight::{RoomState, RoomView, Seen, Sight},
    state::Room,
    task::RoomTask,
};
use crate::{
    clock::Clock,
    domain::busiest::Busiest,
    fanout::{Fanout, RoomTag, ShardId},
    limits::{Limits, size},
    meter::RoomMeter,
    metrics as names,
    store::{LogPage, Page, RoomId, Store, StoreError},
};

/// Locks under which rooms are opened; two rooms rarely share one.
const OPENING_LOCKS: usize = 64;

/// The open rooms. A room is closed only while nobody else holds its handle, so that no command goes astray.
#[derive(Debug, Default)]
pub(super) struct Rooms(DashMap<NameKey, Arc<RoomHandle>>);

impl Rooms {
    /// Takes a room out if only this registry holds its handle; answers whether it did.
    pub(super) fn evict(&self, key: &NameKey) -> bool {
        // The map's lock is held meanwhile: nobody can get a handle between the look and the removal.
        let evicted = self.0.remove_if(key, |_, handle| Arc::strong_count(handle) == 1).is_some();
        if evicted {
            gauge!(names::ROOMS_OPEN).decrement(1.0);
        }
        evicted
    }
}

/// All open rooms as they looked a moment ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomsView {
    /// How many are open.
    pub open: u64,
    /// How many of them do what.
    pub states: BTreeMap<RoomState, u64>,
    /// Those that wait longest, then those with most in their inboxes, then the largest.
    pub rows: Vec<RoomView>,
}

/// Opens rooms and finds them.
pub struct Registry {
    rooms: Arc<Rooms>,
    opening: [Mutex<()>; OPENING_LOCKS],
    hasher: RandomState,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    fanout: Fanout,
    meter: Arc<RoomMeter>,
    limits: Arc<Limits>,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, fanout: Fanout, limits: Arc<Limits>) -> Self {
        let opening = std::array::from_fn(|_| Mutex::default());
        let (rooms, hasher, meter) = (Arc::default(), RandomState::new(), Arc::default());
        Self { rooms, opening, hasher, store, clock, fanout, meter, limits }
    }

    /// A room that is open.
    #[must_use]
    pub fn get(&self, key: &NameKey) -> Option<Arc<RoomHandle>> {
        self.rooms.0.get(key).filter(|handle| !handle.inbox.is_closed()).map(|handle| handle.clone())
    }

    /// A room, opened or created if need be.
    ///
    /// # Errors
    /// When the store cannot, or there are as many rooms as allowed.
    pub async fn open(&self, name: RoomName) -> Result<Arc<RoomHandle>, StoreError> {
        let key = name.key();
        if let Some(handle) = self.get(&key) {
            return Ok(handle);
        }
        let lock = (self.hasher.hash_one(&key) % OPENING_LOCKS as u64) as usize;
        let _opening = self.opening[lock].lock().await;
        if let Some(handle) = self.get(&key) {
            return Ok(handle);
        }
        // A room whose task is gone while its handle is here has failed; its members reconnect and find a new one.
        if self.rooms.0.remove_if(&key, |_, handle| handle.inbox.is_closed()).is_some() {
            tracing::error!(room = %name, "the room had failed and is opened anew");
            gauge!(names::ROOMS_OPEN).decrement(1.0);
        }
        let stored = self.store.open_room(name, self.clock.now(), self.limits.rooms_max).await?;
        let (events_max, bytes_max) = (self.limits.room_tail_events_max, self.limits.room_tail_bytes_max);
        let limit = u32::try_from(events_max).unwrap_or(u32::MAX);
        let log = self.store.read_log(key.clone(), Page::Before(u64::MAX), limit, bytes_max).await?;
        let log = log.unwrap_or(LogPage { room: stored, events: Vec::new(), more: false });
        Ok(self.start(key, log))
    }

    fn start(&self, key: NameKey, log: LogPage) -> Arc<RoomHandle> {
        let (id, name) = (log.room.id, log.room.name.clone());
        let tag = Arc::new(RoomTag { id, name });
        let sight = Arc::new(Sight::default());
        let press = Press::new(tag.clone(), self.fanout.clone(), sight.clone());
        let room = Room::new(log, tag.clone(), sight.clone(), press, self.meter.clone(), &self.limits);
        let (sender, inbox) = channel(size(self.limits.room_inbox_max));
        let task = RoomTask {
            id,
            key: key.clone(),
            room,
            inbox: Seen::new(inbox, &sight),
            store: Seen::new(self.store.clone(), &sight),
            clock: self.clock.clone(),
            limits: self.limits.clone(),
            rooms: self.rooms.clone(),
            sight: sight.clone(),
        };
        self.spawn(task);
        let handle = Arc::new(RoomHandle { tag, key: key.clone(), inbox: sender, sight });
        self.rooms.0.insert(key, handle.clone());
        gauge!(names::ROOMS_OPEN).increment(1.0);
        handle
    }

    /// The shard on whose thread a room's task runs, always the same one for the same room.
    fn home(&self, id: RoomId) -> ShardId {
        let shards = u64::try_from(self.fanout.shards().len()).unwrap_or(1);
        ShardId::try_from(id % shards.max(1)).unwrap_or(0)
    }

    /// The open rooms a moment ago, and the `rows` of them that wait longest or have most to do. Asks none of them.
    #[must_use]
    pub fn look(&self, rows: usize) -> RoomsView {
        let (mut states, mut busiest) = (BTreeMap::new(), Busiest::new(rows));
        for handle in &self.rooms.0 {
            let (state, for_us) = handle.state();
            *states.entry(state).or_insert(0) += 1;
            let waits = !matches!(state, RoomState::Inbox | RoomState::Woken | RoomState::New);
            // In tenths of a second: among those that are just busy, the order is not to change with every look.
            let waited = if waits { for_us / 100_000 } else { 0 };
            let rank = (state == RoomState::Failed, waited, handle.inbox_depth(), handle.members());
            busiest.offer((rank, Reverse(handle.tag.id)), || handle.view(self.home(handle.tag.id)));
        }
        RoomsView { open: states.values().sum(), states, rows: busiest.into_vec() }
    }

    /// Puts a room's task on its home's thread.
    fn spawn(&self, task: RoomTask) {
        match self.fanout.shard(self.home(task.id)).and_then(|shard| shard.runtime()) {
            Some(runtime) => drop(runtime.spawn(task.run())),
            None => drop(tokio::spawn(task.run())),
        }
    }
}
