//! The store in one SQLite file: one thread writes, a few read.
//!
//! ```text
//! caller ─ request ─→ courier ─→ writer's inbox (bounded, full: the caller waits) ─→ writer ─ commit ─→ answers
//!        └ request ─→ readers' inbox (bounded, full: Overloaded) ─→ reader ─→ answer
//! ```
//!
//! A commit writes its events into one line of the **journal**; from there they go into the **tables** later, many of a
//! room at once (`journal`, `fold`). What is in between is in memory too, where all threads look first (`recent`).
//!
//! The file is in WAL mode with `synchronous=FULL`: what was committed survives a loss of power, and
//! readers never wait for the writer. `schema.sql` says what is stored, `migration` how that changes,
//! `writer` what happens when the disk fails, `folder` what is refused at the start.

mod account;
mod block;
mod checkpoint;
mod connection;
mod courier;
mod error;
mod fold;
mod folder;
mod journal;
mod log;
mod migration;
mod nonce;
mod operation;
mod probe;
mod reader;
mod recent;
mod room;
mod run;
mod sight;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use hubbub_protocol::{NameKey, RoomName, id::UnixMs, id::UserId};
use rusqlite_migration::M;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use self::{
    account::{ChangeSession, CreateSession, RecoverSessions},
    checkpoint::Copier,
    connection::Opener,
    courier::Courier,
    folder::{DataFolder, Found},
    log::{Append, ReadLog},
    nonce::{Keyring, Known},
    operation::{AnswerReceiver, Operation, Work, request},
    probe::Probe,
    reader::Reader,
    recent::{Bounds, Recent},
    room::{ListRooms, OpenRoom},
    run::Runs,
    sight::WriterSight,
    writer::{Waiting, Writer, WriterMessage},
};
pub use self::{error::OpenError, folder::LOCK_FILE};
use super::{
    Events, LogPage, NewSession, Outcomes, Page, RoomId, SessionChange, Store, StoreError, StoreFuture, StoreView,
    StoredRoom, StoredSession,
};
use crate::limits::{Limits, size};

/// What the store is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The folder that holds the database; created if need be, for its owner only.
    pub folder: PathBuf,
    /// Events in one commit.
    pub commit_batch_max: usize,
    /// Requests that wait for the writer.
    pub writer_inbox_max: usize,
    /// Events that stand in the journal only.
    pub journal_events_max: usize,
    /// Bytes of them in memory.
    pub journal_bytes_max: usize,
    /// Bytes of memory that tell which nonces are not in the tables, at most.
    pub nonce_filter_bytes: usize,
    /// Bytes of pages that the writer keeps in memory.
    pub writer_cache_bytes: usize,
    /// Bytes of pages that each reader keeps in memory.
    pub reader_cache_bytes: usize,
    /// The longest that requests for the writer are gathered while all shards have a backlog.
    pub gather: Duration,
    /// Threads that read.
    pub readers: usize,
    /// Requests that wait for the readers.
    pub reader_inbox_max: usize,
}

impl Options {
    /// The options that the limits give.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, limits: &Limits) -> Self {
        Self {
            folder: folder.into(),
            commit_batch_max: size(limits.commit_batch_max),
            writer_inbox_max: size(limits.store_inbox_max),
            journal_events_max: size(limits.store_journal_events_max),
            journal_bytes_max: size(limits.store_journal_bytes_max),
            nonce_filter_bytes: size(limits.store_nonce_filter_bytes),
            writer_cache_bytes: size(limits.store_writer_cache_bytes),
            reader_cache_bytes: size(limits.store_reader_cache_bytes),
            gather: Duration::from_micros(limits.store_gather_us),
            readers: size(limits.store_readers),
            reader_inbox_max: size(limits.store_reader_inbox_max),
        }
    }
}

/// A handle on the store's threads. They stop on [`Store::close`], or soon after this was dropped.
#[derive(Debug)]
pub struct SqliteStore {
    writer: mpsc::Sender<WriterMessage>,
    /// Places in the writer's inbox.
    places: Arc<Semaphore>,
    places_max: usize,
    gather: Duration,
    recent: Arc<Recent>,
    sight: Arc<WriterSight>,
    /// `None` once closed.
    readers: RwLock<Option<Readers>>,
    /// Ends when the last reader has; `None` once closed.
    readers_end: Mutex<Option<mpsc::Receiver<Infallible>>>,
}

