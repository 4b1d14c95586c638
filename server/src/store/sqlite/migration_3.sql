-- Version 3: a commit writes one line of the journal, wherever its events belong; from there they are put into the
-- tables later, many of a room at once. A line stays until all of it, and of those before it, stands in the tables.
CREATE TABLE journal (
    id     INTEGER PRIMARY KEY,
    events TEXT    NOT NULL    -- JSON: [[room_id, seq, at, user_id, nick, nonce, kind, body], …]
) STRICT;

-- For a list SQLite makes a table each time it looks, which cost more than all else that a row does; and whether the
-- room is there was looked up when the event came, not only when it goes into its table: rooms are never deleted. This
-- is the way that SQLite's documentation gives to change what a column is checked for: no row is touched.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'CHECK (kind IN (0, 1, 2))', 'CHECK (kind BETWEEN 0 AND 2)'),
    ' REFERENCES rooms (id)', '')
WHERE type = 'table' AND name = 'events';
PRAGMA writable_schema = RESET;
