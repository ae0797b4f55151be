# An application that knows nothing of replog. It writes until its standard input
# ends, and prints, after the commit, each row that it inserted: from then on the
# row must never be lost. Items are this writer's own; for slots the writers of
# all devices compete.
import random
import sqlite3
import sys
import threading
import time

path, name, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = random.Random(seed)
db = sqlite3.connect(path, timeout=60, isolation_level=None)
done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()

n = 0
while not done.is_set():
    n += 1
    key = f"{name}-{n}"
    marked = rng.random() < 0.3
    db.execute("BEGIN IMMEDIATE")
    if marked:
        db.execute("INSERT INTO replog_transaction(label) VALUES(?)", (key,))
    if rng.random() < 0.2:
        slot = int(time.time() * 10)  # the same for all at the same time
        taken = db.execute("INSERT INTO slot(id, who) VALUES(?, ?) ON CONFLICT DO NOTHING RETURNING id", (slot, key)).fetchall()
        wrote = [f"slot {slot} {key}"] if taken else []
    else:
        db.execute("INSERT INTO item(id, owner, body) VALUES(?, ?, ?)", (key, rng.randrange(20), rng.randbytes(rng.randrange(60))))
        db.execute("INSERT INTO part(item, n, size) VALUES(?, 1, ?)", (key, rng.random()))
        if not marked:
            # What everybody changes: the newer wins.
            db.execute("UPDATE owner SET name = ?, visits = visits + 1 WHERE id = ?", (key, rng.randrange(20)))
        wrote = [f"item {key}"]
    if marked:
        db.execute("INSERT INTO replog_transaction(label) VALUES(NULL)")
    db.execute("COMMIT")
    for row in wrote:
        print(row, flush=True)
    done.wait(rng.random() * 0.02)
