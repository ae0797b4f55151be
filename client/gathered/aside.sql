-- Steps of transactions that were put aside before a schema statement. The steps of
-- a batch come newest first; the newest of the last batch is followed by what the
-- change table has. Without rowids, so that last_insert_rowid() stays as it was for
-- the application, in whose transaction it is written.
CREATE TABLE main.replog_gathered(
  batch   INTEGER NOT NULL,
  age     INTEGER NOT NULL,
  part    INTEGER NOT NULL, -- 0, and 1, 2 … of what is long
  follows INTEGER NOT NULL, -- there is a newer step of the transaction
  marked  INTEGER NOT NULL,
  label   TEXT NOT NULL,
  time    INTEGER NOT NULL, -- the transaction's, milliseconds
  intent  INTEGER NOT NULL, -- or a schema statement
  schema  INTEGER NOT NULL, -- the transaction has schema statements
  lines   BLOB NOT NULL,    -- of the recorded form; of part 1, 2 … changes, a line each:
  net     BLOB NOT NULL,    -- statements, and net changes; of an intent net changes alone
  ran     TEXT NOT NULL,    -- JSON: see replog_outbox
  PRIMARY KEY(batch, age, part)
) WITHOUT ROWID;
