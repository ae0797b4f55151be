"""Writes to a SQLite file by one connection that stays open, with its statements
cached, while the schema changes under it.

Each line of standard input is a JSON string, a statement; each line of standard
output is "ok" or the error.
"""
import json
import sqlite3
import sys

db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20, cached_statements=200)
db.execute("PRAGMA synchronous = OFF")
for line in sys.stdin:
    try:
        db.execute(json.loads(line)).fetchall()
        print("ok", flush=True)
    except sqlite3.Error as e:
        print(e, flush=True)
