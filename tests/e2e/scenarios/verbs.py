"""Tables without a job: `inlet table apply`, `compact`, `changelog` and the metadata verbs, beside Paimon's own hands."""
import json
import os

from house import lake
from house.agent import DONE, RETRY, USAGE, Job, command
from house.registry import Failure, check, each, test
from house.server import ANY

CASES = os.path.join(lake.TESTS_DIR, 'judge', 'cases')
TABLE = 'shop.t'


def ours(t, view, verb, table, *more, wanted=DONE, stdin=None):
    """Output lines; standard error where another exit code than 0 is wanted."""
    code, out, err = command(t, 'table', verb, view.warehouse, table, *more, stdin=stdin)
    check(code == wanted and 'Sanitizer' not in err, 'table %s %s: exit code %d: %s', verb, table, code, err[:1500])
    return out.split('\n')[:-1] if wanted == DONE else err.strip()


def apply(t, view, table, *operations, wanted=DONE):
    lines = [o if isinstance(o, str) else json.dumps(o) for o in operations]
    return ours(t, view, 'apply', table, wanted=wanted, stdin=''.join(x + '\n' for x in lines))


def same_rows(t, view, table, what):
    mine, judged = ours(t, view, 'checksum', table), view.judge('checksum', table)[1]
    check(mine == judged, '%s %s: inlet reads %s, Java %s', table, what, mine, judged)
    return mine


# ---- the tables of the judge: made by Paimon Java, one of each kind

def cases():
    with open(os.path.join(CASES, 'list'), encoding='utf-8') as f:
        return {x[0]: (x[1], x[2:]) for x in (line.split() for line in f) if x and x[0] != '#'}


# What inlet does not do yet, and the words it says it with. A line that no longer holds fails: take it away.
ORC = "format 'orc' is not supported"
UNREAD = {'types_orc': ORC, 'types9_orc': ORC, 'multiset_orc': ORC, 'keys_orc': ORC, 'open_orc': ORC, 'evolve_orc': ORC,
          'variant_parquet': 'type "VARIANT"', 'append': 'without a primary key', 'datadir': 'data-file.path-directory'}
VECTORS = 'deletion-vectors.enabled'
UNWRITTEN = {'dv': VECTORS, 'dv_input': VECTORS, 'dv_lookup': VECTORS, 'dv_lookup64': VECTORS, 'dv_levels': VECTORS, 'part_dv': VECTORS,
             'dynamic_dv': VECTORS, 'dynamic_dv64': VECTORS, 'postpone': "'bucket' = -2",
             'thin': 'data-file.thin-mode', **UNREAD}


def again(lines, kind='+I'):
    """Rows as `read` printed them, to be written: their text, not what Python makes of it."""
    return ['{"k":"%s","r":%s}' % (kind, line) for line in lines]


@each('case', cases(), seconds=120, debug=True)
def case(t, name):
    """inlet reads the table as Java does, compacts it without changing a row, writes on, and Java after it; or it refuses by name."""
    one_case(t, lake.Lake(os.path.join(t.work, 'lake')), name)


@test(seconds=600)
def cases_of_1_3_1(t):
    """The same tables, made by Paimon 1.3.1, which goes on with them after inlet, too."""
    bad = []
    for name in cases():
        try:
            one_case(t, lake.Lake(os.path.join(t.work, 'lake'), 'java-1.3.1'), name)
        except (Failure, lake.JudgeError) as e:
            bad.append('%s: %s' % (name, e))
    check(not bad, '%d of %d tables: %s', len(bad), len(cases()), '\n'.join(bad))


