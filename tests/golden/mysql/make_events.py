#!/usr/bin/env python3
"""Records logs of every kind of event: make_events.py NAME PORT DATADIR [LABEL...]

Beside what make_types.py keeps, LABEL.events is what SHOW BINLOG EVENTS says of the same file.
"""
import os
import sys

from make_types import Recorder, line
from wire import ServerError, Wire

TABLE = "create table t(id int primary key, v varchar(40) character set latin1, n decimal(20,4), s set('x','y','z'), b blob, d datetime(3))"
CHANGES = [
    "insert into t values(1, 'one', 1.5, 'x', 'blob', '2024-01-01 00:00:00.123'), (2, 'zwö', null, '', null, null), (3, null, -3, 'x,z', repeat('b', 300), '1969-12-31 23:59:59')",
    "update t set v = 'eins' where id = 1", "update t set n = n - 1, s = 'y' where id in (1, 3)", "update t set id = 30 where id = 3",
    "delete from t where id = 2", "begin", "insert into t(id, v) values(4, 'four')", "savepoint s1", "insert into t(id) values(5)", "rollback to s1",
    "insert into t(id, v) values(6, 'six')", "commit", "begin", "insert into t(id) values(7)", "rollback",
]
MORE = [
    "alter table t add column extra int", "create table u(id int auto_increment primary key, r double, w varchar(9))", "insert into u(w) values('a')",
    "truncate table u", "set @saved = 'user'", "set session binlog_format = 'STATEMENT'", "insert into u(r, w) values(rand(), @saved)",
    "set session binlog_format = 'ROW'", "drop table u",
    "xa start 'gtrid', 'bqual', 7", "insert into t(id, v) values(8, 'xa')", "xa end 'gtrid', 'bqual', 7", "xa prepare 'gtrid', 'bqual', 7",
    "xa commit 'gtrid', 'bqual', 7",
    "xa start 'two'", "insert into t(id, v) values(9, 'gone')", "xa end 'two'", "xa prepare 'two'", "xa rollback 'two'",
    "insert into t(id, extra) values(10, -1)",
]
JSON = [
    "create table t(id int primary key, j json, k json, v int)",
    "insert into t values(1, '{\"a\": 1, \"b\": [1, 2, 3]}', '{\"x\": \"y\"}', 1), (2, '[]', null, 2)",
    "update t set j = json_set(j, '$.a', 2) where id = 1", "update t set v = 5 where id = 1",
    "update t set j = json_remove(json_set(j, '$.b[1]', 20), '$.b[0]'), k = json_replace(k, '$.x', 'z') where id = 1",
]
OLD = [
    "create table t(id int primary key, t time, dt datetime, ts timestamp null, d date)",
    "insert into t values(1, '12:34:56', '2024-02-29 12:34:56', '2024-02-29 12:34:56', '2024-02-29'), (2, '00:00:00', '0000-00-00 00:00:00', 0, '0000-00-00'), "
    "(3, '23:59:59', '9999-12-31 23:59:59', '2038-01-19 03:14:07', '9999-12-31'), (4, '-01:00:00', '1000-01-01 00:00:00', '1970-01-01 00:00:01', '0001-01-01')",
]


def scenarios(server):
    """label -> (set before, statements, set after)"""
    mariadb = server.startswith("mariadb")
    found = {
        "events": ([] if mariadb else ["set session binlog_rows_query_log_events = on"], [TABLE] + CHANGES + MORE, []),
        "minimal": (["set session binlog_row_image = minimal"], [TABLE] + CHANGES, ["set session binlog_row_image = full"]),
        "noblob": (["set session binlog_row_image = noblob"], [TABLE] + CHANGES, ["set session binlog_row_image = full"]),
        "nochecksum": (["set global binlog_checksum = none"], [TABLE] + CHANGES, ["set global binlog_checksum = crc32"]),
    }
    if server != "mysql-5.7":
        found["nometa"] = (["set global binlog_row_metadata = minimal"], [TABLE] + CHANGES, ["set global binlog_row_metadata = full"])
    else:
        found["v1"] = (["set global log_bin_use_v1_row_events = on"], [TABLE] + CHANGES, ["set global log_bin_use_v1_row_events = off"])
    if mariadb:
        found["packed"] = (["set global log_bin_compress = on", "set global log_bin_compress_min_len = 10"], [TABLE] + CHANGES, ["set global log_bin_compress = off"])
        found["old"] = (["set global mysql56_temporal_format = off"], OLD, ["set global mysql56_temporal_format = on"])
        found["gtids"] = (["set session gtid_domain_id = 5"], [TABLE, CHANGES[0], "set session gtid_domain_id = 0", CHANGES[1], "set session server_id = 777",
                                                              CHANGES[4]], [])
    elif server != "mysql-5.7":
        found["payload"] = (["set session binlog_transaction_compression = on"],
                            [TABLE] + CHANGES + ["insert into t(id, b) values(99, repeat('compressible ', 4000))"], ["set session binlog_transaction_compression = off"])
        found["partial"] = (["set session binlog_row_value_options = partial_json"], JSON, ["set session binlog_row_value_options = ''"])
    if server == "mysql-9.7":
        found["tagged"] = (["set gtid_next = 'automatic:some_tag'"], [TABLE] + CHANGES[:5], ["set gtid_next = 'automatic'"])
    return found


class Events(Recorder):
    def events(self, wanted):
        for label, (before, statements, after) in scenarios(self.name).items():
            if wanted and label not in wanted:
                continue
            self.w = Wire(int(sys.argv[2]))
            for statement in ["set sql_mode=''", "set time_zone='+00:00'", "set names utf8mb4"] + [s for s in before if "gtid_next" not in s]:
                self.w.query(statement)
            database = f"golden_{label}"
            self.w.query(f"drop database if exists {database}")
            self.w.query(f"create database {database}")
            self.w.query(f"use {database}")
            current = self.rotate()
            for statement in [s for s in before if "gtid_next" in s] + statements:
                self.w.query(statement)
            for statement in [s for s in after if "checksum" not in s]:
                self.w.query(statement)
            self.rotate()
            rows = self.w.query(f"show binlog events in '{current}'")
            with open(os.path.join(self.out, label + ".events"), "wb") as f:
                f.writelines(line([r[1], r[2], r[3], r[4], r[5]]) for r in rows)
            with open(os.path.join(self.data, current), "rb") as f:
                log = f.read()
            with open(os.path.join(self.out, label + ".binlog"), "wb") as f:
                f.write(log)
            self.keep(label, database, "t")
            for statement in [s for s in after if "checksum" in s]:
                self.w.query(statement)


if __name__ == "__main__":
    try:
        Events(*sys.argv[1:4]).events(sys.argv[4:])
    except ServerError as e:
        sys.exit(f"{sys.argv[1]}: {e}")
