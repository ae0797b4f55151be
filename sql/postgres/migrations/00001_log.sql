-- Logs of many databases. Everything is in the schema replog, and no statement relies
-- on search_path. Times are integer milliseconds since 1970, UTC.
-- People read the views: statement, change, transaction_log.
--
-- Text that comes from devices and that PostgreSQL cannot hold, a NUL or what is not
-- UTF-8, is kept as ␛ and two hexadecimal digits a byte; ␛ itself as ␛␛. The parts of
-- recorded forms are JSON, which has escapes of its own.

-- +goose Up

-- The registry: which databases there are, and who may use them.
CREATE TABLE replog.database (
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    -- The number by which all other tables refer to it, and the end of the names of its own.
    n            integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    name         text COLLATE "C" NOT NULL,
    published_at bigint  NOT NULL,
    retired_at   bigint
);

CREATE UNIQUE INDEX database_name ON replog.database (name) WHERE retired_at IS NULL;

CREATE TABLE replog.device (
    n           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in the order of enrolment
    id          text COLLATE "C" NOT NULL UNIQUE,
    database_id text COLLATE "C" NOT NULL REFERENCES replog.database (id),
    name        text    NOT NULL, -- a label for people
    enrolled_at bigint  NOT NULL,
    revoked_at  bigint
);

CREATE INDEX device_database ON replog.device (database_id);

-- Tokens are looked up by the SHA-256 of their text, which is kept nowhere.
CREATE TABLE replog.token (
    n            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in the order in which they were made
    id           text COLLATE "C" NOT NULL UNIQUE,
    kind         text COLLATE "C" NOT NULL CHECK (kind IN ('administrator', 'enrolment', 'device')),
    hash         bytea   NOT NULL UNIQUE,
    name         text    NOT NULL,
    database_id  text COLLATE "C" REFERENCES replog.database (id), -- of an enrolment's or a device's
    device_id    text COLLATE "C" REFERENCES replog.device (id),   -- of a device's
    created_at   bigint  NOT NULL,
    expires_at   bigint,
    used_at      bigint,                          -- an enrolment token serves once
    revoked_at   bigint,
    -- 1: it may change the schema. A device's has it from that of its enrolment.
    schema_right integer NOT NULL
);

CREATE INDEX token_device ON replog.token (device_id);

CREATE INDEX token_revoked ON replog.token (revoked_at) WHERE revoked_at IS NOT NULL;

-- One row a database: where its log stands. Whoever writes holds the row's lock.
CREATE TABLE replog.head (
    database        integer NOT NULL PRIMARY KEY REFERENCES replog.database (n),
    epoch           text COLLATE "C" NOT NULL,
    revision        bigint  NOT NULL,
    chain           text COLLATE "C" NOT NULL,
    -- The oldest revision that the log still holds, 0 where it holds all.
    horizon         bigint  NOT NULL,
    -- The newest entry that changed something, the device that made it, and the
    -- newest that any other device made: they tell without a search whether
    -- somebody else wrote since a revision. 0 and '' where there is none.
    last_changed    bigint  NOT NULL,
    last_changed_by text COLLATE "C" NOT NULL,
    other_changed   bigint  NOT NULL
) WITH (fillfactor = 20); -- it is written anew at every commit

-- The parts of the log that were made, each for the revisions from from_revision on and
-- below to_revision. Those that were dropped stay here.
CREATE TABLE replog.part (
    database      integer NOT NULL,
    from_revision bigint  NOT NULL,
    to_revision   bigint  NOT NULL,
    PRIMARY KEY (database, from_revision)
);

-- The schema from a revision on: the published one, and those that schema
-- statements made of it. objects is the applier's text.
CREATE TABLE replog.schema_version (
    database    integer NOT NULL,
    revision    bigint  NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    objects     text COLLATE "C" NOT NULL,
    PRIMARY KEY (database, revision)
);

-- Which revision a device's transaction has. It is not divided, and stays when old
-- parts of the log are dropped: what was received once is known for ever.
CREATE TABLE replog.received (
    database integer NOT NULL,
    device   text COLLATE "C" NOT NULL,
    seq      bigint  NOT NULL,
    revision bigint  NOT NULL,
    PRIMARY KEY (database, device, seq)
);

