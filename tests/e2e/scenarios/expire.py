"""Old snapshots go, with the files that only they name: as Paimon would do it, and beside a running job."""
import json
import os
import shutil
import time

from house import lake
from house.agent import command, until
from house.registry import Failure, check, each, test
from house.server import ANY

TABLE = 'shop.t'


def files_of(warehouse):
    root = lake.table_file(warehouse, *TABLE.split('.'))
    return sorted(os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names)


def history(view, options, mid=()):
    """A table of Paimon's own: commits, compactions, deletes, an overwrite."""
    def rows(first, last, kind='+I', value=0):
        return [{'k': kind, 'r': {'id': i, 'v': value}} for i in range(first, last)] + [{'commit': True}]
    # With a changelog, Paimon's own OVERWRITE leaves changelog files behind that nothing names.
    overwrite = [] if 'changelog-producer' in options else [{'overwrite': [{'id': 1, 'v': 9}, {'id': 2, 'v': 9}]}]
    view.write(TABLE, {'create': {'columns': [{'name': 'id', 'type': 'INT NOT NULL'}, {'name': 'v', 'type': 'INT'}], 'primaryKeys': ['id'],
                                  'options': {'bucket': '2', 'file.format': 'avro', 'num-sorted-run.compaction-trigger': '3',
                                              'snapshot.num-retained.min': '100', **options}}},
               *rows(0, 50), *rows(20, 60, value=1), *rows(0, 10, '-D'), *rows(5, 30, value=2), *mid,
               *rows(40, 80, value=3), {'compact': 'full'}, *rows(0, 20, value=4), *overwrite,
               *rows(100, 140, value=5), *rows(100, 120, '-D'), *rows(3, 9, value=6))


CASES = {
    'plain': ({}, {'snapshot.num-retained.min': 1, 'snapshot.num-retained.max': 2}),
    'input': ({'changelog-producer': 'input'}, {'snapshot.num-retained.min': 2, 'snapshot.num-retained.max': 3}),
    'limited': ({}, {'snapshot.num-retained.min': 1, 'snapshot.num-retained.max': 2, 'snapshot.expire.limit': 3}),
    'young': ({}, {'snapshot.num-retained.min': 1, 'snapshot.time-retained': '1 h'}),
    'old': ({}, {'snapshot.num-retained.min': 3, 'snapshot.time-retained': '1 ms'}),
    'changelogs': ({'changelog-producer': 'input'},
                   {'snapshot.num-retained.min': 1, 'snapshot.num-retained.max': 2, 'changelog.num-retained.min': 4,
                    'changelog.num-retained.max': 6}),
    'deltas': ({}, {'snapshot.num-retained.min': 1, 'snapshot.num-retained.max': 2, 'changelog.num-retained.min': 4,
                    'changelog.num-retained.max': 6}),
    'tags': ({}, {'snapshot.num-retained.min': 1, 'snapshot.num-retained.max': 1}),
    'branch': ({}, {'snapshot.num-retained.min': 1, 'snapshot.num-retained.max': 1}),
    'consumer': ({}, {'snapshot.num-retained.min': 1, 'snapshot.num-retained.max': 1}),
}


