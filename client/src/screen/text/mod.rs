//! Text as it goes to a terminal: made harmless, measured in cells, cut into lines.

pub(super) mod safe;
pub(super) mod wrap;

pub(super) use safe::{safe, safe_line};
pub(super) use wrap::{fit, width, wrap};
