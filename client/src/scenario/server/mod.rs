//! Servers: a private one for a run, and what any server process costs.