/// What those who read live by.
#[derive(Debug)]
struct Readers {
    inbox: SyncSender<Box<dyn Work>>,
    /// For the thread that fills the filter of nonces: it sees it go.
    _store_lives: SyncSender<Infallible>,
}

impl SqliteStore {
    /// Opens the store, creating or migrating its file where needed, and starts its threads.
    /// Blocks for as long as that takes.
    ///
    /// # Errors
    /// When the folder is in use, the file is not ours or newer, or something cannot be written or read.
    pub fn open(options: &Options) -> Result<Arc<Self>, OpenError> {
        Self::open_with(options, &migration::schema())
    }

    fn open_with(options: &Options, schema: &[M<'_>]) -> Result<Arc<Self>, OpenError> {
        let folder = DataFolder::lock(&options.folder)?;
        let database = folder.database();
        let failed = |source| OpenError::Sqlite { path: database.clone(), source };
        let version = match folder.inspect(schema.len())? {
            Found::Version(version) => version,
            Found::Nothing => {
                migration::create(&database, schema)?;
                schema.len()
            }
        };
        let to_write = Opener { path: database.clone(), cache_bytes: options.writer_cache_bytes };
        let to_read = Opener { path: database.clone(), cache_bytes: options.reader_cache_bytes };
        let mut connection = to_write.writer().map_err(failed)?;
        migration::bring_up(&mut connection, &database, version, schema)?;
        let keyring = Keyring::of(&connection).map_err(failed)?;
        let recovered = journal::recover(&mut connection, keyring).map_err(failed)?;
        if recovered > 0 {
            tracing::info!(events = recovered, "what a server had left in the journal stands in the tables now");
        }
        let bounds = Bounds { events: options.journal_events_max.max(1), bytes: options.journal_bytes_max.max(1) };
        let nonces_max = Runs::list(&connection).map_err(failed)?.nonces_max();
        let known = Arc::new(Known::for_nonces(nonces_max, options.nonce_filter_bytes, keyring));
        let recent = Arc::new(Recent::new(bounds, known.clone()));
        let (reads, reader_inbox) = sync_channel(options.reader_inbox_max.max(1));
        let reader_inbox = Arc::new(Mutex::new(reader_inbox));
        let (reader_lives, readers_end) = mpsc::channel(1);
        for number in 0..options.readers.max(1) {
            let connection = to_read.reader().map_err(failed)?;
            let reader = Reader::new(to_read.clone(), connection, Arc::clone(&reader_inbox));
            let lives: mpsc::Sender<Infallible> = reader_lives.clone();
            start(format!("store-read-{number}"), move || {
                reader.run();
                drop(lives);
            })?;
        }
        let (store_lives, is_open) = sync_channel(0);
        let connection_to_fill = to_read.reader().map_err(failed)?;
        start("store-nonces".to_owned(), move || {
            if let Err(error) = known.fill(&connection_to_fill, &is_open) {
                tracing::warn!(%error, "the nonces could not be read; posting costs more until the next start");
            }
            drop((connection_to_fill, reader_lives));
        })?;
        let places_max = options.writer_inbox_max.clamp(1, Semaphore::MAX_PERMITS - 1);
        // A message holds at least one request that has a place; closing needs none.
        let (writer_outlet, writer_inbox) = mpsc::channel(places_max + 1);
        let copier = Copier::start(to_write.writer().map_err(failed)?).map_err(OpenError::Thread)?;
        let writer = Writer::new(folder, to_write, connection, recent.clone(), writer_inbox, options.commit_batch_max);
        let writer = writer.copied_by(copier);
        let sight = writer.sight.clone();
        start("store-write".to_owned(), move || writer.run())?;
        tracing::info!(database = %database.display(), version = schema.len(), "the store is open");
        Ok(Arc::new(Self {
            writer: writer_outlet,
            places: Arc::new(Semaphore::new(places_max)),
            places_max,
            gather: options.gather,
            recent,
            sight,
            readers: RwLock::new(Some(Readers { inbox: reads, _store_lives: store_lives })),
            readers_end: Mutex::new(Some(readers_end)),
        }))
    }

    /// Has the writer do something; waits while its inbox is full.
    fn write<O: Operation>(&self, operation: O) -> StoreFuture<O::Answer> {
        // Nearly always there is a place, and a courier that takes it along.
        let operation = match self.places.clone().try_acquire_owned() {
            Ok(place) => match Courier::here(&self.writer, self.gather, (operation, place), give) {
                Ok(answer) => return StoreFuture::answer(answer),
                Err((operation, _place)) => operation,
            },
            Err(_) => operation,
        };
        let (writer, places, gather) = (self.writer.clone(), self.places.clone(), self.gather);
        StoreFuture::steps(async move {
            let place = places.acquire_owned().await.map_err(|_| StoreError::Closed)?;
            let answer = match Courier::here(&writer, gather, (operation, place), give) {
                Ok(answer) => answer,
                Err((operation, place)) => {
                    let (work, answer) = request(operation, None);
                    let waiting = vec![Waiting { work, _place: place }];
                    writer.send(WriterMessage::Work(waiting)).await.map_err(|_| StoreError::Closed)?;
                    answer
                }
            };
            answer.await.unwrap_or(Err(StoreError::Closed))
        })
    }

    /// Has a reader do something; refused when their inbox is full.
    fn read<O: Operation>(&self, operation: O) -> StoreFuture<O::Answer> {
        let (work, answer) = request(operation, None);
        let sent = match &*self.readers.read().unwrap_or_else(PoisonError::into_inner) {
            None => Err(StoreError::Closed),
            Some(readers) => readers.inbox.try_send(work).map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Overloaded,
                TrySendError::Disconnected(_) => StoreError::Closed,
            }),
        };
        match sent {
            Ok(()) => StoreFuture::answer(answer),
            Err(error) => StoreFuture::steps(std::future::ready(Err(error))),
        }
    }
}

