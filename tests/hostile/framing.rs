//! Frames that break RFC 6455 or its limits: each is closed with its code, at once, and nobody else notices.

use hubbub_protocol::{ErrorCode, close};
use hubbub_tests::server::Setup;

use crate::{
    peer::{
        BINARY, CLOSE, ENDS, GOES_ON, Heard, PING, PONG, Peer, TEXT, TEXT_BEGINS, close as close_frame, frame, header,
        text,
    },
    scene::{GROWTH_BYTES_MAX, Scene},
};

/// A fault's name, the bytes that have it, and the code that they are closed with.
type Fault = (String, Vec<u8>, u16);

fn fault(name: impl Into<String>, bytes: impl Into<Vec<u8>>, code: u16) -> Fault {
    (name.into(), bytes.into(), code)
}

fn broken_headers() -> Vec<Fault> {
    let mut faults = vec![
        fault("unmasked text", [TEXT, 2, b'{', b'}'], close::PROTOCOL),
        fault("unmasked ping", [PING, 0], close::PROTOCOL),
        fault("unmasked close", [CLOSE, 2, 3, 232], close::PROTOCOL),
        fault("a continuation of nothing", frame(ENDS, b"x"), close::PROTOCOL),
        fault("a fragment of nothing", frame(GOES_ON, b"x"), close::PROTOCOL),
        fault("a text in a text", [frame(TEXT_BEGINS, b"a"), frame(TEXT, b"b")].concat(), close::PROTOCOL),
        fault("a beginning in a text", [frame(TEXT_BEGINS, b"a"), frame(TEXT_BEGINS, b"b")].concat(), close::PROTOCOL),
        fault("binary", frame(BINARY, b"{}"), close::UNSUPPORTED),
        fault("nothing, but binary", frame(BINARY, b""), close::UNSUPPORTED),
        fault("a binary fragment", frame(0x02, b"{}"), close::UNSUPPORTED),
        fault("binary in a text", [frame(TEXT_BEGINS, b"a"), frame(BINARY, b"b")].concat(), close::UNSUPPORTED),
        fault("a long ping", frame(PING, &[b'x'; 126]), close::PROTOCOL),
        fault("a long pong", frame(PONG, &[b'x'; 126]), close::PROTOCOL),
        fault("a long close", close_frame(1000, &[b'x'; 124]), close::PROTOCOL),
        fault("a ping of 1 TiB", header(PING, 1 << 40), close::PROTOCOL),
    ];
    for bit in [0x40, 0x20, 0x10, 0x70] {
        faults.push(fault(format!("reserved bits {bit:#x}"), frame(TEXT | bit, b"{}"), close::PROTOCOL));
        faults.push(fault(format!("reserved bits {bit:#x} of a ping"), frame(PING | bit, b""), close::PROTOCOL));
    }
    for opcode in (3..=7).chain(11..=15) {
        faults.push(fault(format!("opcode {opcode}"), frame(0x80 | opcode, b"x"), close::PROTOCOL));
    }
    for control in [CLOSE, PING, PONG] {
        faults.push(fault(format!("{control:#x} in fragments"), frame(control & 0x0f, b""), close::PROTOCOL));
    }
    faults
}

fn broken_closes() -> Vec<Fault> {
    let mut faults = vec![
        fault("half a close code", frame(CLOSE, &[3]), close::PROTOCOL),
        fault("a close reason that is not UTF-8", close_frame(1000, b"\xff"), close::INVALID_UTF8),
        fault("a close reason that is cut", close_frame(1000, b"\xc3"), close::INVALID_UTF8),
    ];
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        faults.push(fault(format!("close code {code}"), close_frame(code, b""), close::PROTOCOL));
    }
    faults
}

fn broken_texts() -> Vec<Fault> {
    let bad: [(&str, &[u8]); 8] = [
        ("a byte of no text", b"\xff"),
        ("a continuation byte alone", b"\x80"),
        ("an overlong slash", b"\xc0\xaf"),
        ("an overlong NUL", b"\xc0\x80"),
        ("a surrogate", b"\xed\xa0\x80"),
        ("beyond Unicode", b"\xf4\x90\x80\x80"),
        ("five bytes", b"\xf8\x88\x80\x80\x80"),
        ("a cut character", b"{\"id\":1}\xe2\x82"),
    ];
    let mut faults = Vec::new();
    for (name, bytes) in bad {
        faults.push(fault(name, frame(TEXT, bytes), close::INVALID_UTF8));
        let (first, last) = bytes.split_at(1);
        let split = [frame(TEXT_BEGINS, first), frame(PING, b"x"), frame(GOES_ON, b""), frame(ENDS, last)].concat();
        faults.push(fault(format!("{name}, in fragments"), split, close::INVALID_UTF8));
    }
    faults
}