-- What many statements share, stored once: of row statements the operation, the table
-- and the columns, of intents the SQL. id is the first half of a SHA-256 of it.
CREATE TABLE replog.statement_text (
    database    integer NOT NULL,
    id          uuid    NOT NULL,
    operation   text COLLATE "C" NOT NULL, -- insert, update, delete, intent or schema
    table_name  text COLLATE "C",          -- of a row statement
    key_columns text COLLATE "C",          -- JSON
    columns     text COLLATE "C",          -- JSON
    sql         text COLLATE "C" NOT NULL, -- with ? for the values of row statements
    -- The recorded form is start, the key, middle, the values and the time, in JSON;
    -- middle is NULL for intents.
    start       text COLLATE "C" NOT NULL,
    middle      text COLLATE "C",
    PRIMARY KEY (database, id)
);

-- The names of tables in touched_table, whose ids are the first half of a SHA-256.
CREATE TABLE replog.touched_name (
    database integer NOT NULL,
    id       uuid    NOT NULL,
    name     text COLLATE "C" NOT NULL,
    PRIMARY KEY (database, id)
);

-- What follows is the log. Each table is divided by database, into entry_7 and so on
-- (see database.sql), and these by revision, so that old parts can be dropped.

-- One row a transaction, whatever became of it.
CREATE TABLE replog.entry (
    database    integer NOT NULL,
    revision    bigint  NOT NULL,
    device      text COLLATE "C" NOT NULL,
    seq         bigint  NOT NULL,
    base        bigint  NOT NULL,
    seen        bigint  NOT NULL,
    label       text COLLATE "C" NOT NULL,
    marked      boolean NOT NULL,
    recorded_at bigint  NOT NULL,
    received_at bigint  NOT NULL,
    outcome     text COLLATE "C" NOT NULL,
    reason      text COLLATE "C" NOT NULL,
    detail      text COLLATE "C" NOT NULL,
    -- What did not share the outcome of the whole, as JSON.
    parts       text COLLATE "C",
    -- The outcomes of the whole and of its parts: the sum of 1 applied, 2 ignored,
    -- 4 conflict, 8 rejected, 16 held.
    outcomes    integer NOT NULL,
    -- Some part is in conflict, rejected or held.
    unsettled   boolean NOT NULL,
    -- The recorded form is this line, then the recorded statements and, after those
    -- that they belong to, net changes; the hash is the SHA-256 of its lines.
    first_line  text COLLATE "C" NOT NULL,
    hash        text COLLATE "C" NOT NULL,
    -- Identifies the log up to here: 32 hexadecimal digits of a SHA-256 of the chain
    -- before, the revision, the hash, the outcome and the parts.
    chain       text COLLATE "C" NOT NULL,
    statements  bigint  NOT NULL,
    -- How many net changes are recorded; NULL where the statements are they.
    net         bigint,
    -- How many rows it changed; NULL where it was not applied.
    changes     bigint,
    -- The changes are exactly the recorded net changes, and stored as such; never
    -- where there are intents.
    as_recorded boolean NOT NULL,
    -- How many of the statements are intents. What follows is of such entries.
    intents     bigint  NOT NULL,
    -- Where net changes are recorded, as JSON: [first, last, n] for the row
    -- statements between two intents, by their numbers, and their n net changes.
    net_blocks  text COLLATE "C",
    -- The tables that the intents may write, as a JSON array.
    tables      text COLLATE "C",
    -- Everything changed just what it changed on the device.
    as_run      boolean NOT NULL,
    -- What whoever runs the steps on the revision before has to change.
    digest      text COLLATE "C",
    -- How many lines the steps are that other devices get; NULL where they get
    -- the changes.
    step_lines  bigint,
    -- Of an applied entry with schema statements, as a JSON array: for each step,
    -- how many of the changes are made when it is done.
    step_ends   text COLLATE "C",
    -- About how many bytes its statements and changes are.
    size        bigint  NOT NULL
) PARTITION BY LIST (database);

