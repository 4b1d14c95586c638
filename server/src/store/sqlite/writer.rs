//! The writer: one thread that owns the only connection that writes, and commits in groups.
//!
//! - **Role**: takes all that waits, does it in one transaction, commits, then answers everybody; then puts a part of
//!   the journal into the tables, if it is time to (`fold`). When one thing waits it is committed at once; only when the
//!   last group had company does the thread step aside once before the next, for others that want its core. What is
//!   worth waiting for, those know who ask (`courier`).
//! - **Owner of** the connection that writes events, the data folder's lock, and when checkpoints are made.
//! - **Accepts** [`WriterMessage`].
//! - **Inbox** bounded; when it is full, senders wait. A room that waits takes nothing from its own inbox.
//! - **Stops** on [`WriterMessage::Close`] after what came before it, or when all senders are gone.
//!
//! **When writing fails**, everybody in the group is answered `Unavailable`, except those who need
//! nothing written. The next group simply tries again, so there is nothing to be reset when the disk
//! works again.
//!
//! A failed `COMMIT` may leave the group's pages in the write-ahead log, valid but unknown to every
//! connection: only a crash before the next commit could bring them back. So before anybody is
//! answered, a trifle is committed over them. When that fails too, the connection is replaced by a
//! new one, opened before the old one is closed: SQLite reads the log from the disk only when nobody
//! had it open.
//!
//! **When one request fails by itself** (it breaks a constraint, say), the group is rolled back and
//! each of it is done in a transaction of its own.

use std::{collections::VecDeque, fmt, sync::Arc, thread, time::Instant};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::{
    super::{Commit, StoreError, WriterState},
    checkpoint::{self, Checkpointer, Copier},
    connection::Opener,
    courier::answer_all,
    fold::Folder,
    folder::DataFolder,
    journal,
    operation::{Failure, Fault, Operation, Work, fault, store_error},
    probe::Probe,
    recent::Recent,
    sight::WriterSight,
};
use crate::metrics as names;

/// To the writer, from the store's callers. When the inbox is full they wait; one that is lost with the
/// writer is answered `Closed` by its dropped reply.
pub(super) enum WriterMessage {
    /// Do these.
    Work(Vec<Waiting>),
    /// Finish what came before, then close and say so.
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// A request that has a place in the writer's inbox, until the writer takes it into a group.
pub(super) struct Waiting {
    pub(super) work: Box<dyn Work>,
    pub(super) _place: OwnedSemaphorePermit,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("events", &self.work.events()).finish_non_exhaustive()
    }
}

/// A transaction that failed and was rolled back.
pub(super) struct Failed {
    pub(super) error: rusqlite::Error,
    /// It was the commit that failed: its pages may be in the log.
    pub(super) in_doubt: bool,
}

/// A transaction that was committed.
pub(super) struct Wrote {
    /// The journal's, if it wrote one.
    line: Option<i64>,
    changed: bool,
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self { error, in_doubt: false }
    }
}

/// The thread's state.
pub(super) struct Writer {
    opener: Opener,
    connection: Connection,
    inbox: mpsc::Receiver<WriterMessage>,
    events_max: usize,
    /// Taken from the channel, and in no group yet.
    waiting: VecDeque<Waiting>,
    /// Whether the last group was more than one request.
    had_company: bool,
    close: Option<oneshot::Sender<Result<(), StoreError>>>,
    checkpointer: Checkpointer,
    /// Groups that failed since the last one that did not.
    failures: u64,
    folder: Folder,
    data: DataFolder,
    /// Where this thread stands, for others to see.
    pub(super) sight: Arc<WriterSight>,
}

impl Writer {
    /// A writer of a database that was opened and brought up to date.
    pub(super) fn new(
        data: DataFolder,
        opener: Opener,
        connection: Connection,
        recent: Arc<Recent>,
        inbox: mpsc::Receiver<WriterMessage>,
        events_max: usize,
    ) -> Self {
        Self {
            opener,
            connection,
            inbox,
            events_max,
            waiting: VecDeque::new(),
            had_company: false,
            close: None,
            checkpointer: Checkpointer::default(),
            failures: 0,
            folder: Folder::new(recent),
            data,
            sight: Arc::default(),
        }
    }

    /// Has a thread of its own copy the log, beside the commits.
    pub(super) fn copied_by(self, copier: Copier) -> Self {
        Self { checkpointer: Checkpointer::with(copier), ..self }
    }

