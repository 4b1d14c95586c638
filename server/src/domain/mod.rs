//! Pure decisions: values and the time in, what to do out. No tokio, no actix, no SQL, no clock.
//!
//! Everything here can be driven by a test, a fuzzer or a simulation without a socket or a second passing.

pub mod busiest;
pub mod heartbeat;
pub mod number;
pub mod outbox;
pub mod rate;
pub mod roster;
pub mod tail;
pub mod text;
