//! The promises of the server, each proved end to end against the real program: one file a promise.

mod disk;
mod drain;
mod nonce;
mod order;
mod presence;
mod refusal;
mod resume;
mod session;
mod slow;
mod source;
mod stored;
