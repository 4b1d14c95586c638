//! Where a server is: what people type, made into the one URL that is connected to.

use std::fmt;

use hubbub_protocol::WS_PATH;

/// The port of a server that was named without one, and without a scheme that has its own.
pub const DEFAULT_PORT: u16 = 8_080;

/// Where a server is looked for that was neither named nor remembered: on this machine.
pub const DEFAULT_SERVER: &str = "127.0.0.1:8080";

/// Why a server's address was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerUrlError {
    /// Nothing there.
    #[error("the server's address is empty; give one like chat.example.org:8080")]
    Empty,
    /// A scheme that this protocol is not spoken over.
    #[error("a server's address begins with ws://, wss://, http:// or https://, or with nothing; not with {0}://")]
    Scheme(String),
    /// No host.
    #[error("{0:?} names no host; give an address like chat.example.org:8080")]
    Host(String),
    /// Not a port.
    #[error("{0:?} is no port; a port is a number from 1 to 65535")]
    Port(String),
    /// A user name or password.
    #[error("a server's address holds no user name or password")]
    Credentials,
    /// Something after the host and port.
    #[error("a server's address ends after the port (or in {WS_PATH}), not with {0:?}")]
    Path(String),
}

/// A server's address: scheme, host and port. Shown and saved as `ws://host:port` or `wss://host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerUrl {
    tls: bool,
    host: String,
    port: u16,
}

impl ServerUrl {
    /// Reads `host`, `host:port`, `http(s)://…` or `ws(s)://…`. IPv6 addresses stand in brackets.
    /// Without a port: 8080 for a bare host, else the scheme's own (80 or 443).
    ///
    /// # Errors
    /// What is wrong with it, in words for the one who typed it.
    pub fn parse(text: &str) -> Result<Self, ServerUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ServerUrlError::Empty);
        }
        let (tls, port, rest) = match text.split_once("://") {
            None => (false, DEFAULT_PORT, text),
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "ws" | "http" => (false, 80, rest),
                "wss" | "https" => (true, 443, rest),
                _ => return Err(ServerUrlError::Scheme(scheme.to_owned())),
            },
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if !matches!(path, "" | "/") && path.trim_end_matches('/') != WS_PATH {
            return Err(ServerUrlError::Path(path.to_owned()));
        }
        if authority.contains('@') {
            return Err(ServerUrlError::Credentials);
        }
        let (host, port) = split_port(authority, port)?;
        Ok(Self { tls, host: check_host(host)?, port })
    }

    /// The URL that is connected to.
    #[must_use]
    pub fn websocket(&self) -> String {
        format!("{self}{WS_PATH}")
    }

    /// The host, an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }
}

fn split_port(authority: &str, default: u16) -> Result<(&str, u16), ServerUrlError> {
    let split = match authority.rfind(']') {
        Some(bracket) => authority[bracket..].find(':').map(|colon| bracket + colon),
        None => authority.find(':'),
    };
    let Some(colon) = split else { return Ok((authority, default)) };
    let port = &authority[colon + 1..];
    match port.parse() {
        Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => Ok((&authority[..colon], number)),
        _ => Err(ServerUrlError::Port(port.to_owned())),
    }
}

fn check_host(host: &str) -> Result<String, ServerUrlError> {
    let bad = || ServerUrlError::Host(host.to_owned());
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or_else(bad)?;
        let address: std::net::Ipv6Addr = inner.parse().map_err(|_| bad())?;
        return Ok(format!("[{address}]"));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let starts = host.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if starts && host.bytes().all(fits) { Ok(host.to_ascii_lowercase()) } else { Err(bad()) }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "wss" } else { "ws" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl std::str::FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_the_websocket_url() {
        let url = |text: &str| ServerUrl::parse(text).map(|url| url.websocket());
        let is = |text: &str, wanted: &str| assert_eq!(url(text), Ok(wanted.to_owned()), "{text}");
        is("localhost", "ws://localhost:8080/v1/ws");
        is(" Chat.Example.org:81 ", "ws://chat.example.org:81/v1/ws");
        is("http://chat.example.org", "ws://chat.example.org:80/v1/ws");
        is("https://chat.example.org/", "wss://chat.example.org:443/v1/ws");
        is("WSS://chat.example.org:444/v1/ws", "wss://chat.example.org:444/v1/ws");
        is("ws://127.0.0.1:5", "ws://127.0.0.1:5/v1/ws");
        is("[::1]", "ws://[::1]:8080/v1/ws");
        is("https://[2001:DB8::1]:9", "wss://[2001:db8::1]:9/v1/ws");
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_fault() {
        let fault = |text: &str| ServerUrl::parse(text).expect_err(text);
        assert_eq!(fault("  "), ServerUrlError::Empty);
        assert_eq!(fault("ftp://x"), ServerUrlError::Scheme("ftp".to_owned()));
        assert_eq!(fault("host:0"), ServerUrlError::Port("0".to_owned()));
        assert_eq!(fault("host:65536"), ServerUrlError::Port("65536".to_owned()));
        assert_eq!(fault("host:+5"), ServerUrlError::Port("+5".to_owned()));
        assert_eq!(fault("host:"), ServerUrlError::Port(String::new()));
        assert_eq!(fault("::1"), ServerUrlError::Port(":1".to_owned()));
        assert_eq!(fault("http://"), ServerUrlError::Host(String::new()));
        assert_eq!(fault("a b"), ServerUrlError::Host("a b".to_owned()));
        assert_eq!(fault("[::g]"), ServerUrlError::Host("[::g]".to_owned()));
        assert_eq!(fault("ana:secret@host"), ServerUrlError::Credentials);
        assert_eq!(fault("host/chat"), ServerUrlError::Path("/chat".to_owned()));
    }

    #[test]
    fn an_address_is_read_back_from_how_it_is_shown() {
        for text in ["localhost", "https://a.b", "[::1]:7"] {
            let url = ServerUrl::parse(text).expect(text);
            assert_eq!(ServerUrl::parse(&url.to_string()), Ok(url), "{text}");
        }
    }
}
