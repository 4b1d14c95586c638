//! The promises of the server, each proved end to end against the real program: one file a promise.

mod disk;
mod nonce;
mod order;
mod resume;
mod stored;
