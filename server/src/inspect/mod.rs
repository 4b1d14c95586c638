//! The inspection: what lives in a running server, shown to who may read its data folder.
//!
//! ```text
//! hubbub-server inspect ── control.sock ──→ control ──→ look ──→ shards: a question each, half a second to answer
//!   page or JSON        ←── one document ──            │           └→ the actors of the connections that are shown
//!                                                      ├──────→ rooms: what their tasks left in their sights
//!                                                      └──────→ store: what its writer left in its sight
//! ```
//!
//! The socket is a file in the data folder and no TCP port: a proxy before the server must not become a door to
//! this. It is served on the main thread, which carries no connections. Nothing that is looked at can hold an
//! inspection up: who does not answer in time is shown as one that did not answer, with where it was last seen.

pub mod ask;
mod control;
mod document;
mod format;
mod look;
mod page;
mod stuck;

pub use control::{Control, FILE};
pub use document::{ConnectionView, ConnectionsView, Document, FORMAT, Finding, Part, Request};
pub use look::{Inspector, ROWS_MAX};
pub use page::page;
