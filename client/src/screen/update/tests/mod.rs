//! What inputs do to the state, and which effects they ask for.

mod any_input;
mod reading;
mod session;
mod writing;

use hubbub_protocol::event::PostKind;

use super::*;

fn has(effects: &[Effect], wanted: &Effect) -> bool {
    effects.contains(wanted)
}

fn joins(effects: &[Effect]) -> Vec<String> {
    let join = |effect: &Effect| match effect {
        Effect::Join(room, _) => Some(room.to_string()),
        _ => None,
    };
    effects.iter().filter_map(join).collect()
}

fn posts(effects: &[Effect]) -> Vec<(PostKind, String)> {
    let post = |effect: &Effect| match effect {
        Effect::Post { kind, text, .. } => Some((*kind, text.clone())),
        _ => None,
    };
    effects.iter().filter_map(post).collect()
}
