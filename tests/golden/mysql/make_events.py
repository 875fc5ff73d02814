#!/usr/bin/env python3
"""Records events.binlog of a server, every kind of event that it can be brought to write, and old.* of MariaDB, a table
with the temporal types of before 5.6: make_events.py NAME PORT DATADIR
"""
import sys

from make_types import Recorder
from wire import ServerError

TABLE = ("create table t(id int primary key, name varchar(20), amount decimal(12,3), at datetime(3), kind enum('x','y'), "
         "flags set('p','q'), note text, raw varbinary(8)) charset=utf8mb4")
ROWS = ["(1, 'one', 1.5, '2024-02-29 12:34:56.789', 'x', 'p,q', 'first', x'00ff')",
        "(2, 'zwölf', -12.001, '1969-12-31 23:59:59.999', 'y', '', null, '')", "(3, null, null, null, null, null, null, null)"]


def changes(shift):
    """Inserts, updates, one of the key, and a delete."""
    return [f"insert into t values {', '.join(ROWS)}", f"update t set amount = amount + 1, note = concat('n', id) where id <= 2",
            f"update t set id = id + {shift} where id = 3", "delete from t"]


def events(mariadb, old, tags):
    yield from [TABLE, "set binlog_row_image=FULL"] + changes(100)
    for image in ("MINIMAL", "NOBLOB"):
        yield from [f"set binlog_row_image={image}"] + changes(200)
    yield "set binlog_row_image=FULL"
    yield from ["begin", "insert into t(id) values(7)", "savepoint s", "insert into t(id) values(8)", "rollback to s", "commit"]
    yield from ["xa start 'branch','part',7", "insert into t(id) values(9)", "xa end 'branch','part',7", "xa prepare 'branch','part',7",
                "xa commit 'branch','part',7"]
    yield from ["xa start 'one'", "insert into t(id) values(10)", "xa end 'one'", "xa commit 'one' one phase"]
    yield from ["set binlog_format=STATEMENT", "set @v = 'text'", "set insert_id = 5", "insert into t(id, name) values(11, @v)",
                "insert into t(id, amount) values(12, rand())", "set binlog_format=ROW"]
    yield from ["alter table t add column later int", "rename table t to u", "truncate table u", "flush tables"]
    if mariadb:
        yield from ["set binlog_annotate_row_events=1", "set global log_bin_compress=1", "set global log_bin_compress_min_len=10",
                    "rename table u to t", "alter table t drop column later"] + changes(300)
        yield "insert into t(id, note) values(20, repeat('long ', 300))"
        yield from ["set global log_bin_compress=0"]
        yield from ["create sequence s", "do nextval(s)", "drop sequence s"]
    else:
        yield from ["set binlog_rows_query_log_events=1", "rename table u to t", "alter table t drop column later"] + changes(300)
        if not old:
            yield from ["set binlog_transaction_compression=1", "begin"] + changes(400) + ["insert into t(id, note) values(21, repeat('long ', 300))",
                                                                                   "commit", "set binlog_transaction_compression=0"]
        if tags:
            yield from ["set gtid_next='automatic:golden'", "insert into t(id) values(30)", "set gtid_next='automatic'"]


def main(name, port, datadir):
    r = Recorder(name, port, datadir)
    mariadb = name.startswith("mariadb")
    r.w.query("drop database if exists golden_events")
    r.record("events", list(events(mariadb, name == "mysql-5.7", name == "mysql-9.7")))
    if not mariadb:
        return
    r.w.query("set global mysql56_temporal_format=0")
    try:
        values = ["('-838:59:59', '9999-12-31 23:59:59', '2038-01-19 03:14:07')", "('12:34:56', '1000-01-01 00:00:00', '1970-01-01 00:00:01')",
                  "(null, null, null)", "('00:00:00', '0000-00-00 00:00:00', '0000-00-00 00:00:00')", "('-00:00:01', '2024-02-29 01:02:03', '2024-02-29 01:02:03')"]
        statements = ["create table t(id int primary key, time_ time, datetime_ datetime, timestamp_ timestamp null)"]
        statements += [f"insert into t values({i}, {v[1:]}" for i, v in enumerate(values)]
        database = r.record("old", statements)
        r.keep("old", database, "t")
    finally:
        r.w.query("set global mysql56_temporal_format=1")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:4])
    except ServerError as e:
        sys.exit(f"{sys.argv[1]}: {e}")
