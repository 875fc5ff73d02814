#!/usr/bin/env python3
"""Writes cases.jsonl: what Paimon Java makes of the records of a key, for every merge engine and function.

    python3 tests/golden/merge/make.py > tests/golden/merge/cases.jsonl

Each case is a table that the judge (Paimon 1.4.2) writes row by row and reads back. In the file it is a line
{"case":…,"create":…}, then its rows {"k":…,"r":{…}} and {"commit":true}, then {"expect":[rows]} or {"fails":true}.
Rows of one commit are merged by the write buffer first, what the commits hold is merged by the reader. `unordered` names
ARRAY columns whose order is that of a Java hash map. tests/unit/test_merge_golden.c replays the cases.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
CASES = []


def case(name, columns, options, rows, each=True, keys=('id',), unordered=(), compacts=False):
    """columns: "name TYPE, …" or a list with nested types as dicts; rows: (kind, value…), None is a commit.
    each: a commit after every row."""
    if isinstance(columns, str):
        columns = [tuple(c.strip().split(' ', 1)) for c in columns.split(';')]
    columns = [('id', 'INT NOT NULL')] + columns if keys == ('id',) else columns
    names = [c[0] for c in columns]
    lines = []
    for row in rows:
        if row is None:
            lines.append({'commit': True})
            continue
        values = list(row[1:])
        if keys == ('id',) and len(values) < len(names):
            values = [1] + values
        lines.append({'k': row[0], 'r': dict(zip(names, values))})
        if each:
            lines.append({'commit': True})
    if not each:
        lines.append({'commit': True})
    options = dict(options, **{'bucket': '1', 'file.format': 'avro'})
    if not compacts:
        options['write-only'] = 'true'
    create = {'columns': [{'name': n, 'type': t} for n, t in columns], 'primaryKeys': list(keys), 'partitionKeys': [],
              'options': options}
    CASES.append({'name': name, 'create': create, 'lines': lines, 'unordered': list(unordered)})


def aggregate(name, type, function, rows, more=None, **kw):
    options = {'merge-engine': 'aggregation', 'fields.v.aggregate-function': function}
    options.update({'fields.v.' + k: v for k, v in (more or {}).items()})
    case(name, [('v', type)], options, rows, **kw)


I, B, A, D = '+I', '-U', '+U', '-D'


def adds(*values):
    return [(I, v) for v in values]


def numbers():
    for type, top in (('TINYINT', 127), ('SMALLINT', 32767), ('INT', 2147483647), ('BIGINT', 9223372036854775807)):
        low = type.lower()
        aggregate('sum_%s_wraps' % low, type, 'sum', adds(top, 1))
        aggregate('sum_%s_down' % low, type, 'sum', adds(-top - 1, -1, None, 5))
        aggregate('sum_%s_retract' % low, type, 'sum', [(I, 5), (B, 5), (A, 7), (D, 3)])
        aggregate('sum_%s_retract_first' % low, type, 'sum', [(D, -top - 1), (I, 1)])
        aggregate('product_%s_wraps' % low, type, 'product', adds(top, 2, None))
        aggregate('product_%s_retract' % low, type, 'product', [(I, -17), (D, 4), (D, None)])
        aggregate('product_%s_least' % low, type, 'product', [(I, -top - 1), (D, -1)])
        aggregate('product_%s_by_zero' % low, type, 'product', [(I, 3), (D, 0)])
        aggregate('product_%s_null' % low, type, 'product', [(D, 3), (I, None), (I, 4)])
        aggregate('max_%s' % low, type, 'max', adds(-top - 1, None, top, 0))
        aggregate('min_%s' % low, type, 'min', adds(top, None, -top - 1, 0))
    for type in ('FLOAT', 'DOUBLE'):
        low = type.lower()
        aggregate('sum_' + low, type, 'sum', adds(0.1, 0.2, None, 1e30, -1e30, 3.5))
        aggregate('sum_%s_retract' % low, type, 'sum', [(D, 0.25), (I, 1.5), (D, None), (D, 0.1)])
        aggregate('sum_%s_zero' % low, type, 'sum', [(D, 0.0), (D, 0.0)])
        aggregate('sum_%s_nan' % low, type, 'sum', adds('Infinity', '-Infinity', 1))
        aggregate('product_' + low, type, 'product', [(I, 0.1), (I, 3.0), (D, 7.0), (D, 0.0)])
        aggregate('max_' + low, type, 'max', adds(-0.0, 0.0, 'NaN', 'Infinity'))
        aggregate('min_' + low, type, 'min', adds(0.0, -0.0, 'NaN', None))
        aggregate('max_%s_zero' % low, type, 'max', adds(-0.0, 0.0))
    nines = '9' * 18
    for type, name, rows in (
            ('DECIMAL(4,2)', 'sum_beyond', adds('99.99', '99.99', '-0.01')),
            ('DECIMAL(4,2)', 'sum_minus', [(D, '99.99'), (D, '0.01')]),
            ('DECIMAL(9,0)', 'sum_nine', adds('999999999', '999999999')),
            ('DECIMAL(18,0)', 'sum_64_bits', adds(*[nines] * 9)),
            ('DECIMAL(18,0)', 'sum_64_bits_over', adds(*[nines] * 10 + ['7'])),
            ('DECIMAL(18,9)', 'sum_64_bits_under', [(D, '999999999.999999999')] * 11),
            ('DECIMAL(19,0)', 'sum_wide', adds('9999999999999999998', '1')),
            ('DECIMAL(19,0)', 'sum_wide_over', adds('9' * 19, '1', None, '5')),
            ('DECIMAL(38,0)', 'sum_38', adds('9' * 38, '-1', '1')),
            ('DECIMAL(38,0)', 'sum_38_over', adds('9' * 38, '9' * 38)),
            ('DECIMAL(38,38)', 'sum_38_38', adds('0.' + '9' * 38, '-0.' + '9' * 37 + '8')),
            ('DECIMAL(38,10)', 'sum_retract', [(D, '1.5'), (I, '2.25'), (D, None), (D, '-' + '9' * 28)])):
        aggregate('decimal_' + name, type, 'sum', rows)
    for type, name, rows in (
            ('DECIMAL(5,2)', 'rounds', adds('1.25', '1.25')),
            ('DECIMAL(5,2)', 'half_up', adds('0.05', '0.10')),
            ('DECIMAL(5,2)', 'half_up_minus', adds('-0.05', '0.10')),
            ('DECIMAL(5,2)', 'below_half', adds('0.04', '0.11')),
            ('DECIMAL(5,2)', 'over', adds('999.99', '1.01', '2.00')),
            ('DECIMAL(5,0)', 'scale_zero', adds('123', '7')),
            ('DECIMAL(18,9)', 'long', adds('123456789.123456789', '1.000000001')),
            ('DECIMAL(38,18)', 'wide', adds('12345678901234567890.123456789012345678', '-1.000000000000000001')),
            ('DECIMAL(38,0)', 'wide_over', adds('9' * 38, '9' * 38)),
            ('DECIMAL(38,38)', 'all_fraction', adds('0.' + '9' * 38, '0.' + '9' * 38)),
            ('DECIMAL(38,37)', 'fraction', adds('3.' + '3' * 37, '2.' + '7' * 37)),
            ('DECIMAL(5,2)', 'quotient', [(I, '1.00'), (D, '8.00')]),
            ('DECIMAL(5,2)', 'quotient_minus', [(I, '-1.00'), (D, '8.00')]),
            ('DECIMAL(5,2)', 'quotient_endless', [(I, '1.00'), (D, '3.00')]),
            ('DECIMAL(5,2)', 'quotient_ends', [(I, '9.00'), (D, '3.00')]),
            ('DECIMAL(5,2)', 'quotient_zero', [(I, '9.00'), (D, '0.00')]),
            ('DECIMAL(5,2)', 'quotient_of_zero', [(I, '0.00'), (D, '3.00')]),
            ('DECIMAL(5,2)', 'quotient_over', [(I, '500.00'), (D, '0.01')]),
            ('DECIMAL(38,10)', 'quotient_wide', [(I, '1234567890123456789012345678.5'), (D, '1250000000000.0')]),
            ('DECIMAL(38,0)', 'quotient_one', [(I, '9' * 38), (D, '9' * 38)]),
            ('DECIMAL(38,0)', 'quotient_half', [(I, '1'), (D, '2')]),
            ('DECIMAL(38,0)', 'quotient_half_minus', [(I, '-1'), (D, '2')])):
        aggregate('decimal_product_' + name, type, 'product', rows)
    aggregate('max_decimal', 'DECIMAL(20,2)', 'max', adds('-5.00', '123456789012345678.10', None, '7.00'))
    aggregate('min_decimal', 'DECIMAL(6,2)', 'min', adds('5.00', '-1.10', None, '7.00'))


def values():
    for type, low, high in (('STRING', 'Zebra', 'zebr\u00e4'), ('VARCHAR(9)', '', 'a'), ('BYTES', '7f', '80'),
                            ('STRING', '\uffee', '\U0001f600'), ('DATE', '1969-12-31', '2024-02-29'),
                            ('TIMESTAMP(6)', '2024-02-29T12:34:56.789012000', '2024-02-29T12:34:56.789013000'),
                            ('TIMESTAMP(3)', '1969-12-31T23:59:59.999000000', '1970-01-01T00:00:00.000000000'),
                            ('TIMESTAMP(6) WITH LOCAL TIME ZONE', '1969-12-31T23:59:59.999999000Z', '1970-01-01T00:00:00.000000000Z'),
                            ('TIME(3)', '00:00:00.000', '23:59:59.999')):
        label = '%s_%d' % (type.split('(')[0].lower(), len(CASES))
        aggregate('max_' + label, type, 'max', adds(low, None, high, low))
        aggregate('min_' + label, type, 'min', adds(high, None, low, high))
        aggregate('last_value_' + label, type, 'last_value', adds(low, high, None))
        aggregate('last_non_null_' + label, type, 'last_non_null_value', adds(low, high, None))
    aggregate('max_retract', 'INT', 'max', [(I, 5), (D, 5)])
    aggregate('max_ignore_retract', 'INT', 'max', [(I, 5), (B, 5), (A, 3), (D, 9)], {'ignore-retract': 'true'})
    aggregate('last_value', 'INT', 'last_value', [(I, 5), (B, 5), (A, None), (I, 7), (D, 1)])
    aggregate('last_value_again', 'INT', 'last_value', [(I, 5), (D, 5), (I, 8)])
    aggregate('last_non_null_retract', 'INT', 'last_non_null_value', [(I, 5), (D, None), (I, None)])
    aggregate('last_non_null_retract_set', 'INT', 'last_non_null_value', [(I, 5), (B, 4), (A, None)])
    aggregate('first_value', 'STRING', 'first_value', adds(None, 'a', 'b'))
    aggregate('first_value_retract', 'STRING', 'first_value', [(I, 'a'), (D, 'a')])
    aggregate('first_value_ignore', 'STRING', 'first_value', [(D, 'a'), (I, 'b'), (I, 'c')], {'ignore-retract': 'true'})
    aggregate('first_non_null', 'STRING', 'first_non_null_value', adds(None, 'a', 'b', None))
    aggregate('first_not_null', 'STRING', 'first_not_null_value', adds(None, None, 'x', 'b'))
    aggregate('first_non_null_none', 'STRING', 'first_non_null_value', adds(None, None))
    for f in ('bool_and', 'bool_or'):
        for n, rows in enumerate(([True, False], [False, True], [None, True], [True, None], [None, False, None], [None, None],
                                  [True, True], [False, False])):
            aggregate('%s_%d' % (f, n), 'BOOLEAN', f, adds(*rows))
        aggregate(f + '_retract', 'BOOLEAN', f, [(I, True), (D, True)])
    aggregate('default_is_last_non_null', 'INT', 'last_non_null_value', adds(1, None))
    case('no_function', 'a INT; b STRING', {'merge-engine': 'aggregation'}, [(I, 1, 'x'), (I, None, 'y'), (I, 3, None)])
    case('default_function', 'a INT; b BIGINT', {'merge-engine': 'aggregation', 'fields.default-aggregate-function': 'sum',
                                                  'fields.b.aggregate-function': 'min'},
         [(I, 1, 10), (I, 2, 5), (I, 3, 20)])
    aggregate('lone_delete', 'INT', 'sum', [(D, 5)])
    aggregate('lone_old_image', 'INT', 'sum', [(B, 5)])
    aggregate('all_retracts', 'INT', 'sum', [(D, 5), (D, 6)])
    aggregate('in_one_commit', 'INT', 'sum', [(I, 5), (B, 5), (A, 6), (D, 6), (I, 1)], each=False)
    aggregate('in_two_commits', 'INT', 'sum', [(I, 5), (A, 6), None, (D, 6), (I, 1)], each=False)
    remove = {'merge-engine': 'aggregation', 'fields.v.aggregate-function': 'sum', 'aggregation.remove-record-on-delete': 'true'}
    case('remove_on_delete', 'v INT', remove, [(I, 5), (I, 6), (D, 6)])
    case('remove_then_add', 'v INT', remove, [(I, 5), (D, 5), (I, 3)])
    case('remove_then_add_commit', 'v INT', remove, [(I, 5), (D, 5), None, (I, 3)], each=False)
    case('remove_old_image', 'v INT', remove, [(I, 5), (B, 5), (A, 7)])
    case('remove_not_null', 'v INT NOT NULL', remove, [(I, 5), (D, 5), (I, 3)])
    case('aggregate_ignore_delete', 'v INT', {'merge-engine': 'aggregation', 'fields.v.aggregate-function': 'sum', 'ignore-delete': 'true'},
         [(I, 5), (D, 5), (B, 1), (I, 3)])
    case('aggregate_ignore_old_image', 'v INT', {'merge-engine': 'aggregation', 'fields.v.aggregate-function': 'sum',
                                                 'ignore-update-before': 'true'}, [(I, 5), (B, 5), (A, 6), (D, 1)])


def texts():
    aggregate('listagg', 'STRING', 'listagg', adds('a', None, 'b', '', 'c'))
    aggregate('listagg_null_first', 'STRING', 'listagg', adds(None, 'b', None))
    aggregate('listagg_empty_first', 'STRING', 'listagg', adds('', '', 'x'))
    aggregate('listagg_retract', 'STRING', 'listagg', [(I, 'a'), (D, 'a')])
    aggregate('listagg_delimiter', 'STRING', 'listagg', adds('a', 'b', 'c'), {'list-agg-delimiter': ' - '})
    aggregate('listagg_no_delimiter', 'STRING', 'listagg', adds('a', 'b'), {'list-agg-delimiter': ''})
    aggregate('listagg_blank', 'STRING', 'listagg', adds('a', ' ', 'b'))
    aggregate('listagg_distinct', 'STRING', 'listagg', adds('a,b', 'b,c', 'a', 'd,,d', ',', 'e,'), {'distinct': 'true'})
    aggregate('listagg_distinct_first', 'STRING', 'listagg', adds('a,a', 'a', 'b,b'), {'distinct': 'true'})
    aggregate('listagg_distinct_delimiter', 'STRING', 'listagg', adds('a::b', 'b::c:a', 'a:'), {'distinct': 'true', 'list-agg-delimiter': '::'})
    aggregate('listagg_distinct_none', 'STRING', 'listagg', adds('a b', 'b c', 'cb'), {'distinct': 'true', 'list-agg-delimiter': ''})
    aggregate('listagg_distinct_utf8', 'STRING', 'listagg', adds('\u00e4\u2013\u00f6', '\u00f6\u2013\U0001f600'), {'distinct': 'true', 'list-agg-delimiter': '\u2013'})
    aggregate('listagg_varchar', 'VARCHAR(20)', 'listagg', adds('a', 'b'))


def row(*fields):
    return {'type': 'ROW', 'fields': [{'name': n, 'type': t} for n, t in fields]}


def array(element):
    return {'type': 'ARRAY', 'element': element}


def map_(key, value):
    return {'type': 'MAP', 'key': key, 'value': value}


def nested():
    for type, a, b, c in (('INT', 1, 2, None), ('STRING', 'a', 'b', None), ('BYTES', '00', 'ff', None),
                          ('DOUBLE', 0.0, -0.0, 'NaN'), ('DECIMAL(20,2)', '1.00', '12345678901234567.89', None),
                          ('TIMESTAMP(6)', '2024-02-29T12:34:56.789012000', '2024-02-29T12:34:56.789000000', None)):
        label = type.split('(')[0].lower()
        aggregate('collect_' + label, array(type), 'collect', adds([a, b], None, [b, c], []))
        aggregate('collect_distinct_' + label, array(type), 'collect', adds([a, b, a], None, [b, c, c]), {'distinct': 'true'}, unordered=['v'])
        aggregate('collect_retract_' + label, array(type), 'collect', [(I, [a, b, a, c]), (D, [a, c]), (D, []), (D, None)])
        aggregate('collect_distinct_null_' + label, array(type), 'collect', adds(None, [a, a], None), {'distinct': 'true'}, unordered=['v'])
    aggregate('collect_retract_first', array('INT'), 'collect', [(D, [1]), (I, [2]), (D, [3])])
    aggregate('collect_nested', array(array('INT')), 'collect', adds([[1, 2], [3]], [[3], [1, 2], None]), {'distinct': 'true'}, unordered=['v'])
    pair = row(('k', 'INT'), ('s', 'STRING'))
    r = lambda k, s: {'k': k, 's': s}
    aggregate('collect_rows', array(pair), 'collect', adds([r(1, 'a'), r(2, 'b')], [r(2, 'b'), r(1, 'b'), r(None, None), r(None, None)]), {'distinct': 'true'}, unordered=['v'])
    aggregate('collect_rows_retract', array(pair), 'collect', [(I, [r(1, 'a'), r(2, 'b'), r(1, 'a')]), (D, [r(1, 'a')])])

    text_map = map_('STRING', 'INT')
    aggregate('merge_map', text_map, 'merge_map', adds([['a', 1], ['b', 2]], None, [['b', 3], ['c', None]], []))
    aggregate('merge_map_retract', text_map, 'merge_map', [(I, [['a', 1], ['b', 2]]), (D, [['b', 9], ['z', 1]]), (D, []), (D, None)])
    aggregate('merge_map_retract_first', text_map, 'merge_map', [(D, [['a', 1]]), (I, [['b', 2]])])
    aggregate('merge_map_int', map_('INT', 'STRING'), 'merge_map', adds([[1, 'x'], [-1, 'y']], [[1, 'z']]))
    aggregate('merge_map_bytes', map_('BIGINT', 'BYTES'), 'merge_map', adds([[1, '00']], [[1, 'ff'], [2, 'aa']]))

    timed = map_('STRING', row(('v', 'INT'), ('t', 'STRING')))
    t = lambda v, time: {'v': v, 't': time}
    aggregate('keytime', timed, 'merge_map_with_keytime', adds(
        [['a', t(1, '10')], ['b', t(2, '20')], ['n', t(3, None)]], None,
        [['a', t(9, '09')], ['b', t(8, '20')], ['c', t(7, '01')], ['n', t(4, '00')], ['x', t(1, None)]],
        [['b', t(6, '21')], ['a', t(5, '\uffee')]], [['a', t(4, '\U0001f600')]]))
    aggregate('keytime_null_removes', timed, 'merge_map_with_keytime', adds([['a', t(1, '10')], ['b', t(2, '20')]], [['a', None], ['q', None]], [['a', t(3, '01')]]))
    aggregate('keytime_field', map_('STRING', row(('t', 'STRING'), ('v', 'INT'))), 'merge_map_with_keytime',
              adds([['a', {'t': '2', 'v': 1}]], [['a', {'t': '1', 'v': 2}]], [['a', {'t': '3', 'v': 3}]]), {'ts-field': 't'})
    aggregate('keytime_retract', timed, 'merge_map_with_keytime', [(I, [['a', t(1, '10')]]), (D, [['a', t(1, '10')]])])

    wide = row(('k', 'INT'), ('s', 'STRING'), ('n', 'INT'))
    w = lambda k, s, n: {'k': k, 's': s, 'n': n}
    aggregate('nested_update', array(wide), 'nested_update', adds([w(1, 'a', 1)], None, [w(1, 'a', 1), w(2, None, 2)]))
    aggregate('nested_update_limit', array(wide), 'nested_update', adds([w(1, 'a', 1), w(2, 'b', 2)], [w(3, 'c', 3), w(4, 'd', 4)], [w(5, 'e', 5)]), {'count-limit': '3'})
    aggregate('nested_update_limit_zero', array(wide), 'nested_update', adds([w(1, 'a', 1)], [w(3, 'c', 3)]), {'count-limit': '0'})
    aggregate('nested_update_key', array(wide), 'nested_update', adds([w(1, 'a', 1), w(2, 'b', 2)], [w(2, 'c', None), w(3, 'd', 4), w(None, 'e', 5)]), {'nested-key': 'k'}, unordered=['v'])
    aggregate('nested_update_keys', array(wide), 'nested_update', adds([w(1, 'a', 1), w(1, 'b', 2)], [w(1, 'a', 3), w(1, None, 4)], [w(1, None, 5)]), {'nested-key': 'k, s'}, unordered=['v'])
    aggregate('nested_update_retract', array(wide), 'nested_update', [(I, [w(1, 'a', 1), w(2, 'b', 2), w(1, 'a', 1)]), (D, [w(1, 'a', 1), w(2, 'x', 2)])])
    aggregate('nested_update_retract_key', array(wide), 'nested_update', [(I, [w(1, 'a', 1), w(2, 'b', 2)]), (D, [w(1, 'z', 9)]), (D, None)], {'nested-key': 'k'}, unordered=['v'])
    aggregate('nested_update_retract_first', array(wide), 'nested_update', [(D, [w(1, 'a', 1)]), (I, [w(2, 'a', 1)])])
    aggregate('nested_partial', array(wide), 'nested_partial_update', adds([w(1, 'a', None), w(2, 'b', 2)], [w(1, None, 7), w(3, 'c', None)], [w(3, None, 3)]), {'nested-key': 'k'}, unordered=['v'])
    aggregate('nested_partial_retract', array(wide), 'nested_partial_update', [(I, [w(1, 'a', 1)]), (D, [w(1, 'a', 1)])], {'nested-key': 'k'})


def bitmap32(values):
    """The portable form with array containers."""
    import struct
    groups = {}
    for v in sorted(values):
        groups.setdefault(v >> 16, []).append(v & 0xffff)
    out = struct.pack('<II', 12346, len(groups))
    for key, lows in sorted(groups.items()):
        out += struct.pack('<HH', key, len(lows) - 1)
    offset = len(out) + 4 * len(groups)
    for _, lows in sorted(groups.items()):
        out += struct.pack('<I', offset)
        offset += len(lows) * 2 if len(lows) <= 4096 else 8192
    for _, lows in sorted(groups.items()):
        if len(lows) <= 4096:
            out += struct.pack('<%dH' % len(lows), *lows)
        else:
            bits = bytearray(8192)
            for low in lows:
                bits[low >> 3] |= 1 << (low & 7)
            out += bytes(bits)
    return out.hex()


def bitmaps():
    import random
    rng = random.Random(5)
    aggregate('rbm32', 'BYTES', 'rbm32', adds(bitmap32([1, 5, 70000]), None, bitmap32([5, 6, 4294967295])))
    aggregate('rbm32_runs', 'BYTES', 'rbm32', adds(bitmap32(range(100, 200)), bitmap32(range(150, 400)), bitmap32([1])))
    aggregate('rbm32_dense', 'BYTES', 'rbm32', adds(bitmap32(range(0, 8400, 2)), bitmap32(range(1, 30, 7))))
    aggregate('rbm32_full', 'BYTES', 'rbm32', adds(bitmap32(range(0, 65536, 2)), bitmap32(range(1, 65536, 2))))
    aggregate('rbm32_empty', 'BYTES', 'rbm32', adds(bitmap32([]), bitmap32([])))
    aggregate('rbm32_random', 'BYTES', 'rbm32', adds(*[bitmap32(rng.sample(range(200000), 500)) for _ in range(3)]))
    aggregate('rbm32_broken', 'BYTES', 'rbm32', adds('00', bitmap32([1])))


def orders():
    one = {'sequence.field': 's'}
    rows = [(I, 5, 'a'), (A, 3, 'b'), (A, None, 'c'), (A, 5, 'd'), (D, 4, 'e')]
    for each in (True, False):
        n = 'commits' if each else 'buffer'
        case('order_%s' % n, 's INT; v STRING', one, rows, each=each)
        case('order_last_deletes_%s' % n, 's INT; v STRING', one, rows + [(D, 9, 'f')], each=each)
        case('order_all_null_%s' % n, 's INT; v STRING', one, [(I, None, 'a'), (A, None, 'b')], each=each)
        case('order_two_%s' % n, 's INT; t DATE; v STRING', {'sequence.field': 's, t'},
             [(I, 1, '2024-01-02', 'a'), (A, 1, '2024-01-01', 'b'), (A, None, '2025-01-01', 'c'), (A, 1, None, 'd')], each=each)
        case('order_sum_%s' % n, 's INT; v INT', {'sequence.field': 's', 'merge-engine': 'aggregation', 'fields.v.aggregate-function': 'sum'},
             [(I, 5, 10), (I, 3, 20), (D, 4, 7)], each=each)
        case('order_first_value_%s' % n, 's INT; v INT', {'sequence.field': 's', 'merge-engine': 'aggregation', 'fields.v.aggregate-function': 'first_value'},
             [(I, 5, 10), (I, 3, 20), (I, 4, 30)], each=each)
        case('order_partial_%s' % n, 's INT; a INT; b INT', {'sequence.field': 's', 'merge-engine': 'partial-update'},
             [(I, 5, 10, None), (I, 3, 20, 21), (I, 4, None, 31)], each=each)
    case('order_descending', 's INT; v STRING', {'sequence.field': 's', 'sequence.field.sort-order': 'descending'},
         [(I, 5, 'a'), (A, 3, 'b'), (A, None, 'c'), (A, 4, 'd')])
    case('order_descending_ties', 's INT; v STRING', {'sequence.field': 's', 'sequence.field.sort-order': 'descending'},
         [(I, 3, 'a'), (A, 3, 'b'), (A, 4, 'd')])
    for type, low, high in (('STRING', 'b', 'ba'), ('DECIMAL(20,1)', '-1.0', '12345678901234567.1'), ('DOUBLE', -0.0, 0.0),
                            ('TIMESTAMP(6)', '2024-02-29T12:34:56.789012000', '2024-02-29T12:34:56.789013000'),
                            ('BOOLEAN', False, True), ('BYTES', '7f', '80')):
        case('order_by_' + type.split('(')[0].lower(), 's %s; v STRING' % type, one, [(I, high, 'new'), (A, low, 'old')])
    case('kind_by_column', 'op STRING; v INT', {'rowkind.field': 'op'}, [(I, '+I', 1), (I, '+U', 2), (I, 2, '+I', 3), (I, 2, '-d', 3)])
    case('kind_by_column_update', 'op STRING; v INT', {'rowkind.field': 'op', 'ignore-update-before': 'true'}, [(I, '+I', 1), (I, '-U', 2)])
    case('kind_unknown', 'op STRING; v INT', {'rowkind.field': 'op'}, [(I, 'I', 1)])
    case('kind_null', 'op STRING; v INT', {'rowkind.field': 'op'}, [(I, None, 1)])
    case('ignore_delete', 'v INT', {'ignore-delete': 'true'}, [(I, 1), (D, 1), (B, 1), (I, 2, 5), (D, 2, 5), (A, 2, 7)])
    case('ignore_delete_alias', 'v INT', {'partial-update.ignore-delete': 'true'}, [(I, 1), (D, 1)])
    case('ignore_old_image', 'v INT', {'ignore-update-before': 'true'}, [(I, 1), (B, 1), (I, 2, 5), (D, 2, 5)])
    case('old_image_deletes', 'v INT', {}, [(I, 1), (B, 1), (I, 2, 5), (B, 2, 5), (A, 2, 6)])
    first = {'merge-engine': 'first-row'}
    case('first_row', 'v INT', first, [(I, 1), (A, 2), (I, 2, 5), (I, None)], compacts=True)
    case('first_row_null', 'v INT', first, [(I, None), (I, 2)], compacts=True)
    case('first_row_delete', 'v INT', first, [(I, 1), (D, 1)], each=False, compacts=True)
    case('first_row_ignore', 'v INT', dict(first, **{'ignore-delete': 'true'}), [(D, 1), (I, 2), (B, 2), (A, 3), (D, 2, 2)], compacts=True)
    case('first_row_buffer', 'v INT', first, [(I, 1), (A, 2), (I, 3)], each=False, compacts=True)


def partial():
    p = {'merge-engine': 'partial-update'}
    case('partial', 'a INT; b STRING', p, [(I, 1, None), (I, None, 'x'), (A, 2, None), (I, None, None)])
    case('partial_buffer', 'a INT; b STRING', p, [(I, 1, None), (I, None, 'x'), None, (A, 2, None), (I, None, None)], each=False)
    case('partial_delete', 'a INT; b STRING', p, [(I, 1, None), (D, 1, None)])
    case('partial_old_image', 'a INT; b STRING', p, [(I, 1, None), (B, 1, None)])
    case('partial_lone_delete', 'a INT; b STRING', p, [(D, 1, None)])
    case('partial_ignore_delete', 'a INT; b STRING', dict(p, **{'ignore-delete': 'true'}), [(I, 1, None), (D, 1, 'y'), (I, None, None)])
    case('partial_not_null', 'a INT NOT NULL; b STRING', p, [(I, 1, None), (I, 2, 'x')])
    remove = dict(p, **{'partial-update.remove-record-on-delete': 'true'})
    case('partial_remove', 'a INT; b STRING', remove, [(I, 1, 'x'), (D, 1, None)])
    case('partial_remove_again', 'a INT; b STRING', remove, [(I, 1, 'x'), (D, 3, 'z'), (I, None, None)])
    case('partial_remove_then_old_image', 'a INT; b STRING', remove, [(I, 1, 'x'), (D, 3, 'z'), (B, 9, 'q')])
    case('partial_remove_old_image_first', 'a INT; b STRING', remove, [(B, 1, 'x'), (I, None, 'y')])
    case('partial_remove_old_images', 'a INT; b STRING', remove, [(B, 1, 'x'), (B, 2, 'y')])
    case('partial_default_function', 'a INT; b STRING', dict(p, **{'fields.default-aggregate-function': 'last_non_null_value'}),
         [(I, 1, None), (I, None, 'x')])
    g = dict(p, **{'fields.g.sequence-group': 'a', 'fields.h.sequence-group': 'b'})
    columns = 'g INT; a INT; h INT; b INT; c INT'
    case('groups', columns, g, [(I, 1, 10, 1, 20, 30), (I, 0, 11, 2, 21, None), (I, 2, None, 1, 22, 31), (I, None, 12, None, 23, None)])
    case('groups_buffer', columns, g, [(I, 1, 10, 1, 20, 30), (I, 0, 11, 2, 21, None), None, (I, 2, None, 1, 22, 31), (I, None, 12, None, 23, None)], each=False)
    case('groups_delete', columns, g, [(I, 1, 10, 1, 20, 30), (D, 2, 10, 0, 20, 30)])
    case('groups_delete_again', columns, g, [(I, 1, 10, 1, 20, 30), (D, 1, 10, 1, 20, 30), (I, 1, 5, None, 6, 7)])
    case('groups_delete_first', columns, g, [(D, 3, 10, 3, 20, 30), (I, 2, 1, 4, 2, 3)])
    case('groups_all_deleted', columns, g, [(D, 3, 10, 3, 20, 30), (B, 2, 1, 4, 2, 3)])
    case('groups_old_image', columns, g, [(I, 1, 10, 1, 20, 30), (B, 1, 10, 1, 20, 30), (A, 1, 11, 1, None, 33)])
    case('groups_ignore_delete', columns, dict(g, **{'ignore-delete': 'true'}), [(D, 1, 10, 1, 20, 30), (I, 1, None, None, 20, None), (D, 5, 1, 5, 1, 1)])
    two = dict(p, **{'fields.g,h.sequence-group': 'a,b'})
    case('two_fields', columns, two, [(I, 1, 10, 1, 20, 30), (I, 1, 11, 0, 21, 31), (I, 0, 12, 9, 22, 32), (I, None, 13, 9, 23, 33), (I, 1, 14, None, 24, None), (I, None, 15, None, 25, None), (I, 1, None, 2, 26, None)])
    case('two_fields_delete', columns, two, [(I, 1, 10, 1, 20, 30), (D, 1, 11, 0, 21, 31), (D, None, 1, None, 2, 3)])
    case('two_fields_delete_newer', columns, two, [(I, 1, 10, 1, 20, 30), (D, 1, 11, 2, 21, 31), (I, 1, 7, 1, 7, 7)])
    behind = 'a INT; b INT; g INT'
    case('group_behind', behind, dict(p, **{'fields.g.sequence-group': 'a,b'}), [(I, 1, 2, 5), (I, 3, 4, 4), (I, None, 6, 5), (D, 0, 0, 6)])
    gone = dict(g, **{'partial-update.remove-record-on-sequence-group': 'h'})
    case('group_removes', columns, gone, [(I, 1, 10, 1, 20, 30), (D, 1, 10, 1, 20, 30)])
    case('group_removes_older', columns, gone, [(I, 1, 10, 5, 20, 30), (D, 1, 10, 1, 20, 30)])
    case('group_removes_old_image', columns, gone, [(I, 1, 10, 1, 20, 30), (B, 1, 10, 1, 20, 30)])
    case('group_removes_then_add', columns, gone, [(I, 1, 10, 1, 20, 30), (D, 2, 11, 2, 21, 31), (I, 3, 12, None, None, None)])
    case('group_removes_both', columns, dict(g, **{'partial-update.remove-record-on-sequence-group': 'g,h'}), [(I, 1, 10, 1, 20, 30), (D, 1, None, None, None, None)])
    for f, type in (('sum', 'INT'), ('max', 'INT'), ('first_value', 'INT'), ('first_non_null_value', 'INT'), ('last_value', 'INT'),
                    ('last_non_null_value', 'INT'), ('product', 'INT')):
        o = dict(p, **{'fields.g.sequence-group': 'a', 'fields.a.aggregate-function': f})
        c = 'g INT; a %s' % type
        case('group_%s' % f, c, o, [(I, 2, 7), (I, 1, 5), (I, 3, None), (I, 3, 4), (I, None, 9)])
        case('group_%s_older' % f, c, o, [(I, 5, None), (I, 1, 5), (I, 0, None), (I, 7, 6), (I, 2, 3)])
        case('group_%s_delete' % f, c, o, [(I, 2, 7), (D, 2, 7)])
        case('group_%s_delete_older' % f, c, o, [(I, 2, 7), (D, 1, 3), (I, 2, 2)])
        case('group_%s_delete_first' % f, c, o, [(D, 2, 7), (I, 1, 3), (I, 2, 2)])
        case('group_%s_ignore' % f, c, dict(o, **{'fields.a.ignore-retract': 'true'}), [(I, 2, 7), (D, 3, 7), (B, 1, 7), (I, 2, 9)])
    case('group_listagg', 'g INT; a STRING', dict(p, **{'fields.g.sequence-group': 'a', 'fields.a.aggregate-function': 'listagg'}),
         [(I, 2, 'b'), (I, 1, 'a'), (I, 3, 'c')])
    for extra, n in (({}, ''), ({'fields.a.ignore-retract': 'true'}, '_ignore')):
        case('group_collect' + n, [('g', 'INT'), ('a', array('INT'))], dict(p, **{'fields.g.sequence-group': 'a', 'fields.a.aggregate-function': 'collect'}, **extra),
             [(I, 2, [2]), (I, 1, [1]), (I, 3, [3])])
    case('group_default_function', 'g INT; a INT; b INT', dict(p, **{'fields.g.sequence-group': 'a,b', 'fields.default-aggregate-function': 'sum', 'fields.b.aggregate-function': 'max'}),
         [(I, 2, 2, 2), (I, 1, 1, 9), (I, 3, 3, 1)])
    case('group_of_key', 'g INT; a INT', dict(p, **{'fields.g.sequence-group': 'id,a'}), [(I, 2, 2), (I, 1, 1), (D, 3, 3), (I, 3, 4)])
    case('groups_and_order', 's INT; g INT; a INT; b INT', dict(p, **{'fields.g.sequence-group': 'a', 'sequence.field': 's'}),
         [(I, 5, 1, 10, 50), (I, 4, 2, 20, 40), (I, 6, None, 30, None)])
    case('group_text', 'g STRING; a INT', dict(p, **{'fields.g.sequence-group': 'a'}), [(I, 'b', 1), (I, 'ab', 2), (I, 'b', 3), (I, '', 4)])
    case('group_plain_function', 'g INT; a INT; b INT', dict(p, **{'fields.g.sequence-group': 'a', 'fields.b.aggregate-function': 'last_non_null_value'}),
         [(I, 1, 1, 1), (I, 0, 2, None), (I, 2, 3, 5)])


def refused():
    """Tables that Paimon does not make."""
    p = {'merge-engine': 'partial-update'}
    a = {'merge-engine': 'aggregation'}
    for name, options in (
            ('engine', {'merge-engine': 'frobnicate'}),
            ('function', dict(a, **{'fields.a.aggregate-function': 'count'})),
            ('function_type', dict(a, **{'fields.t.aggregate-function': 'sum'})),
            ('column', dict(a, **{'fields.z.aggregate-function': 'sum'})),
            ('order_column', {'sequence.field': 'z'}),
            ('order_twice', {'sequence.field': 'a,a'}),
            ('order_function', dict(a, **{'sequence.field': 'a', 'fields.a.aggregate-function': 'sum'})),
            ('order_first_row', {'merge-engine': 'first-row', 'sequence.field': 'a'}),
            ('kind_column', {'rowkind.field': 'z'}),
            ('group_column', dict(p, **{'fields.a.sequence-group': 'z'})),
            ('group_twice', dict(p, **{'fields.a.sequence-group': 'b', 'fields.t.sequence-group': 'b'})),
            ('ungrouped_function', dict(p, **{'fields.a.aggregate-function': 'sum'})),
            ('remove_and_ignore', dict(p, **{'partial-update.remove-record-on-delete': 'true', 'ignore-delete': 'true'})),
            ('remove_and_group', dict(p, **{'partial-update.remove-record-on-delete': 'true', 'fields.a.sequence-group': 'b'})),
            ('remove_group_and_ignore', dict(p, **{'partial-update.remove-record-on-sequence-group': 'a', 'fields.a.sequence-group': 'b', 'ignore-delete': 'true'})),
            ('remove_no_group', dict(p, **{'partial-update.remove-record-on-sequence-group': 'b', 'fields.a.sequence-group': 'b'})),
            ('remove_and_ignore_retract', dict(a, **{'aggregation.remove-record-on-delete': 'true', 'fields.a.aggregate-function': 'max', 'fields.a.ignore-retract': 'true'})),
            ('first_row_input', {'merge-engine': 'first-row', 'changelog-producer': 'input'}),
            ('listagg_type', dict(a, **{'fields.a.aggregate-function': 'listagg'})),
            ('bool_type', dict(a, **{'fields.a.aggregate-function': 'bool_or'})),
            ('collect_type', dict(a, **{'fields.a.aggregate-function': 'collect'})),
            ('map_type', dict(a, **{'fields.a.aggregate-function': 'merge_map'})),
            ('nested_type', dict(a, **{'fields.a.aggregate-function': 'nested_update'})),
            ('rbm_type', dict(a, **{'fields.a.aggregate-function': 'rbm32'})),
            ('direction', {'sequence.field': 'a', 'sequence.field.sort-order': 'up'})):
        case('refused_' + name, 'a INT; b INT; t STRING', options, [(I, 1, 1, 2, 'x'), (I, 1, 3, 4, 'y')])


class Number(str):
    """A number as it is written: -0 and 0 differ."""


def dump(v):
    if isinstance(v, Number):
        return str(v)
    if isinstance(v, list):
        return '[' + ','.join(dump(x) for x in v) + ']'
    if isinstance(v, dict):
        return '{' + ','.join(dump(k) + ':' + dump(x) for k, x in v.items()) + '}'
    return json.dumps(v, ensure_ascii=False)


def expected(line, unordered):
    """A row as the judge printed it; arrays of unordered columns sorted by their elements' text."""
    if not unordered:
        return line
    row = json.loads(line, parse_int=Number, parse_float=Number)
    for column in unordered:
        if row[column] is not None:
            row[column].sort(key=lambda v: dump(v).encode())
    return dump(row)


