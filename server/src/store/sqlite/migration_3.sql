-- Version 3: a commit writes one line of the journal, wherever its events belong; from there they are put into the
-- tables later, many of a room at once. A line stays until all of it, and of those before it, stands in the tables.
CREATE TABLE journal (
    id     INTEGER PRIMARY KEY,
    events TEXT    NOT NULL    -- JSON: [[room_id, seq, at, user_id, nick, nonce, kind, body], …]
) STRICT;
