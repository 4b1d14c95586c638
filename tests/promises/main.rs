//! The promises of the server, each proved end to end against the real program: one file a promise. And that the benches
//! find it when one is not kept (`account`), and the sources what they are said to be (`source`).

mod account;
mod closing;
mod crowd;
mod disk;
mod drain;
mod inspect;
mod link;
mod nonce;
mod order;
mod presence;
mod race;
mod refusal;
mod resume;
mod session;
mod slow;
mod source;
mod stored;
