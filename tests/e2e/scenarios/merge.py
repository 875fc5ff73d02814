"""Merge engines: jobs into tables of each, compacted on the way, judged by Paimon against a model of what was done at the source."""
import json
import os
import random
import subprocess
import sys

from house import lake
from house.agent import ASIDE, DONE, command
from house.registry import check, each, test
from house.server import ANY

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
KEYS = 40


class Source:
    """A table whose every change is told to a model as records: (kind, row)."""

    def __init__(self, rng, columns, accept, make):
        self.rng, self.columns, self.accept, self.make = rng, columns, accept, make
        self.rows = {}
        self.records = {}  # key -> [(kind, row)]

    def put(self, key, kind, row):
        self.records.setdefault(key, []).append((kind, dict(row)))

    def change(self):
        """One statement."""
        key = self.rng.randrange(KEYS)
        old = self.rows.get(key)
        if old is None:
            new = self.make(self.rng)
            self.put(key, '+I', new)
            self.rows[key] = new
            return 'insert into t values (%d, %s)' % (key, ', '.join(sql(new[c]) for c in self.columns))
        if 'delete' in self.accept and self.rng.random() < 0.25:
            self.put(key, '-D', old)
            del self.rows[key]
            return 'delete from t where id = %d' % key
        new = self.make(self.rng)
        if new == old:
            return 'do 0'
        self.put(key, '-U', old)
        self.put(key, '+U', new)
        self.rows[key] = new
        return 'update t set %s where id = %d' % (', '.join('%s = %s' % (c, sql(new[c])) for c in self.columns), key)


def sql(v):
    return 'null' if v is None else str(v) if isinstance(v, int) else "'%s'" % v


def maybe(rng, v):
    return None if rng.random() < 0.3 else v


def text(rng):
    return maybe(rng, rng.choice('abcdefg'))


def number(rng):
    return maybe(rng, rng.randrange(-50, 50))


# ---- models: a key's records to its row, or None ----


def aggregation(records):
    total = peak = names = None
    for kind, r in records:
        sign = 1 if kind[0] == '+' else -1
        if r['total'] is not None:
            total = sign * r['total'] if total is None else total + sign * r['total']
        if sign > 0:
            if r['peak'] is not None:
                peak = r['peak'] if peak is None else max(peak, r['peak'])
            if r['names'] is not None:
                names = r['names'] if names is None else names + ';' + r['names']
    return {'total': total, 'peak': peak, 'names': names}


def partial_update(records):
    row = {'a': None, 'b': None}
    for kind, r in records:
        if kind == '-U':  # not sent: the engine passes it over
            continue
        for c in row:
            row[c] = r[c] if r[c] is not None else row[c]
    return row


def partial_remove(records):
    """A removing delete leaves its values behind until it is compacted away: only keys that were deleted last, or never."""
    kinds = [k for k, _ in records]
    if '-D' not in kinds:
        return partial_update(records)
    return None if kinds[-1] == '-D' else ANYTHING


ANYTHING = object()


def groups(records):
    row = {'v': None, 'a': None, 'b': None}
    met = False
    for kind, r in records:
        if kind[0] == '-':
            if r['v'] is not None and (row['v'] is None or r['v'] >= row['v']):
                row.update(v=r['v'], a=None)
            continue
        met = True
        if r['v'] is not None and (row['v'] is None or r['v'] >= row['v']):
            row.update(v=r['v'], a=r['a'])
        row['b'] = r['b'] if r['b'] is not None else row['b']
    return row if met else None


def first_row(records):
    return records[0][1]


def latest_version(records):
    """sequence.field: the last of the greatest version; nulls are least."""
    best = None
    for kind, r in records:
        if kind != '-U' and (best is None or (-1 if r['v'] is None else r['v']) >= (-1 if best[1]['v'] is None else best[1]['v'])):
            best = (kind, r)
    return None if best[0] == '-D' else best[1]


def kinds(records):
    """rowkind.field: the last row's column says whether it is there; ignore-delete leaves deletes out."""
    return None if records[-1][1]['op'] == '-D' else records[-1][1]


ENGINES = {
    'aggregation': (
        {'total': 'int', 'peak': 'int', 'names': 'text'}, ['delete'],
        lambda rng: {'total': number(rng), 'peak': number(rng), 'names': text(rng)}, aggregation,
        {'merge-engine': 'aggregation', 'fields.total.aggregate-function': 'sum', 'fields.peak.aggregate-function': 'max',
         'fields.peak.ignore-retract': 'true', 'fields.names.aggregate-function': 'listagg', 'fields.names.ignore-retract': 'true',
         'fields.names.list-agg-delimiter': ';'}),
    'partial_update': (
        {'a': 'int', 'b': 'varchar(20)'}, [], lambda rng: {'a': number(rng), 'b': text(rng)}, partial_update,
        {'merge-engine': 'partial-update'}),
    'partial_remove': (
        {'a': 'int', 'b': 'varchar(20)'}, ['delete'], lambda rng: {'a': number(rng), 'b': text(rng)}, partial_remove,
        {'merge-engine': 'partial-update', 'partial-update.remove-record-on-delete': 'true'}),
    'groups': (
        {'v': 'int', 'a': 'int', 'b': 'varchar(20)'}, [],
        lambda rng: {'v': maybe(rng, rng.randrange(6)), 'a': number(rng), 'b': text(rng)}, groups,
        {'merge-engine': 'partial-update', 'fields.v.sequence-group': 'a'}),
    'first_row': (
        {'a': 'int', 'b': 'varchar(20)'}, ['delete'], lambda rng: {'a': number(rng), 'b': text(rng)}, first_row,
        {'merge-engine': 'first-row', 'ignore-delete': 'true'}),
    'versions': (
        {'v': 'int', 'a': 'int'}, [], lambda rng: {'v': maybe(rng, rng.randrange(9)), 'a': number(rng)}, latest_version,
        {'sequence.field': 'v'}),
    'row_kinds': (
        {'op': 'varchar(2)', 'a': 'int'}, [], lambda rng: {'op': rng.choice(['+I', '+U', '-D']), 'a': number(rng)}, kinds,
        {'rowkind.field': 'op'}),
}


