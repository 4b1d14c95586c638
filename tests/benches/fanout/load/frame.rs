//! Frames as the load side sees them.

use std::io;

use hubbub_tests::bench::socket::{Dialect, masked};

/// Text of a post, in bytes.
const TEXT_BYTES: usize = 64;

/// Where the payload of the server's frame at the begin of `bytes` is; `None`: its header has not come.
pub(super) fn payload(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? {
        126 => bytes.get(2..4).map(|len| (4, usize::from(u16::from_be_bytes([len[0], len[1]])))),
        127 => bytes.get(2..10).map(|len| (10, len.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))),
        len => Some((2, usize::from(len))),
    }
}

/// Adds the post with this number, as a client's frame whose mask is zero.
///
/// To a server that only passes frames on goes what Hubbub would make of the post: as many bytes to every reader.
pub(super) fn put_post(out: &mut Vec<u8>, dialect: Dialect, (word, room): (&str, usize), number: u64) {
    let text = match dialect {
        Dialect::Hubbub => format!(
            r#"{{"id":{id},"op":"post","room":"{word}{room}","nonce":"n-{number}","text":"{number:0>TEXT_BYTES$}"}}"#,
            id = number + 10,
        ),
        Dialect::Bare => format!(
            r#"{{"ev":"post","room":"{word}{room}","seq":{seq},"at":1795395438722,"user":1000,"from":"m{room}","text":"{number:0>TEXT_BYTES$}","nonce":"n-{number}"}}"#,
            seq = number + 1,
        ),
    };
    out.extend(masked(&text));
}

/// The whole number behind `key` in a frame's JSON.
pub(super) fn number(json: &[u8], key: &[u8]) -> io::Result<u64> {
    let digits = json.windows(key.len()).position(|part| part == key).map(|at| &json[at + key.len()..]);
    let digits: &[u8] = digits.unwrap_or_default();
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = std::str::from_utf8(&digits[..len]).unwrap_or_default();
    let wrong = || io::Error::other(format!("no number in {}", String::from_utf8_lossy(json)));
    digits.parse().map_err(|_| wrong())
}