def one_case(t, view, name):
    operations, options = cases()[name]
    table = 'db.' + name
    path = os.path.join(CASES, operations + '.ops')
    if view.java == 'java-1.3.1':  # which has another word for it in Parquet
        with open(path, encoding='utf-8') as f:
            text = f.read().replace('"file.compression":"none"', '"file.compression":"uncompressed"')
        path = os.path.join(t.work, operations + '.ops')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
    rc, out = view.judge('write', table, '--quiet', '--ops', path, *['--opt.' + o for o in options])
    check(rc == 0, 'judge write %s: %s', table, out[:3])
    if name in UNREAD:
        code, out, err = command(t, 'table', 'read', view.warehouse, table)
        check(code not in (DONE, USAGE) and not out and UNREAD[name] in err, 'reading is listed as refused: exit code %d, %s', code, err[:500])
    else:
        before = same_rows(t, view, table, 'as Java wrote it')
    if name in UNWRITTEN:
        for verb, more in (('compact', ['--full']), ('apply', [])):
            code, out, err = command(t, 'table', verb, view.warehouse, table, *more, stdin='{"commit":true}\n')
            check(code not in (DONE, USAGE) and UNWRITTEN[name] in err, '%s is listed as refused: exit code %d, %s', verb, code, err[:500])
        view.verify(table, orphans=True)
        return
    ours(t, view, 'compact', table, '--full')
    view.verify(table, orphans=True, options=('--all',))
    check(same_rows(t, view, table, 'compacted by inlet') == before, '%s: compaction changed rows', table)
    rows = ours(t, view, 'read', table)
    apply(t, view, table, *again(rows), {'gen': {'rows': 9, 'from': 20, 'salt': 1}}, {'commit': True},
          {'gen': {'rows': 7, 'from': 25, 'salt': 2}}, *again(rows[:3]), {'commit': True})
    view.verify(table, orphans=True, options=('--all',))
    check(same_rows(t, view, table, 'written on by inlet') != before, '%s: nothing was written', table)
    rows = view.judge('read', table)[1]
    last = [] if view.schema(table)['options'].get('write-only') == 'true' else [{'compact': 'full'}]
    view.write(table, *again(rows[1:]), {'commit': True}, *again(rows[:2]), {'commit': True}, *last)
    same_rows(t, view, table, 'written on by Java')
    view.verify(table, orphans=True, options=('--all',))


# ---- the verbs

CREATE = {'create': {'columns': [{'name': 'id', 'type': 'INT NOT NULL'}, {'name': 'p', 'type': 'STRING NOT NULL'}, {'name': 'v', 'type': 'BIGINT'}],
                     'primaryKeys': ['id', 'p'], 'partitionKeys': ['p'],
                     'options': {'bucket': '2', 'file.format': 'parquet', 'changelog-producer': 'input', 'write-only': 'true'}}}


def rows(p, first, last, v=0, kind='+I'):
    return [{'k': kind, 'r': {'id': i, 'p': p, 'v': v}} for i in range(first, last)]


@test(seconds=90, debug=True)
def metadata(t):
    """Files, manifests, partitions, buckets and changes are those that Paimon lists."""
    view = lake.Lake(os.path.join(t.work, 'lake'))
    apply(t, view, TABLE, CREATE, *rows('a', 0, 9), {'commit': True}, *rows('a', 3, 5, 0, '-U'), *rows('a', 3, 5, 2, '+U'), *rows('b/c', 0, 3),
          {'commit': True}, *rows('a', 0, 2, 0, '-D'), {'commit': True}, {'compact': 'full'})

    def listed(verb, *more):
        return [json.loads(x) for x in ours(t, view, verb, TABLE, *more)]

    def system(name):
        return [json.loads(x) for x in view.judge('read', TABLE + '$' + name, '--unsorted')[1]]
    for snapshot in ([], ['--snapshot', '2']):
        mine = [(f['partition']['p'], f['bucket'], f['level'], f['rows'], f['bytes'], f['file']) for f in listed('files', *snapshot)]
        rc, out = view.judge('read', TABLE + '$files', '--unsorted', *(['--opt.scan.snapshot-id=2'] if snapshot else []))
        judged = [json.loads(x) for x in out]
        check(sorted(mine) == sorted((f['partition'].strip('{}').replace('p=', ''), f['bucket'], f['level'], f['record_count'], f['file_size_in_bytes'],
                                      f['file_path'].rsplit('/', 1)[1]) for f in judged), 'files differ: %s, %s', mine, judged)
    mine = {(m['manifest'], m['bytes'], m['added'], m['deleted'], m['schemaId']) for m in listed('manifests') if m['list'] != 'changelog'}
    judged = {(m['file_name'], m['file_size'], m['num_added_files'], m['num_deleted_files'], m['schema_id']) for m in system('manifests')}
    check(mine == judged, 'manifests differ: %s, %s', mine, judged)
    mine = [(x['partition']['p'], x['rows'], x['bytes'], x['files']) for x in listed('partitions')]
    judged = [(x['partition'].replace('p=', ''), x['record_count'], x['file_size_in_bytes'], x['file_count']) for x in system('partitions')]
    check(sorted(mine) == sorted(judged), 'partitions differ: %s, %s', mine, judged)
    mine = [(x['partition']['p'], x['bucket'], x['rows'], x['bytes'], x['files']) for x in listed('buckets')]
    judged = [(x['partition'].strip('{}').replace('p=', ''), x['bucket'], x['record_count'], x['file_size_in_bytes'], x['file_count'])
              for x in system('buckets')]
    check(sorted(mine) == sorted(judged), 'buckets differ: %s, %s', mine, judged)
    for more in ([], ['--from', '2'], ['--to', '2'], ['--from', '2', '--to', '2']):
        check(sorted(ours(t, view, 'changelog', TABLE, *more)) == sorted(view.judge('changelog', TABLE, *more)[1]), 'changelog %s differs', more)
    view.replay(TABLE)
    options = {o['option']: o for o in listed('options')}
    check(options['bucket']['value'] == '2' and options['bucket']['stance'] == 'honoured' and options['merge-engine']['value'] is None
          and options['merge-engine']['default'] == 'deduplicate', 'options: %s', options)
    check(view.schema(TABLE)['options'] == {k: o['value'] for k, o in options.items() if o['value'] is not None}, 'options differ')
    for verb, more in (('files', ['--snapshot', '99']), ('files', ['--snapshot', 'x']), ('changelog', ['--from', '0']), ('changelog', ['--from', 'x']),
                       ('compact', ['--partition', 'v=1']), ('compact', ['--partition', 'p'])):
        err = ours(t, view, verb, TABLE, *more, wanted=USAGE)
        check(err.startswith('inlet: '), '%s %s: %s', verb, more, err)


