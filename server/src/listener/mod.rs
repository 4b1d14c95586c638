//! The door: HTTP for pages, and the WebSocket upgrade at `/v1/ws` on the same port.
//!
//! An upgraded socket is taken out of the HTTP machinery at once, so that an idle connection holds none of
//! its buffers. The server's own limits and drain then apply to it, not those of the HTTP server.

mod admission;
mod entry;
pub mod page;
mod upgrade;

pub use admission::Admission;
pub use entry::Entry;
pub use upgrade::{Door, service};
