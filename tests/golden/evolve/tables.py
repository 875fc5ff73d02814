#!/usr/bin/env python3
"""tables.py OUTDIR: operations of the judge's `write` for the tables of make.sh, one file a table, named <format>-<table>.ops."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GROUPS = {
    'integers': ['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'BOOLEAN'],
    'reals': ['FLOAT', 'DOUBLE', 'DECIMAL(5, 2)', 'DECIMAL(18, 9)', 'DECIMAL(20, 2)', 'DECIMAL(38, 38)'],
    'texts': ['CHAR(3)', 'VARCHAR(4)', 'STRING', 'BINARY(4)', 'VARBINARY(3)', 'BYTES'],
    'times': ['DATE', 'TIME(0)', 'TIME(3)', 'TIMESTAMP(0)', 'TIMESTAMP(3)', 'TIMESTAMP(6)', 'TIMESTAMP(9)', 'TIMESTAMP(3) WITH LOCAL TIME ZONE',
              'TIMESTAMP(9) WITH LOCAL TIME ZONE'],
}
ROWS = 12


def pairs():
    """Of casts.txt: pairs of types that Java casts, each with values that have a counterpart."""
    pair = None
    for line in open(os.path.join(HERE, 'casts.txt'), encoding='utf-8', errors='surrogateescape'):
        parts = line.rstrip('\n').split('\t')
        if parts[0] == '>':
            pair = (json.loads(parts[1]), json.loads(parts[2]), parts[3], [])
            yield pair
        else:
            value, result = parts
            odd = result == '!' or '\udc80' <= max(result) <= '\udcff'
            if pair[1].startswith('TIME('):
                odd = odd or not result.startswith('"')
            if pair[1].startswith('TIMESTAMP'):
                # Java's truncation may leave digits that the type has not, until the value is written
                odd = odd or '+' in result or '-' == result[1] or result.split('.')[1][int(pair[1][10]):9].strip('0') != ''
            if not odd:
                pair[3].append(json.loads(value, parse_float=str, parse_int=str))


def spread(values, count):
    return [values[i * len(values) // count] for i in range(count)] if len(values) > count else values


def fine(form, t):
    return not (form == 'avro' and t.startswith('TIMESTAMP(9'))


def cast_table(form, types):
    columns = []
    for source, target, verdict, values in list(pairs()):
        if verdict == 'ok' and isinstance(source, str) and isinstance(target, str) and source in types and 'NOT NULL' not in target:
            if fine(form, source) and fine(form, target):
                columns.append((source, target, spread(values, ROWS)))
    yield {'create': {'columns': [{'name': 'id', 'type': 'INT NOT NULL'}] + [{'name': 'c%d' % i, 'type': c[0]} for i, c in enumerate(columns)],
                      'primaryKeys': ['id'], 'partitionKeys': [], 'options': options(form)}}
    for r in range(ROWS + 1):
        yield {'k': '+I', 'r': dict([('id', r)] + [('c%d' % i, c[2][r] if r < len(c[2]) else None) for i, c in enumerate(columns)])}
    yield {'commit': True}
    yield {'k': '+U', 'r': dict([('id', 1)] + [('c%d' % i, c[2][0] if c[2] else None) for i, c in enumerate(columns)])}
    yield {'k': '-D', 'r': {'id': 2}}
    yield {'commit': True}
    yield {'alter': [{'type': 'c%d' % i, 'to': c[1]} for i, c in enumerate(columns)]}
    yield {'k': '+I', 'r': {'id': 3}}
    yield {'k': '+I', 'r': {'id': 99}}
    yield {'commit': True}


def options(form, **more):
    return dict({'bucket': '1', 'file.format': form, 'write-only': 'true'}, **more)


def row(*fields):
    return {'type': 'ROW', 'fields': [{'name': n, 'type': t} for n, t in fields]}


def shapes(form, compacts):
    """Columns added, dropped, renamed, moved, added again under an old name; NOT NULL ones; a key of two columns."""
    yield {'create': {'columns': [{'name': 'a', 'type': 'INT'}, {'name': 'k1', 'type': 'STRING NOT NULL'}, {'name': 'b', 'type': 'STRING NOT NULL'},
                                  {'name': 'k2', 'type': 'BIGINT NOT NULL'}, {'name': 'gone', 'type': 'STRING'}, {'name': 'f', 'type': 'FLOAT'}],
                      'primaryKeys': ['k2', 'k1'], 'partitionKeys': [],
                      'options': options(form, **({'write-only': 'false', 'num-sorted-run.compaction-trigger': '2'} if compacts else {}))}}
    for i in range(6):
        yield {'k': '+I', 'r': {'a': i * 100, 'k1': 'k%d' % (i % 2), 'b': 'text %d' % i, 'k2': i // 2, 'gone': 'g%d' % i, 'f': i / 4}}
    yield {'commit': True}
    yield {'alter': [{'add': 'c', 'type': 'DECIMAL(10, 2)', 'after': 'a'}, {'rename': 'b', 'to': 'bb'}, {'rename': 'k1', 'to': 'key'}]}
    yield {'k': '+U', 'r': {'a': 1, 'c': '1.25', 'key': 'k1', 'bb': 'new', 'k2': 1, 'gone': 'still', 'f': 0.5}}
    yield {'k': '-D', 'r': {'a': 0, 'key': 'k0', 'bb': 'x', 'k2': 2}}
    yield {'commit': True}
    if compacts:
        yield {'compact': 'full'}
    yield {'alter': [{'type': 'a', 'to': 'BIGINT'}, {'type': 'f', 'to': 'DOUBLE'}, {'drop': 'gone'}, {'nullable': 'bb', 'to': True}]}
    yield {'k': '+I', 'r': {'a': 1099511627776, 'c': None, 'key': 'k9', 'bb': None, 'k2': 9, 'f': 0.1}}
    yield {'commit': True}
    yield {'alter': [{'add': 'gone', 'type': 'INT'}, {'rename': 'bb', 'to': 'b'}, {'move': 'f', 'first': True}, {'type': 'c', 'to': 'STRING'},
                     {'add': 'd', 'type': 'STRING'}, {'default': 'd', 'to': 'nothing'}]}
    yield {'k': '+I', 'r': {'f': 2, 'a': 5, 'c': 'c', 'key': 'k0', 'b': 'five', 'k2': 0, 'gone': 5}}
    yield {'commit': True}
    yield {'alter': [{'set': 'snapshot.num-retained.max', 'value': '99'}]}
    yield {'k': '+U', 'r': {'f': 3, 'a': 6, 'c': 'd', 'key': 'k1', 'b': 'six', 'k2': 0, 'gone': 6, 'd': 'd'}}
    yield {'commit': True}


def nested(form, compacts):
    """Fields of ROWs, in ROWs, ARRAYs and MAPs."""
    pair = row(('x', 'INT'), ('y', 'STRING'))
    yield {'create': {'columns': [{'name': 'id', 'type': 'INT NOT NULL'}, {'name': 'r', 'type': row(('x', 'INT'), ('y', 'STRING'), ('in', pair))},
                                  {'name': 'l', 'type': {'type': 'ARRAY', 'element': 'INT'}},
                                  {'name': 'lr', 'type': {'type': 'ARRAY', 'element': pair}},
                                  {'name': 'm', 'type': {'type': 'MAP', 'key': 'STRING NOT NULL', 'value': pair}},
                                  {'name': 'mm', 'type': {'type': 'MAP', 'key': 'INT NOT NULL', 'value': {'type': 'ARRAY', 'element': 'FLOAT'}}},
                                  {'name': 'lost', 'type': {'type': 'ARRAY', 'element': row(('p', 'INT'))}},
                                  {'name': 'text', 'type': {'type': 'ARRAY', 'element': 'DATE'}}],
                      'primaryKeys': ['id'], 'partitionKeys': [],
                      'options': options(form, **({'write-only': 'false'} if compacts else {}))}}
    two = {'x': 7, 'y': '12'}
    yield {'k': '+I', 'r': {'id': 1, 'r': {'x': 1, 'y': 'y1', 'in': two}, 'l': [1, None, -3], 'lr': [two, None, {'x': None, 'y': 'z'}],
                            'm': {'k': two, 'n': None}, 'mm': [[1, [1.5, None]], [2, []]], 'lost': [{'p': 1}], 'text': ['2024-02-29', None]}}
    yield {'k': '+I', 'r': {'id': 2}}
    yield {'k': '+I', 'r': {'id': 3, 'r': {'x': None, 'y': None, 'in': None}, 'l': [], 'lr': [], 'm': {}, 'mm': [], 'lost': [], 'text': []}}
    yield {'commit': True}
    yield {'alter': [{'add': 'r.z', 'type': 'BIGINT'}, {'rename': 'r.y', 'to': 'why'}, {'type': 'r.x', 'to': 'STRING'}, {'drop': 'r.in.x'},
                     {'type': 'r.in.y', 'to': 'INT'}, {'type': 'l.element', 'to': 'BIGINT'}, {'add': 'lr.element.n', 'type': 'DATE'},
                     {'type': 'lr.element.x', 'to': 'DECIMAL(5, 1)'}, {'drop': 'm.value.x'}, {'rename': 'm.value.y', 'to': 'word'},
                     {'type': 'mm.value.element', 'to': 'DOUBLE'}, {'add': 'lost.element.q', 'type': 'INT'}]}
    yield {'k': '+I', 'r': {'id': 4, 'r': {'x': 'four', 'why': 'w', 'in': {'y': 4}, 'z': 44}, 'l': [1 << 40], 'lr': [{'x': '1.5', 'y': None, 'n': '1999-01-01'}],
                            'm': {'k': {'word': 'w'}}, 'mm': [[4, [0.1]]], 'lost': [{'p': 4, 'q': 44}], 'text': ['1970-01-01']}}
    yield {'commit': True}
    if compacts:
        yield {'compact': 'full'}
    # nothing of what `lost` was is left: what was written before is null
    yield {'alter': [{'drop': 'lost.element.p'}, {'type': 'text', 'to': 'STRING'}, {'type': 'l', 'to': 'VARCHAR(9)'}, {'move': 'm', 'first': True}]}
    yield {'k': '+I', 'r': {'id': 5, 'lost': [{'q': 5}], 'text': 'five', 'l': '[5]'}}
    yield {'commit': True}


def shadow(form):
    """Texts that are no numbers, each of which a newer record stands before."""
    yield {'create': {'columns': [{'name': 'id', 'type': 'INT NOT NULL'}, {'name': 'n', 'type': 'STRING'}], 'primaryKeys': ['id'],
                      'partitionKeys': [], 'options': options(form)}}
    for i, n in enumerate(['1', 'one', '3', 'three', '5']):
        yield {'k': '+I', 'r': {'id': i, 'n': n}}
    yield {'commit': True}
    yield {'alter': [{'type': 'n', 'to': 'INT'}]}
    yield {'k': '+U', 'r': {'id': 1, 'n': 11}}
    yield {'k': '-D', 'r': {'id': 3, 'n': 33}}
    yield {'commit': True}


def write(name, lines):
    with open(os.path.join(sys.argv[1], name + '.ops'), 'w', encoding='utf-8') as f:
        for line in lines:
            f.write(json.dumps(line) + '\n')


for form in ('avro', 'parquet'):
    for group, types in GROUPS.items():
        write('%s-%s' % (form, group), cast_table(form, types))
    for compacts in (False, True):
        write('%s-%s' % (form, 'settled' if compacts else 'shapes'), shapes(form, compacts))
        write('%s-%s' % (form, 'deepened' if compacts else 'nested'), nested(form, compacts))
    write('%s-shadow' % form, shadow(form))
