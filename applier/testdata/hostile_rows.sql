CREATE TABLE big(id INTEGER PRIMARY KEY, v INTEGER NOT NULL, w TEXT);
INSERT INTO big SELECT value, value % 7, 'w' || value FROM json_each('[' || substr(replace(hex(zeroblob(2000)), '00', ',0'), 2) || ']') WHERE 0;
WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM x WHERE i < 2000) INSERT INTO big SELECT i, i % 7, 'w' || i FROM x;
CREATE TABLE parent(id INTEGER PRIMARY KEY);
CREATE TABLE child(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent(id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE INDEX child_parent ON child(parent);
INSERT INTO parent VALUES(1);
INSERT INTO child SELECT id, 1 FROM big;
INSERT INTO log VALUES(100, 'a'), (101, 'b'), (102, 'c');
