//! Every limit of the server: its name, unit, default, range, and what a client sees that meets it.
//!
//! The table below is the one place; the config file, `docs/OPERATIONS.md` and the reply to `hello`
//! are made from it or compared with it.

use serde::{Deserialize, Serialize};

/// One row of the table, for printing and checking.
#[derive(Debug, Clone, Copy)]
pub struct LimitInfo {
    /// The key in `[limits]`; it ends in the unit.
    pub name: &'static str,
    /// The value unless configured.
    pub default: u64,
    /// The smallest value that can be configured.
    pub min: u64,
    /// The largest value that can be configured.
    pub max: u64,
    /// What is limited.
    pub what: &'static str,
    /// What happens when it is met, as the one who meets it sees it.
    pub met: &'static str,
    /// Reads it from a set of limits.
    pub get: fn(&Limits) -> u64,
    /// Writes it into a set of limits, unchecked.
    pub set: fn(&mut Limits, u64),
}

macro_rules! limits {
    ($($name:ident: $default:literal, $min:literal ..= $max:literal, $what:literal, $met:literal;)*) => {
        /// The limits in force. Fields are the keys of `[limits]`; see [`TABLE`].
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits {
            $(#[doc = $what] #[doc = ""] #[doc = $met] pub $name: u64,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// Every limit, in the order of the documents.
        pub const TABLE: &[LimitInfo] = &[$(LimitInfo {
            name: stringify!($name),
            default: $default,
            min: $min,
            max: $max,
            what: $what,
            met: $met,
            get: |limits| limits.$name,
            set: |limits, value| limits.$name = value,
        },)*];
    };
}

limits! {
    frame_bytes_max: 65_536, 1_024 ..= 1_048_576,
        "The payload of a frame or fragmented message from a client, in bytes.",
        "Refused at the header, before buffering: close 1009.";
    text_chars_max: 4_000, 1 ..= 100_000,
        "The text of a post, in Unicode scalar values.",
        "`text_too_long`.";
    topic_chars_max: 400, 1 ..= 4_000,
        "A topic, in Unicode scalar values.",
        "`text_too_long`.";
    rooms_per_session_max: 256, 1 ..= 10_000,
        "The rooms that one session may be in.",
        "`too_many_rooms`.";
    rooms_max: 100_000, 1 ..= 10_000_000,
        "The rooms that the server holds, open or not.",
        "`room_limit`.";
    connections_max: 18_000, 1 ..= 1_000_000,
        "The WebSocket connections at once.",
        "HTTP 503 with `server_full` at the upgrade.";
    connections_per_ip_max: 64, 1 ..= 1_000_000,
        "The WebSocket connections of one IP address at once; loopback is exempt.",
        "HTTP 429 with `too_many_connections` at the upgrade.";
    sessions_max: 200_000, 1 ..= 10_000_000,
        "The sessions that are connected or can be resumed.",
        "`server_full`; sessions without a connection are ended after `session_idle_ms`.";
    session_idle_ms: 86_400_000, 1_000 ..= 31_536_000_000,
        "How long a session without a connection can be resumed and keeps its nick, in milliseconds.",
        "`unknown_session`.";
    offline_member_ms: 300_000, 0 ..= 86_400_000,
        "How long a room shows a member without a connection as offline before it has left, in milliseconds.",
        "A `presence` event with `left`; the session can still be resumed.";
    hello_ms: 10_000, 100 ..= 600_000,
        "The time from the upgrade to a successful `hello`, in milliseconds.",
        "Close 4000.";
    http_head_ms: 5_000, 1_000 ..= 60_000,
        "The time to begin an HTTP request, and again from there to send its head, in milliseconds.",
        "HTTP 408, then the connection is closed.";
    http_head_bytes_max: 8_192, 1_024 ..= 65_536,
        "The head of an upgrade request, in bytes.",
        "HTTP 431.";
    ping_interval_ms: 25_000, 100 ..= 600_000,
        "The time between pings, in milliseconds.",
        "Nothing; see `pings_missed_max`.";
    pings_missed_max: 2, 1 ..= 100,
        "Pings in a row after which nothing was heard.",
        "Close 4003.";
    unwritable_ms: 30_000, 100 ..= 600_000,
        "How long an outbox may wait for a socket that takes nothing, in milliseconds.",
        "Close 4002.";
    outbox_bytes_max: 262_144, 16_384 ..= 67_108_864,
        "What waits to be written to one connection, in bytes. Replies to the connection's own requests may exceed it by one reply; its requests are not read meanwhile.",
        "Signals are dropped; then the room's `lagged`.";
    post_burst: 20, 1 ..= 1_000_000,
        "Posts and topics that a session may send at once.",
        "`rate_limited` with `retry_after_ms`.";
    posts_per_s: 5, 1 ..= 1_000_000,
        "Posts and topics that a session may send each second after that.",
        "`rate_limited` with `retry_after_ms`.";
    request_burst: 600, 10 ..= 1_000_000,
        "Requests of any kind that a connection may send at once.",
        "`rate_limited` with `retry_after_ms`.";
    requests_per_s: 100, 1 ..= 1_000_000,
        "Requests of any kind that a connection may send each second after that.",
        "`rate_limited` with `retry_after_ms`.";
    invalid_requests_max: 64, 1 ..= 1_000_000,
        "Requests in a row that are malformed, unknown or over the rate.",
        "Close 1008.";
    room_inbox_max: 1_024, 1 ..= 65_536,
        "Commands that wait for one room.",
        "The senders' sockets are not read until there is space.";
    room_answer_ms: 60_000, 1_000 ..= 3_600_000,
        "How long a room may take to answer a request, in milliseconds; longer means that it has failed.",
        "Close 1011; a post may or may not have been stored, sending it again is safe.";
    room_idle_ms: 600_000, 0 ..= 86_400_000,
        "How long a room without members stays in memory, in milliseconds.",
        "Nothing: the room is reopened from the store when it is needed.";
    room_tail_events_max: 512, 1 ..= 65_536,
        "The newest events of a room that are kept in memory for those who come back.",
        "`resume` is `gap`; `history` has the rest.";
    room_tail_bytes_max: 131_072, 4_096 ..= 16_777_216,
        "The same in bytes of JSON; also the text of the events in one page of `history`, in bytes.",
        "`resume` is `gap`, or a page of `history` with `more`.";
    join_events_max: 100, 1 ..= 10_000,
        "The newest events in the reply to a `join` without `since`.",
        "Nothing; `history` has the rest.";
    presence_members_max: 500, 0 ..= 100_000,
        "The members of a room above which `presence` tells only their number.",
        "`presence` with `partial`.";
    presence_interval_ms: 250, 10 ..= 60_000,
        "The least time between two `presence` or `typing` events of a room, in milliseconds.",
        "Changes are merged.";
    commit_batch_max: 512, 1 ..= 8_192,
        "Events in one commit, and commands that a room takes at once.",
        "Nothing: the rest follows in the next commit.";
    store_inbox_max: 4_096, 1 ..= 65_536,
        "Requests that wait for the store's writer.",
        "Rooms wait, then their senders.";
    store_journal_events_max: 65_536, 2 ..= 1_048_576,
        "Events that stand in the store's journal and not in its tables; from half of it on they are put there.",
        "The writer puts some into the tables before it commits more.";
    store_journal_bytes_max: 16_777_216, 4_096 ..= 1_073_741_824,
        "Bytes of these events in memory.",
        "The same.";
    store_nonce_filter_bytes: 67_108_864, 64 ..= 1_073_741_824,
        "Memory that tells whether a post's nonce was there before, in bytes: at the start two for each stored post or a little more, at least 4 MiB, at most this.",
        "Each post is looked up in the store's tables.";
    store_writer_cache_bytes: 16_777_216, 65_536 ..= 1_073_741_824,
        "Pages of the database that the store's writer keeps in memory, in bytes.",
        "It reads them again from the file.";
    store_reader_cache_bytes: 4_194_304, 65_536 ..= 1_073_741_824,
        "Pages of the database that each of the store's readers keeps in memory, in bytes.",
        "The same.";
    store_gather_us: 1_000, 0 ..= 10_000,
        "How long a commit is gathered for, although a turn brought nothing more for it, while all shards are busy, in microseconds.",
        "It is committed.";
    store_readers: 2, 1 ..= 64,
        "Threads that read from the store.",
        "Nothing.";
    store_reader_inbox_max: 256, 1 ..= 65_536,
        "Requests that wait for the store's readers.",
        "`overloaded` with `retry_after_ms`.";
    shard_inbox_max: 1_024, 1 ..= 65_536,
        "Batches that wait for one shard.",
        "Rooms wait, then their senders.";
    shard_slice_deliveries_max: 32, 1 ..= 65_536,
        "Outboxes that a shard fills before it lets others on its core run.",
        "Nothing: the rest follows in the next slice.";
    drain_ms: 8_000, 100 ..= 600_000,
        "How long a shutdown waits for commits and goodbyes, in milliseconds.",
        "The connection ends without a close frame.";
    reconnect_spread_ms: 5_000, 0 ..= 600_000,
        "The window over which a shutdown asks clients to come back, in milliseconds.",
        "`goodbye` with `reconnect_after_ms`.";
}

/// A limit whose value makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Outside its range.
    #[error("limits.{name} = {value}: must be between {min} and {max}")]
    Range {
        /// The key.
        name: &'static str,
        /// What was configured.
        value: u64,
        /// The smallest allowed.
        min: u64,
        /// The largest allowed.
        max: u64,
    },
    /// Two limits that contradict each other.
    #[error("limits.{small} = {small_value} must not exceed limits.{large} = {large_value}: {why}")]
    Relation {
        /// The one that must be smaller.
        small: &'static str,
        /// Its value.
        small_value: u64,
        /// The one that must be larger.
        large: &'static str,
        /// Its value.
        large_value: u64,
        /// Why.
        why: &'static str,
    },
}

impl Limits {
    /// Checks ranges and relations.
    ///
    /// # Errors
    /// The first limit that is wrong.
    pub fn check(&self) -> Result<(), LimitError> {
        for info in TABLE {
            let value = (info.get)(self);
            if !(info.min..=info.max).contains(&value) {
                return Err(LimitError::Range { name: info.name, value, min: info.min, max: info.max });
            }
        }
        let relations = [
            ("connections_max", "sessions_max", "every connection may hold a session"),
            ("room_tail_bytes_max", "outbox_bytes_max", "a reply must fit the outbox"),
            ("topic_chars_max", "text_chars_max", "a topic is a short text"),
        ];
        for (small, large, why) in relations {
            let value = |name| TABLE.iter().find(|info| info.name == name).map_or(0, |info| (info.get)(self));
            if value(small) > value(large) {
                let (small_value, large_value) = (value(small), value(large));
                return Err(LimitError::Relation { small, small_value, large, large_value, why });
            }
        }
        Ok(())
    }
}

/// A limit as a size in memory; the table keeps every one far below what `usize` holds.
#[must_use]
pub fn size(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_ranges_and_fit_each_other() {
        assert_eq!(Limits::default().check(), Ok(()));
    }

    #[test]
    fn a_limit_out_of_range_or_against_another_is_named() {
        let text = |limits: Limits| limits.check().expect_err("must be refused").to_string();
        let limits = Limits { frame_bytes_max: 1, ..Limits::default() };
        assert_eq!(text(limits), "limits.frame_bytes_max = 1: must be between 1024 and 1048576");
        let limits = Limits { sessions_max: 10, ..Limits::default() };
        assert!(text(limits).contains("must not exceed limits.sessions_max = 10"));
    }
}
