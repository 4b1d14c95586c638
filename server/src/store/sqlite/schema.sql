-- Version 1 of the schema. Never edit a version that was released: add a migration.
-- 0x48756262 is "Hubb": the mark by which a file of ours is known.
PRAGMA application_id = 0x48756262;

CREATE TABLE rooms (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,    -- never used again
    name       TEXT    NOT NULL,                     -- as its creator wrote it
    name_key   TEXT    NOT NULL UNIQUE,              -- what names are compared by
    epoch      TEXT    NOT NULL,                     -- the name of the log
    topic      TEXT    NOT NULL DEFAULT '',
    seq        INTEGER NOT NULL DEFAULT 0 CHECK (seq >= 0),  -- of the last event
    at         INTEGER NOT NULL DEFAULT 0 CHECK (at >= 0),   -- of the last event
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
    room_id INTEGER NOT NULL REFERENCES rooms (id),
    seq     INTEGER NOT NULL CHECK (seq >= 1),
    at      INTEGER NOT NULL,
    user_id INTEGER NOT NULL,                        -- no reference: events outlive guests
    nick    TEXT    NOT NULL,                        -- at that time
    nonce   TEXT    NOT NULL,
    kind    INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),  -- 0 text, 1 action, 2 topic
    body    TEXT    NOT NULL,                        -- the text, or the new topic
    PRIMARY KEY (room_id, seq),
    UNIQUE (room_id, user_id, nonce)                 -- sending twice posts once, for ever
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,    -- never used again, though guests are deleted
    nick       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id         TEXT    PRIMARY KEY,
    token_hash BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    user_id    INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    idle_since INTEGER                               -- null: it has a connection
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user_id);

-- Always empty: a probe writes a row and takes it back.
CREATE TABLE probes (
    id INTEGER PRIMARY KEY
) STRICT;
