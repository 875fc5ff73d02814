#!/usr/bin/env python3
"""Reads Parquet files by Arrow (and by DuckDB, when it is installed) and compares every row with the canonical rows beside them.

parquet_check.py [--need-duckdb] FOLDER...     F.parquet is held against F.rows, one canonical row a line (README.md, "Canonical rows")
Page checksums are verified. Exit 1 names the first row that differs in each file.
"""
import decimal
import glob
import json
import os
import re
import sys

import pyarrow as pa
import pyarrow.parquet as pq

import pyread

EXACT = decimal.Context(prec=60)
STAMP = re.compile(r'(T\d\d:\d\d:\d\d\.\d{6})(\d{3})Z?"')


def lines(table):
    names = [pyread.esc(n) + ':' for n in table.column_names]
    columns = [pyread.column(pa, c) for c in table.columns]
    return ['{' + ','.join(n + c[i] for n, c in zip(names, columns)) + '}' for i in range(table.num_rows)]


def arrow(path):
    return pq.read_table(path, use_threads=False, page_checksum_verification=True, partitioning=None)


def duckdb(path):
    import duckdb as duck
    c = duck.connect()
    c.execute("set TimeZone='UTC'")
    c.execute('set threads=1')
    # its TIME WITH TIME ZONE has no Arrow type
    types = c.execute('describe select * from read_parquet(?)', [path]).fetchall()
    cast = ','.join('"%s"%s' % (n.replace('"', '""'), '::time as "%s"' % n.replace('"', '""') if t == 'TIME WITH TIME ZONE' else '')
                    for n, t, *_ in types)
    return c.execute('select %s from read_parquet(?)' % cast, [path]).to_arrow_table()


def in_order(value):
    """Pairs of maps sorted anew: keys that differ in nanoseconds alone change places when these are cut off. (An array of pairs looks
    the same and is sorted too; Arrow's reading, which is exact, has held its order against the rows.)"""
    if isinstance(value, dict):
        return {k: in_order(v) for k, v in value.items()}
    if not isinstance(value, list):
        return value
    items = [in_order(v) for v in value]
    pairs = items and all(isinstance(i, list) and len(i) == 2 for i in items)
    return sorted(items, key=json.dumps) if pairs else items


def same(a, b, plain):
    return a == b or (plain and in_order(json.loads(a)) == in_order(json.loads(b)))


def compare(path, name, read, plain):
    """A text that tells of the first difference, or None. INT96 does not say whether it is an instant: the Z is no difference;
    DuckDB keeps microseconds."""
    with open(path[:-len('.parquet')] + '.rows', encoding='utf-8') as f:
        want = f.read().splitlines()
    try:
        got = lines(read(path))
    except Exception as e:  # whatever a reader says is its verdict
        return '%s: %s: %s' % (name, type(e).__name__, str(e).split('\n')[0])
    shape = (lambda s: STAMP.sub(r'\g<1>"', s)) if plain else (lambda s: STAMP.sub(r'\g<1>\2"', s))
    for i, (a, b) in enumerate(zip(want, got)):
        if not same(shape(a), shape(b), plain):
            return '%s: row %d\n  want %s\n  got  %s' % (name, i, a[:2000], b[:2000])
    if len(want) != len(got):
        return '%s: %d rows, not %d' % (name, len(got), len(want))
    return None


def column_scale(f, name):
    return f.schema_arrow.field(name).type.scale


def bounds(path):
    """A text about statistics that are not the values' own, or None."""
    f = pq.ParquetFile(path)
    for group in range(f.metadata.num_row_groups):
        meta = f.metadata.row_group(group)
        for i in range(meta.num_columns):
            column = meta.column(i)
            stats = column.statistics
            name = column.path_in_schema
            if stats is None or name not in f.schema_arrow.names:  # nested ones have more nulls than rows
                continue
            values = f.read_row_group(group, columns=[name], use_threads=False).column(0)
            if values.null_count != stats.null_count:
                return '%s: %d nulls, statistics say %d' % (name, values.null_count, stats.null_count)
            if pa.types.is_nested(values.type) or pa.types.is_timestamp(values.type) or pa.types.is_time(values.type):
                continue
            values = [v for v in values.to_pylist() if v is not None]
            if not stats.has_min_max:
                if values and not any(v != v for v in values):
                    return '%s: no bounds' % name
                continue
            if isinstance(values[0], decimal.Decimal):  # big-endian bytes, or the number as it is stored
                scale = column_scale(f, name)
                values = [int(v.scaleb(scale, EXACT)) for v in values]
                said = [int.from_bytes(r, 'big', signed=True) if isinstance(r, bytes) else r for r in (stats.min_raw, stats.max_raw)]
            else:
                said = [stats.min, stats.max]
            if [min(values), max(values)] != said:
                return '%s: from %s to %s, statistics say %s' % (name, min(values), max(values), said)
    return None


def main():
    args = [a for a in sys.argv[1:] if a != '--need-duckdb']
    readers = [('arrow', arrow, False)]
    try:
        import duckdb as _  # noqa: F401
        readers.append(('duckdb', duckdb, True))
    except ImportError:
        if len(args) < len(sys.argv) - 1:
            print('parquet_check: duckdb is not installed')
            return 2
    files = sorted(f for a in args for f in glob.glob(os.path.join(a, '*.parquet')))
    bad = 0
    for path in files:
        for name, read, plain in readers:
            problem = compare(path, name, read, plain)
            if problem:
                bad += 1
                print('%s: %s' % (path, problem))
        problem = bounds(path)
        if problem:
            bad += 1
            print('%s: statistics: %s' % (path, problem))
    print('parquet_check: %d files by %s, %d problems' % (len(files), ' and '.join(n for n, _, _ in readers), bad))
    return 1 if bad or not files else 0


sys.exit(main())
