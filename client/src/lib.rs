//! The Hubbub client: a library that never loses or repeats a message, and the programs made of it.
//!
//! ```text
//! cli      the command line: the screen's options, and post, tail, rooms for scripts
//! screen   the terminal screen
//! scenario many people at once from one file, as test, load and proof
//! link     connection, session, rooms and posts as one typed, asynchronous thing; knows none of the above
//! safe     text from the network, made harmless to a terminal
//! ```

pub mod cli;
pub mod link;
#[allow(dead_code, reason = "being built")]
mod load;
mod safe;
#[allow(dead_code, unused_variables, clippy::todo, reason = "being built")]
mod scenario;
pub mod screen;
