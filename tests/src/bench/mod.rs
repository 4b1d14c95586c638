//! What benches share: processes on cores of their own, and plain sockets that have joined a room.

pub mod process;
pub mod socket;
