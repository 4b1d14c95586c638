-- Version 4: a room's events stand in blocks, and which nonces were sent, in runs. A tenth of the rows is
-- written for the same events; `events` shows them one by one, as before.
ALTER TABLE events RENAME TO events_of_version_3;

CREATE TABLE blocks (
    id      INTEGER PRIMARY KEY,
    room_id INTEGER NOT NULL,
    last    INTEGER NOT NULL CHECK (last >= 1),      -- the seq of its last event
    at      INTEGER NOT NULL,                        -- of its last event
    events  TEXT    NOT NULL                         -- JSON: [[seq, at, user_id, nick, nonce, kind, body], …], ascending
) STRICT;

CREATE UNIQUE INDEX blocks_by_room ON blocks (room_id, last);

-- Whatever was ever sent, for ever; `run.rs` says how it is kept in order.
CREATE TABLE nonces (
    id      INTEGER PRIMARY KEY,                     -- level << 56 | number of the run << 32 | part by the hash
    entries BLOB    NOT NULL                         -- a hash of room, user and nonce (8 bytes) and a seq (5), and so on
) STRICT;

-- What the hashes are keyed with: nobody outside can choose what collides.
CREATE TABLE nonce_key (
    key BLOB NOT NULL CHECK (length(key) = 16)
) STRICT;
INSERT INTO nonce_key (key) VALUES (randomblob(16));

-- For people. Kinds: 0 text, 1 action, 2 topic. What is still in the journal only comes last. (With `json_extract`: an
-- older `sqlite3` could not even make a backup of a file whose views have operators that it does not know.)
CREATE VIEW events AS
SELECT room_id, json_extract(value, '$[0]') AS seq, json_extract(value, '$[1]') AS at,
       json_extract(value, '$[2]') AS user_id, json_extract(value, '$[3]') AS nick, json_extract(value, '$[4]') AS nonce,
       json_extract(value, '$[5]') AS kind, json_extract(value, '$[6]') AS body, name_key AS room
FROM (SELECT room_id, each.value, name_key
      FROM blocks JOIN rooms ON rooms.id = room_id, json_each(blocks.events) AS each)
UNION ALL
SELECT room_id, json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'),
       json_extract(value, '$[4]'), json_extract(value, '$[5]'), json_extract(value, '$[6]'), json_extract(value, '$[7]'),
       name_key
FROM (SELECT json_extract(each.value, '$[0]') AS room_id, each.value, name_key
      FROM journal, json_each(journal.events) AS each JOIN rooms ON rooms.id = json_extract(each.value, '$[0]'))
       AS noted
WHERE json_extract(value, '$[1]') >
      coalesce((SELECT max(last) FROM blocks WHERE blocks.room_id = noted.room_id), 0);
