INSERT INTO account(id, owner, balance, seen) VALUES(1, 'ann', 10, 'then'), (2, 'bob', 20, 'then');
INSERT INTO entry(account, n, amount) VALUES(1, 1, 5), (1, 2, 5), (2, 1, 7);
INSERT INTO meter VALUES(1, 1), (2, 2); INSERT INTO meter_sum VALUES(1, 3);
INSERT INTO guarded VALUES(1, 1);
INSERT INTO node VALUES(1, NULL, 'root'), (2, 1, 'a'), (3, 2, 'b'), (4, 3, 'c'), (9, 9, 'self');
INSERT INTO box VALUES(1, 1), (2, 2); INSERT INTO item VALUES(1, 1, 1);
