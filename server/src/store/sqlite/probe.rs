//! Finding out whether something can be written now.

use rusqlite::Connection;

use super::operation::{Failure, Operation};

/// Writes a trifle and takes it back. Its commit is a real one: the page was touched.
pub(super) struct Probe;

impl Operation for Probe {
    type Answer = ();

    fn run(&self, connection: &Connection) -> Result<(), Failure> {
        connection.prepare_cached("INSERT INTO probes (id) VALUES (1)")?.execute([])?;
        connection.prepare_cached("DELETE FROM probes WHERE id = 1")?.execute([])?;
        Ok(())
    }
}
