"""A lake's tables as the judges see them, and compared with the source."""
import collections
import json
import os
import re
import shlex
import socket

from . import canon
from .registry import Failure

TESTS_DIR = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class JudgeError(Exception):
    pass


def ask(engine, *words, seconds=180):
    """A command to a judge of this run (house/bench.py): (return code, output lines)."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(seconds)
        s.connect(os.environ['INLET_TEST_JUDGES'])
        s.sendall((engine + ' ' + ' '.join(shlex.quote(w) for w in words) + '\n').encode())
        data = bytearray()
        try:
            while True:
                part = s.recv(1 << 16)
                if not part:
                    break
                data += part
        except socket.timeout:
            raise Failure('%s gave no answer within %g s: %s' % (engine, seconds, ' '.join(words))) from None
    lines = data.decode('utf-8', 'surrogateescape').split('\n')
    if len(lines) < 2 or not lines[-2].startswith('\x1e'):
        raise Failure('%s ended without an answer to: %s' % (engine, ' '.join(words)))
    end = json.loads(lines[-2][1:])
    if end['rc'] == 2:
        raise JudgeError(end.get('err', '?'))
    return end['rc'], lines[:-2]


def table_file(warehouse, database, table, *more):
    return os.path.join(warehouse, database + '.db', table, *more)


class Lake:
    def __init__(self, warehouse, java='java'):
        self.warehouse, self.java = warehouse, java

    def judge(self, verb, table, *options, seconds=180):
        return ask(self.java, '-w', self.warehouse, verb, table, *options, seconds=seconds)

    def tables(self):
        found = []
        for database in sorted(os.listdir(self.warehouse)) if os.path.isdir(self.warehouse) else []:
            if database.endswith('.db'):
                for table in sorted(os.listdir(os.path.join(self.warehouse, database))):
                    if os.path.isdir(table_file(self.warehouse, database[:-3], table, 'schema')):
                        found.append('%s.%s' % (database[:-3], table))
        return found

    def exists(self, table):
        return os.path.exists(table_file(self.warehouse, *table.split('.'), 'schema', 'schema-0'))

    def latest(self, table):
        """The newest snapshot's number, 0 without one; by the folder, so that it costs nothing."""
        folder = table_file(self.warehouse, *table.split('.'), 'snapshot')
        try:
            return max((int(f[9:]) for f in os.listdir(folder) if re.fullmatch(r'snapshot-\d+', f)), default=0)
        except FileNotFoundError:
            return 0

    def rows(self, table, engine='java', *options):
        if engine == 'java':
            return self.judge('read', table, '--unsorted', *options)[1]
        return ask(engine, 'read', '--unsorted', *options, self.warehouse, table)[1]

    def count(self, table):
        return json.loads(self.judge('count', table)[1][0])['rows'] if self.latest(table) else 0

    def schema(self, table):
        return json.loads(self.judge('schema', table)[1][0])

    def snapshots(self, table):
        return [json.loads(s) for s in self.judge('snapshots', table)[1]]

    def changelog(self, table, *options):
        return [json.loads(s) for s in self.judge('changelog', table, *options)[1]]

    def write(self, table, *operations):
        """Foreign hands: Paimon's own writer does the operations (tests/judge/README.md)."""
        path = os.path.join(os.environ['INLET_TEST_WORK'], 'ops-%d-%s' % (os.getpid(), table))
        with open(path, 'w', encoding='utf-8') as f:
            f.write(''.join((o if isinstance(o, str) else json.dumps(o)) + '\n' for o in operations))
        for left in reversed(range(8)):
            try:
                rc, out = self.judge('write', table, '--quiet', '--ops', path)
                break
            except JudgeError as e:  # both sides compacted the same files: Paimon's own writer gives up, and is to try again
                if 'conflicts' not in str(e) or not left:
                    raise
        if rc:
            raise Failure('judge write %s: %s' % (table, out[:5]))

    def verify(self, table, orphans=False, options=()):
        """Every file that a snapshot names is there and true; without orphans=True also no file that none names."""
        rc, out = self.judge('verify', table, *options)
        verdict = json.loads(out[-1])
        if rc or not verdict['ok']:
            raise Failure('judge verify %s: %s' % (table, json.dumps(verdict['problems'])[:1500]))
        for kind, where in verdict['warnings'].items():
            if kind in ('orphan', 'temporary') and not orphans:
                raise Failure('judge verify %s: files that no snapshot names: %s' % (table, where[:8]))

    def replay(self, table):
        """The changelog gives the table, with right old images."""
        rc, out = self.judge('replay', table)
        if rc:
            raise Failure('judge replay %s: %s' % (table, '\n'.join(out)[:1500]))

    def insert_only(self, table, key='id'):
        """Each key exactly once in the changelog, as an insert."""
        seen = collections.Counter((c['r'][key], c['k']) for c in self.changelog(table))
        wrong = [('%s %s' % k, n) for k, n in seen.items() if n != 1 or k[1] != '+I']
        if wrong:
            raise Failure('changelog of insert-only %s: %d of %d ids are not there exactly once: %s'
                          % (table, len(wrong), len(seen), wrong[:5]))
        return len(seen)


