//! WebSocket, the client's side (RFC 6455): bytes in, frames out and back, without a socket.

pub(super) mod frame;
pub(super) mod upgrade;
