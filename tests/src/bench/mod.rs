//! What benches share: processes on cores of their own, a load that checks every delivery, plain sockets that have
//! joined a room, recipients, plots, flame graphs and tables.

pub mod chain;
pub mod document;
pub mod flame;
pub mod load;
pub mod machine;
pub mod plot;
pub mod process;
pub mod recipient;
pub mod socket;
mod svg;
