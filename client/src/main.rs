//! Starts the Hubbub client.

fn main() {}
