//! JSON by hand, for what is encoded and read most: byte for byte what the general encoder makes of it.
//!
//! The general one writes a value member by member through calls that know nothing of each other; of a post, that is
//! most of what its room does. Tests beside the types compare the two.

/// Each byte of a word 1.
const ONES: u64 = u64::MAX / 0xff;

/// The high bit of each byte of a word.
const HIGHS: u64 = ONES << 7;

/// Bytes that are looked at together.
const PLAIN_BYTES: usize = 16;

/// Digits of the numbers below 100, two each.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Digits of the largest number.
const DIGITS_MAX: usize = 20;

/// Where the first byte is that does not stand for itself in a JSON string (RFC 8259 §7): a quotation mark, a backslash
/// or a control character. `None`: there is none.
pub(crate) fn first_special(bytes: &[u8]) -> Option<usize> {
    // Many strings end in the first eight bytes, and most of what is longer is plain.
    let mut at = 0;
    while let Some(word) = bytes[at..].first_chunk() {
        if let Some(found) = special_of(*word) {
            return Some(at + found);
        }
        at += 8;
        while bytes[at..].first_chunk().is_some_and(is_plain) {
            at += PLAIN_BYTES;
        }
    }
    match bytes.last_chunk() {
        // What is left is looked at together with bytes before it, which are known not to be special.
        Some(word) if at < bytes.len() => special_of(*word).map(|found| bytes.len() - 8 + found),
        Some(_) => None,
        None => bytes.iter().position(is_special),
    }
}

fn is_special(byte: &u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// Whether none of many is special; all are looked at, in a form that the compiler makes one look of.
fn is_plain(bytes: &[u8; PLAIN_BYTES]) -> bool {
    let special = |byte: &u8| u8::from(*byte < 0x20) | u8::from(*byte == b'"') | u8::from(*byte == b'\\');
    bytes.iter().fold(0, |found, byte| found | special(byte)) == 0
}

/// The same in eight bytes at once.
fn special_of(bytes: [u8; 8]) -> Option<usize> {
    let word = u64::from_le_bytes(bytes);
    let (quotes, backslashes) = (word ^ (ONES * u64::from(b'"')), word ^ (ONES * u64::from(b'\\')));
    // A byte that is too small borrows from its high bit. So may those behind it then, so only the first is right.
    let found = (quotes.wrapping_sub(ONES) & !quotes)
        | (backslashes.wrapping_sub(ONES) & !backslashes)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    let found = found & HIGHS;
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

/// Adds what stands between the quotation marks of a string that may hold anything.
pub fn put_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = first_special(rest) {
        out.extend_from_slice(&rest[..at]);
        put_escape(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cold]
fn put_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            let digit = |half: u8| b"0123456789abcdef"[usize::from(half & 0x0f)];
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Adds a number.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; DIGITS_MAX];
    let mut begin = DIGITS_MAX;
    while number >= 10 {
        begin -= 2;
        digits[begin..begin + 2].copy_from_slice(&PAIRS[(number % 100) as usize]);
        number /= 100;
    }
    // An odd first digit is left, or nothing but the zero that the first pair may begin with.
    if number > 0 || begin == DIGITS_MAX {
        begin -= 1;
        digits[begin] = b'0' + number as u8;
    }
    out.extend_from_slice(&digits[begin..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_byte_that_is_ascii_is_escaped_as_by_the_general_encoder_wherever_it_stands() {
        for byte in 0..0x80_u8 {
            for before in 0..18 {
                let text = format!("{}{}tail", "ä".repeat(before), char::from(byte));
                let expected = serde_json::to_string(&text).expect("encodes");
                assert_eq!(format!("\"{}\"", written(|out| put_escaped(out, &text))), expected);
            }
        }
    }

    #[test]
    fn numbers_of_every_length_are_written_as_by_the_general_encoder() {
        let tens = (0..20).map(|exponent| 10_u64.pow(exponent));
        for number in tens.flat_map(|ten| [ten - 1, ten, ten + 1, ten.saturating_mul(9)]).chain([u64::MAX]) {
            assert_eq!(written(|out| put_number(out, number)), number.to_string());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_escaped_as_by_the_general_encoder(
            text in prop_oneof!["(?s).{0,60}", "[\\x00-\\x7f]{0,60}", "[ -~]{0,60}", "[\"\\\\\u{1f}\u{20}\u{7f}\u{80}ÿ]{0,30}"],
        ) {
            let expected = serde_json::to_string(&text).expect("encodes");
            prop_assert_eq!(format!("\"{}\"", written(|out| put_escaped(out, &text))), expected);
        }

        #[test]
        fn the_first_special_byte_is_found(bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(prop::sample::select(vec![0x1f, 0x20, 0x21, b'"', 0x23, 0x5b, b'\\', 0x5d, 0xa2, 0xdc, 0xff]), 0..40),
            prop::collection::vec(0x23_u8.., 0..40),
        ]) {
            let expected = bytes.iter().position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\');
            prop_assert_eq!(first_special(&bytes), expected);
        }

        #[test]
        fn any_number_is_written_as_by_the_general_encoder(number: u64, shift in 0..64) {
            let number = number >> shift;
            prop_assert_eq!(written(|out| put_number(out, number)), number.to_string());
        }
    }
}
