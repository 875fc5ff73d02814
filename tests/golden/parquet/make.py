#!/usr/bin/env python3
"""make.py: writes the golden files of this folder anew with Arrow: SHAPE-WHAT.parquet, and for each shape SHAPE.schema (the columns, as a
Paimon schema file has them) and SHAPE.rows (canonical rows, tests/judge/README.md). Run it with the judge's venv-pypaimon."""
import datetime
import decimal
import json
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'judge'))
import pyread  # noqa: E402


def paimon(t, nullable=True):
    """An Arrow type as a schema file's type; ids are given by the reader of the file, by name."""
    T = pa.types
    end = '' if nullable else ' NOT NULL'
    simple = {'bool': 'BOOLEAN', 'int8': 'TINYINT', 'int16': 'SMALLINT', 'int32': 'INT', 'int64': 'BIGINT', 'float': 'FLOAT', 'double': 'DOUBLE',
              'string': 'STRING', 'binary': 'BYTES', 'date32[day]': 'DATE'}
    if str(t) in simple:
        return simple[str(t)] + end
    if T.is_fixed_size_binary(t):
        return 'BINARY(%d)%s' % (t.byte_width, end)
    if T.is_decimal(t):
        return 'DECIMAL(%d, %d)%s' % (t.precision, t.scale, end)
    if T.is_time(t):
        return 'TIME(3)' + end
    if T.is_timestamp(t):
        return 'TIMESTAMP(%d)%s%s' % ({'ms': 3, 'us': 6, 'ns': 9}[t.unit], ' WITH LOCAL TIME ZONE' if t.tz else '', end)
    if T.is_list(t):
        return {'type': 'ARRAY' + end, 'element': paimon(t.value_type, t.value_field.nullable)}
    if T.is_map(t):
        return {'type': 'MAP' + end, 'key': paimon(t.key_type, False), 'value': paimon(t.item_type)}
    assert T.is_struct(t), t
    fields = [{'id': 100 + i, 'name': t.field(i).name, 'type': paimon(t.field(i).type, t.field(i).nullable)} for i in range(t.num_fields)]
    return {'type': 'ROW' + end, 'fields': fields}


def save(name, table, int96=False, **options):
    path = os.path.join(HERE, name)
    options = {'compression': 'none', 'store_schema': False, **options}
    pq.write_table(table, path + '.parquet', use_deprecated_int96_timestamps=int96, **options)
    fields = [{'id': i, 'name': f.name, 'type': paimon(f.type, f.nullable)} for i, f in enumerate(table.schema)]
    path = os.path.join(HERE, name.split('-')[0])
    with open(path + '.schema', 'w', encoding='utf-8') as f:
        json.dump({'version': 3, 'id': 0, 'fields': fields, 'highestFieldId': 999, 'partitionKeys': [], 'primaryKeys': [], 'options': {},
                   'timeMillis': 0}, f)
        f.write('\n')
    columns = [pyread.column(pa, c) for c in table.columns]
    with open(path + '.rows', 'w', encoding='utf-8') as f:
        for i in range(table.num_rows):
            f.write('{' + ','.join(pyread.esc(n) + ':' + c[i] for n, c in zip(table.column_names, columns)) + '}\n')


def stamps(unit, years=(1, 9999)):
    epoch = datetime.datetime(1970, 1, 1)
    scale = {'ms': 10**3, 'us': 10**6, 'ns': 10**9}[unit]

    def at(y, m, d, h=0, mi=0, s=0, frac=0):
        delta = datetime.datetime(y, m, d, h, mi, s) - epoch
        return (delta.days * 86400 + delta.seconds) * scale + frac % scale
    low, high = years
    return [at(1970, 1, 1), at(1969, 12, 31, 23, 59, 59, scale - 1), at(2024, 2, 29, 12, 34, 56, 789012345), at(low, 1, 1), at(high, 12, 31, 23, 59, 59, scale - 1),
            at(1899, 1, 1, 0, 59, 20, 1001001), None, at(1970, 1, 1, 0, 0, 0, 1)]


def flat(n=40):
    """Every flat type: edges, repeated and different values, nulls, and a column of nulls alone."""
    d = decimal.Decimal

    def spread(values):
        return [values[i * 7 % len(values)] for i in range(n)]
    c = {}

    def put(name, values, kind, nullable=True):
        c[name] = (pa.array(spread(values), kind), nullable)
    put('b', [True, False, None, True, True], pa.bool_())
    put('b_nn', [True, False, False], pa.bool_(), False)
    put('i1', [-128, 127, 0, None, 5], pa.int8())
    put('i2', [-32768, 32767, 0, None], pa.int16())
    put('i4', [-2**31, 2**31 - 1, 0, None, 7, 7, 7], pa.int32())
    c['i4_seq'] = (pa.array(range(1000, 1000 + 3 * n, 3), pa.int32()), False)
    put('i8', [-2**63, 2**63 - 1, 0, None, 12345678901], pa.int64())
    c['i8_seq'] = (pa.array([10**12 - i * i for i in range(n)], pa.int64()), False)
    put('f4', [0.0, -0.0, 1.5, -3.4028234e38, float('inf'), None, 1e-45, float('nan')], pa.float32())
    put('f8', [0.0, -0.0, 0.1, 1.7976931348623157e308, float('-inf'), None, 5e-324, float('nan')], pa.float64())
    put('s', ['', 'a', 'prefix-one', 'prefix-two', 'prefix-three', None, 'ü € 中 \U0001F600', 'x' * 70], pa.string())
    put('s_few', ['red', 'green', 'red', 'red'], pa.string(), False)
    put('y', [b'', b'\0', b'\xff\x00\xfe', None], pa.binary())
    put('fx', [b'\0' * 5, b'abcde', b'\xff' * 5, None], pa.binary(5))
    put('d5', [d('-999.99'), d('999.99'), d('0.01'), None], pa.decimal128(5, 2))
    put('d18', [d('-99999999999999.9999'), d('0.0001'), None], pa.decimal128(18, 4))
    put('d38', [d('9' * 28 + '.' + '9' * 10), d('-' + '9' * 28 + '.' + '9' * 10), d('-0.0000000001'), d('0.0000000000'), None], pa.decimal128(38, 10))
    put('day', [-719162, 0, 2932896, -1, None, 19782], pa.date32())
    put('t_ms', [0, 86399999, 45296789, None], pa.time32('ms'))
    put('t_us', [0, 86399999000, 45296789000, None], pa.time64('us'))
    put('ts3', stamps('ms'), pa.timestamp('ms'))
    put('ts6', stamps('us'), pa.timestamp('us'))
    put('ts9', stamps('ns', (1700, 2200)), pa.timestamp('ns'))
    put('ltz3', stamps('ms'), pa.timestamp('ms', 'UTC'))
    put('ltz6', stamps('us'), pa.timestamp('us', 'UTC'))
    c['nothing'] = (pa.array([None] * n, pa.int32()), True)
    schema = pa.schema([pa.field(k, v[0].type, v[1]) for k, v in c.items()])
    return pa.table([v[0] for v in c.values()], schema=schema)