    /// Runs until closed.
    pub(super) fn run(mut self) {
        while let Some(group) = self.next_group() {
            let events = group.iter().map(|work| work.events()).sum();
            self.sight.note(WriterState::Transaction);
            self.commit(group);
            self.sight.note(WriterState::Fold);
            self.folder.after_commit(&mut self.connection, events);
            self.sight.note(WriterState::Checkpoint);
            self.checkpoint();
            self.sight.note(WriterState::Inbox);
        }
        self.finish();
    }

    /// Waits for something to do and takes what else waits, up to the largest group.
    pub(super) fn next_group(&mut self) -> Option<Vec<Box<dyn Work>>> {
        while self.waiting.is_empty() {
            let message = self.inbox.blocking_recv()?;
            self.receive(message);
        }
        if self.had_company {
            // Where one core is shared with those who post, they go first: what they send meanwhile comes along, and
            // a commit costs the same. Where it is not, this returns at once; and who posts alone never waits for it.
            thread::yield_now();
        }
        while let Ok(message) = self.inbox.try_recv() {
            self.receive(message);
        }
        let (mut group, mut events) = (Vec::new(), 0);
        while let Some(next) = self.waiting.front() {
            events += next.work.events();
            if events > self.events_max && !group.is_empty() {
                break;
            }
            group.extend(self.waiting.pop_front().map(|next| next.work));
        }
        self.had_company = group.len() > 1;
        Some(group)
    }

    fn receive(&mut self, message: WriterMessage) {
        match message {
            WriterMessage::Work(works) => self.waiting.extend(works),
            WriterMessage::Close(reply) => self.begin_close(reply),
        }
    }

    /// Takes nothing more in; what is in the inbox is still done.
    fn begin_close(&mut self, reply: oneshot::Sender<Result<(), StoreError>>) {
        self.inbox.close();
        if let Some(earlier) = self.close.replace(reply) {
            answer_close(earlier, Err(StoreError::Closed));
        }
    }

    /// Does a group in one transaction and answers everybody in it.
    fn commit(&mut self, mut group: Vec<Box<dyn Work>>) {
        match self.transact(&mut group) {
            Ok(()) => answer_all(group),
            Err(failed) => match fault(&failed.error) {
                Fault::Machine(reason) => self.refuse(group, &failed, &reason),
                Fault::Request(_) => self.commit_singly(group),
            },
        }
    }

    /// Does each of a group in a transaction of its own, so that only those fail whose fault it was.
    fn commit_singly(&mut self, group: Vec<Box<dyn Work>>) {
        let mut rest = group.into_iter();
        while let Some(mut work) = rest.next() {
            match self.transact(std::slice::from_mut(&mut work)) {
                Ok(()) => work.answer(Ok(())),
                Err(failed) => match fault(&failed.error) {
                    Fault::Machine(reason) => {
                        let unanswered = std::iter::once(work).chain(rest).collect();
                        return self.refuse(unanswered, &failed, &reason);
                    }
                    Fault::Request(reason) => {
                        tracing::error!(error = %failed.error, "a request to the store failed by itself");
                        work.answer(Err(reason));
                    }
                },
            }
        }
    }

    /// Commits a group, or leaves nothing of it.
    pub(super) fn transact(&mut self, group: &mut [Box<dyn Work>]) -> Result<(), Failed> {
        let began = Instant::now();
        if !self.connection.is_autocommit() {
            // An earlier transaction could not even be rolled back.
            self.replace_connection();
        }
        self.folder.prepare_commit(&mut self.connection)?;
        match self.write(group) {
            Ok(Wrote { line, changed }) => {
                if let Some(line) = line {
                    self.folder.recent().settle(line);
                }
                if changed {
                    self.note_commit(began, group);
                }
                Ok(())
            }
            Err(failed) => {
                self.folder.recent().discard();
                Err(failed)
            }
        }
    }

    pub(super) fn write(&mut self, group: &mut [Box<dyn Work>]) -> Result<Wrote, Failed> {
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
        let changes_before = transaction.total_changes();
        for work in group {
            work.run(&transaction)?;
        }
        let line = self.folder.recent().write_staged(|events| journal::write(&transaction, events))?;
        let changed = transaction.total_changes() > changes_before;
        transaction.commit().map_err(|error| Failed { error, in_doubt: true })?;
        Ok(Wrote { line, changed })
    }

