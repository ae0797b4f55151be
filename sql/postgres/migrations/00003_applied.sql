-- What the applied tables are: a replicated database's rows as typed rows.

-- +goose Up

-- One row a database. version grows with each change of the tables below, and when
-- the first row of a table goes to misfit, so that others know when to read them again.
CREATE TABLE replog.applied_database (
    database    integer PRIMARY KEY,
    schema_name text NOT NULL,
    version     bigint NOT NULL
);

-- One row a replicated table.
CREATE TABLE replog.applied_table (
    database     integer NOT NULL,
    table_name   text NOT NULL,
    schema_name  text NOT NULL,
    pg_table     text NOT NULL,
    -- The table is somebody else's, and was there before.
    mapped       boolean NOT NULL,
    -- The shape as the replica has it.
    shape        jsonb NOT NULL,
    -- By the shape's numbers: the names in PostgreSQL, '' for what is not carried.
    columns      jsonb NOT NULL,
    indexes      jsonb NOT NULL,
    foreign_keys jsonb NOT NULL,
    PRIMARY KEY (database, table_name)
);

-- Rows that are absent from their table since it cannot hold them.
CREATE TABLE replog.misfit (
    database   integer NOT NULL,
    table_name text NOT NULL,
    -- The primary key, as a JSON array of the values in the wire's form.
    key        text NOT NULL,
    -- Its SHA-256, since an index does not take long keys.
    key_hash   bytea NOT NULL,
    revision   bigint NOT NULL,
    -- The columns that do not fit, with their exact values in the wire's form. Empty
    -- where the server refused the row.
    columns    json NOT NULL,
    why        text NOT NULL,
    -- The other columns, as text that PostgreSQL reads.
    rest       json NOT NULL,
    PRIMARY KEY (database, table_name, key_hash)
);

-- What was not made, or not kept, since the data or somebody's objects forbid it.
CREATE TABLE replog.left_out (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    database   integer NOT NULL,
    table_name text NOT NULL,
    kind       text NOT NULL,
    name       text NOT NULL,
    definition text NOT NULL,
    reason     text NOT NULL,
    revision   bigint NOT NULL
);

CREATE INDEX left_out_table ON replog.left_out (database, table_name);

-- +goose Down

DROP TABLE replog.left_out, replog.misfit, replog.applied_table, replog.applied_database;
