//! Mutated examples for everything that reads untrusted bytes: the committed corpus as it is, then thousands of
//! variations. What fails is made small and kept in the corpus, so that it is tried first from then on.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use hubbub_tests::{fuzz, seed};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Variations of each target's examples.
const VARIATIONS: usize = 60_000;

/// What the variations are made from, unless `HUBBUB_TEST_SEED` says otherwise: the same every time, so that a change
/// is judged by the same inputs as the one before it.
const SEED: u64 = 20;

/// The longest input.
const INPUT_BYTES_MAX: usize = 2_048;

/// What readers decide by.
const WORDS: [&[u8]; 28] = [
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\",
    b"\\u0000",
    b"\\ud83d\\ude00",
    b"null",
    b"true",
    b"-1",
    b"1e9",
    b"9007199254740992",
    b"18446744073709551616",
    b"\"id\":1,",
    b"\"op\":\"join\",",
    b"\"ev\":\"post\",",
    b"\x81\x80",
    b"\x01\x80",
    b"\x80\x80",
    b"\x89\x80",
    b"\xff\0\0\x01\0\0\0\0\0",
    "\u{301}".as_bytes(),
    "\u{345}".as_bytes(),
    "\u{202e}".as_bytes(),
    "ß".as_bytes(),
];

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn examples(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> =
        fs::read_dir(corpus(target)).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("an example")).collect()
}

/// A variation: a few changes, each of a kind that some reader may stumble over.
fn vary(examples: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut input = examples.choose(random).expect("an example").clone();
    for _ in 0..random.random_range(1..=6) {
        let at = random.random_range(0..=input.len());
        let end = random.random_range(at..=input.len().min(at + 32));
        match random.random_range(0..8) {
            0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
            1 if at < input.len() => input[at] = random.random(),
            2 => drop(input.drain(at..end)),
            3 => {
                let copy = input[at..end].repeat(random.random_range(1..4));
                input.splice(at..at, copy);
            }
            4 => drop(input.splice(at..end, WORDS.choose(random).expect("a word").iter().copied())),
            5 => {
                let other = examples.choose(random).expect("an example");
                let from = random.random_range(0..=other.len());
                input.splice(at.., other[from..].iter().copied());
            }
            6 => {
                let c: char = random.random();
                input.splice(at..at, c.to_string().into_bytes());
            }
            _ => {
                let mut noise = vec![0; random.random_range(0..16)];
                random.fill_bytes(&mut noise);
                input.splice(at..end, noise);
            }
        }
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn fails(check: fn(&[u8]), input: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| check(input))).is_err()
}

/// Takes pieces away as long as it still fails.
fn shrink(check: fn(&[u8]), mut input: Vec<u8>) -> Vec<u8> {
    let mut len = input.len() / 2;
    while len > 0 {
        let mut at = 0;
        while at + len <= input.len() {
            let shorter = [&input[..at], &input[at + len..]].concat();
            if fails(check, &shorter) { input = shorter } else { at += len }
        }
        len /= 2;
    }
    input
}

fn run(target: &str, check: fn(&[u8])) {
    let examples = examples(target);
    for example in &examples {
        check(example);
    }
    let mut random = if env::var_os("HUBBUB_TEST_SEED").is_some() {
        seed::random(target)
    } else {
        println!("{target}: HUBBUB_TEST_SEED={SEED}");
        StdRng::seed_from_u64(SEED)
    };
    for _ in 0..VARIATIONS {
        let input = vary(&examples, &mut random);
        if fails(check, &input) {
            let input = shrink(check, input);
            let sum = input.iter().fold(5_381_u32, |sum, byte| sum.wrapping_mul(33) ^ u32::from(*byte));
            let file = corpus(target).join(format!("found-{sum:08x}"));
            fs::write(&file, &input).expect("the input can be kept");
            println!("kept in {}: {:?}", file.display(), String::from_utf8_lossy(&input));
            check(&input);
        }
    }
}

fn text(input: &[u8], check: fn(&str)) {
    check(&String::from_utf8_lossy(input));
}

#[test]
fn any_bytes_are_frames_or_an_error_however_they_are_cut() {
    run("frame", fuzz::frame);
}

#[test]
fn any_text_is_a_request_or_an_error_with_its_id() {
    run("request", |input| text(input, fuzz::request));
}

#[test]
fn any_text_is_a_frame_from_a_server_or_an_error() {
    run("server_frame", |input| text(input, fuzz::server_frame));
}

#[test]
fn any_text_has_a_key_and_is_a_name_or_an_error() {
    run("name", |input| text(input, fuzz::name));
    // Every character, alone and behind and before others that composing and folding make something of.
    for c in '\0'..=char::MAX {
        for text in
            [String::from(c), format!("a{c}"), format!("{c}\u{345}"), format!("{c}\u{301}"), format!("\u{345}{c}")]
        {
            fuzz::name(&text);
        }
    }
}
