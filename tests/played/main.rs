//! The scenario runner, proved from outside: every shipped scenario is played, and every lie of a server is found.

mod command;
mod document;
mod latency;
mod liar;
mod lie;
mod runner;
mod shipped;