@each('as_paimon', CASES, seconds=90)
def as_paimon(t, case):
    """Of two copies of one table, Paimon expires one and inlet the other: the same files are left. Nothing dangles, nothing is left
    over, tags and branches read as before."""
    at_birth, retention = CASES[case]
    one = os.path.join(t.work, 'one')
    other = os.path.join(t.work, 'other')
    view = lake.Lake(one)
    marks = [{'tag': 'early'}] if case in ('tags', 'branch') else []
    history(view, at_birth, marks)
    if case == 'branch':
        view.write(TABLE, {'branch': 'b', 'fromTag': 'early'}, {'deleteTag': 'early'})
    if case == 'tags':
        view.write(TABLE, {'tag': 'later', 'snapshot': 6})
    if case == 'consumer':
        os.makedirs(lake.table_file(one, *TABLE.split('.'), 'consumer'))
        with open(lake.table_file(one, *TABLE.split('.'), 'consumer', 'consumer-slow'), 'w', encoding='utf-8') as f:
            f.write('{"nextSnapshot" : 4}')
    view.write(TABLE, {'alter': [{'set': k, 'value': str(v)} for k, v in retention.items()]})
    before = files_of(one)
    time.sleep(0.05)
    extra = [('--tag', 'early'), ('--tag', 'later')] if case == 'tags' else [('--branch', 'b')] if case == 'branch' else []
    wanted = [sorted(view.rows(TABLE, 'java', *e)) for e in [(), *extra]]
    shutil.copytree(one, other)

    code, out, err = command(t, 'table', 'expire', other, TABLE)
    check(code == 0, 'table expire ended with %s: %s', code, err)
    t.say('inlet: %s %s' % (out, err))
    twin = lake.Lake(other)
    if case == 'branch':  # Paimon's own expiry takes the branch's files away; a branch is to be read afterwards all the same
        check(len(files_of(other)) < len(before), 'nothing was removed')
    else:
        view.write(TABLE, {'expire': True})
        theirs, ours = files_of(one), files_of(other)
        if theirs != ours:
            raise Failure('of %d files Paimon leaves %d, inlet %d; only Paimon leaves %s; only inlet leaves %s'
                          % (len(before), len(theirs), len(ours), sorted(set(theirs) - set(ours))[:8], sorted(set(ours) - set(theirs))[:8]))
        check((len(ours) < len(before)) == (case != 'young'), 'files before %d, after %d', len(before), len(ours))
    if case == 'deltas':  # the judge takes the kept deltas for changelogs, which must not drop files: both copies look alike to it
        verdicts = [{k: v for k, v in json.loads(lakes.judge('verify', TABLE)[1][-1]).items() if k != 'ms'} for lakes in (view, twin)]
        check(verdicts[0] == verdicts[1], 'the judge sees %s, in Paimon\'s copy %s', verdicts[1], verdicts[0])
    else:
        twin.verify(TABLE, options=('--all',), orphans=case == 'branch')
    have = [sorted(twin.rows(TABLE, 'java', *e)) for e in [(), *extra]]
    check(have == wanted, 'rows differ after the expiry')
    if case == 'consumer':
        check('slow' in err, 'the consumer that keeps snapshots is not named: %s', err)
    code, out, _ = command(t, 'table', 'expire', other, TABLE)
    check(code == 0 and '"snapshots":0' in ''.join(out), 'a second run found something to do: %s', out)


@test(seconds=120, servers=(ANY,))
def in_job(t):
    """A job keeps the number of its snapshots bounded while it writes and compacts, and every one that is left is whole."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key, v int)')
    job = t.job(server, database, pipeline__checkpoint__interval='100ms')
    for key, value in (('snapshot.num-retained.min', 2), ('snapshot.num-retained.max', 5), ('changelog-producer', 'input'),
                       ('num-sorted-run.compaction-trigger', 3)):
        job.put('sink', 'table.properties.' + key, value)
    agent = job.start()
    view = lake.Lake(job.warehouse)
    name = database + '.t'
    with server.session(database) as s:
        for i in range(120):
            s.run('insert into t values (%d, 0) on duplicate key update v = v + 1' % (i % 40))
            time.sleep(0.1)
    until(30, 'an expiry', lambda: 'event=expire ' in agent.log(), agent)
    agent.stop()
    job.catch_up()
    check('event=expire-held' not in agent.log(), 'its own pin held it: %s', agent.tail())
    left = len(view.snapshots(name))
    t.say('%d snapshots of %d left' % (left, view.latest(name)))
    check(view.latest(name) > 60 > left, '%d snapshots of %d are left', left, view.latest(name))
    lake.same(t, job, ['t'])


@test(seconds=120, servers=(ANY,), debug=True)
def killed(t):
    """A kill in the middle of an expiry: the next one does the rest, and nothing that is needed is gone."""
    view = lake.Lake(os.path.join(t.work, 'lake'))
    history(view, {'changelog-producer': 'input', 'snapshot.num-retained.max': '100'}, [{'tag': 'early'}])
    view.write(TABLE, {'alter': [{'set': 'snapshot.num-retained.min', 'value': '1'}, {'set': 'snapshot.num-retained.max', 'value': '1'}]})
    wanted = sorted(view.rows(TABLE)), sorted(view.rows(TABLE, 'java', '--tag', 'early'))
    deaths = 0
    for n in range(1, 400, 3):
        code, out, err = command(t, 'table', 'expire', view.warehouse, TABLE, env={'INLET_FAILPOINT': 'expire.before-remove:%d=kill' % n})
        if code == 0:
            break
        deaths += 1
        check(code == -9, 'table expire ended with %s: %s', code, err)
        check(sorted(view.rows(TABLE)) == wanted[0], 'rows differ after kill %d', n)
    check(deaths > 3, 'only %d deaths', deaths)
    t.say('%d deaths' % deaths)
    view.verify(TABLE, options=('--all',))
    check((sorted(view.rows(TABLE)), sorted(view.rows(TABLE, 'java', '--tag', 'early'))) == wanted, 'rows differ')
