#!/usr/bin/env python3
"""Made-up tables of every merge engine: Paimon Java writes them in many small commits, and inlet must read the same rows.

    merge-twins.py INLET [--compact BENCH_COMPACT] [--tables N] [--seed S] [--keep DIR]

Rows of all kinds, late and null sequences, options at random. A table that Java cannot merge, inlet must refuse, too. Half of the
tables are then compacted by Java and written again. With --compact (the program tests/bench/bench_compact.c, best built with
sanitizers) inlet compacts each table, too, and Java must read the same rows after that, and find no fault in it. Exit 1 when any table differs; its operations are kept, and --seed replays it.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def pick_decimal(precision, scale):
    def pick(rng):
        digits = rng.choice([1, 2, precision // 2, precision])
        n = rng.randrange(10 ** digits) * rng.choice([1, -1])
        text = '%0*d' % (scale + 1, abs(n))
        text = text[:len(text) - scale] + ('.' + text[len(text) - scale:] if scale else '')
        return ('-' if n < 0 else '') + text
    return pick


def pick_int(bits):
    top = 2 ** (bits - 1)
    return lambda rng: rng.choice([rng.randrange(-5, 6), rng.randrange(-top, top), top - 1, -top])


def pick_float(rng):
    return rng.choice([0.0, 1.5, -2.25, rng.randrange(-1000, 1000) / 8.0])


WORDS = ['', ' ', 'a', 'b', 'a,b', 'b,,c', '\u00e4', '\uffee', '\U0001f600', 'zz', 'a,zz']
PLAIN = {
    'TINYINT': pick_int(8), 'SMALLINT': pick_int(16), 'INT': pick_int(32), 'BIGINT': pick_int(64), 'FLOAT': pick_float, 'DOUBLE': pick_float,
    'DECIMAL(4,1)': pick_decimal(4, 1), 'DECIMAL(18,3)': pick_decimal(18, 3), 'DECIMAL(25,5)': pick_decimal(25, 5),
    'DECIMAL(38,0)': pick_decimal(38, 0), 'STRING': lambda rng: rng.choice(WORDS), 'BOOLEAN': lambda rng: rng.random() < 0.5,
    'DATE': lambda rng: '20%02d-0%d-1%d' % (rng.randrange(100), rng.randrange(1, 10), rng.randrange(10)),
    'TIMESTAMP(6)': lambda rng: '19%02d-0%d-1%dT12:34:56.%06d000' % (rng.randrange(60, 100), rng.randrange(1, 10), rng.randrange(10), rng.choice([0, 1, 999999])),
    'BYTES': lambda rng: rng.choice(['', '00', '7f', '80ff']),
}
NUMBERS = ['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL(4,1)', 'DECIMAL(18,3)', 'DECIMAL(25,5)', 'DECIMAL(38,0)']
COMPARED = [t for t in PLAIN if t != 'BOOLEAN']
RETRACT = {'sum', 'product', 'last_value', 'last_non_null_value', 'collect', 'merge_map', 'nested_update'}
ROW = {'type': 'ROW', 'fields': [{'name': 'k', 'type': 'INT'}, {'name': 's', 'type': 'STRING'}]}


def pick_row(rng):
    return {'k': rng.choice([None, 1, 2, 3]), 's': rng.choice([None, 'a', 'b'])}


def column(rng):
    """(type, pick, function, options, unordered)"""
    f = rng.choice(['sum', 'product', 'max', 'min', 'last_value', 'last_non_null_value', 'first_value', 'first_non_null_value', 'listagg',
                    'bool_and', 'bool_or', 'collect', 'merge_map', 'nested_update', 'nested_partial_update'])
    more = {}
    unordered = False
    if f in ('sum', 'product'):
        t = rng.choice(NUMBERS)
    elif f in ('max', 'min'):
        t = rng.choice(COMPARED)
    elif f == 'listagg':
        t = 'STRING'
        more = rng.choice([{}, {'distinct': 'true'}, {'list-agg-delimiter': '; '}])
    elif f.startswith('bool'):
        t = 'BOOLEAN'
    elif f == 'collect':
        more = rng.choice([{}, {'distinct': 'true'}])
        unordered = bool(more)
        inner = rng.choice(['INT', 'STRING'])
        pick = PLAIN[inner]
        return {'type': 'ARRAY', 'element': inner}, lambda r: [pick(r) for _ in range(r.randrange(4))], f, more, unordered
    elif f == 'merge_map':
        # no null keys: Avro has none
        return ({'type': 'MAP', 'key': 'STRING', 'value': 'INT'},
                lambda r: [[k, r.choice([None, 1, 2])] for k in r.sample(['a', 'b', 'c', 'd'], r.randrange(4))], f, more, False)
    elif f.startswith('nested'):
        more = {'nested-key': 'k'} if f == 'nested_partial_update' else rng.choice([{}, {'nested-key': 'k'}, {'nested-key': 's,k'}, {'count-limit': '3'}])
        return {'type': 'ARRAY', 'element': ROW}, lambda r: [pick_row(r) for _ in range(r.randrange(3))], f, more, 'nested-key' in more
    else:
        t = rng.choice(list(PLAIN))
    return t, PLAIN[t], f, more, unordered


class Twin:
    def __init__(self, rng, name):
        self.rng, self.name = rng, name
        self.columns = [('id', 'INT NOT NULL', lambda r: r.randrange(6))]
        self.options = {'bucket': str(rng.choice([1, 2])), 'file.format': rng.choice(['avro', 'parquet']), 'write-only': 'true'}
        self.unordered = []
        self.kinds = ['+I', '+U']
        engine = rng.choice(['deduplicate', 'partial-update', 'partial-update', 'aggregation', 'aggregation', 'aggregation', 'first-row'])
        self.options['merge-engine'] = engine
        if engine != 'first-row' and rng.random() < 0.4:
            self.options['changelog-producer'] = rng.choice(['input', 'lookup', 'full-compaction'])
        self.unique = False  # keys within a commit
        getattr(self, engine.replace('-', '_'))()
        if engine != 'first-row' and rng.random() < 0.35:
            self.order()

    def add(self, name, rng_type=None):
        t = rng_type or self.rng.choice(list(PLAIN))
        self.columns.append((name, t, PLAIN[t]))

    def order(self):
        rng = self.rng
        names = ['s'] if rng.random() < 0.6 else ['s', 't']
        for n in names:
            t = rng.choice(['INT', 'STRING', 'DATE', 'DECIMAL(25,5)', 'DOUBLE', 'BOOLEAN'])
            self.columns.insert(rng.randrange(1, len(self.columns) + 1), (n, t, (lambda r: r.randrange(4)) if t == 'INT' else PLAIN[t]))
        self.options['sequence.field'] = ','.join(names)
        if rng.random() < 0.3:  # Paimon 1.4.2's write buffer does not know the direction, its readers do
            self.options['sequence.field.sort-order'] = 'descending'
            self.unique = True

    def deduplicate(self):
        for i in range(3):
            self.add('c%d' % i)
        self.kinds = self.rng.choice([['+I', '+U'], ['+I', '-D'], ['+I', '-U', '+U', '-D']])
        if self.rng.random() < 0.3:
            self.options['ignore-delete'] = 'true'

    def first_row(self):
        """Readers see nothing of it before it is compacted; `n` tells rows apart, `first` is what must be there."""
        self.first, self.n = {}, 0
        self.add('c0')
        self.columns.append(('n', 'INT', None))
        if self.rng.random() < 0.5:
            self.options['ignore-delete'] = 'true'
            self.kinds = ['+I', '+U', '-D', '-U']

    def partial_update(self):
        rng = self.rng
        for i in range(4):
            self.add('c%d' % i)
        case = rng.randrange(4)
        if case == 0:
            self.options['ignore-delete'] = 'true'
            self.kinds = ['+I', '-D', '-U']
        elif case == 1:
            self.options['partial-update.remove-record-on-delete'] = 'true'
            self.kinds = ['+I', '+I', '-D', '-U']
        elif case == 2:
            return
        else:
            self.groups()

    def groups(self):
        rng = self.rng
        for i in range(rng.choice([1, 2])):
            names = ['g%d' % i] + (['h%d' % i] if rng.random() < 0.4 else [])
            for n in names:
                t = rng.choice(['INT', 'INT', 'STRING'])
                self.columns.insert(rng.randrange(1, len(self.columns) + 1), (n, t, (lambda r: r.randrange(5)) if t == 'INT' else PLAIN[t]))
            protected = []
            for j in range(rng.choice([1, 2])):
                n = 'p%d%d' % (i, j)
                if rng.random() < 0.6:
                    self.function(n)
                else:
                    self.add(n)
                protected.append(n)
            self.options['fields.%s.sequence-group' % ','.join(names)] = ','.join(protected)
            if rng.random() < 0.3:
                self.options['partial-update.remove-record-on-sequence-group'] = names[0]
        self.kinds = rng.choice([['+I'], ['+I', '+I', '-D'], ['+I', '+I', '-U', '+U', '-D']])

    def function(self, name):
        t, pick, f, more, unordered = column(self.rng)
        self.columns.append((name, t, pick))
        self.options['fields.%s.aggregate-function' % name] = f
        for k, v in more.items():
            self.options['fields.%s.%s' % (name, k)] = v
        if 'aggregation.remove-record-on-delete' not in self.options and self.rng.random() < (0.1 if f in RETRACT and f != 'product' else 0.95):
            self.options['fields.%s.ignore-retract' % name] = 'true'
        if unordered:
            self.unordered.append(name)

    def aggregation(self):
        rng = self.rng
        if rng.random() < 0.2:
            self.options['aggregation.remove-record-on-delete'] = 'true'
            self.kinds = ['+I', '+I', '-D']
        elif rng.random() < 0.6:
            self.kinds = ['+I', '+I', '-U', '+U', '-D']
        for i in range(rng.randrange(1, 6)):
            self.function('c%d' % i)
        if rng.random() < 0.3:
            self.add('rest')
        if rng.random() < 0.1:
            self.options['ignore-update-before'] = 'true'

    def row(self):
        rng = self.rng
        row = {n: None if n != 'id' and rng.random() < 0.25 else pick(rng) for n, _, pick in self.columns if pick}
        if self.options['merge-engine'] == 'first-row':
            self.n += 1
            row['n'] = self.n
        return row

    def operations(self, create):
        rng = self.rng
        lines = []
        if create:
            lines.append({'create': {'columns': [{'name': n, 'type': t} for n, t, _ in self.columns], 'primaryKeys': ['id'],
                                     'partitionKeys': [], 'options': self.options}})
        for _ in range(rng.randrange(2, 9)):
            seen = set()
            for _ in range(rng.choice([1, 1, 2, 5, 12])):
                r = self.row()
                if self.unique and r['id'] in seen:
                    continue
                seen.add(r['id'])
                kind = rng.choice(self.kinds)
                lines.append({'k': kind, 'r': r})
                if 'n' in r and kind[0] == '+':
                    self.first.setdefault(r['id'], r['n'])
            lines.append({'commit': True})
        return lines


class Number(str):
    pass


def dump(v):
    if isinstance(v, Number):
        return str(v)
    if isinstance(v, list):
        return '[' + ','.join(dump(x) for x in v) + ']'
    if isinstance(v, dict):
        return '{' + ','.join(dump(k) + ':' + dump(x) for k, x in v.items()) + '}'
    return json.dumps(v, ensure_ascii=False)


def normal(lines, unordered):
    out = []
    for line in lines:
        if unordered:
            row = json.loads(line, parse_int=Number, parse_float=Number)
            for n in unordered:
                if row[n] is not None:
                    row[n].sort(key=dump)
            line = dump(row)
        out.append(line)
    return sorted(out)


class Judge:
    def __init__(self, lake):
        self.process = subprocess.Popen([os.path.join(HERE, 'judge'), '-w', lake, 'serve'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, command):
        self.process.stdin.write((command + '\n').encode())
        self.process.stdin.flush()
        lines = []
        for raw in self.process.stdout:
            line = raw.decode().rstrip('\n')
            if line.startswith('\x1e'):
                return json.loads(line[1:].strip()), lines
            lines.append(line)
        sys.exit('the judge is gone')


def look(args, judge, lake, twin, what, counts):
    answer, rows = judge.ask('read m.%s' % twin.name)
    mine = subprocess.run([args.inlet, 'table', 'read', lake, 'm.' + twin.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    text = mine.stdout.decode().split('\n')[:-1]
    if answer['rc'] != 0:
        good = 0 < mine.returncode < 99 and b'Sanitizer' not in mine.stderr
        counts['failing'] += 1
    else:
        good = mine.returncode == 0 and normal(rows, twin.unordered) == normal(text, twin.unordered)
        counts['same'] += 1
    if not good:
        print('%s, %s: differs (%s)' % (twin.name, what, twin.options['merge-engine']))
        print('  Java:  %s' % (answer.get('err') or '\n         '.join(normal(rows, twin.unordered))))
        print('  inlet: %s%s' % (mine.stderr.decode()[:1500], '\n         '.join(normal(text, twin.unordered))))
        counts['bad'] += 1
    return good


def beyond(twin):
    """Columns whose sums may leave their type: up to 18 digits Paimon does not look. A merge shows the number, an Avro file that holds
    it reads as null; its statistics, Java's too, have the number."""
    return [n for n, t, _ in twin.columns if t in ('DECIMAL(4,1)', 'DECIMAL(18,3)')
            and twin.options.get('fields.%s.aggregate-function' % n) == 'sum']


