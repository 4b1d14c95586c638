//! What the store's threads do: one operation each on a connection, and the way its answer goes back.

use rusqlite::{Connection, ErrorCode, types::Type};
use tokio::sync::oneshot;

use super::{super::StoreError, courier::WayBack};

/// Something to be done on a connection, inside a transaction that its thread opened.
pub(super) trait Operation: Send + 'static {
    /// What it finds out.
    type Answer: Send + 'static;

    /// Does it. May be called again after its transaction was rolled back, so it keeps nothing.
    ///
    /// # Errors
    /// [`Failure::Refused`] only as long as nothing was written; see there.
    fn run(&self, connection: &Connection) -> Result<Self::Answer, Failure>;

    /// How much of a commit it takes, in events.
    fn events(&self) -> usize {
        1
    }
}

/// Why an operation did not come to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// For a reason of its own, found before it wrote anything: the rest of the transaction stands.
    Refused(StoreError),
    /// By the database: what else is in the transaction must be rolled back.
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Failure {
    /// A stored value that is not what it should be.
    pub(super) fn corrupt(what: impl Into<String>) -> Self {
        Self::Refused(StoreError::Corrupt(what.into()))
    }

    /// The same, from an operation that may have written something before it found that out.
    pub(super) fn behind_writes(self) -> Self {
        match self {
            Self::Refused(reason) => Self::Sql(rusqlite::Error::FromSqlConversionFailure(0, Type::Text, reason.into())),
            sql => sql,
        }
    }
}

/// Whose fault an error of the database is.
pub(super) enum Fault {
    /// The disk's, the file's or the memory's: nothing can be written now, whoever asks.
    Machine(StoreError),
    /// The request's own: others may succeed.
    Request(StoreError),
}

/// Tells whose fault an error of the database is.
pub(super) fn fault(error: &rusqlite::Error) -> Fault {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, NoLargeFileSupport,
        OperationAborted, OperationInterrupted, OutOfMemory, PermissionDenied, ReadOnly, SystemIoFailure,
    };
    match error.sqlite_error_code() {
        Some(
            DiskFull
            | SystemIoFailure
            | ReadOnly
            | CannotOpen
            | OutOfMemory
            | DatabaseBusy
            | DatabaseLocked
            | PermissionDenied
            | FileLockingProtocolFailed
            | NoLargeFileSupport
            | OperationAborted
            | OperationInterrupted,
        ) => Fault::Machine(StoreError::Unavailable(error.to_string())),
        _ => Fault::Request(StoreError::Corrupt(error.to_string())),
    }
}

/// The error that a caller sees, whosever fault it is.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    match fault(error) {
        Fault::Machine(error) | Fault::Request(error) => error,
    }
}

/// A request of any kind, as a thread of the store sees it.
pub(super) trait Work: Send {
    /// How much of a commit it takes, in events.
    fn events(&self) -> usize;

    /// Does the operation and keeps the answer. May be called again after a rollback.
    ///
    /// # Errors
    /// When the transaction must be rolled back.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;

    /// How the answer gets to the thread that waits for it; `None`: it is to be answered at once.
    fn way_back(&self) -> Option<&WayBack>;

    /// Sends the answer that was kept, or the error that became of it all.
    fn answer(self: Box<Self>, fate: Result<(), StoreError>);
}

struct Request<O: Operation> {
    operation: O,
    way_back: Option<WayBack>,
    answer: Option<Result<O::Answer, StoreError>>,
    reply: oneshot::Sender<Result<O::Answer, StoreError>>,
}

impl<O: Operation> Work for Request<O> {
    fn events(&self) -> usize {
        self.operation.events()
    }

    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.answer = None;
        let changes_before = connection.total_changes();
        match self.operation.run(connection) {
            Ok(answer) => self.answer = Some(Ok(answer)),
            Err(Failure::Refused(error)) => {
                debug_assert_eq!(connection.total_changes(), changes_before, "refused after writing");
                self.answer = Some(Err(error));
            }
            Err(Failure::Sql(error)) => return Err(error),
        }
        Ok(())
    }

    fn way_back(&self) -> Option<&WayBack> {
        self.way_back.as_ref()
    }

    fn answer(self: Box<Self>, fate: Result<(), StoreError>) {
        let Self { answer, reply, .. } = *self;
        let unanswered = || Err(StoreError::Unavailable("it was not done".to_owned()));
        let answer = fate.and_then(|()| answer.unwrap_or_else(unanswered));
        if reply.send(answer).is_err() {
            tracing::trace!("nobody waits for this answer of the store any more");
        }
    }
}

/// What a request's answer comes by.
pub(super) type AnswerReceiver<T> = oneshot::Receiver<Result<T, StoreError>>;

/// Wraps an operation for the way to its thread.
pub(super) fn request<O: Operation>(
    operation: O,
    way_back: Option<WayBack>,
) -> (Box<dyn Work>, AnswerReceiver<O::Answer>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Request { operation, way_back, answer: None, reply }), answer)
}