CREATE INDEX ON replog.entry (device, revision);
CREATE INDEX ON replog.entry (device, seq) WHERE unsettled;
CREATE INDEX ON replog.entry (received_at);
CREATE INDEX ON replog.entry (revision) WHERE outcomes <> 1;
-- An index takes no more than some 2,700 bytes.
CREATE INDEX ON replog.entry (left(label, 200), revision) WHERE label <> '';

-- The recorded statements, in the order in which the device ran them. outcome is NULL
-- where it is that of the entry.
CREATE TABLE replog.recorded_statement (
    database integer NOT NULL,
    revision bigint  NOT NULL,
    n        bigint  NOT NULL,
    text     uuid    NOT NULL, -- in statement_text
    time     bigint  NOT NULL,
    -- The key and the values before and after, as JSON arrays; in new, of an intent,
    -- its arguments.
    key      text COLLATE "C",
    old      text COLLATE "C",
    new      text COLLATE "C",
    -- What the recorded form has besides, most often nothing.
    more     text COLLATE "C",
    -- The recorded form itself, where the columns do not give it back to the byte.
    body     text COLLATE "C",
    outcome  text COLLATE "C",
    reason   text COLLATE "C",
    detail   text COLLATE "C"
) PARTITION BY LIST (database);

-- The recorded net changes, where they differ from the statements; where there are
-- intents, those of one block of row statements after the other.
CREATE TABLE replog.recorded_net (
    database integer NOT NULL,
    revision bigint  NOT NULL,
    n        bigint  NOT NULL,
    text     uuid    NOT NULL,
    time     bigint  NOT NULL,
    key      text COLLATE "C",
    old      text COLLATE "C",
    new      text COLLATE "C",
    more     text COLLATE "C",
    body     text COLLATE "C"
) PARTITION BY LIST (database);

-- What an applied entry changed, where that is not what was recorded, or where there
-- are intents: the number of the recorded net change that was made, or a change of
-- its own.
CREATE TABLE replog.effect (
    database integer NOT NULL,
    revision bigint  NOT NULL,
    n        bigint  NOT NULL,
    net      bigint,
    text     uuid,
    time     bigint,
    key      text COLLATE "C",
    old      text COLLATE "C",
    new      text COLLATE "C",
    more     text COLLATE "C",
    body     text COLLATE "C",
    CHECK ((net IS NULL) <> (text IS NULL))
) PARTITION BY LIST (database);

-- Finds the changes of a row: the n-th of the entry's. row is the first half of a
-- SHA-256 of the table's name and the key, which may be longer than an index takes.
CREATE TABLE replog.changed_row (
    database integer NOT NULL,
    row      uuid    NOT NULL,
    revision bigint  NOT NULL,
    n        bigint  NOT NULL
) PARTITION BY LIST (database);

CREATE INDEX ON replog.changed_row (row, revision);

-- The tables that an entry touches: with a statement, a net change or an effect, or
-- that its intents may write.
CREATE TABLE replog.touched_table (
    database integer NOT NULL,
    name     uuid    NOT NULL, -- in touched_name
    revision bigint  NOT NULL
) PARTITION BY LIST (database);

CREATE INDEX ON replog.touched_table (name, revision);

-- The rows that an entry touches and may not have changed: those of what was not
-- applied, of changes that cancel out, and both keys of a key change.
CREATE TABLE replog.touched_row (
    database integer NOT NULL,
    row      uuid    NOT NULL,
    revision bigint  NOT NULL
) PARTITION BY LIST (database);

CREATE INDEX ON replog.touched_row (row, revision);

-- The replica at a revision, as a file in parts.
CREATE TABLE replog.snapshot (
    database integer NOT NULL,
    revision bigint  NOT NULL,
    epoch    text COLLATE "C" NOT NULL,
    chain    text COLLATE "C" NOT NULL,
    size     bigint  NOT NULL,
    digest   text COLLATE "C" NOT NULL,
    made_at  bigint  NOT NULL,
    PRIMARY KEY (database, revision)
);

CREATE TABLE replog.snapshot_part (
    database integer NOT NULL,
    revision bigint  NOT NULL,
    n        integer NOT NULL,
    bytes    bytea   NOT NULL,
    PRIMARY KEY (database, revision, n)
);

ALTER TABLE replog.snapshot_part ALTER COLUMN bytes SET STORAGE EXTERNAL; -- compressed already
