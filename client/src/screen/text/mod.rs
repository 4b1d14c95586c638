//! Text as it goes to a terminal: measured in cells, cut into lines.

pub(super) mod wrap;

pub(super) use wrap::{fit, width, wrap};
