"""Partitioned tables: copied, streamed, compacted, expired, read by everybody."""
import os
import random
import time

from house import lake
from house.agent import command, until
from house.registry import check, each, test
from house.server import ANY

# Column types of partition keys: (SQL type, values, engines that find the folders of such partitions).
ALL = ('java', 'pypaimon', 'rust')
TYPES = {
    'text': ('varchar(40)', ["'2024-01-01'", "'a/b:c=%'", "'ä ö'", "' '", "'x''y'"], ('java',)),
    'plain': ('varchar(10)', ["'a'", "'b'", "'c'"], ALL),
    'int': ('int', ['-5', '0', '2147483647'], ALL),
    'bigint': ('bigint unsigned', ['0', '18446744073709551615'], ('java',)),
    'date': ('date', ["'2024-02-29'", "'1969-12-31'", "'9999-12-31'"], ('java',)),
    'time': ('time(3)', ["'00:00:00'", "'23:59:59.999'"], ('java',)),
    'datetime': ('datetime(6)', ["'2024-01-01 00:00:00'", "'2024-01-01 10:11:12'", "'2024-01-01 10:11:12.5'",
                                 "'2024-01-01 10:11:12.123456'", "'1969-12-31 23:59:59.999999'"], ('java',)),
    'decimal': ('decimal(20,2)', ['1.50', '-99999999.99', '0'], ('java',)),
}


def same(t, job, names, engines, replay=False):
    lake.same(t, job, names, engines=engines, replay=replay)


@each('key', TYPES, seconds=120, servers=lambda _: (ANY,))
def key(t, name):
    """Each type of partition column: copy, then inserts, updates, deletes and moves between partitions by the stream."""
    sql, values, engines = TYPES[name]
    server = t.server(ANY)
    database = t.database(server, 'create table t (p %s not null, id int not null, v int, primary key (id, p))' % sql)
    job = t.job(server, database, sink__partition__key=database + '.t:p')
    with server.session(database) as s:
        s.run('insert into t values ' + ','.join('(%s, %d, 0)' % (v, i) for v in values for i in range(8)))
        job.catch_up()
        same(t, job, ['t'], engines)
        for n in range(14):
            v = values[n % len(values)]
            s.run('update t set v = v + 1 where p = %s; delete from t where p = %s and id = %d; insert into t values (%s, %d, 9)'
                  % (v, v, n % 8, v, 100 + n))
            s.run('update t set p = %s, id = 500 where id = 7 and p = %s' % (values[(n + 1) % len(values)], v) if n == 3 else 'select 1')
            if n % 7 == 6:
                job.catch_up()
    job.catch_up()
    same(t, job, ['t'], engines)


@each('under_work', ('mariadb-11.8', 'mysql-8.0'), seconds=150, servers=lambda v: (v,))
def under_work(t, kind):
    """Two levels of partitions, new ones all the time, while the table is copied, compacted and expired; with a changelog."""
    server = t.server(kind)
    database = t.database(server, 'create table t (day int, hour int, id int, v int, primary key (day, hour, id))')
    with server.session(database) as s:
        for day in range(6):
            s.run('insert into t values ' + ','.join('(%d,%d,%d,0)' % (day, i % 3, i) for i in range(400)))
    job = t.job(server, database, sink__partition__key=database + '.t:day,hour', pipeline__checkpoint__interval='150ms',
                source__scan__incremental__snapshot__chunk__size=100)
    for name, value in (('bucket', 1), ('changelog-producer', 'input'), ('num-sorted-run.compaction-trigger', 3),
                        ('snapshot.num-retained.min', 5), ('snapshot.num-retained.max', 200)):
        job.put('sink', 'table.properties.' + name, value)
    view = lake.Lake(job.warehouse)

    def work(event):
        rng = random.Random(t.seed)
        with server.session(database) as s:
            day = 6
            while not event.is_set():
                day += rng.random() < 0.05
                s.run('insert into t values (%d, %d, %d, 1) on duplicate key update v = v + 1; delete from t where day = %d and id = %d; '
                      'update t set v = v + 1 where day = %d and hour = %d limit 20'
                      % (day, rng.randrange(3), rng.randrange(400), rng.randrange(day), rng.randrange(400), rng.randrange(day),
                         rng.randrange(3)))
                time.sleep(0.002)

    working = t.background(work)
    for n in range(3):
        agent = job.start()
        until(60, 'a commit', lambda: view.latest(database + '.t'), agent)
        time.sleep(2)
        agent.kill() if n < 2 else agent.stop()
    working.stop()
    job.catch_up()
    check(any('event=compact ' in open(os.path.join(t.work, f), encoding='utf-8').read() for f in os.listdir(t.work) if f.endswith('.log')),
          'nothing was compacted')
    same(t, job, ['t'], ('java', 'pypaimon', 'rust'), replay=True)


@test(seconds=60, servers=(ANY,))
def refused(t):
    """Partition columns that are not in the key, or not there, set the table aside by name; a key of another form is an error."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key, p int)', 'create table u (id int primary key)')
    job = t.job(server, database, sink__partition__key='%s.t:p' % database)
    agent = job.catch_up(expect=3)
    check("'p' is not in the primary key" in agent.log(), 'no reason: %s', agent.tail())
    job = t.job(server, database, sink__partition__key='%s.t:nope;%s.u:id' % (database, database), name='other',
                warehouse=os.path.join(t.work, 'other'))
    agent = job.catch_up(expect=(3, 5))
    check("no column 'nope'" in agent.log() and 'the whole primary key' in agent.log(), 'no reasons: %s', agent.tail())
    job.put('sink', 'partition.key', 'nonsense')
    code, _, err = command(t, 'validate', job.write())
    check(code == 2 and 'not of the form db.table:column' in err and 'other.yaml:14:3:' in err, 'validate: %s %s', code, err)


@test(seconds=60, servers=(ANY,))
def paimons(t):
    """A partitioned table that Paimon made: inlet reads it, in key order too, and goes on with it."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (p int, id int, v int, primary key (p, id))')
    job = t.job(server, database)
    view = lake.Lake(job.warehouse)
    name = database + '.t'
    view.write(name, {'create': {'columns': [{'name': 'p', 'type': 'INT NOT NULL'}, {'name': 'id', 'type': 'INT NOT NULL'}, {'name': 'v', 'type': 'INT'}],
                                 'primaryKeys': ['id', 'p'], 'partitionKeys': ['p'], 'options': {'bucket': '2', 'file.format': 'avro'}}},
               *[{'k': '+I', 'r': {'p': p, 'id': i, 'v': 0}} for p in (1, 2, 3) for i in range(20)], {'commit': True},
               *[{'k': '+I', 'r': {'p': p, 'id': i, 'v': 1}} for p in (2, 4) for i in range(10)], {'commit': True})
    code, out, err = command(t, 'table', 'read', job.warehouse, name)
    check(code == 0 and out.splitlines() == view.judge('read', name)[1], 'table read differs: %s %s', code, err)
    view.write(name, *[{'k': '-D', 'r': {'p': p, 'id': i, 'v': 0}} for p in (1, 2, 3, 4) for i in range(20)], {'commit': True})
    server.sql('alter table t drop primary key, add primary key (id, p); insert into t values (1, 1, 5), (9, 1, 5)', database)
    job.catch_up()
    server.sql('update t set v = 6 where p = 9; delete from t where p = 1', database)
    job.catch_up()
    view.write(name, {'compact': 'full'})
    lake.same(t, job, ['t'], shape=False)
