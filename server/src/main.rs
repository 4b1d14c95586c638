//! Starts the Hubbub server.

fn main() {}
