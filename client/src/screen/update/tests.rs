//! What inputs do to the state, and which effects they ask for.
