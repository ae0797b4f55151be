-- The tables of the database with number {n}, which a migration gave their columns and
-- most of their indexes. ATTACH takes no lock that a reader or a writer of another
-- database waits for.

CREATE TABLE replog.entry_{n} (LIKE replog.entry, PRIMARY KEY (revision)) PARTITION BY RANGE (revision);
CREATE TABLE replog.recorded_statement_{n} (LIKE replog.recorded_statement, PRIMARY KEY (revision, n)) PARTITION BY RANGE (revision);
CREATE TABLE replog.recorded_net_{n} (LIKE replog.recorded_net, PRIMARY KEY (revision, n)) PARTITION BY RANGE (revision);
CREATE TABLE replog.effect_{n} (LIKE replog.effect INCLUDING CONSTRAINTS, PRIMARY KEY (revision, n)) PARTITION BY RANGE (revision);
CREATE TABLE replog.changed_row_{n} (LIKE replog.changed_row) PARTITION BY RANGE (revision);
CREATE TABLE replog.touched_table_{n} (LIKE replog.touched_table) PARTITION BY RANGE (revision);
CREATE TABLE replog.touched_row_{n} (LIKE replog.touched_row) PARTITION BY RANGE (revision);

ALTER TABLE replog.entry ATTACH PARTITION replog.entry_{n} FOR VALUES IN ({n});
ALTER TABLE replog.recorded_statement ATTACH PARTITION replog.recorded_statement_{n} FOR VALUES IN ({n});
ALTER TABLE replog.recorded_net ATTACH PARTITION replog.recorded_net_{n} FOR VALUES IN ({n});
ALTER TABLE replog.effect ATTACH PARTITION replog.effect_{n} FOR VALUES IN ({n});
ALTER TABLE replog.changed_row ATTACH PARTITION replog.changed_row_{n} FOR VALUES IN ({n});
ALTER TABLE replog.touched_table ATTACH PARTITION replog.touched_table_{n} FOR VALUES IN ({n});
ALTER TABLE replog.touched_row ATTACH PARTITION replog.touched_row_{n} FOR VALUES IN ({n});
