//! What is wrong in a file is said well: mistakes as people make them, each with the whole of what they are told.
//!
//! The steps of a case stand behind a head of six lines, in which ana and a crowd of twenty are in `lobby` and twenty
//! rooms of a `team` exist.

mod capture;
mod combination;
mod expectation;
mod key;
mod name;
mod quantity;
mod yaml;

use crate::scenario::file::read;

/// What somebody is told of a file.
fn told(text: &str) -> String {
    read(text, "my.yaml").expect_err("this is no scenario").to_string()
}
