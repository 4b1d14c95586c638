//! `hubbub load`: the common questions, asked of the scenario engine without a file.
//!
//! ```text
//! question   what can be asked → a scenario, as a file would say it
//! hunt       probes at one rate after the other, on one crowd
//! capacity   the search for the highest rate that keeps an objective; pure
//! ```

pub(crate) mod capacity;
pub(crate) mod hunt;
pub(crate) mod question;
