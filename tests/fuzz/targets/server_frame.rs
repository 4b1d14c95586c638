//! Fuzzes a server's frames; the rules are in `tests/src/fuzz.rs`.
#![no_main]

#[allow(dead_code, reason = "each target takes one of the rules")]
#[path = "../../src/fuzz.rs"]
mod fuzz;

libfuzzer_sys::fuzz_target!(|text: &str| fuzz::server_frame(text));
