//! What came out of a run: facts for machines, a summary and a page for people, a comparison, and the view while it runs.

pub(crate) mod facts;
pub(crate) mod progress;
pub(crate) mod sample;