def as_text(v):
    """Numbers with fractions as texts: the replay reads whole numbers and texts."""
    if isinstance(v, float):
        return repr(v)
    if isinstance(v, list):
        return [as_text(x) for x in v]
    return {k: as_text(x) for k, x in v.items()} if isinstance(v, dict) else v


def reason(text):
    """What Paimon said, without the folders of this run."""
    return re.sub(r'\S*/([a-z0-9_]+\.ops)', r'\1', text.split('\n')[0])[:160]


def main():
    for make in (numbers, values, texts, nested, bitmaps, orders, partial, refused):
        make()
    names = [c['name'] for c in CASES]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)
    with tempfile.TemporaryDirectory() as work:
        lines = []
        for c in CASES:
            ops = os.path.join(work, c['name'] + '.ops')
            with open(ops, 'w') as f:
                f.write('\n'.join(json.dumps(x) for x in [{'create': c['create']}] + c['lines']) + '\n')
            lines += ['write m.%s --ops %s --quiet' % (c['name'], ops), 'read m.%s' % c['name']]
        batch = os.path.join(work, 'batch')
        with open(batch, 'w') as f:
            f.write('\n'.join(lines) + '\n')
        out = subprocess.run([os.path.join(ROOT, 'tests/judge/judge'), '-w', os.path.join(work, 'lake'), 'batch', batch],
                             stdout=subprocess.PIPE).stdout.decode()
    answers, rows = [], []
    for line in out.split('\n'):
        if line.startswith('\x1e'):
            answers.append((json.loads(line[1:].strip()), rows))
            rows = []
        elif line:
            rows.append(line)
    assert len(answers) == 2 * len(CASES), (len(answers), len(CASES))
    for i, c in enumerate(CASES):
        (wrote, _), (read, found) = answers[2 * i:2 * i + 2]
        head = {'case': c['name'], 'create': c['create']}
        if c['unordered']:
            head['unordered'] = c['unordered']
        fails = wrote['rc'] != 0 or read['rc'] != 0
        last = {'fails': reason(wrote.get('err') or read.get('err') or '?')} if fails else {
            'expect': [expected(r, c['unordered']) for r in found]}
        for x in [head] + as_text(c['lines']) + [last]:
            print(json.dumps(x, ensure_ascii=False, separators=(',', ':')))
    print('%d cases' % len(CASES), file=sys.stderr)


if __name__ == '__main__':
    main()