def expect(source, model):
    want = {}
    for key, records in source.records.items():
        row = model(records)
        if row is not None:
            want[key] = row
    return want


def judged(t, job, view, source, model):
    """Java's rows are the model's, inlet's are Java's, and every file is in order."""
    name = job.database + '.t'
    text = view.rows(name)
    have = {}
    for line in text:
        row = json.loads(line[1] if isinstance(line, tuple) else line)
        have[row.pop('id')] = row
    want = expect(source, model)
    check(set(have) == set(want), 'keys: %s are missing, %s too many', sorted(set(want) - set(have)), sorted(set(have) - set(want)))
    for key, row in want.items():
        if row is not ANYTHING:
            check(have[key] == row, 'key %d has %s, expected %s after %s', key, have[key], row, source.records[key])
    code, out, err = command(t, 'table', 'checksum', job.warehouse, name)
    check(code == DONE, 'table checksum: %s', err)
    mine = json.loads(out)
    java = json.loads(view.judge('checksum', name)[1][0])
    check(mine == java, 'inlet reads %s, Java %s', mine, java)
    view.verify(name)


@each('engine', list(ENGINES), seconds=150, servers=lambda v: (ANY,), debug=True)
def engine(t, name):
    """Rows before the job, then changes over many commits with compactions between them."""
    columns, accept, make, model, properties = ENGINES[name]
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key, %s)' % ', '.join('%s %s' % c for c in columns.items()))
    source = Source(random.Random(t.seed), list(columns), accept, make)
    for _ in range(30):
        server.sql(source.change(), database)
    # The first copy takes what is there: one insert a row.
    source.records = {key: [('+I', dict(row))] for key, row in source.rows.items()}
    job = t.job(server, database, pipeline__checkpoint__interval='200ms')
    for key, value in properties.items():
        job.put('sink', 'table.properties.' + key, value)
    job.catch_up()
    view = lake.Lake(job.warehouse)
    for _ in range(9):
        server.sql('; '.join(source.change() for _ in range(25)), database)
        job.catch_up()
    judged(t, job, view, source, model)
    snapshots = [s['commitKind'] for s in view.snapshots(database + '.t')]
    check('COMPACT' in snapshots, 'nothing was compacted: %s', snapshots)


@test(seconds=90, servers=(ANY,))
def refused_changes(t):
    """A delete that the engine cannot take sets the table aside by name, before it is in the lake; Java reads what is there."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key, a int)', 'insert into t values (1, 1), (2, 2)',
                          'create table u (id int primary key, a int)', 'insert into u values (1, 1)')
    job = t.job(server, database).put('sink', 'table.properties.merge-engine', 'partial-update')
    job.catch_up()
    server.sql('delete from t where id = 1; update t set a = 3 where id = 2; update u set a = 5', database)
    agent = job.catch_up(60, ASIDE)
    check('ignore-delete' in agent.log(), 'no remedy is named:\n%s', agent.tail())
    view = lake.Lake(job.warehouse)
    check(view.count(database + '.t') == 2 and 5 in [json.loads(r[1] if isinstance(r, tuple) else r)['a'] for r in view.rows(database + '.u')],
          'the other table did not go on')
    view.verify(database + '.t')


@test(seconds=60, servers=(ANY,))
def refused_options(t):
    """Options that name no column of a table set that table aside by name; nothing is made of it."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key, a int)', 'create table u (id int primary key, b int)')
    job = t.job(server, database).put('sink', 'table.properties.sequence.field', 'a')
    agent = job.catch_up(60, ASIDE)
    check("sequence.field" in agent.log() and database + '.u' in agent.log(), 'not named:\n%s', agent.tail())
    view = lake.Lake(job.warehouse)
    check(view.exists(database + '.t') and not view.exists(database + '.u'), 'the wrong table was made')


@test(seconds=200)
def twins(t):
    """Made-up tables that Java writes: inlet reads the same rows (tests/judge/merge-twins.py)."""
    run = subprocess.run([sys.executable, os.path.join(ROOT, 'tests/judge/merge-twins.py'), t.debug_binary, '--tables', '60',
                          '--seed', str(t.seed)], capture_output=True, text=True)
    t.say(run.stdout[-3000:])
    check(run.returncode == 0, 'tables differ:\n%s%s', run.stdout[-3000:], run.stderr[-1000:])
