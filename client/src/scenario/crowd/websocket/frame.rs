//! Frames (RFC 6455 §5): what a server may send is read where it lies, what a client sends is masked.

/// The largest payload that is taken from a server, in bytes; what declares more is refused at its header.
pub(in super::super) const PAYLOAD_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The largest payload of a control frame (RFC 6455 §5.5), in bytes.
const CONTROL_BYTES_MAX: usize = 125;

/// What kind of frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Opcode {
    Text = 0x1,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

/// A frame that is wholly there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Frame<'a> {
    pub(in super::super) opcode: Opcode,
    pub(in super::super) payload: &'a [u8],
    /// Bytes of the whole frame, its header too.
    pub(in super::super) bytes: usize,
}

/// How a server broke the rules of RFC 6455, or those of the protocol for its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum FrameError {
    #[error("a frame has reserved bits set")]
    Reserved,
    #[error("a frame is masked, as no server's may be")]
    Masked,
    #[error("a message comes in fragments")]
    Fragment,
    #[error("a frame is binary")]
    Binary,
    #[error("a frame has the unknown opcode {0}")]
    Opcode(u8),
    #[error("a frame declares {0} bytes, more than {PAYLOAD_BYTES_MAX}")]
    TooBig(u64),
    #[error("a frame declares its length in more bytes than needed")]
    Length,
    #[error("a control frame is longer than {CONTROL_BYTES_MAX} bytes")]
    Control,
}

/// The first frame in `bytes`; `None` while its end is not there.
///
/// # Errors
/// As soon as the header breaks a rule, however little of the frame is there.
#[inline]
pub(in super::super) fn read(bytes: &[u8]) -> Result<Option<Frame<'_>>, FrameError> {
    let [first, second, after @ ..] = bytes else { return Ok(None) };
    let opcode = match first {
        0x81 => Opcode::Text,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8A => Opcode::Pong,
        _ => return Err(fault(*first)),
    };
    let (length, header) = match second {
        0x80.. => return Err(FrameError::Masked),
        0x7F => match after.first_chunk::<8>() {
            Some(length) => (u64::from_be_bytes(*length), 10),
            None => return Ok(None),
        },
        0x7E => match after.first_chunk::<2>() {
            Some(length) => (u64::from(u16::from_be_bytes(*length)), 4),
            None => return Ok(None),
        },
        length => (u64::from(*length), 2),
    };
    if header > 2 && (opcode != Opcode::Text || length <= 125 || header == 10 && length <= 0xFFFF) {
        return Err(if opcode == Opcode::Text { FrameError::Length } else { FrameError::Control });
    }
    let Some(length) = usize::try_from(length).ok().filter(|_| length <= PAYLOAD_BYTES_MAX) else {
        return Err(FrameError::TooBig(length));
    };
    let end = header + length;
    Ok(bytes.get(header..end).map(|payload| Frame { opcode, payload, bytes: end }))
}

/// What is wrong with a frame that begins with this byte.
#[cold]
fn fault(first: u8) -> FrameError {
    match (first & 0x70, first & 0x80, first & 0x0F) {
        (1.., _, _) => FrameError::Reserved,
        (_, _, 0) | (_, 0, _) => FrameError::Fragment,
        (_, _, 2) => FrameError::Binary,
        (_, _, opcode) => FrameError::Opcode(opcode),
    }
}

/// Appends a frame, masked with `mask`, which must be drawn anew for each.
pub(in super::super) fn write(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: u32) {
    out.reserve(payload.len() + 14);
    head(out, opcode, payload.len(), mask);
    let begin = out.len();
    out.extend_from_slice(payload);
    let mask = mask.to_be_bytes();
    for chunk in out[begin..].chunks_mut(4) {
        for (byte, mask) in chunk.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}

/// Appends the header alone of a masked frame that declares so many bytes.
pub(in super::super) fn head(out: &mut Vec<u8>, opcode: Opcode, length: usize, mask: u32) {
    out.push(0x80 | opcode as u8);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..=125), _) => out.push(0x80 | length),
        (_, Ok(length)) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask.to_be_bytes());
}

