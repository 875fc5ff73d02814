"""Dynamic buckets: rows find their bucket through hash index files, which Paimon reads and goes on with."""
import json
import time

from house import lake, traffic
from house.agent import until
from house.registry import check, each, test
from house.server import ANY


def dynamic(job, rows=200, **more):
    for name, value in (('bucket', -1), ('dynamic-bucket.target-row-num', rows), ('num-sorted-run.compaction-trigger', 3), *more.items()):
        job.put('sink', 'table.properties.' + name.replace('__', '.').replace('_', '-'), value)
    return job


def buckets(view, name):
    return {json.loads(line)['bucket'] for line in view.judge('read', name + '$files', '--unsorted')[1]}


@each('grows', ('plain', 'partitioned'), seconds=120, servers=lambda _: (ANY,))
def grows(t, how):
    """New buckets open as rows come, by copy and by stream; a key stays in its bucket over restarts."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int, p int, v int, primary key (id, p))')
    job = dynamic(t.job(server, database, source__scan__incremental__snapshot__chunk__size=300))
    if how == 'partitioned':
        job.put('sink', 'partition.key', database + '.t:p')
    view = lake.Lake(job.warehouse)
    name = database + '.t'
    with server.session(database) as s:
        s.run('insert into t values ' + ','.join('(%d,%d,0)' % (i, i % 2) for i in range(1000)))
        job.catch_up()
        first = buckets(view, name)
        for n in range(4):
            s.run('insert into t values ' + ','.join('(%d,%d,1)' % (i, i % 2) for i in range(1000 + 300 * n, 1300 + 300 * n)))
            s.run('update t set v = v + 1 where id %% 7 = %d; delete from t where id %% 11 = %d' % (n, n))
            job.catch_up()
    check(len(first) >= (5 if how == 'plain' else 3) and len(buckets(view, name)) > len(first), 'buckets: first %s, then %s', first, buckets(view, name))
    lake.same(t, job, ['t'], engines=('java', 'pypaimon', 'rust'))


@test(seconds=150, servers=(ANY,))
def under_work(t):
    """Copied and written at once, killed again and again, with a changelog: each key once, the index whole."""
    server = t.server(ANY)
    database = t.database(server)
    traffic.Traffic(t.seed, server, database).create(1500)
    working, _ = traffic.writers(t, server, database)
    job = dynamic(t.job(server, database, pipeline__checkpoint__interval='150ms', source__scan__incremental__snapshot__chunk__size=200),
                  changelog_producer='input', snapshot__num_retained__min=2, snapshot__num_retained__max=300)
    view = lake.Lake(job.warehouse)
    for n in range(5):
        agent = job.start()
        if n == 0:
            until(60, 'a commit', lambda: view.latest(database + '.audit'), agent)
        time.sleep(1.2)
        agent.kill()
    for w in working:
        w.stop()
    job.catch_up(90)
    lake.same(t, job, traffic.TABLES, replay=True)


@test(seconds=90, servers=(ANY,))
def with_paimon(t):
    """Inlet and Paimon's own writer by turns on one table: each finds the other's keys where they are."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key, v int)')
    job = dynamic(t.job(server, database), rows=50)
    view = lake.Lake(job.warehouse)
    name = database + '.t'
    server.sql('insert into t values ' + ','.join('(%d,0)' % i for i in range(200)), database)
    job.catch_up()
    for n in range(3):
        keys = range(100 + 150 * n, 350 + 150 * n)
        view.write(name, *[{'k': '+I', 'r': {'id': i, 'v': 100 + n}} for i in keys], {'commit': True})
        server.sql('replace into t values ' + ','.join('(%d,%d)' % (i, 100 + n) for i in keys), database)
        server.sql('update t set v = v + 1 where id %% 5 = %d; delete from t where id %% 13 = %d' % (n, n), database)
        job.catch_up()
    view.write(name, {'compact': 'full'})
    lake.same(t, job, ['t'])