fn too_big() -> Vec<Fault> {
    let halves = [frame(TEXT_BEGINS, &[b' '; 40_000]), header(ENDS, 25_537)].concat();
    let growing: Vec<u8> = std::iter::once(frame(TEXT_BEGINS, b""))
        .chain((0..70).map(|_| frame(GOES_ON, &[b' '; 1_000])))
        .flatten()
        .collect();
    vec![
        fault("a short length in two bytes", [&[TEXT, 0xfe, 0, 2][..], &[0; 4], b"{}"].concat(), close::PROTOCOL),
        fault("a length with its highest bit", header(TEXT, 1 << 63), close::TOO_BIG),
        fault("1 TiB declared", header(TEXT, 1 << 40), close::TOO_BIG),
        fault("1 TiB declared of a fragment", header(TEXT_BEGINS, 1 << 40), close::TOO_BIG),
        fault("as much as can be declared", header(TEXT, u64::MAX >> 1), close::TOO_BIG),
        fault("one byte too much, declared", header(TEXT, 65_537), close::TOO_BIG),
        fault("one byte too much, sent", frame(TEXT, &[b' '; 65_537]), close::TOO_BIG),
        fault("a megabyte, sent", frame(TEXT, &[b' '; 1 << 20]), close::TOO_BIG),
        fault("fragments that are too much together", halves, close::TOO_BIG),
        fault("many fragments that are too much together", growing, close::TOO_BIG),
    ]
}

