//! The Hubbub client: a library that never loses or repeats a message, and the programs made of it.
//!
//! ```text
//! cli      the command line: the screen's options, and post, tail, rooms for scripts
//! screen   the terminal screen
//! link     connection, session, rooms and posts as one typed, asynchronous thing; knows none of the above
//! ```

pub mod cli;
pub mod link;
pub mod screen;
