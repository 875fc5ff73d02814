#!/usr/bin/env python3
"""The same operations on twin tables, by inlet (`table apply`) and by Paimon Java (`judge write`): rows, commits, compactions, schema
changes, overwrites, rollbacks, reopenings.

    twins.py INLET [--all] [--open] [--rounds N] [--seed S] [--only I] [--keep DIR]

Tables are made of merge engine x changelog producer x partitions x buckets x format: every pair of these occurs (--all: every
combination). After each step both programs read both tables: the same rows, and the same changes, key by key, kind by kind. Every
third table is one only, written by both in turn, beside a twin that Java alone writes. What Java refuses, inlet must refuse. inlet's
tables must pass `judge verify --all`. Exit 1 when anything differs; the line it prints replays it.
"""
import argparse
import importlib.util
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def sibling(name):
    spec = importlib.util.spec_from_file_location(name.replace('-', '_'), os.path.join(HERE, name + '.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


engines = sibling('merge-twins')
PLAIN, RETRACT = engines.PLAIN, engines.RETRACT

AXES = {
    'engine': ['deduplicate', 'partial-update', 'aggregation', 'first-row'],
    'producer': ['none', 'input', 'lookup', 'full-compaction'],
    'partition': ['', 'STRING', 'INT,DATE'],
    'bucket': ['1', '3', '-1'],
    'format': ['avro', 'parquet'],
}
WIDER = {'TINYINT': ['SMALLINT', 'BIGINT', 'STRING'], 'SMALLINT': ['INT', 'DOUBLE'], 'INT': ['BIGINT', 'STRING', 'DECIMAL(25,5)'],
         'FLOAT': ['DOUBLE'], 'DECIMAL(4,1)': ['DECIMAL(18,3)', 'DECIMAL(25,5)'], 'DATE': ['TIMESTAMP(6)', 'STRING'], 'BOOLEAN': ['STRING'], 'BYTES': ['BYTES']}
DAYS = ['1969-12-31', '2024-02-29', '2026-01-01']
PARTS = {'STRING': ['x=y/z', 'a', 'b', '\u00e4 b'], 'INT': [-1, 7, 8], 'DATE': DAYS}


def possible(combo):
    """Paimon gives first-row no changelog but by lookup."""
    return combo['engine'] != 'first-row' or combo['producer'] in ('none', 'lookup')


def combinations():
    names = list(AXES)
    return [c for c in (dict(zip(names, values)) for values in itertools.product(*AXES.values())) if possible(c)]


def pairs(combo):
    return {(a, combo[a], b, combo[b]) for a, b in itertools.combinations(combo, 2)}


def pairwise(rng):
    """Few combinations in which every pair of values occurs."""
    left = set().union(*(pairs(c) for c in combinations()))
    chosen = []
    while left:
        every = combinations()
        rng.shuffle(every)
        best = max(every, key=lambda c: len(pairs(c) & left))
        left -= pairs(best)
        chosen.append(best)
    return chosen


class Model(engines.Twin):
    """What is made up: columns, options, rows, changes. Knows names and types, not what the tables hold."""

    def __init__(self, rng, name, combo):
        self.rng, self.name, self.combo, self.made = rng, name, combo, 0
        self.columns = [('id', 'INT NOT NULL', lambda r: r.randrange(8))]
        self.options = {'bucket': combo['bucket'], 'file.format': combo['format'], 'merge-engine': combo['engine'],
                        'changelog-producer': combo['producer'], 'num-sorted-run.compaction-trigger': rng.choice(['2', '2', '3', '5'])}
        if rng.random() < 0.3:
            self.options['write-only'] = 'true'
        if combo['bucket'] == '-1':
            self.options['dynamic-bucket.target-row-num'] = '4'
        self.unordered, self.kinds, self.unique = [], ['+I', '+U'], False
        getattr(self, combo['engine'].replace('-', '_'))()
        if combo['engine'] != 'first-row' and rng.random() < 0.3:
            self.order()
        if combo['engine'] == 'first-row':
            self.columns = [c for c in self.columns if c[0] != 'n']
        self.settle()
        self.keys = ['id']
        self.tame = combo['engine'] == 'first-row' or combo['producer'] == 'lookup'  # Java's lookup files are named by partitions: no '/' there
        self.parts = []
        for i, t in enumerate(x for x in combo['partition'].split(',') if x):
            self.parts.append('p%d' % i)
            self.columns.insert(rng.randrange(len(self.columns) + 1), ('p%d' % i, t + ' NOT NULL', lambda r, t=t: r.choice(PARTS[t][self.tame:])))
        self.keys += self.parts
        self.fat = 'fat'  # mostly null; a few long texts make a run that compactions of small ones leave alone
        self.columns.append((self.fat, 'STRING', lambda r: None))
        self.free = []  # columns that changes may do anything with
        for _ in range(2):
            t = rng.choice(list(PLAIN))
            self.columns.append((self.fresh(), t, PLAIN[t]))
            self.free.append(self.columns[-1][0])

    def settle(self):
        """Without what no program can merge: retracts of functions that know none, sums beyond their type. And without what depends
        on when compactions drop a delete: where that removes a record, its values fill columns of later ones; where rows are ordered
        by columns, a later row of a lower order counts from then on, so there what is compacted must not hang on the sizes of files."""
        if self.combo['engine'] == 'deduplicate' and 'sequence.field' in self.options:
            self.options['compaction.size-ratio'] = '1000000'
        self.options.pop('partial-update.remove-record-on-sequence-group', None)
        self.removes = any(k.endswith('remove-record-on-delete') for k in self.options)
        for key, function in list(self.options.items()):
            if not key.endswith('.aggregate-function'):
                continue
            name = key.split('.')[1]
            t = [t for n, t, _ in self.columns if n == name][0]
            if function in ('sum', 'product') and str(t).startswith('DECIMAL'):
                self.options[key] = function = 'max'
            if (function not in RETRACT or function == 'product') and 'aggregation.remove-record-on-delete' not in self.options:
                self.options['fields.%s.ignore-retract' % name] = 'true'

    def fresh(self):
        self.made += 1
        return 'x%d' % self.made

    def create(self):
        return {'create': {'columns': [{'name': n, 'type': t} for n, t, _ in self.columns], 'primaryKeys': self.keys,
                           'partitionKeys': self.parts, 'options': self.options}}

    def key(self, row):
        return json.dumps([row[k] for k in self.keys])

    def some_row(self):
        rng = self.rng
        return {n: None if n not in self.keys and rng.random() < 0.25 else pick(rng) for n, _, pick in self.columns}

    def rows(self, count=None):
        rng = self.rng
        seen, lines = set(), []
        for _ in range(count or rng.choice([1, 3, 8, 20])):
            r = self.some_row()
            if self.unique and self.key(r) in seen:
                continue
            seen.add(self.key(r))
            kind = rng.choice(self.kinds)
            if kind in ('-U', '-D') and self.removes:
                r.update({n: None for n in r if n not in self.keys})
            lines.append({'k': kind, 'r': r})
        return lines

    def fat_rows(self):
        lines = self.rows()
        lines[0]['r'][self.fat] = '%040000x' % self.rng.getrandbits(160000)
        return [x for x in lines if x['k'][0] == '+' or x is not lines[0]]

    def overwrite(self):
        rows = {}
        for _ in range(self.rng.choice([0, 2, 6])):
            r = self.some_row()
            rows[self.key(r)] = r
        return {'overwrite': list(rows.values())}

    # ---- changes of the schema: the operation, and what it makes of the model when it was allowed

    def change(self):
        return getattr(self, 'change_' + self.rng.choice(['add', 'add', 'drop', 'rename', 'type', 'move', 'default', 'comment', 'odd']))()

    def change_add(self):
        t = self.rng.choice(list(PLAIN))
        name = self.fresh()
        op = {'add': name, 'type': t}
        if self.rng.random() < 0.3:
            op['first'] = True
        elif self.rng.random() < 0.5:
            op['after'] = self.rng.choice(self.columns)[0]

        def done():
            at = 0 if 'first' in op else len(self.columns)
            if 'after' in op:
                at = [n for n, _, _ in self.columns].index(op['after']) + 1
            self.columns.insert(at, (name, t, PLAIN[t]))
            self.free.append(name)
        return op, done

    def change_drop(self):
        name = self.rng.choice(self.free + ['id'])

        def done():
            self.columns = [c for c in self.columns if c[0] != name]
            self.free.remove(name)
        return {'drop': name}, done

    def change_rename(self):
        name, to = self.rng.choice(self.columns)[0], self.fresh()

        def done():
            def swap(names):
                return [to if n == name else n for n in names]
            self.columns = [(to if n == name else n, t, p) for n, t, p in self.columns]
            self.free, self.keys, self.unordered = swap(self.free), swap(self.keys), swap(self.unordered)
            self.fat = to if self.fat == name else self.fat
        return {'rename': name, 'to': to}, done

    def change_type(self):
        name, t, _ = self.rng.choice([c for c in self.columns if c[0] in self.free or c[0] == 'id'])
        to = self.rng.choice(WIDER.get(t, ['STRING']))

        def done():
            self.columns = [(n, to, PLAIN[to]) if n == name else (n, old, p) for n, old, p in self.columns]
        return {'type': name, 'to': to}, done

    def change_move(self):
        name, after = self.rng.choice(self.columns), self.rng.choice(self.columns)

        def done():
            self.columns.remove(name)
            self.columns.insert(self.columns.index(after) + 1, name)
        return {'move': name[0], 'after': after[0]}, done

    def change_default(self):
        name, t, _ = self.rng.choice([c for c in self.columns if c[0] in self.free])
        return {'default': name, 'to': {'BOOLEAN': 'true', 'DATE': '2020-02-29', 'TIMESTAMP(6)': '2020-02-29 01:02:03', 'BYTES': 'ab'}.get(t, '7')}, lambda: None

    def change_comment(self):
        return self.rng.choice([{'columnComment': self.rng.choice(self.columns)[0], 'to': 'c'}, {'comment': 'of the table'},
                                {'set': 'snapshot.num-retained.min', 'value': '3'}, {'reset': 'snapshot.num-retained.min'},
                                {'nullable': self.rng.choice(self.columns)[0], 'to': True}]), lambda: None

    def change_odd(self):
        """What must be refused."""
        return self.rng.choice([{'set': 'merge-engine', 'value': 'aggregation'}, {'set': 'bucket', 'value': '-1'}, {'reset': 'bucket'},
                                {'add': 'id', 'type': 'INT'}, {'add': 'nn', 'type': 'INT NOT NULL'}, {'drop': 'nowhere'},
                                {'type': self.free[0], 'to': {'type': 'ARRAY', 'element': 'INT'}}, {'set': 'sequence.field', 'value': 'nowhere'},
                                {'rename': 'nowhere', 'to': 'here'}] if self.free else [{'drop': 'nowhere'}]), None


class Side:
    """A program that writes, and the lake that it writes into."""

    def __init__(self, run, lake, program):
        self.run, self.lake, self.program, self.marks = run, lake, program, []

    def write(self, table, lines, program=None):
        lines = [{k: self.back(v[1]) if isinstance(v, tuple) else v for k, v in x.items()} for x in lines]
        self.run.step += 1
        ops = os.path.join(self.run.work, '%s-%02d-%s.ops' % (table, self.run.step, os.path.basename(self.lake)))
        with open(ops, 'w') as f:
            f.write('\n'.join(json.dumps(x) for x in lines) + '\n')
        if (program or self.program) == 'java':
            answer, _ = self.run.judge.ask('-w %s write t.%s --ops %s --quiet' % (self.lake, table, ops))
            return answer['rc'], answer.get('err', '')
        done = self.run.inlet('apply', self.lake, table, '--ops', ops, '--user', 'judge', '--quiet')
        return done.returncode, done.stderr.decode()

    def back(self, step):
        """Its snapshot; later ones are no more, then."""
        self.marks[step:] = [self.marks[step]] * (len(self.marks) - step)
        return self.marks[step]

    def mark(self, table):
        folder = os.path.join(self.lake, 't.db', table, 'snapshot')
        names = os.listdir(folder) if os.path.isdir(folder) else []
        self.marks.append(max([int(n[9:]) for n in names if n.startswith('snapshot-')], default=0))


class Difference(Exception):
    pass


class Run:
    def __init__(self, args, work):
        self.args, self.work, self.step = args, work, 0
        self.counts = {'tables': 0, 'steps': 0, 'refused': 0, 'bad': 0}
        self.judge = engines.Judge(work)

    def inlet(self, verb, lake, table, *more):
        return subprocess.run([self.args.inlet, 'table', verb, lake, 't.' + table, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def by_inlet(self, verb, lake, table):
        done = self.inlet(verb, lake, table)
        if done.returncode != 0:
            raise Difference('inlet table %s %s: %s' % (verb, lake, done.stderr.decode()[:2000]))
        return done.stdout.decode().split('\n')[:-1]

    def by_java(self, verb, lake, table):
        answer, lines = self.judge.ask('-w %s %s t.%s' % (lake, verb, table))
        if answer['rc'] != 0:
            raise Difference('judge %s %s: %s\n%s' % (verb, lake, answer.get('err', ''), '\n'.join(lines)))
        return lines

    @staticmethod
    def odd(mine, all_of_them):
        """What not all have."""
        def texts(v):
            return [json.dumps(x, ensure_ascii=False)[:3000] for x in (v if isinstance(v, list) else sorted(v.items()))]
        common = set.intersection(*(set(texts(v)) for v in all_of_them))
        return [x for x in texts(mine) if x not in common]

    def compare(self, model, sides, changes):
        def rows(lines):
            return engines.normal(lines, model.unordered)

        def by_key(lines):
            keys = {}
            for line in lines:
                change = json.loads(line, parse_int=engines.Number, parse_float=engines.Number)
                key = engines.dump([change['r'][k] for k in model.keys])
                keys.setdefault(key, []).append([change['k']] + rows([engines.dump(change['r'])]))
            return keys
        for verb, form in [('read', rows)] + ([('changelog', by_key)] if changes else []):
            seen = {}
            for s in sides:
                seen['%s, read by inlet' % s.lake] = form(self.by_inlet(verb, s.lake, model.name))
                seen['%s, read by Java' % s.lake] = form(self.by_java(verb, s.lake, model.name))
            first = next(iter(seen.values()))
            if any(x != first for x in seen.values()):
                raise Difference('%s differs:\n%s' % (verb, '\n'.join('%s:\n    %s' % (k, '\n    '.join(self.odd(v, seen.values())))
                                                                    for k, v in seen.items())))

    def replay(self, model, sides):
        """The changelog of full compactions gives the table, with right old images."""
        for s in sides:
            rc, err = s.write(model.name, [{'compact': 'full'}])
            if rc != 0:
                raise Difference('compact %s: %s' % (s.lake, err))
        if not model.unordered:  # images are compared as texts
            self.by_java('replay', sides[0].lake, model.name)

    def verify(self, model, sides):
        """Where Paimon finds fault with its own table, too, it is no fault: old snapshots do not know columns that options name now."""
        found = []
        for s in sides:
            whole = '' if model.unordered else '--all'  # which wants the same order of elements before and after a compaction
            answer, lines = self.judge.ask('-w %s verify %s t.%s' % (s.lake, whole, model.name))
            found.append((set(json.loads(lines[-1])['problems']) if lines else {answer.get('err', 'no answer')}, lines))
        if not found[0][0] <= found[1][0]:
            raise Difference('judge verify --all %s: %s' % (sides[0].lake, '\n'.join(found[0][1])))

    def table(self, number, combo):
        rng = random.Random(self.args.seed * 1000003 + number)
        model = Model(rng, 'w%d' % number, combo)
        mixed = number % 3 == 2
        sides = [Side(self, os.path.join(self.work, 'inlet'), 'inlet'), Side(self, os.path.join(self.work, 'java'), 'java')]
        self.counts['tables'] += 1
        self.step = 0
        whole = combo['producer'] == 'full-compaction'  # when that is, is each writer's own affair
        changes = not whole
        kept = True
        try:
            for i in range(rng.randrange(4, 9)):
                self.counts['steps'] += 1
                lines, done, forgets = self.operations(model, i)
                program = rng.choice(['inlet', 'java']) if mixed else None
                results = [sides[0].write(model.name, lines, program), sides[1].write(model.name, lines)]
                refused = [rc != 0 for rc, _ in results]
                if any(rc > 98 or 'Sanitizer' in err for rc, err in results) or (refused[0] != refused[1]) or (refused[0] and i == 0):
                    raise Difference('%s\n  inlet: %s\n  Java: %s' % (json.dumps(lines)[:2000], results[0], results[1]))
                if refused[0]:
                    self.counts['refused'] += 1
                elif done:
                    done()
                changes = changes and not forgets
                kept = kept and not forgets
                for s in sides:
                    s.mark(model.name)
                self.compare(model, sides, changes)
            if whole and kept and 'write-only' not in model.options:
                self.replay(model, sides)
            self.verify(model, sides)
            return True
        except Difference as e:
            self.counts['bad'] += 1
            print('%s %s%s: %s' % (model.name, combo, ', by both in turn' if mixed else '', e))
            print('again: python3 %s %s --seed %d --only %d%s --keep DIR' % (os.path.relpath(__file__), self.args.inlet, self.args.seed,
                                                                  number, ''.join(' --' + n for n in ('all',) if getattr(self.args, n))))
            return False

    def operations(self, model, i):
        """The lines of a step, what they make of the model, and whether the changes are another story after it."""
        rng = model.rng
        commit = [{'commit': True}]
        if i == 0:
            if 'write-only' not in model.options and rng.random() < 0.6:
                lines = [model.create()] + model.rows() + commit + model.fat_rows() + commit + [{'compact': 'full'}]
                for _ in range(rng.choice([1, 4, 5, 6])):
                    lines += model.rows(rng.choice([1, 2, 3])) + commit
                return lines, None, False
            return [model.create()] + model.rows() + commit, None, False
        what = rng.random()
        if what < 0.3:
            lines = []
            for _ in range(rng.choice([1, 1, 2, 5])):
                lines += model.rows() + commit
            return lines, None, False
        if what < 0.6:
            op, done = model.change()
            return [{'alter': [op]}], done, False
        if what < 0.7:
            return model.rows() + commit + ([] if 'write-only' in model.options else [{'compact': rng.choice(['full', 'minor'])}]), None, False
        # inlet overwrites no dynamic buckets yet, the judge no table that looks old rows up
        if what < 0.78 and model.combo['bucket'] != '-1' and not model.tame and model.combo['producer'] != 'full-compaction':
            return [model.overwrite()] + model.rows() + commit, None, False
        if what < 0.86:
            return [{'tag': 't%d' % i}] + model.rows() + commit + [{'rollback': ('mark', rng.randrange(i))}], None, False
        if what < 0.94:
            return model.rows() + [{'reopen': True}] + model.rows() + [{'commit': True, 'watermark': i}], None, False
        return [{'tag': 't%d' % i}, {'expire': {'keep': 1}}] + model.rows() + commit + [{'deleteTag': 't%d' % i}], None, True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('inlet')
    parser.add_argument('--all', action='store_true')
    parser.add_argument('--rounds', type=int, default=1)
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument('--only', type=int)
    parser.add_argument('--keep')
    args = parser.parse_args()
    args.inlet = os.path.abspath(args.inlet)
    work = os.path.abspath(args.keep) if args.keep else tempfile.mkdtemp()
    for name in ('inlet', 'java'):
        os.makedirs(os.path.join(work, name), exist_ok=True)
    run = Run(args, work)
    number = 0
    for r in range(args.rounds):
        for combo in combinations() if args.all else pairwise(random.Random(args.seed + r)):
            if args.only in (None, number):
                run.table(number, combo)
            number += 1
    print('seed %d: %s' % (args.seed, run.counts))
    run.judge.process.stdin.close()
    run.judge.process.wait()
    if not args.keep:
        shutil.rmtree(work)
    sys.exit(1 if run.counts['bad'] else 0)


if __name__ == '__main__':
    main()
