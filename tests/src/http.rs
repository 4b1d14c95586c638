//! Plain HTTP to a server: pages, metrics, and upgrades that are to be refused.

use std::net::SocketAddr;

use hubbub_protocol::{ErrorBody, WS_PATH};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::eventually::within;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The status line and the header fields.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A header field's value.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then(|| value.trim()))
    }

    /// The error in the body of a refused upgrade.
    #[must_use]
    pub fn error(&self) -> ErrorBody {
        #[derive(serde::Deserialize)]
        struct Body {
            error: ErrorBody,
        }
        let body: Body = serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        body.error
    }
}

/// Sends bytes and reads one answer; the server must close, or say the body's length.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let stream = within("a connection", TcpStream::connect(address)).await.expect("the server listens");
    exchange_over(stream, request).await
}

/// The same over a connection that stands already.
pub async fn exchange_over(mut stream: TcpStream, request: &[u8]) -> Answer {
    stream.write_all(request).await.expect("the request is sent");
    let mut bytes = Vec::new();
    loop {
        if let Some(answer) = parse(&bytes) {
            return answer;
        }
        let count = within("an HTTP answer", stream.read_buf(&mut bytes)).await.expect("the answer can be read");
        assert!(count > 0, "half an answer: {:?}", String::from_utf8_lossy(&bytes));
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let answer = Answer { status, head: head.to_owned(), body: body.to_owned() };
    let length = answer.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    (body.len() >= length).then_some(answer)
}

/// Gets a page.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    exchange(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).await
}

/// The head of a proper upgrade, without the empty line that ends it, to be added to.
#[must_use]
pub fn upgrade_head(address: SocketAddr) -> String {
    format!(
        "GET {WS_PATH} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
}

/// Sends a proper upgrade with more header lines, each ended by CR LF.
pub async fn upgrade(address: SocketAddr, more: &str) -> Answer {
    exchange(address, format!("{}{more}\r\n", upgrade_head(address)).as_bytes()).await
}

/// A metric's value now, summed over its labels; 0 when it is not there. The name may be one with its labels.
pub async fn metric(address: SocketAddr, name: &str) -> f64 {
    let answer = get(address, "/metrics").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let values = answer.body.lines().filter_map(|line| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '{']))?;
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    });
    values.sum()
}
