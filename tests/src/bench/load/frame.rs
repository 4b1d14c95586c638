//! Frames as the load side sees them.

use std::io;

use crate::bench::socket::{Dialect, masked};

/// Text of a post, in bytes.
const TEXT_BYTES: usize = 64;

/// The request that posts message 0; those before it are hello and what follows it.
const FIRST_REQUEST: u64 = 10;

/// Where the payload of the server's frame at the begin of `bytes` is; `None`: its header has not come.
pub(super) fn payload(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? {
        126 => bytes.get(2..4).map(|len| (4, usize::from(u16::from_be_bytes([len[0], len[1]])))),
        127 => bytes.get(2..10).map(|len| (10, len.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))),
        len => Some((2, usize::from(len))),
    }
}

/// The answer to a ping.
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    let mut pong = vec![0x8a, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    pong.extend(payload);
    pong
}

/// Adds the post with this number, as a client's frame whose mask is zero.
///
/// To a server that only passes frames on goes what Hubbub would make of the post: as many bytes to every reader.
pub(super) fn put_post(out: &mut Vec<u8>, dialect: Dialect, (room, nick): (&str, &str), number: u64) {
    let text = match dialect {
        Dialect::Hubbub => format!(
            r#"{{"id":{id},"op":"post","room":"{room}","nonce":"n-{number}","text":"{number:0>TEXT_BYTES$}"}}"#,
            id = request(number),
        ),
        Dialect::Bare => format!(
            r#"{{"ev":"post","room":"{room}","seq":{seq},"at":1795395438722,"user":1000,"from":"{nick}","text":"{number:0>TEXT_BYTES$}","nonce":"n-{number}"}}"#,
            seq = number + 1,
        ),
    };
    out.extend(masked(&text));
}

/// The request that posts a message.
pub(super) fn request(number: u64) -> u64 {
    number + FIRST_REQUEST
}

/// The message that a reply acknowledges, which begins behind `{"re":`, and the seq that it has.
pub(super) fn posted(reply: &[u8]) -> Option<(u64, u64)> {
    let (re, rest) = digits(reply)?;
    let (seq, _) = digits(rest.strip_prefix(br#","ok":{"seq":"#)?)?;
    Some((re.checked_sub(FIRST_REQUEST)?, seq))
}

fn digits(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let len = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = bytes.split_at(len);
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

/// The whole number behind `key` in a frame's JSON.
pub(super) fn number(json: &[u8], key: &[u8]) -> io::Result<u64> {
    let behind = json.windows(key.len()).position(|part| part == key).map(|at| &json[at + key.len()..]);
    let wrong = || io::Error::other(format!("no number in {}", String::from_utf8_lossy(json)));
    behind.and_then(digits).map(|(number, _)| number).ok_or_else(wrong)
}
