//! Servers that are none, or that break off: each is named for what it does, and the crowd lives on.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use hubbub_protocol::RoomName;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::block_on;
use crate::scenario::crowd::{
    handle::CrowdHandle,
    order::{CrowdConfig, Failure, Recruit, Tally},
};
use crate::scenario::file::cast::Via;

/// Plays the same script with everybody who connects, each in a thread of its own, until the test's program ends.
fn server(script: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let script = std::sync::Arc::new(script);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let script = std::sync::Arc::clone(&script);
            std::thread::spawn(move || script(stream));
        }
    });
    address
}

/// Reads up to the end of the request and says yes to it.
fn upgrade(stream: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a request");
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).expect("text");
    let key = request.split_once("Sec-WebSocket-Key: ").expect("a key").1.split_once("\r\n").expect("a line").0;
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: hubbub.v1\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).expect("it is taken");
}

/// Stays until the other side goes.
fn linger(mut stream: TcpStream) {
    let mut bytes = [0; 1_024];
    while stream.read(&mut bytes).is_ok_and(|count| count > 0) {}
}

/// Three people try to connect to the server at this address, without coming back.
fn try_to_connect(address: SocketAddr, patience: Duration) -> Vec<Failure> {
    block_on(async {
        let (host, run) = (address.to_string(), "run".to_owned());
        let config = CrowdConfig { addresses: vec![address], host, seed: 1, run, connecting_max: 2, patience };
        let crowd = CrowdHandle::start(config).expect("the crowd starts");
        let recruit =
            |nth| Recruit { name: format!("p{nth}"), via: Via::Native, reads_bytes_per_s: None, returns: false };
        let who = crowd.recruit((0..3).map(recruit).collect()).await.expect("they come");
        let room = crowd.room(RoomName::parse("lobby").expect("a room")).await.expect("a room");
        crowd.join(who.iter().map(|person| (*person, room)).collect()).await.expect("they would");
        let Tally { done, failed } = crowd.connect(who, Duration::ZERO).await.expect("the crowd lives");
        assert_eq!(done, 0);
        crowd.group().await.expect("the crowd still lives");
        let account = crowd.finish(true).await.expect("an account");
        assert!(account.totals.connect_failed >= 3, "{:?}", account.totals);
        failed.into_iter().map(|(_, failure)| failure).collect()
    })
}

/// All three fail for a reason that has these words.
fn fails_with(address: SocketAddr, words: &str) {
    let failures = try_to_connect(address, Duration::from_secs(1));
    assert_eq!(failures.len(), 3);
    for failure in failures {
        assert!(matches!(&failure, Failure::Disconnected(why) if why.contains(words)), "{failure:?}");
    }
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn where_nobody_listens_it_is_said_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    for failure in try_to_connect(address, LONG) {
        let Failure::Disconnected(why) = &failure else { panic!("{failure:?}") };
        assert!(why.starts_with(&format!("{address} cannot be reached: ")), "{why}");
    }
}

#[test]
fn who_speaks_no_http_is_no_server() {
    let address = server(|mut stream| {
        stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").expect("it is taken");
        linger(stream);
    });
    for failure in try_to_connect(address, LONG) {
        assert_eq!(failure, Failure::Disconnected("no Hubbub server answers: it is no HTTP".to_owned()));
    }
}

#[test]
fn a_refused_upgrade_is_told_with_status_and_error() {
    let address = server(|mut stream| {
        let body = r#"{"error":{"code":"not_found","message":"not here"}}"#;
        let answer = format!("HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).expect("it is taken");
        linger(stream);
    });
    for failure in try_to_connect(address, LONG) {
        assert!(matches!(&failure, Failure::Http { status: 404, error: Some(error) } if error.message == "not here"));
    }
}

#[test]
fn a_full_server_is_asked_again_until_patience_ends() {
    let address = server(|mut stream| {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).expect("it is taken");
        linger(stream);
    });
    for failure in try_to_connect(address, Duration::from_secs(1)) {
        assert_eq!(failure, Failure::Http { status: 503, error: None });
    }
}

#[test]
fn who_never_answers_is_given_up() {
    for failure in try_to_connect(server(linger), Duration::from_millis(300)) {
        assert_eq!(failure, Failure::TimedOut);
    }
    let mute = server(|mut stream| {
        upgrade(&mut stream);
        linger(stream);
    });
    for failure in try_to_connect(mute, Duration::from_millis(300)) {
        assert_eq!(failure, Failure::TimedOut);
    }
}

#[test]
fn who_breaks_off_in_the_middle_of_a_frame_is_told_from_who_ends() {
    let end = server(|mut stream| {
        upgrade(&mut stream);
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        linger(stream);
    });
    fails_with(end, "without a close frame");
    let half = server(|mut stream| {
        upgrade(&mut stream);
        stream.write_all(b"\x81\x7e\x01\x00{\"re\":1").expect("it is taken");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        linger(stream);
    });
    fails_with(half, "in the middle of a frame");
}

#[test]
fn a_frame_that_declares_a_terabyte_is_refused_at_its_header() {
    let address = server(|mut stream| {
        upgrade(&mut stream);
        stream.write_all(&[&[0x81, 127][..], &(1_u64 << 40).to_be_bytes()].concat()).expect("it is taken");
        linger(stream);
    });
    fails_with(address, "declares 1099511627776 bytes");
}

#[test]
fn random_bytes_in_the_place_of_frames_are_no_reason_to_panic() {
    for seed in 1..=20_u8 {
        let address = server(move |mut stream| {
            upgrade(&mut stream);
            let bytes: Vec<u8> = (0..2_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed).collect();
            // the other side may be gone before all of it is written
            drop(stream.write_all(&bytes).err());
            linger(stream);
        });
        assert_eq!(try_to_connect(address, Duration::from_millis(50)).len(), 3);
    }
}
