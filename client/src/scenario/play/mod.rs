//! The player: takes a scenario through its steps with a crowd, and says what held.
