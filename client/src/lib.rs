//! The Hubbub client.