/// The code and the reason in the payload of a close frame; 1005 (RFC 6455 §7.4.1) when it has none.
pub(in super::super) fn close_reason(payload: &[u8]) -> (u16, String) {
    match payload.split_first_chunk::<2>() {
        Some((code, reason)) => (u16::from_be_bytes(*code), String::from_utf8_lossy(reason).into_owned()),
        None => (1005, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a server sends it: unmasked.
    fn sent(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..=125 => frame.push(length as u8),
            length @ 126..=0xFFFF => frame.extend([&[126][..], &(length as u16).to_be_bytes()].concat()),
            length => frame.extend([&[127][..], &(length as u64).to_be_bytes()].concat()),
        }
        frame.extend_from_slice(payload);
        frame
    }

    #[test]
    fn a_frame_of_any_length_is_read_when_its_last_byte_is_there_and_not_before() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = sent(0x81, &payload);
            for end in (0..bytes.len()).step_by(bytes.len() / 50 + 1).chain([bytes.len() - 1]) {
                assert_eq!(read(&bytes[..end]), Ok(None), "{end} of {}", bytes.len());
            }
            let whole = bytes.len();
            bytes.extend_from_slice(b"\x89\0and more");
            let frame = read(&bytes).expect("keeps the rules").expect("is whole");
            assert_eq!((frame.opcode, frame.payload, frame.bytes), (Opcode::Text, &payload[..], whole));
        }
    }

    #[test]
    fn what_breaks_the_rules_is_refused_at_its_first_bytes_by_name() {
        assert_eq!(read(&[0xC1, 0]), Err(FrameError::Reserved));
        assert_eq!(read(&[0x81, 0x80]), Err(FrameError::Masked));
        assert_eq!(read(&[0x01, 5]), Err(FrameError::Fragment));
        assert_eq!(read(&[0x80, 5]), Err(FrameError::Fragment));
        assert_eq!(read(&[0x82, 5]), Err(FrameError::Binary));
        assert_eq!(read(&[0x83, 5]), Err(FrameError::Opcode(3)));
        assert_eq!(read(&[0x81, 126, 0, 125]), Err(FrameError::Length));
        assert_eq!(read(&[0x81, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]), Err(FrameError::Length));
        assert_eq!(read(&[0x89, 126, 0, 200]), Err(FrameError::Control));
        let huge = PAYLOAD_BYTES_MAX + 1;
        assert_eq!(read(&[&[0x81, 127][..], &huge.to_be_bytes()].concat()), Err(FrameError::TooBig(huge)));
        assert_eq!(read(&[&[0x81, 127][..], &u64::MAX.to_be_bytes()].concat()), Err(FrameError::TooBig(u64::MAX)));
    }

    #[test]
    fn what_is_written_is_masked_and_says_its_length_in_as_few_bytes_as_it_takes() {
        for (length, header) in [(0, 6), (125, 6), (126, 8), (65_535, 8), (65_536, 14)] {
            let payload = vec![b'y'; length];
            let mut out = Vec::new();
            write(&mut out, Opcode::Text, &payload, 0x01_02_03_04);
            assert_eq!(out.len(), header + length);
            assert_eq!((out[0], out[1] & 0x80, &out[header - 4..header]), (0x81, 0x80, &[1, 2, 3, 4][..]));
            assert!(out[header..].iter().enumerate().all(|(at, byte)| *byte == b'y' ^ (at % 4 + 1) as u8));
        }
    }

    #[test]
    fn a_close_frame_tells_its_code_or_that_it_has_none() {
        assert_eq!(close_reason(b"\x03\xf1too big"), (1009, "too big".to_owned()));
        assert_eq!(close_reason(b""), (1005, String::new()));
        assert_eq!(close_reason(b"\x03\xe8\xff"), (1000, "\u{fffd}".to_owned()));
    }
}
