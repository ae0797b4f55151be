"""Runs SQL on SQLite files for the capture tests, as a program that knows
nothing of replog would: Python's own sqlite3, default pragmas.

Each line of standard input is a request, each line of standard output its
answer. Values travel as [class, hex of the bytes], so that they stay exact.
"""
import json
import sqlite3
import struct
import sys


def decode(value):
    kind, data = value[0], bytes.fromhex(value[1])
    if kind == "null":
        return None
    if kind == "integer":
        return int(data)
    if kind == "real":
        return struct.unpack(">d", data)[0]
    return data.decode() if kind == "text" else data


def encode(value):
    if value is None:
        return "null"
    if isinstance(value, int):
        return "integer %d" % value
    if isinstance(value, float):
        return "real " + struct.pack(">d", value).hex()
    if isinstance(value, Text):
        return "text " + value.hex()
    return "blob " + value.hex()


class Text(bytes):
    """TEXT as its bytes, which need not be UTF-8."""


def run(request):
    db = sqlite3.connect(request["main"], isolation_level=None)
    db.text_factory = Text
    for pragma in request["pragmas"]:
        db.execute("PRAGMA " + pragma)
    if request["attach"]:
        db.execute("ATTACH ? AS shop", (request["attach"],))
    results, failed = [], 0
    for step in request["steps"]:
        try:
            rows = db.execute(step["sql"], [decode(v) for v in step["args"]]).fetchall()
            result = [", ".join(map(encode, row)) for row in rows]
        except sqlite3.Error as e:
            failed += 1
            result = ["error " + str(e)]
        after = db.execute("SELECT last_insert_rowid(), changes()").fetchone()
        results.append("; ".join(result) + " | %d %d" % after)
    db.close()
    return {"results": results, "failed": failed}


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
