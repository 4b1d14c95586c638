//! What benches share: processes on cores of their own, plain sockets that have joined a room, plots and tables.

pub mod document;
pub mod plot;
pub mod process;
pub mod socket;