@test(seconds=90, debug=True)
def some_partitions(t):
    """`table compact --partition` leaves the others alone; a second one has nothing to do; rows stay as they are."""
    view = lake.Lake(os.path.join(t.work, 'lake'))
    apply(t, view, TABLE, CREATE, *rows('a', 0, 9), *rows('b/c', 0, 9), {'commit': True}, *rows('a', 3, 12, 1), *rows('b/c', 3, 12, 1), {'commit': True})
    before = same_rows(t, view, TABLE, 'written')
    done = json.loads(ours(t, view, 'compact', TABLE, '--full', '--partition', 'p=b/c')[0])
    check(done['buckets'] == 2 and done['snapshot'] == 3, 'compacted: %s', done)
    runs = {(b['partition']['p'], b['bucket']): b['runs'] for b in map(json.loads, ours(t, view, 'buckets', TABLE))}
    check(runs == {('a', 0): 2, ('a', 1): 2, ('b/c', 0): 1, ('b/c', 1): 1}, 'runs: %s', runs)
    check(json.loads(ours(t, view, 'compact', TABLE, '--partition', 'p=b/c')[0])['snapshot'] == 0, 'compacted again')
    check(json.loads(ours(t, view, 'compact', TABLE, '--full')[0])['buckets'] == 2, 'the other partition')
    check(same_rows(t, view, TABLE, 'compacted') == before, 'rows changed')
    view.verify(TABLE, options=('--all',))


@test(servers=(ANY,), seconds=90)
def beside_a_job(t):
    """A job goes on while its table is compacted and altered in its options by hand; rows written by hand are merged with the job's."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key, v int)', 'insert into t values (1, 1), (2, 2)')
    job = Job(t, server, database, pipeline__checkpoint__interval='200ms')
    view = lake.Lake(job.warehouse)
    table = database + '.t'
    agent = job.start()
    agent.wait_log('copy-done')
    for i in range(3, 30):
        server.sql('insert into t values (%d, %d); update t set v = v + 1 where id = 1' % (i, i), database)
        if i % 5 == 0:
            ours(t, view, 'compact', table, '--full')
        if i == 17:
            for tries in range(30):
                code, out, err = command(t, 'table', 'apply', view.warehouse, table, stdin='{"r":{"id":1000,"v":6}}\n{"commit":true}\n')
                if code == DONE:
                    break
                check(code == RETRY and 'added rows' in err, 'exit code %d: %s', code, err)  # the job was faster
            check(code == DONE, 'nothing could be written in %d tries: %s', tries + 1, err)
    server.sql('insert into t values (1000, 7)', database)
    agent.stop()
    job.catch_up()
    lake.same(t, job, ['t'])