def type_text(t):
    """The type of a schema file's field as text, without NOT NULL."""
    if isinstance(t, dict):
        if t['type'].startswith('ARRAY'):
            return 'ARRAY<%s>' % type_text(t['element'])
        return json.dumps(t)
    return re.sub(r' NOT NULL$', '', t)


def same_shape(lake, table, columns, keys, comments=True):
    schema = lake.schema(table)
    want = [(c.name, canon.lake_type(c)) for c in columns]
    have = [(f['name'], type_text(f['type'])) for f in schema['fields']]
    if want != have:
        diff = [(w, h) for w, h in zip(want, have) if w != h] or [want[len(have):], have[len(want):]]
        raise Failure('%s: columns differ, (wanted, found): %s' % (table, diff[:6]))
    if schema['primaryKeys'] != keys:
        raise Failure('%s: primary key %s, wanted %s' % (table, schema['primaryKeys'], keys))
    if comments:
        for c, f in zip(columns, schema['fields']):
            if (f.get('description') or '') != c.comment:
                raise Failure('%s.%s: comment %r, wanted %r' % (table, c.name, f.get('description'), c.comment))
    return schema


def difference(want, have, limit=5):
    """None, or the first differences of two lists of (key, {column: value}) as text."""
    lines = collections.Counter(canon.line_of(cells) for _, cells in want)
    lines.subtract(have)
    if not any(lines.values()):
        return None
    source = {canon.line_of(cells): key for key, cells in want}
    key_columns = None
    missing = [line for line, n in lines.items() for _ in range(n)]
    extra = [line for line, n in lines.items() for _ in range(-n)]
    text = ['%d rows wanted, %d found; %d missing, %d that should not be there' % (len(want), len(have), len(missing), len(extra))]
    by_key = {}
    for line in extra:
        cells = dict(canon.parse_line(line))
        if key_columns is None and want:
            first = want[0]
            key_columns = _key_columns(first)
        by_key[','.join(cells.get(k, '?') for k in key_columns or list(cells)[:1])] = cells
    shown = 0
    for line in missing:
        key = source[line]
        other = by_key.pop(key, None)
        if shown < limit:
            if other is None:
                text.append('  missing  %s' % line[:400])
            else:
                mine = dict(canon.parse_line(line))
                text.append('  key %s: %s' % (key[:80], '; '.join('%s is %s, wanted %s' % (n, other.get(n, 'absent')[:120], v[:120])
                                                                   for n, v in mine.items() if other.get(n) != v)))
        shown += 1
    for key, cells in by_key.items():
        if shown < limit:
            text.append('  extra    %s' % canon.line_of(cells)[:400])
        shown += 1
    return '\n'.join(text)


def _key_columns(row):
    """Which columns make up the key text of a row (the shortest run of columns that spells it)."""
    key, cells = row
    names = list(cells)
    for n in range(1, len(names) + 1):
        if ','.join(cells[c] for c in names[:n]) == key:
            return names[:n]
    return None


def same(t, job, tables, engines=('java', 'pypaimon'), orphans=False, shape=True, replay=False, verify=True):
    """Source and lake agree for the tables of the job's database: shapes, and all rows by every engine."""
    lake = Lake(job.warehouse)
    for table in tables:
        name = '%s.%s' % (job.database, table)
        columns = canon.columns_of(job.server, job.database, table)
        want = canon.rows_of(job.server, job.database, table, columns)
        if not lake.exists(name):
            raise Failure('%s is not in the lake' % name)
        if shape:
            same_shape(lake, name, columns, canon.keys_of(job.server, job.database, table))
        for engine in engines:
            try:
                found = lake.rows(name, engine)
            except JudgeError as e:
                raise Failure('%s cannot read %s: %s' % (engine, name, e)) from None
            diff = difference(want, found)
            if diff:
                raise Failure('%s as %s reads it differs from the source: %s' % (name, engine, diff))
        if verify:
            lake.verify(name, orphans)
        if replay:
            lake.replay(name)
        t.say('same: %s, %d rows' % (name, len(want)))
