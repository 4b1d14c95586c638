//! `hubbub load`: the common questions, asked of the scenario engine without a file.
//!
//! ```text
//! question   what can be asked → a scenario, as a file would say it
//! capacity   the search for the highest rate that keeps an objective; pure
//! ```

pub(crate) mod capacity;
pub(crate) mod question;
