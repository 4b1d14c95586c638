//! Hostile input over bare sockets: whatever a peer sends, it gets its documented answer, everybody else is served,
//! and the server gives back what it took.

mod churn;
mod claim;
mod cut;
mod flood;
mod framing;
mod fuzzing;
mod glutton;
mod handshake;
mod naming;
mod peer;
mod rate;
mod request;
mod scene;
mod silence;
