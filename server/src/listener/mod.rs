//! Where the world comes in: HTTP pages and the WebSocket upgrade, on one port.

pub mod page;
