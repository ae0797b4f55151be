-- +goose Up

-- What a server knows of databases, devices and tokens.

-- A database that is or was in the data folder. The folder says which there
-- are; this table follows it, so that tokens can name them.
CREATE TABLE database (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    published_at INTEGER NOT NULL, -- milliseconds since 1970, as all times here
    retired_at   INTEGER           -- its folder is gone
) STRICT;

CREATE UNIQUE INDEX database_name ON database(name) WHERE retired_at IS NULL;

CREATE TABLE device (
    n           INTEGER PRIMARY KEY, -- in the order of enrolment
    id          TEXT    NOT NULL UNIQUE,
    database_id TEXT    NOT NULL REFERENCES database(id),
    name        TEXT    NOT NULL, -- a label for people
    enrolled_at INTEGER NOT NULL,
    revoked_at  INTEGER
) STRICT;

CREATE INDEX device_database ON device(database_id);

-- Tokens are looked up by the SHA-256 of their text, which is kept nowhere.
CREATE TABLE token (
    n           INTEGER PRIMARY KEY, -- in the order in which they were made
    id          TEXT    NOT NULL UNIQUE,
    kind        TEXT    NOT NULL CHECK (kind IN ('administrator', 'enrolment', 'device')),
    hash        BLOB    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    database_id TEXT    REFERENCES database(id), -- of an enrolment's or a device's
    device_id   TEXT    REFERENCES device(id),   -- of a device's
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    used_at     INTEGER,                         -- an enrolment token serves once
    revoked_at  INTEGER,
    -- 1: it may change the schema. A device's has it from that of its enrolment.
    schema_right INTEGER NOT NULL
) STRICT;

CREATE INDEX token_device ON token(device_id);

CREATE INDEX token_revoked ON token(revoked_at) WHERE revoked_at IS NOT NULL;

-- +goose Down
DROP TABLE token;
DROP TABLE device;
DROP TABLE database;
