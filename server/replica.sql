-- What the server adds to its replica of a database.

-- Where the replica stands; one row, written in the transaction that moves it.
CREATE TABLE replog_replica (
    revision INTEGER NOT NULL,
    epoch    TEXT    NOT NULL,
    database TEXT    NOT NULL,
    chain    TEXT    NOT NULL -- of the revision
);

-- The application's triggers. They are kept dropped, as the log holds their
-- effects, but for those that keep full-text indexes. A snapshot gets them back
-- in this order.
CREATE TABLE replog_trigger (
    position INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    sql      TEXT NOT NULL
);
