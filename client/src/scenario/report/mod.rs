//! What came out of a run: facts for machines, a summary and a page for people, a comparison, and the view while it runs.

mod compare;
#[cfg(test)]
mod example;
pub(crate) mod facts;
mod figure;
pub(crate) mod live;
mod number;
pub(crate) mod page;
pub(crate) mod progress;
pub(crate) mod sample;
mod summary;
mod text;

pub(crate) use self::{compare::compare, number::commas, summary::summary};
