//! The Hubbub client: a library that never loses or repeats a message, and the programs made of it.
//!
//! ```text
//! cli       the command line: the screen's options; post, tail, rooms for scripts; scenario, load, demo
//! demo      a private server, scripted people, and the screen among them
//! load      the common questions about a server, asked of the scenario engine
//! screen    the terminal screen
//! scenario  many people at once from one file, as test, load and proof
//! link      connection, session, rooms and posts as one typed, asynchronous thing; knows none of the above
//! safe      text from the network, made harmless to a terminal
//! ```

pub mod cli;
mod demo;
pub mod link;
mod load;
mod safe;
mod scenario;
pub mod screen;
