#!/usr/bin/env python3
"""Makes the corpora of fuzz_binlog, fuzz_table_map, fuzz_rows and fuzz_mysql_json from the recordings in
tests/golden/mysql."""
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "..", "golden", "mysql")
ROWS = set(range(23, 26)) | set(range(30, 33)) | set(range(166, 172))
MOST_BYTES = 6000


def events(server, label):
    with open(os.path.join(GOLDEN, server, label + ".binlog"), "rb") as f:
        data = f.read()
    at = 4
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 9)[0]
        yield data[at + 4], data[at + 19:at + size - 4]
        at += size


def keep(target, name, data):
    folder = os.path.join(HERE, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def pairs(server, label):
    """rows events with the map before them"""
    table = None
    for kind, body in events(server, label):
        if kind == 19:
            table = body
        elif kind in ROWS and table is not None:
            yield kind, table, body


def logs():
    for server, label in (("mysql-5.7", "events"), ("mysql-9.7", "events"), ("mysql-9.7", "payload"), ("mysql-9.7", "tagged"), ("mariadb-11.8", "events"),
                          ("mariadb-11.8", "packed")):
        with open(os.path.join(GOLDEN, server, label + ".binlog"), "rb") as f:
            keep("fuzz_binlog", f"{server}-{label}", f.read())


def maps_and_rows():
    for server, label in (("mysql-8.0", "numbers"), ("mysql-8.0", "times"), ("mysql-9.7", "texts"), ("mysql-9.7", "blobs"), ("mariadb-11.8", "enums"),
                          ("mariadb-11.8", "mariadb"), ("mariadb-10.11", "old"), ("mysql-9.7", "mysql"), ("mysql-8.0", "json"), ("mysql-5.7", "spans")):
        found = [p for p in pairs(server, label) if len(p[1]) + len(p[2]) < MOST_BYTES]
        if not found:
            continue
        keep("fuzz_table_map", f"{server}-{label}", found[0][1])
        for i, (kind, table, body) in enumerate(found[1:3]):
            keep("fuzz_rows", f"{server}-{label}-{i}", bytes([kind]) + struct.pack("<H", len(table)) + table + body)
    for server, label in (("mysql-9.7", "events"), ("mysql-5.7", "v1"), ("mariadb-11.8", "packed"), ("mysql-9.7", "minimal")):
        seen = set()
        for kind, table, body in pairs(server, label):
            if kind not in seen:
                seen.add(kind)
                keep("fuzz_rows", f"{server}-{label}-{kind}", bytes([kind]) + struct.pack("<H", len(table)) + table + body)


def json():
    """A row is: bits of nulls, id, length, value."""
    number = 0
    for kind, _, body in pairs("mysql-8.0", "json"):
        at = 6 + 2 + 2 + 1 + 1 + 1 + 4
        size = struct.unpack_from("<I", body, at)[0] if len(body) > at + 4 else 0
        if 0 < size < MOST_BYTES:
            keep("fuzz_mysql_json", f"value-{number:02d}", b"\0" + body[at + 4:at + 4 + size])
        number += 1


logs()
maps_and_rows()
json()
