//! What can go wrong with a link, in words that can be shown to people.

use std::time::Duration;

use hubbub_protocol::ErrorBody;

/// Why a request of a handle has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The server refused it.
    #[error("{0}")]
    Refused(ErrorBody),
    /// There is no connection, or it was lost before the answer came: whether it was done is not known.
    #[error("not connected")]
    Disconnected,
    /// No answer in time.
    #[error("no answer within {} s", .after.as_secs_f32())]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
    /// Too much is waiting already.
    #[error("too many requests are waiting ({max})")]
    Busy {
        /// The bound that was met.
        max: usize,
    },
    /// The link has ended; [`super::LinkState::Closed`] says why.
    #[error("the connection has been closed")]
    Closed,
    /// The operating system gave no randomness to name a change with.
    #[error("the system has no randomness to give: {0}")]
    NoRandomness(String),
    /// The reply was not what the protocol says.
    #[error("the server's answer cannot be read: {0}")]
    Unreadable(String),
}

/// Why a post was not even queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// Too many posts wait already; try again when some have settled.
    #[error("{max} posts are waiting to be sent; wait until some are through")]
    Full {
        /// The bound that was met.
        max: usize,
    },
    /// The link has ended.
    #[error("the connection has been closed")]
    Closed,
    /// The operating system gave no randomness to name the post with.
    #[error("the system has no randomness to give: {0}")]
    NoRandomness(String),
}

/// Why a queued post failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostFailure {
    /// The server refused it; it is not stored.
    #[error("{0}")]
    Refused(ErrorBody),
    /// The room is not joined; it was not sent.
    #[error("not sent: you are not in this room")]
    NotJoined,
    /// It was sent, but the session ended before the answer, and the log up to now was not all seen here.
    #[error("may or may not have been sent: check, and send it again if it is missing")]
    Doubtful,
    /// The link ended first; whether it was sent is said by `sent`.
    #[error("{}", if *.sent { "may or may not have been sent: the connection was closed" } else { "not sent: the connection was closed" })]
    Closed {
        /// Whether it was on its way.
        sent: bool,
    },
}

/// Why a connection was lost or could not be made; the link tries again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    /// The network said no.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// No connection in time.
    #[error("cannot connect: no answer within {} s", .after.as_secs_f32())]
    ConnectTimeout {
        /// How long was waited.
        after: Duration,
    },
    /// The server refused for now, at the upgrade or at `hello`.
    #[error("refused for now: {0}")]
    Refused(ErrorBody),
    /// Something between here and the server answered instead of it.
    #[error("the server answered HTTP {status}")]
    Http {
        /// The status.
        status: u16,
    },
    /// The server said goodbye and when to come back.
    #[error("{0}")]
    Goodbye(String),
    /// The server closed the connection.
    #[error("the server closed the connection ({code}{}{reason})", if .reason.is_empty() { "" } else { ": " })]
    ClosedByServer {
        /// The WebSocket close code.
        code: u16,
        /// The server's words, possibly none.
        reason: String,
    },
    /// Another connection was asked for.
    #[error("connecting anew")]
    Asked,
    /// The connection broke.
    #[error("connection lost: {0}")]
    Lost(String),
    /// Nothing was heard for too long.
    #[error("connection lost: nothing heard for {} s", .after.as_secs())]
    Silent {
        /// How long.
        after: Duration,
    },
    /// The server sent what the protocol does not allow.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
}

/// Why a link has ended for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// `quit` was called.
    #[error("you left")]
    Quit,
    /// Nobody holds a handle any more, or nobody reads the updates.
    #[error("nobody uses the connection any more")]
    Dropped,
    /// The server refused, and waiting does not help. With `nick_taken` the error holds a suggestion.
    #[error("{0}")]
    Refused(ErrorBody),
    /// What answers there is no Hubbub server of this version.
    #[error("no Hubbub server answers there: {0}")]
    NotHubbub(String),
    /// The server said goodbye for good.
    #[error("{0}")]
    Goodbye(String),
    /// The server closed the connection for good.
    #[error("the server closed the connection ({code}{}{reason})", if .reason.is_empty() { "" } else { ": " })]
    ClosedByServer {
        /// The WebSocket close code.
        code: u16,
        /// The server's words, possibly none.
        reason: String,
    },
}
