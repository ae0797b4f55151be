-- What a device keeps in its file, beside what capture needs.

CREATE TABLE replog_device(
  format      INTEGER NOT NULL, -- of these tables
  device      TEXT NOT NULL,    -- '' until the file is enrolled
  server      TEXT NOT NULL,    -- URL without the database's name
  name        TEXT NOT NULL,    -- the database's name there
  database    TEXT NOT NULL,    -- its id
  epoch       TEXT NOT NULL,
  sync_point  INTEGER NOT NULL,
  last_seq    INTEGER NOT NULL, -- the highest seq given out
  seen        INTEGER NOT NULL, -- the highest own seq whose verdict was processed
  last_time   INTEGER NOT NULL, -- the latest recorded time, milliseconds
  whole       INTEGER NOT NULL, -- unmarked transactions may not be divided
  last_sync   INTEGER,          -- when the last sync ended, milliseconds
  chain       TEXT NOT NULL DEFAULT '',       -- of the sync point; '' where it is not known
  rejoined    TEXT NOT NULL DEFAULT '',       -- JSON: see replog.Rejoined; '' for none
  kept        INTEGER NOT NULL DEFAULT 0      -- the size of what is in replog_kept
);

CREATE TABLE replog_outbox(
  seq       INTEGER PRIMARY KEY,
  uploaded  INTEGER NOT NULL, -- the server is known to have it
  effect    INTEGER NOT NULL, -- its changes are in the tables
  replayed  INTEGER NOT NULL, -- by a replay, which lets no violated constraint pass
  why       TEXT NOT NULL,    -- why not, where they are not
  without   TEXT NOT NULL,    -- JSON: the seqs that it was recorded without; '' for none
  hash      TEXT NOT NULL,
  recorded  BLOB NOT NULL,    -- the recorded form, as it is uploaded; of a long one
                              -- its first line
  made      BLOB,             -- the changes that are in the tables, a line each, where
                              -- these are not its net changes
  size      INTEGER NOT NULL, -- of the recorded form, in bytes
  long      INTEGER,          -- the id in replog_long of what is long
  intents   INTEGER NOT NULL, -- it holds some, or schema statements
  schema    INTEGER NOT NULL, -- 1: it holds schema statements that add something; 2: others
  ran       TEXT NOT NULL     -- JSON: statements that did not travel as intents, and
                              -- why; '' for none
);

-- What is long, a row at most some 100 kB. Of a recorded form: the statements (list
-- 0) and the net changes where these differ (1), or, where there are intents, all
-- lines between the first and the last (3). And the changes that are in the tables
-- (2), where they would be in the column made. Of a list of none there is a row all
-- the same.
CREATE TABLE replog_long(
  id     INTEGER NOT NULL,
  list   INTEGER NOT NULL,
  first  INTEGER NOT NULL, -- the number of the first change here, from 0 on
  count  INTEGER NOT NULL,
  bodies BLOB NOT NULL,    -- a line each
  PRIMARY KEY(id, list, first)
);

CREATE TABLE replog_conflict(
  seq      INTEGER NOT NULL,
  part     INTEGER NOT NULL, -- 1, 2 … within the transaction
  revision INTEGER NOT NULL,
  verdict  TEXT NOT NULL,    -- JSON: the part of the verdict
  recorded BLOB NOT NULL,    -- the whole transaction's, as in replog_outbox
  state    TEXT NOT NULL,    -- waiting, noted (asks for nothing) or discarded
  long     INTEGER,
  tables   TEXT NOT NULL,    -- JSON: those that intents may write; '' for none
  PRIMARY KEY(seq, part)
);

-- Transactions whose verdicts were processed, for some time: should the server give
-- them up, they go back into the outbox. What is long of them is in replog_long.
CREATE TABLE replog_kept(
  seq       INTEGER PRIMARY KEY,
  revision  INTEGER NOT NULL, -- that the verdict gave it
  processed INTEGER NOT NULL, -- when, milliseconds
  size      INTEGER NOT NULL, -- of the recorded form, in bytes
  refused   INTEGER NOT NULL, -- some of it was in conflict, rejected or held
  long      INTEGER,          -- this and the rest as in replog_outbox
  intents   INTEGER NOT NULL,
  schema    INTEGER NOT NULL,
  without   TEXT NOT NULL,
  hash      TEXT NOT NULL,
  ran       TEXT NOT NULL,
  recorded  BLOB NOT NULL
);

-- Sync points that the file was at, with their chains: by them it finds out where its
-- history and the log part.
CREATE TABLE replog_point(
  revision INTEGER PRIMARY KEY,
  chain    TEXT NOT NULL,
  reached  INTEGER NOT NULL -- when, milliseconds
);

-- Transactions that were applied after all, though later ones in the outbox
-- were recorded without them.
CREATE TABLE replog_late(
  seq      INTEGER PRIMARY KEY,
  recorded BLOB NOT NULL,
  long     INTEGER,
  tables   TEXT NOT NULL     -- as in replog_conflict
);