/// Every fault twice: before hello and within a session.
async fn provoke(faults: Vec<Fault>) {
    let mut scene = Scene::start(Setup::new()).await;
    for (number, (name, bytes, code)) in faults.iter().enumerate() {
        for greets in [false, true] {
            let mut peer = Peer::upgraded(scene.address()).await;
            if greets {
                peer.greet(&format!("peer{number}")).await;
            }
            // The server may have hung up before it was all sent.
            peer.send(bytes).await;
            assert_eq!(peer.closed().await, Some(*code), "{name}, greeted: {greets}");
            peer.ended().await;
        }
        if number % 8 == 0 {
            scene.well_served().await;
        }
    }
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn broken_headers_are_closed_with_their_code() {
    provoke(broken_headers()).await;
}

#[tokio::test]
async fn broken_close_frames_are_closed_with_their_code() {
    provoke(broken_closes()).await;
}

#[tokio::test]
async fn text_that_is_not_utf8_is_closed_with_1007_however_it_is_cut() {
    provoke(broken_texts()).await;
}

#[tokio::test]
async fn what_is_too_big_is_closed_with_1009_declared_or_sent_whole_or_in_fragments() {
    provoke(too_big()).await;
}

#[tokio::test]
async fn what_is_odd_but_allowed_is_answered() {
    let mut scene = Scene::start(Setup::new()).await;
    let mut peer = Peer::greeted(scene.address(), "odd").await;
    let request = |id: u64| format!(r#"{{"id":{id},"op":"presence","away":false,"ä":"€"}}"#);
    // As large as allowed, in one frame and in two.
    let padded = |id: u64| format!("{:65535} ", request(id).replace('ä', "a").replace('€', "e"));
    peer.send(&text(&padded(1))).await;
    assert_eq!(peer.reply().await, (Some(1), Ok(())));
    let (first, last) = (&padded(2)[..1], &padded(2)[1..]);
    peer.send(&[frame(TEXT_BEGINS, first.as_bytes()), frame(ENDS, last.as_bytes())].concat()).await;
    assert_eq!(peer.reply().await, (Some(2), Ok(())));
    // Byte by byte, through characters, with pings between and empty fragments around.
    let mut bytes = frame(TEXT_BEGINS, b"");
    for byte in request(3).bytes() {
        bytes.extend(frame(GOES_ON, &[byte]));
        bytes.extend(frame(GOES_ON, b""));
        bytes.extend(frame(PONG, b"unasked"));
    }
    bytes.extend(frame(PING, &[b'p'; 125]));
    bytes.extend(frame(ENDS, b""));
    peer.send(&bytes).await;
    assert_eq!(peer.hear().await, Heard::Pong(vec![b'p'; 125]));
    assert_eq!(peer.reply().await, (Some(3), Ok(())));
    // Frames in one segment, and one in many segments.
    peer.send(&[text(&request(4)), text(&request(5)), text(&request(6))].concat()).await;
    for id in 4..=6 {
        assert_eq!(peer.reply().await, (Some(id), Ok(())));
    }
    for byte in text(&request(7)) {
        peer.send(&[byte]).await;
    }
    assert_eq!(peer.reply().await, (Some(7), Ok(())));
    for code in [1000, 1001, 1003, 1011, 3000, 4999] {
        let mut peer = Peer::upgraded(scene.address()).await;
        peer.send(&close_frame(code, "das wär's".as_bytes())).await;
        assert_eq!(peer.closed().await, Some(close::NORMAL), "closed with {code}");
        peer.ended().await;
    }
    let mut silent = Peer::upgraded(scene.address()).await;
    silent.send(&frame(CLOSE, b"")).await;
    assert_eq!(silent.closed().await, Some(close::NORMAL));
    drop((peer, silent));
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn fragments_of_nothing_without_end_take_no_memory() {
    let mut scene = Scene::start(Setup::new()).await;
    let mut peer = Peer::greeted(scene.address(), "endless").await;
    let before = scene.figures().await;
    peer.send(&frame(TEXT_BEGINS, br#"{"id":1,"op":"#)).await;
    let many = frame(GOES_ON, b"").repeat(1_000);
    for _ in 0..100 {
        assert!(peer.send(&many).await);
    }
    peer.send(&frame(PING, b"?")).await;
    assert_eq!(peer.hear().await, Heard::Pong(b"?".to_vec()), "all of that was read");
    let grown = scene.figures().await.resident_bytes.saturating_sub(before.resident_bytes);
    assert!(grown < GROWTH_BYTES_MAX, "grown by {grown} bytes");
    peer.send(&frame(ENDS, br#""rooms"}"#)).await;
    assert_eq!(peer.reply().await, (Some(1), Ok(())), "it was one request all the while");
    drop(peer);
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn nothing_behind_a_close_frame_or_a_broken_one_is_done() {
    let mut scene = Scene::start(Setup::new()).await;
    for end in [close_frame(1000, b""), frame(BINARY, b""), vec![TEXT, 0]] {
        let mut peer = Peer::greeted(scene.address(), &format!("late{}", end.len())).await;
        let bytes = [end, text(r#"{"id":1,"op":"join","room":"behind"}"#)].concat();
        peer.send(&bytes).await;
        assert!(matches!(peer.hear().await, Heard::Closed(_)), "no reply");
        peer.ended().await;
    }
    let mut peer = Peer::greeted(scene.address(), "looks").await;
    peer.send(&text(r#"{"id":1,"op":"history","room":"behind"}"#)).await;
    assert_eq!(peer.reply().await, (Some(1), Err(ErrorCode::NoSuchRoom)));
    drop(peer);
    scene.settles(GROWTH_BYTES_MAX).await;
}

/// How a peer goes away in the middle of something.
#[derive(Debug, Clone, Copy)]
enum Exit {
    Fin,
    Reset,
    Silence,
}

#[tokio::test]
async fn a_peer_that_goes_away_in_the_middle_of_a_frame_leaves_nothing() {
    let mut scene = Scene::start(Setup::new().limit("hello_ms", 500)).await;
    let whole = [frame(TEXT_BEGINS, &[b' '; 30_000]), frame(ENDS, &[b' '; 30_000])].concat();
    let mut silent = Vec::new();
    for cut in [1, 2, 3, 4, 5, 8, 9, 20_000, 30_008, 30_010, 59_999] {
        for exit in [Exit::Fin, Exit::Reset, Exit::Silence] {
            let mut peer = Peer::upgraded(scene.address()).await;
            peer.send(&whole[..cut]).await;
            match exit {
                Exit::Fin => {
                    peer.finish().await;
                    peer.ended().await;
                }
                Exit::Reset => peer.reset(),
                Exit::Silence => silent.push(peer),
            }
        }
    }
    for peer in &mut silent {
        assert_eq!(peer.closed().await, Some(close::HELLO_TIMEOUT), "half a frame is no hello");
        peer.ended().await;
    }
    scene.settles(GROWTH_BYTES_MAX).await;
}
