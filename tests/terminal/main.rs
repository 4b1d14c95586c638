//! The terminal client as a person has it: the real program in a pseudo-terminal, against the real server.

mod demo;
mod first_start;
mod leaving;
mod outage;
mod person;
mod pipe;
mod resize;
mod talk;
mod terminal;
