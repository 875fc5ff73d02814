#!/usr/bin/env python3
"""Made-up tables whose schema changes all the time: Paimon Java writes and alters them, and inlet must read the same rows.

    evolve-twins.py INLET [--compact BENCH_COMPACT] [--tables N] [--seed S] [--format avro|parquet|both] [--keep DIR]

Columns are added, dropped, renamed, moved, made nullable and re-typed at random, fields of ROWs in ARRAYs and MAPs, too; rows are
written before, between and after, and sometimes Java compacts. Where Java cannot read a table (a text that is no number), inlet must
refuse it, too. With --compact (the program tests/bench/bench_compact.c, best built with sanitizers) inlet compacts each table, Java
must read the same rows after that, and find no fault in it. Exit 1 when any table differs; --seed replays it.
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
LTZ = ' WITH LOCAL TIME ZONE'
ATOMS = ['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL(5, 2)', 'DECIMAL(18, 9)', 'DECIMAL(20, 2)', 'DECIMAL(38, 10)',
         'CHAR(5)', 'VARCHAR(4)', 'VARCHAR(20)', 'STRING', 'STRING', 'STRING', 'BINARY(3)', 'BYTES', 'DATE', 'TIME(0)', 'TIME(3)', 'TIMESTAMP(0)',
         'TIMESTAMP(3)', 'TIMESTAMP(6)', 'TIMESTAMP(3)' + LTZ, 'TIMESTAMP(6)' + LTZ]
WORDS = {'any': ['', 'a', 'abcdefgh', 'äöü', '日本語テ', 'x y', '😀'], 'number': ['1', '-7', '12', '099', '100'],
         'date': ['2024-02-29', '1999-1-5', '1970-01-01'], 'stamp': ['2024-02-29 12:34:56', '1969-12-31 23:59:59.5', '2001-01-01'],
         'truth': ['true', 'NO', 'y', '0'], 'time': ['12:34:56', '1:2:3.5', '00:00']}
STYLE_OF = {'BOOLEAN': 'truth', 'DATE': 'date', 'TIME': 'time', 'TIMESTAMP': 'stamp'}


def digits(rng, whole, scale):
    n = rng.randrange(10 ** rng.randrange(1, whole + 1))
    text = str(n)
    if scale:
        text += '.' + '%0*d' % (scale, rng.randrange(10 ** scale))
    return ('-' if rng.random() < 0.4 else '') + text


def atom(rng, t, style):
    if t == 'BOOLEAN':
        return rng.random() < 0.5
    if t in ('TINYINT', 'SMALLINT', 'INT', 'BIGINT'):
        top = 2 ** ({'TINYINT': 8, 'SMALLINT': 16, 'INT': 32, 'BIGINT': 64}[t] - 1)
        return rng.choice([rng.randrange(-5, 100), rng.randrange(-5, 100), rng.randrange(-top, top), top - 1])
    if t in ('FLOAT', 'DOUBLE'):
        return rng.choice(['0', '-0', '1.5', '-2.25', '1e10', '0.1', '123.456', '1e-7', '16777216', str(rng.randrange(-1000, 1000) / 8)])
    if t.startswith('DECIMAL'):
        p, s = (int(x) for x in t[8:-1].split(', '))
        return digits(rng, min(p - s, 3 if rng.random() < 0.9 else 28), s)
    if t.startswith(('CHAR', 'VARCHAR', 'STRING')):
        return rng.choice(WORDS[style])
    if t.startswith('B'):
        return rng.choice(['', '61', '616263', '00ff', 'c3a4'])
    if t == 'DATE':
        return rng.choice(['1970-01-01', '1969-12-31', '2024-02-29', '0001-01-01', '9999-12-31'])
    if t.startswith('TIME('):
        return rng.choice(['00:00:00', '12:34:56', '23:59:59'] + (['12:34:56.789'] if t == 'TIME(3)' else []))
    p = int(t[10])
    base = rng.choice(['1970-01-01T00:00:00', '2024-02-29T12:34:56', '1969-12-31T23:59:59', '1950-06-07T08:09:10'])
    return base + '.' + rng.choice(['000000000', '500000000', '123456789', '999999999'])[:p].ljust(9, '0')


class Field:
    """A column, or a field of a ROW: its type is an atom, or ('ARRAY', F), ('MAP', F), ('ROW', [F…])."""

    def __init__(self, rng, name, depth=0, kind=None):
        self.name = name
        self.style = rng.choice(['any', 'number', 'number', 'date', 'stamp', 'truth', 'time'])
        self.null = True
        r = rng.random()
        if kind or depth > 2 or r < 0.6 + depth * 0.1:
            self.type = kind or rng.choice(ATOMS)
        elif r < 0.75:
            self.type = ('ARRAY', Field(rng, 'element', depth + 1))
        elif r < 0.85:
            self.type = ('MAP', Field(rng, 'value', depth + 1))
        else:
            self.type = ('ROW', [Field(rng, 'f%d' % i, depth + 1) for i in range(rng.randrange(1, 4))])

    def has_map(self):
        """In the text of a MAP, Java has its entries in the order of a HashMap."""
        t = self.type
        return not isinstance(t, str) and (t[0] == 'MAP' or any(f.has_map() for f in (t[1] if t[0] == 'ROW' else [t[1]])))

    def json(self):
        t = self.type
        if isinstance(t, str):
            return t + ('' if self.null else ' NOT NULL')
        if t[0] == 'ARRAY':
            return {'type': 'ARRAY', 'element': t[1].json()}
        if t[0] == 'MAP':
            return {'type': 'MAP', 'key': 'STRING NOT NULL', 'value': t[1].json()}
        return {'type': 'ROW', 'fields': [{'name': f.name, 'type': f.json()} for f in t[1]]}

    def value(self, rng):
        t = self.type
        if self.null and rng.random() < 0.2:
            return None
        if isinstance(t, str):
            return atom(rng, t, self.style)
        if t[0] == 'ARRAY':
            return [t[1].value(rng) for _ in range(rng.randrange(3))]
        if t[0] == 'MAP':
            return [[k, t[1].value(rng)] for k in rng.sample(['a', 'b', 'c'], rng.randrange(3))]
        return {f.name: f.value(rng) for f in t[1]}


class Twin:
    def __init__(self, rng, name, form):
        self.rng, self.name, self.made = rng, name, 0
        self.keys = [Field(rng, 'id', kind='INT')] + ([Field(rng, 'code', kind='VARCHAR(9)')] if rng.random() < 0.3 else [])
        for k in self.keys:
            k.null = False
            k.style = 'number'
        self.fields = list(self.keys) + [Field(rng, self.fresh()) for _ in range(rng.randrange(1, 5))]
        for f in self.fields[len(self.keys):]:
            f.null = not (isinstance(f.type, str) and rng.random() < 0.2)
        rng.shuffle(self.fields)
        self.options = {'bucket': str(rng.choice([1, 2])), 'file.format': form, 'num-sorted-run.compaction-trigger': '3'}
        self.write_only = rng.random() < 0.6
        self.options['write-only'] = str(self.write_only).lower()
        if rng.random() < 0.2:
            self.options['data-file.thin-mode'] = 'true'

    def fresh(self):
        self.made += 1
        return 'c%d' % self.made

    def create(self):
        return {'create': {'columns': [{'name': f.name, 'type': f.json()} for f in self.fields], 'primaryKeys': [k.name for k in self.keys],
                           'partitionKeys': [], 'options': self.options}}

    def rows(self):
        rng = self.rng
        lines = []
        for _ in range(rng.choice([1, 1, 2])):
            for _ in range(rng.choice([1, 3, 6])):
                row = {f.name: f.value(rng) for f in self.fields}
                row['%s' % self.keys[0].name] = rng.randrange(8)
                lines.append({'k': rng.choice(['+I', '+I', '+U', '-D']), 'r': row})
            lines.append({'commit': True})
        if not self.write_only and rng.random() < 0.3:
            lines.append({'compact': rng.choice(['full', 'minor'])})
        return lines

    def change(self, fields, path, nested):
        """One change of a level of fields: the operation, and what it does to our idea of the table."""
        rng = self.rng
        own = [f for f in fields if f not in self.keys]
        kind = rng.choice(['add', 'drop', 'rename', 'type', 'type', 'type', 'type', 'deep', 'deep', 'move', 'null'])
        if kind == 'add' or not own:
            f = Field(rng, self.fresh(), depth=1 if nested else 0)
            op = {'add': path + f.name, 'type': f.json()}
            where = len(fields)
            if not nested and rng.random() < 0.5:
                where = rng.randrange(len(fields))
                op['after'] = fields[where].name
                where += 1
            return op, lambda: fields.insert(where, f)
        if kind == 'rename':
            f = rng.choice(own if nested else fields)
            name = self.fresh() if rng.random() < 0.8 else rng.choice(['a', 'b']) + str(self.made)
            return {'rename': path + f.name, 'to': name}, lambda: setattr(f, 'name', name)
        f = rng.choice(own)
        if kind == 'drop':
            return {'drop': path + f.name}, lambda: fields.remove(f)
        if kind == 'move' and not nested and len(fields) > 1:
            return {'move': f.name, 'first': True}, lambda: (fields.remove(f), fields.insert(0, f))
        if kind == 'null' and not f.null:
            return {'nullable': path + f.name, 'to': True}, lambda: setattr(f, 'null', True)
        return self.deeper(f, path + f.name)

    def deeper(self, f, path):
        rng = self.rng
        t = f.type
        if isinstance(t, str) or (rng.random() < 0.15 and not f.has_map()):
            fits = ATOMS
            if t == 'STRING' and rng.random() < 0.8:
                fits = [a for a in ATOMS if STYLE_OF.get(a.split('(')[0], 'number') == f.style or a.startswith(('CHAR', 'VARCHAR', 'BY'))]
            # years beyond 9999999 and times before midnight have no canonical form
            if t in ('STRING', 'VARCHAR(4)', 'VARCHAR(20)', 'CHAR(5)') and f.style != 'time':
                fits = [a for a in fits if not a.startswith('TIME(')]
            if t == 'BIGINT':
                fits = [a for a in fits if not a.startswith('TIMESTAMP')]
            if isinstance(t, str) and t.startswith('TIMESTAMP'):
                fits = [a for a in fits if not a.startswith('TIME(')]
            to = rng.choice(fits)
            return {'type': path, 'to': to}, lambda: setattr(f, 'type', to)
        if t[0] == 'ROW':
            return self.change(t[1], path + '.', True)
        return self.deeper(t[1], path + '.' + t[1].name)


class Judge:
    def __init__(self, lake):
        self.process = subprocess.Popen([os.path.join(HERE, 'judge'), '-w', lake, 'serve'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, command):
        self.process.stdin.write((command + '\n').encode())
        self.process.stdin.flush()
        lines = []
        for raw in self.process.stdout:
            line = raw.decode('utf-8', 'surrogateescape').rstrip('\n')
            if line.startswith('\x1e'):
                return json.loads(line[1:].strip()), lines
            lines.append(line)
        sys.exit('the judge is gone')


class Run:
    def __init__(self, args, work):
        self.args, self.work = args, work
        self.lake = os.path.join(work, 'lake')
        os.makedirs(self.lake, exist_ok=True)
        self.judge = Judge(self.lake)
        self.counts = {'read': 0, 'failing': 0, 'changes': 0, 'refused': 0, 'unwritten': 0, 'compacted': 0, 'stuck': 0, 'bad': 0}

    def write(self, twin, lines):
        ops = os.path.join(self.work, twin.name + '.last.ops')
        with open(ops, 'w') as f:
            f.write('\n'.join(json.dumps(x) for x in lines) + '\n')
        with open(os.path.join(self.work, twin.name + '.ops'), 'a') as f:
            f.write('\n'.join(json.dumps(x) for x in lines) + '\n')
        return self.judge.ask('write m.%s --ops %s --quiet' % (twin.name, ops))[0]

    def bad(self, twin, what, text):
        print('%s, %s: differs\n  %s' % (twin.name, what, text))
        self.counts['bad'] += 1

    def inlet(self, twin):
        done = subprocess.run([self.args.inlet, 'table', 'read', self.lake, 'm.' + twin.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done, done.stdout.decode('utf-8', 'surrogateescape').split('\n')[:-1]

    def look(self, twin, what):
        answer, rows = self.judge.ask('read m.%s' % twin.name)
        mine, text = self.inlet(twin)
        if answer['rc'] != 0:
            self.counts['failing'] += 1
            good = 0 < mine.returncode < 99 and b'Sanitizer' not in mine.stderr
        else:
            self.counts['read'] += 1
            good = mine.returncode == 0 and sorted(rows) == sorted(text)
        if not good:
            self.bad(twin, what, 'Java:  %s\n  inlet: %s%s' % (answer.get('err') or '\n         '.join(sorted(rows)), mine.stderr.decode()[:1500],
                                                            '\n         '.join(sorted(text))))
        return good and answer['rc'] == 0

    def compact(self, twin):
        before, rows = self.judge.ask('read m.%s' % twin.name)
        done = subprocess.run([self.args.compact, self.lake, 'm.' + twin.name, twin.rng.choice(['full', 'full', 'level0']),
                               twin.rng.choice(['2', '9'])], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.counts['compacted'] += 1
        after, merged = self.judge.ask('read m.%s' % twin.name)
        checked, faults = self.judge.ask('verify m.%s' % twin.name)
        # the judge takes the blanks off the bounds of CHARs, which casts have padded
        blanks = any(f.type == 'CHAR(5)' for f in twin.fields) and checked['rc'] != 0 and set(json.loads(faults[-1])['problems']) == {'stats'}
        # a delete that is kept, or a record that is passed on, may hold what cannot be cast: Java's compaction fails, too
        stuck = done.returncode == 1 and b'Paimon cannot read it either' in done.stderr
        self.counts['stuck'] += stuck
        if (done.returncode != 0 and not stuck) or (checked['rc'] != 0 and not blanks) or sorted(rows) != sorted(merged):
            self.bad(twin, 'compacted', '%s%s\n  before: %s\n  after:  %s\n%s' % (done.stderr.decode()[:1500], after.get('err', ''),
                                                                              '\n          '.join(rows), '\n          '.join(merged), '\n'.join(faults)))

    def table(self, i):
        form = self.args.format if self.args.format != 'both' else ('avro', 'parquet')[i % 2]
        twin = Twin(random.Random(self.args.seed * 1000003 + i), 't%d' % i, form)
        answer = self.write(twin, [twin.create()] + twin.rows())
        if answer['rc'] != 0:
            self.counts['unwritten'] += 1
            return
        for step in range(twin.rng.randrange(1, 7)):
            op, apply = twin.change(twin.fields, '', False)
            if self.write(twin, [{'alter': [op]}])['rc'] != 0:
                self.counts['refused'] += 1
                continue
            apply()
            self.counts['changes'] += 1
            if not self.look(twin, 'step %d, %s' % (step, json.dumps(op))):
                return
            if twin.rng.random() < 0.7 and self.write(twin, twin.rows())['rc'] != 0:
                self.counts['unwritten'] += 1
                return
        # inlet only reads tables in thin mode
        if self.look(twin, 'end') and self.args.compact and 'data-file.thin-mode' not in twin.options:
            self.compact(twin)
            self.look(twin, 'after compaction')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('inlet')
    parser.add_argument('--compact')
    parser.add_argument('--tables', type=int, default=100)
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument('--format', default='avro')
    parser.add_argument('--keep')
    args = parser.parse_args()
    work = args.keep or tempfile.mkdtemp()
    run = Run(args, work)
    for i in range(args.tables):
        run.table(i)
    print('seed %d: %s' % (args.seed, run.counts))
    if not args.keep:
        shutil.rmtree(work)
    sys.exit(1 if run.counts['bad'] else 0)


if __name__ == '__main__':
    main()