    /// Counts a commit; one without changes touched no disk and says nothing about it.
    fn note_commit(&mut self, began: Instant, group: &[Box<dyn Work>]) {
        let took = began.elapsed();
        metrics::histogram!(names::STORE_COMMIT_SECONDS).record(took);
        let events: usize = group.iter().map(|work| work.events()).sum();
        self.sight.committed(Commit { events: events as u64, us: took.as_micros().try_into().unwrap_or(u64::MAX) });
        metrics::histogram!(names::STORE_COMMIT_EVENTS).record(u32::try_from(events).unwrap_or(u32::MAX));
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "the store can be written again");
            self.failures = 0;
            self.sight.failing(0);
        }
    }

    /// Makes sure that nothing of a failed group is left, then answers it.
    fn refuse(&mut self, group: Vec<Box<dyn Work>>, failed: &Failed, reason: &StoreError) {
        metrics::counter!(names::STORE_FAILURES_TOTAL, "kind" => "write").increment(1);
        if self.failures == 0 {
            tracing::error!(%reason, requests = group.len(), "the store cannot be written; reading goes on");
        }
        self.failures += 1;
        self.sight.failing(self.failures);
        if !self.is_settled(failed) {
            self.replace_connection();
        }
        self.answer_unwritten(group, reason);
    }

    /// Whether nothing is left of a failed transaction, and the connection is as good as before it.
    pub(super) fn is_settled(&mut self, failed: &Failed) -> bool {
        if !self.connection.is_autocommit() {
            return false;
        }
        if failed.in_doubt {
            let overwritten = self.overwrite();
            if let Err(error) = &overwritten {
                tracing::debug!(%error, "nothing can be committed over what failed");
            }
            return overwritten.is_ok();
        }
        matches!(
            failed.error.sqlite_error_code(),
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }

    /// Commits a trifle, over what a failed commit may have left in the log.
    fn overwrite(&mut self) -> Result<(), StoreError> {
        let failed = |error: rusqlite::Error| store_error(&error);
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate).map_err(failed)?;
        Probe.run(&transaction).map_err(|failure| match failure {
            Failure::Sql(error) => store_error(&error),
            Failure::Refused(error) => error,
        })?;
        transaction.commit().map_err(failed)
    }

    /// Opens a new connection, then closes the old one with whatever it was stuck in.
    fn replace_connection(&mut self) {
        match self.opener.writer() {
            Ok(connection) => self.connection = connection,
            Err(error) => tracing::debug!(%error, "no new connection either; the old one is kept"),
        }
    }

    /// Answers a group that could not be committed: those who need nothing written as ever, the others
    /// with the reason.
    fn answer_unwritten(&mut self, group: Vec<Box<dyn Work>>, reason: &StoreError) {
        let readable =
            self.connection.is_autocommit() && self.connection.pragma_update(None, "query_only", true).is_ok();
        for mut work in group {
            let ran = readable && work.run(&self.connection).is_ok();
            // What is new was only staged: that is not done. It goes also where the work failed behind it.
            let was_new = self.folder.recent().discard();
            let done = ran && !was_new;
            work.answer(if done { Ok(()) } else { Err(reason.clone()) });
        }
        if self.connection.pragma_update(None, "query_only", false).is_err() {
            self.replace_connection();
        }
    }

    fn checkpoint(&mut self) {
        if let Err(error) = self.checkpointer.after_commit(&self.connection) {
            checkpoint::failed(&error);
        }
    }

    /// Closes everything, the lock last.
    fn finish(self) {
        let Self { mut connection, mut folder, data, close, sight, checkpointer, .. } = self;
        if let Err(error) = folder.finish(&mut connection) {
            tracing::warn!(%error, "the journal stays; the next start takes it up");
        }
        if let Err(error) = checkpointer.finish(&connection) {
            tracing::warn!(%error, "the write-ahead log stays; the next start takes it up");
        }
        let closed = connection.close().map_err(|(_, error)| store_error(&error));
        drop(data);
        sight.note(WriterState::Closed);
        if let Some(reply) = close {
            answer_close(reply, closed);
        }
    }
}

fn answer_close(reply: oneshot::Sender<Result<(), StoreError>>, answer: Result<(), StoreError>) {
    if reply.send(answer).is_err() {
        tracing::debug!("nobody waits for the store to close any more");
    }
}
