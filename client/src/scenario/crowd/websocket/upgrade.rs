//! The handshake (RFC 6455 §4): the request, and what its answer means.

use hubbub_protocol::{ErrorBody, SUBPROTOCOL, WS_PATH};
use serde::Deserialize;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};

/// The longest head of an answer that is read, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The longest body of a refusal that is read, in bytes; what is longer is no error of this protocol.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Why there is no WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum UpgradeError {
    /// The answer is HTTP, with another status than 101.
    #[error("the upgrade was refused with HTTP {status}")]
    Refused { status: u16, error: Option<ErrorBody> },
    /// The answer is no HTTP, or says 101 wrongly.
    #[error("no Hubbub server answers: {0}")]
    Nonsense(&'static str),
}

/// A new key for one handshake, as it stands in the header.
pub(in super::super) fn key() -> String {
    generate_key()
}

/// The request.
pub(in super::super) fn request(host: &str, key: &str) -> String {
    format!(
        "GET {WS_PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    )
}

/// How many bytes of `bytes` the answer takes when it says yes; `None` while its end is not there. `ended`: nothing follows.
///
/// # Errors
/// When it says no, or is none.
pub(in super::super) fn answer(bytes: &[u8], key: &str, ended: bool) -> Result<Option<usize>, UpgradeError> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return match bytes.len() {
            _ if !b"HTTP/1.1 ".starts_with(&bytes[..bytes.len().min(9)]) => {
                Err(UpgradeError::Nonsense("it is no HTTP"))
            }
            HEAD_BYTES_MAX.. => Err(UpgradeError::Nonsense("its answer does not end")),
            _ => Ok(None),
        };
    };
    let head = str::from_utf8(&bytes[..end]).map_err(|_| UpgradeError::Nonsense("its answer is no text"))?;
    let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
    let status = status.ok_or(UpgradeError::Nonsense("it is no HTTP/1.1"))?;
    let body = end + 4;
    if status != 101 {
        return refusal(status, headers, &bytes[body..], ended);
    }
    let is = |name, value: &str| header(headers, name).is_some_and(|found| found.eq_ignore_ascii_case(value));
    match header(headers, "sec-websocket-accept") {
        Some(accept) if accept == derive_accept_key(key.as_bytes()) => {}
        _ => return Err(UpgradeError::Nonsense("its Sec-WebSocket-Accept is not that of our key")),
    }
    match (is("upgrade", "websocket"), is("sec-websocket-protocol", SUBPROTOCOL)) {
        (false, _) => Err(UpgradeError::Nonsense("it upgrades to something else than websocket")),
        (_, false) => Err(UpgradeError::Nonsense("it does not speak hubbub.v1")),
        (true, true) => Ok(Some(body)),
    }
}

/// A refusal with the error in its body, once that is there.
fn refusal(status: u16, headers: &str, body: &[u8], ended: bool) -> Result<Option<usize>, UpgradeError> {
    #[derive(Deserialize)]
    struct Body {
        error: ErrorBody,
    }
    let length = header(headers, "content-length").and_then(|length| length.parse::<usize>().ok());
    let length = length.unwrap_or(usize::MAX).min(BODY_BYTES_MAX);
    if body.len() < length && !ended {
        return Ok(None);
    }
    let body = &body[..body.len().min(length)];
    let error = serde_json::from_slice::<Body>(body).ok().map(|body| body.error);
    Err(UpgradeError::Refused { status, error })
}

/// The value of a header.
fn header<'a>(headers: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = headers.split("\r\n").filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use hubbub_protocol::ErrorCode;

    use super::*;

    /// The key of the example in RFC 6455 §1.3, and the answer to it.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const YES: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nconnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: hubbub.v1\r\n\r\n";

    #[test]
    fn a_yes_is_taken_when_it_is_whole_and_frames_may_follow_it_at_once() {
        for end in 0..YES.len() {
            assert_eq!(answer(&YES.as_bytes()[..end], KEY, false), Ok(None), "{end}");
        }
        let more = format!("{YES}\u{1}\u{2}");
        assert_eq!(answer(more.as_bytes(), KEY, false), Ok(Some(YES.len())));
    }

    #[test]
    fn a_yes_to_something_else_is_none() {
        let nonsense = |text: &str| match answer(text.as_bytes(), KEY, false) {
            Err(UpgradeError::Nonsense(why)) => why,
            other => panic!("{other:?} for {text}"),
        };
        assert_eq!(nonsense(&YES.replace("s3pP", "s3pp")), "its Sec-WebSocket-Accept is not that of our key");
        assert_eq!(nonsense(&YES.replace("hubbub.v1", "chat")), "it does not speak hubbub.v1");
        assert_eq!(nonsense(&YES.replace(" WebSocket", " h2c")), "it upgrades to something else than websocket");
        assert_eq!(nonsense("SSH-2.0-OpenSSH\r\n"), "it is no HTTP");
        assert_eq!(nonsense("HTTP/1.1 abc\r\n\r\n"), "it is no HTTP/1.1");
        assert_eq!(nonsense(&format!("HTTP/1.1 {}", "x".repeat(HEAD_BYTES_MAX))), "its answer does not end");
    }

    #[test]
    fn a_refusal_tells_its_status_and_the_error_in_its_body() {
        let body = r#"{"error":{"code":"server_full","message":"no place","retry_after_ms":5000}}"#;
        let head = format!("HTTP/1.1 503 Service Unavailable\r\nContent-Length: {}\r\n\r\n", body.len());
        let whole = format!("{head}{body}");
        assert_eq!(answer(&whole.as_bytes()[..whole.len() - 1], KEY, false), Ok(None));
        let Err(UpgradeError::Refused { status: 503, error: Some(error) }) = answer(whole.as_bytes(), KEY, false)
        else {
            panic!("it is refused");
        };
        assert_eq!((error.code, error.retry_after_ms), (ErrorCode::ServerFull, Some(5_000)));
        let plain = b"HTTP/1.1 404 Not Found\r\n\r\nnothing here";
        assert_eq!(answer(plain, KEY, false), Ok(None));
        assert_eq!(answer(plain, KEY, true), Err(UpgradeError::Refused { status: 404, error: None }));
    }
}
