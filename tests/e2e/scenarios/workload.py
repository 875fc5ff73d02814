"""Random work, running while the first copy runs; the seed is printed on failure and replays."""
import random
import time

from house import lake, traffic
from house.agent import until
from house.registry import check, each, test
from house.server import ANY, KINDS


@each('copy_while_written', KINDS, seconds=120, servers=lambda v: (v,))
def copy_while_written(t, kind):
    """Inserts, updates, changed keys, deletes, rollbacks over four tables while the first copy runs, then on."""
    server = t.server(kind)
    database = t.database(server)
    first = traffic.Traffic(t.seed, server, database)
    first.create(4000)
    working, made = traffic.writers(t, server, database)
    job = t.job(server, database, source__scan__incremental__snapshot__chunk__size=300)
    agent = job.start()
    view = lake.Lake(job.warehouse)
    until(60, 'all tables in the lake', lambda: all(view.latest('%s.%s' % (database, n)) for n in traffic.TABLES), agent)
    time.sleep(3)
    for w in working:
        w.stop()
    agent.stop()
    t.say('%d transactions, %d lost' % (sum(m.transactions for m in made), sum(m.lost for m in made)))
    check(sum(m.transactions for m in made) > 20, 'the writers did next to nothing')
    job.catch_up()
    lake.same(t, job, traffic.TABLES, engines=('java', 'pypaimon', 'rust'))


def copied_in_order(t, server):
    database = t.database(server, 'create table t (id int primary key, v int)', 'create table digits (n int primary key)',
                          'insert into digits values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)')
    server.sql('insert into t select a.n + 10 * b.n + 100 * c.n + 1000 * d.n, 0 from digits a, digits b, digits c, digits d', database)
    job = t.job(server, database, source__scan__incremental__snapshot__chunk__size=100, pipeline__checkpoint__interval='100ms')
    job.put('source', 'tables', database + '.t')

    def work(event):
        rng = random.Random(t.seed)
        with server.session(database) as s:
            while not event.is_set():
                s.run('delete from t where id %% 1000 = %d; update t set v = v + 1 where id %% 100 = %d'
                      % (rng.randrange(1000), rng.randrange(100)))

    working = t.background(work)
    agent = job.start(failpoint='copy.snapshot-opened:*=sleep20')
    until(60, 'the end of the copy', lambda: 'event=copy-done' in agent.log(), agent)
    working.stop()
    agent.stop()
    job.catch_up()
    lake.same(t, job, ['t'], replay=True)


@each('copy_in_order', KINDS, seconds=120, servers=lambda v: (v,), debug=True)
def copy_in_order(t, kind):
    """A reader that takes changes as they come, without merging: none may be listed before the copied row that it changes. The moment
    in which nobody knows whether a chunk shows a change is made long, so that changes and marks fall into it."""
    copied_in_order(t, t.server(kind))


@test(seconds=120, debug=True)
def without_gtids(t):
    """MySQL as it is set up by itself: positions are log files and offsets. The copy under work, then a rotated log and a restart."""
    server = t.server('mysql-8.0', '--gtid-mode=OFF', '--enforce-gtid-consistency=OFF', private=True)
    copied_in_order(t, server)
    job = t.job(server, t.name.replace('.', '_'))
    for n in range(3):
        server.sql('update t set v = v + 100 where id %% 7 = %d; flush binary logs; insert into t values (%d, 0)' % (n, 20000 + n), job.database)
        if n == 1:
            server.restart()
        job.catch_up()
    lake.same(t, job, ['t'], replay=True)


@each('with_changelog', ('mariadb-11.8', 'mysql-8.0'), seconds=120, servers=lambda v: (v,))
def with_changelog(t, kind):
    """changelog-producer input: the changelog gives the table with right old images, and audited rows are there once each."""
    server = t.server(kind)
    database = t.database(server)
    traffic.Traffic(t.seed, server, database).create(2000)
    working, _ = traffic.writers(t, server, database)
    job = t.job(server, database).put('sink', 'table.properties.changelog-producer', 'input')
    agent = job.start()
    time.sleep(4)
    for w in working:
        w.stop()
    agent.stop()
    job.catch_up()
    lake.same(t, job, traffic.TABLES, replay=True)
    lake.Lake(job.warehouse).insert_only(database + '.audit')