def nested(n=30):
    """Nulls and emptiness at every level; a long list beyond a page."""
    element = pa.struct([('x', pa.string()), ('y', pa.list_(pa.int32()))])
    kinds = {
        'l': pa.list_(pa.int32()), 'l_nn': pa.list_(pa.field('element', pa.int64(), False)), 'll': pa.list_(pa.list_(pa.string())),
        'r': pa.struct([('a', pa.int32()), ('b', pa.struct([('c', pa.string()), ('d', pa.decimal128(20, 3))]))]),
        'lr': pa.list_(element), 'm': pa.map_(pa.string(), pa.int64()), 'ml': pa.map_(pa.int32(), pa.list_(pa.float64())),
        'mr': pa.map_(pa.string(), element)}
    values = {
        'l': [[1, None, 3], [], None, [None], list(range(100))],
        'l_nn': [[5], [], None, [-1, 0, 1]],
        'll': [[['a', None], [], None], [], None, [[]], [None, ['', 'b']]],
        'r': [{'a': 1, 'b': {'c': 'x', 'd': decimal.Decimal('-1.500')}}, None, {'a': None, 'b': None}, {'a': 2, 'b': {'c': None, 'd': None}}],
        'lr': [[{'x': 'p', 'y': [1, 2]}, None, {'x': None, 'y': None}], [], None, [{'x': 'q', 'y': []}, {'x': '', 'y': [None]}]],
        'm': [[('k', 1), ('l', None)], [], None, [('', -5)]],
        'ml': [[(1, [0.5, None]), (2, None)], [], None, [(3, [])]],
        'mr': [[('k', {'x': 'v', 'y': [7]}), ('n', None)], None, []]}
    arrays = [pa.array([values[k][i * 3 % len(values[k])] for i in range(n)], t) for k, t in kinds.items()]
    return pa.table(arrays, names=list(kinds))


def main():
    table = flat()
    save('flat-v1_plain', table, use_dictionary=False, data_page_version='1.0')
    save('flat-v1_dictionary_snappy', table, compression='snappy', data_page_size=100, write_batch_size=8)
    save('flat-v2_dictionary_zstd', table, compression='zstd', data_page_version='2.0', write_page_checksum=True)
    save('flat-v2_plain_gzip', table, compression='gzip', use_dictionary=False, data_page_version='2.0', data_page_size=100, write_batch_size=8)
    save('flat-v2_lz4_raw', table, compression='lz4', data_page_version='2.0')
    delta = {n: 'DELTA_BINARY_PACKED' for n in ('i1', 'i2', 'i4', 'i4_seq', 'i8', 'i8_seq', 'day', 't_ms', 't_us', 'ts3', 'ts6', 'ltz3', 'ltz6', 'nothing')}
    delta.update({'s': 'DELTA_BYTE_ARRAY', 's_few': 'DELTA_LENGTH_BYTE_ARRAY', 'y': 'DELTA_LENGTH_BYTE_ARRAY', 'fx': 'DELTA_BYTE_ARRAY', 'b': 'RLE',
                  'b_nn': 'RLE', 'f4': 'BYTE_STREAM_SPLIT', 'f8': 'BYTE_STREAM_SPLIT', 'd38': 'BYTE_STREAM_SPLIT'})
    save('flat-v2_delta', table, use_dictionary=False, column_encoding=delta, data_page_version='2.0')
    save('flat-v1_delta', table, use_dictionary=False, column_encoding=delta, data_page_size=100, write_batch_size=8, compression='zstd')
    split = {n: 'BYTE_STREAM_SPLIT' for n in ('i4', 'i4_seq', 'i8', 'i8_seq', 'd5', 'd18', 'fx')}
    save('split-v1', table.select(list(split)), use_dictionary=False, column_encoding=split)
    save('decimals-numbers', table.select(['d5', 'd18', 'd38']), store_decimal_as_integer=True)
    save('int96-legacy', table.select(['i4_seq', 'ts9']), int96=True)
    save('flat-groups', table, row_group_size=7, compression='zstd')
    save('empty-v1', table.slice(0, 0))
    lists = nested()
    save('nested-v1', lists, data_page_size=64, write_batch_size=4, compression='snappy')
    save('nested-v2', lists, data_page_size=64, write_batch_size=4, data_page_version='2.0', compression='zstd', row_group_size=11)
    save('nested-item', lists, use_compliant_nested_type=False, use_dictionary=False)


main()