/// Gives an operation that has a place to a courier.
fn give<O: Operation>(courier: &Courier, (operation, place): (O, OwnedSemaphorePermit)) -> AnswerReceiver<O::Answer> {
    let (work, answer) = request(operation, Some(courier.way_back()));
    courier.take(Waiting { work, _place: place });
    answer
}

fn start(name: String, run: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
    let spawned: io::Result<thread::JoinHandle<()>> = thread::Builder::new().name(name).spawn(run);
    spawned.map(drop).map_err(OpenError::Thread)
}

impl Store for SqliteStore {
    fn open_room(&self, name: RoomName, at: UnixMs, rooms_max: u64) -> StoreFuture<StoredRoom> {
        self.write(OpenRoom { name, at, rooms_max, recent: self.recent.clone() })
    }

    fn append(&self, room: RoomId, events: Events) -> StoreFuture<Outcomes> {
        self.write(Append { room, events, recent: self.recent.clone() })
    }

    fn read_log(&self, room: NameKey, page: Page, limit: u32, bytes_max: u64) -> StoreFuture<Option<LogPage>> {
        self.read(ReadLog { room, page, limit, bytes_max, recent: self.recent.clone() })
    }

    fn list_rooms(&self, after: Option<NameKey>, limit: u32) -> StoreFuture<Vec<StoredRoom>> {
        self.read(ListRooms { after, limit, recent: self.recent.clone() })
    }

    fn create_session(&self, session: NewSession) -> StoreFuture<UserId> {
        self.write(CreateSession(session))
    }

    fn change_session(&self, id: String, change: SessionChange) -> StoreFuture<()> {
        self.write(ChangeSession { id, change })
    }

    fn recover_sessions(&self, now: UnixMs, idle_before: UnixMs) -> StoreFuture<Vec<StoredSession>> {
        self.write(RecoverSessions { now, idle_before })
    }

    fn probe(&self) -> StoreFuture<()> {
        self.write(Probe)
    }

    fn look(&self) -> Option<StoreView> {
        Some(self.sight.view(self.places_max, self.places.available_permits()))
    }

    fn close(&self) -> StoreFuture<()> {
        let reads = self.readers.write().unwrap_or_else(PoisonError::into_inner).take();
        let readers_end = self.readers_end.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (writer, places, places_max) = (self.writer.clone(), self.places.clone(), self.places_max);
        StoreFuture::steps(async move {
            // The readers first: the last checkpoint needs them gone.
            drop(reads);
            let Some(mut readers_end) = readers_end else { return Err(StoreError::Closed) };
            while readers_end.recv().await.is_some() {}
            // Nobody has a place any more: what was asked for before is in a group, and not on its way to the writer.
            let all = places.acquire_many(u32::try_from(places_max).unwrap_or(u32::MAX)).await;
            let (reply, closed) = oneshot::channel();
            writer.send(WriterMessage::Close(reply)).await.map_err(|_| StoreError::Closed)?;
            drop(all);
            closed.await.unwrap_or(Err(StoreError::Closed))
        })
    }
}