@test(seconds=120, servers=(ANY,), debug=True)
def sanitized(t):
    """The same work under AddressSanitizer and UndefinedBehaviorSanitizer, with one bucket and three."""
    server = t.server(ANY)
    database = t.database(server)
    traffic.Traffic(t.seed, server, database).create(2000)
    working, _ = traffic.writers(t, server, database)
    job = t.job(server, database, source__scan__incremental__snapshot__chunk__size=500)
    job.put('sink', 'table.properties.bucket', 3)
    agent = job.start()
    time.sleep(4)
    for w in working:
        w.stop()
    agent.stop()
    job.catch_up()
    lake.same(t, job, traffic.TABLES)


@each('huge_transaction', ('mariadb-11.8', 'mysql-8.0'), seconds=150, servers=lambda v: (v,))
def huge_transaction(t, kind):
    """A transaction larger than the memory budget is in the lake as a whole or not at all; one rolled back, not at all."""
    server = t.server(kind)
    database = t.database(server, 'create table big (id int primary key, v varchar(200))', 'create table small (id int primary key)')
    job = t.job(server, database, pipeline__memory='32MiB', pipeline__checkpoint__interval='200ms')
    with server.session(database) as s:
        s.run('insert into small values (1)')
        job.catch_up()
        agent = job.start()
        fill = ("insert into big select a.n + 100 * b.n + 10000 * c.n, repeat(char(97 + (a.n %% 26)), 150) from digits a, digits b, digits c "
                'where c.n < %d')
        s.run('create temporary table digits_1 (n int); set @n = -1; create table digits (n int primary key)')
        s.run('insert into digits values ' + ','.join('(%d)' % i for i in range(100)))
        s.run('begin; ' + fill % 30 + '; update big set v = concat(v, id); insert into small values (2); commit')
        s.run('begin; delete from big; rollback; insert into small values (3)')
        view = lake.Lake(job.warehouse)
        until(60, 'the big transaction', lambda: view.exists(database + '.big') and view.latest(database + '.big')
              and view.count(database + '.big') == 300000, agent)
    agent.stop(20)
    job.catch_up()
    lake.same(t, job, ['big', 'small'], engines=('java',))
    counts = set()
    for snapshot in view.snapshots(database + '.big'):
        _, out = view.judge('count', database + '.big', '--snapshot', str(snapshot['id']))
        counts.add(int(out[0].split(':')[1].rstrip('}')))
    check(counts <= {0, 300000}, 'a snapshot shows part of the transaction: %s rows', sorted(counts))


@test(seconds=90, servers=(ANY,))
def many_tables(t):
    """Sixty tables in one job, each with its rows; one without a primary key is named and left out."""
    server = t.server(ANY)
    database = t.database(server)
    with server.session(database) as s:
        for i in range(60):
            s.run('create table t%02d (id int primary key, v int); insert into t%02d values (1, %d), (2, %d)' % (i, i, i, i))
        s.run('create table keyless (v int); insert into keyless values (1)')
    job = t.job(server, database)
    agent = job.catch_up()
    check('keyless' in agent.log(), 'the table without a key is not named:\n%s', agent.tail())
    with server.session(database) as s:
        for i in range(60):
            s.run('update t%02d set v = v + 100 where id = 1' % i)
    job.catch_up()
    lake.same(t, job, ['t%02d' % i for i in range(60)], engines=('java',), verify=False)
    view = lake.Lake(job.warehouse)
    check(not view.exists(database + '.keyless'), 'the table without a key is in the lake')
    for i in range(0, 60, 10):
        view.verify('%s.t%02d' % (database, i))


@test(seconds=60, servers=(ANY,))
def one_by_one(t):
    """Few changes, many commits: the number of sorted runs stays bounded and every reader still agrees."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key, v int)', 'insert into t values (1,0),(2,0),(3,0)')
    job = t.job(server, database, pipeline__checkpoint__interval='100ms')
    agent = job.start()
    view = lake.Lake(job.warehouse)
    name = database + '.t'
    until(20, 'the first copy', lambda: view.latest(name), agent)
    with server.session(database) as s:
        for i in range(40):
            before = view.latest(name)
            s.run('update t set v = v + 1 where id = %d; replace into t values (%d, %d)' % (1 + i % 3, 10 + i % 5, i))
            until(20, 'a commit', lambda: view.latest(name) > before, agent)
    agent.stop()
    job.catch_up()
    lake.same(t, job, ['t'], engines=('java', 'pypaimon', 'rust'))
    rc, files = view.judge('read', name + '$files', '--unsorted')
    check(rc == 0 and len(files) < 30, 'no compaction: %d files after 40 small commits', len(files))
