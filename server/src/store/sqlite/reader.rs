//! A reader: one of a few threads that only read, each with a connection of its own.
//!
//! - **Role**: does reading operations; who needs one consistent view of several tables opens it.
//! - **Owner of** a read-only connection.
//! - **Accepts** [`Work`] that writes nothing.
//! - **Inbox** shared by all readers and bounded; when it is full the caller gets `Overloaded` at once.
//! - **Stops** when the store drops the inbox's sender, after what is in it.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use rusqlite::Connection;

use super::{
    connection::Opener,
    operation::{Fault, Work, fault, store_error},
};

use crate::metrics as names;

/// The inbox that all readers share.
pub(super) type ReaderInbox = Arc<Mutex<mpsc::Receiver<Box<dyn Work>>>>;

/// The thread's state.
pub(super) struct Reader {
    opener: Opener,
    /// `None` after an error of the machine's: the next request opens a new one.
    connection: Option<Connection>,
    inbox: ReaderInbox,
}

impl Reader {
    /// A reader with an open connection.
    pub(super) fn new(opener: Opener, connection: Connection, inbox: ReaderInbox) -> Self {
        Self { opener, connection: Some(connection), inbox }
    }

    /// Runs until the store is closed.
    pub(super) fn run(mut self) {
        while let Some(mut work) = self.next() {
            metrics::counter!(names::STORE_READS_TOTAL).increment(1);
            let done = self.read(work.as_mut());
            if let Err(error) = &done {
                metrics::counter!(names::STORE_FAILURES_TOTAL, "kind" => "read").increment(1);
                tracing::warn!(%error, "the store could not be read");
                if matches!(fault(error), Fault::Machine(_)) {
                    self.connection = None;
                }
            }
            work.answer(done.map_err(|error| store_error(&error)));
        }
    }

    fn next(&self) -> Option<Box<dyn Work>> {
        // A reader that panicked while it waited has taken nothing out.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }

    fn read(&mut self, work: &mut dyn Work) -> rusqlite::Result<()> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.opener.reader()?),
        };
        work.run(connection)
    }
}