def without(lines, columns):
    return [dump({k: v for k, v in json.loads(x, parse_int=Number, parse_float=Number).items() if k not in columns}) for x in lines]


def compact(args, judge, lake, twin, counts):
    """inlet compacts; Java reads before and after, and looks at every file."""
    before, rows = judge.ask('read m.%s' % twin.name)
    mode = twin.rng.choice(['full', 'level0'])
    done = subprocess.run([args.compact, lake, 'm.' + twin.name, mode, twin.rng.choice(['2', '3', '9'])], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    if before['rc'] != 0:
        good = 0 < done.returncode < 99 and b'Sanitizer' not in done.stderr
        why = done.stderr.decode()
    else:
        after, merged = judge.ask('read m.%s' % twin.name)
        if twin.options['merge-engine'] == 'first-row':
            rows = merged if {r['id']: r['n'] for r in map(json.loads, merged)} == twin.first else ['%s' % twin.first]
        checked, faults = judge.ask('verify m.%s' % twin.name)
        odd = beyond(twin)
        sound = checked['rc'] == 0 or odd and set(json.loads(faults[-1])['problems']) == {'stats'}
        unordered = [c for c in twin.unordered if c not in odd]
        good = done.returncode == 0 and sound and (normal(without(rows, odd), unordered) == normal(without(merged, odd), unordered))
        why = '%s%s\n  before: %s\n  after:  %s\n%s' % (done.stderr.decode()[:1500], after.get('err', ''), '\n          '.join(rows),
                                                    '\n          '.join(merged), '\n'.join(faults))
    if not good:
        print('%s, compacted by inlet (%s): differs (%s)\n  %s' % (twin.name, mode, twin.options['merge-engine'], why))
        counts['bad'] += 1
    counts['compacted'] += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('inlet')
    parser.add_argument('--compact')
    parser.add_argument('--tables', type=int, default=100)
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument('--keep')
    args = parser.parse_args()
    work = args.keep or tempfile.mkdtemp()
    lake = os.path.join(work, 'lake')
    os.makedirs(lake, exist_ok=True)
    judge = Judge(lake)
    counts = {'same': 0, 'failing': 0, 'unwritten': 0, 'compacted': 0, 'bad': 0}
    for i in range(args.tables):
        twin = Twin(random.Random(args.seed * 1000003 + i), 't%d' % i)
        for step in ('written', 'compacted'):
            ops = os.path.join(work, '%s-%s.ops' % (twin.name, step))
            lines = twin.operations(step == 'written')
            if step == 'compacted' and twin.options['merge-engine'] != 'first-row':
                lines = ([{'alter': [{'set': 'write-only', 'value': 'false'}]}, {'compact': 'full'}, {'commit': True},
                          {'alter': [{'set': 'write-only', 'value': 'true'}]}] + lines)
            with open(ops, 'w') as f:
                f.write('\n'.join(json.dumps(x) for x in lines) + '\n')
            answer, _ = judge.ask('write m.%s --ops %s --quiet' % (twin.name, ops))
            if answer['rc'] != 0:  # the buffer or a compaction could not merge
                counts['unwritten'] += 1
                print('%s, %s: Java does not write it: %s' % (twin.name, step, answer.get('err', '')[-200:]))
            if not os.path.isdir(os.path.join(lake, 'm.db', twin.name, 'snapshot')):
                break
            if not look(args, judge, lake, twin, step, counts) or answer['rc'] != 0 or i % 2:
                break
            if args.compact and step == 'written' and twin.options['merge-engine'] == 'first-row':
                compact(args, judge, lake, twin, counts)
        if (args.compact and twin.options.get('changelog-producer', 'input') == 'input'
                and os.path.isdir(os.path.join(lake, 'm.db', twin.name, 'snapshot'))):
            compact(args, judge, lake, twin, counts)
    judge.process.stdin.close()
    judge.process.wait()
    print('seed %d: %s' % (args.seed, counts))
    if counts['bad'] == 0 and not args.keep:
        shutil.rmtree(work)
    elif counts['bad']:
        print('operations are in %s; again with --seed %d' % (work, args.seed))
    sys.exit(counts['bad'] > 0)


if __name__ == '__main__':
    main()
