"""A commit is in the binlog before it can be seen: a chunk that is read in between must not lose it."""
import time

from house import lake
from house.agent import until
from house.registry import check, each
from house.server import SqlError

COMMITTERS = 8


def committer(server, database, lane):
    """One-row transactions on keys spread over the whole table, as fast as the server lets them."""
    def work(event):
        with server.session(database) as s:
            n = 0
            while not event.is_set():
                key = (n * 7919 + lane * 104729) % 40000
                try:
                    s.run('insert into t values (%d, %d, %d) on duplicate key update v = v + 1, lane = %d' % (key, n, lane, lane))
                    if n % 5 == 0:
                        s.run('delete from t where id = %d' % ((key + 13) % 40000))
                except SqlError as e:
                    if e.code not in (1205, 1213):
                        raise
                n += 1
    return work


def held_mariadb(server):
    server.sql('set global binlog_commit_wait_count=50; set global binlog_commit_wait_usec=30000')


def held_mysql(server):
    server.sql('set global binlog_group_commit_sync_delay=30000; set global binlog_group_commit_sync_no_delay_count=50')


def stall(server):
    """Semi-sync without a replica: each commit waits between binlog and engine until the time is up."""
    def work(event):
        while not event.is_set():
            server.sql('set global rpl_semi_sync_master_enabled=0; set global rpl_semi_sync_master_enabled=1')
            event.wait(0.35)
        server.sql('set global rpl_semi_sync_master_enabled=0')
    return work


def copied(t, server, changelog='none', extra=None):
    database = t.database(server, 'create table t (id int primary key, v int, lane int)')
    with server.session(database) as s:
        for start in range(0, 40000, 4000):
            s.run('insert into t values ' + ','.join('(%d,0,0)' % i for i in range(start, start + 4000, 2)))
    working = [t.background(committer(server, database, n)) for n in range(COMMITTERS)]
    if extra:
        working.append(t.background(extra))
    time.sleep(0.3)
    job = t.job(server, database, source__scan__incremental__snapshot__chunk__size=200, pipeline__parallelism=2,
                pipeline__checkpoint__interval='300ms')
    job.put('sink', 'table.properties.changelog-producer', changelog)
    view = lake.Lake(job.warehouse)
    for n in range(3):  # three first copies, each into a lake of its own
        job.name, job.warehouse = '%s-%d' % (database, n), '%s-%d' % (job.warehouse.rsplit('-', 1)[0] if n else job.warehouse, n)
        job.put('pipeline', 'name', job.name).put('sink', 'catalog.properties.warehouse', job.warehouse)
        view = lake.Lake(job.warehouse)
        agent = job.start()
        until(60, 'the copy', lambda: view.latest(database + '.t'), agent)
        time.sleep(1.5)
        agent.stop()
    for w in working:
        w.stop()
    lakes = [job.warehouse[:-1] + str(n) for n in range(3)]
    for n, warehouse in enumerate(lakes):
        job.name, job.warehouse = '%s-%d' % (database, n), warehouse
        job.put('pipeline', 'name', job.name).put('sink', 'catalog.properties.warehouse', warehouse)
        job.catch_up()
        lake.same(t, job, ['t'], engines=('java',), replay=changelog == 'input')
    check(len(view.snapshots(database + '.t')) > 0, 'no snapshot')


@each('group_commit', ('mariadb-11.8', 'mariadb-10.11', 'mysql-8.0', 'mysql-9.7'), seconds=150)
def group_commit(t, kind):
    """Commits wait in a group between binlog and engine while chunks are read."""
    server = t.server(kind, private=True)
    (held_mariadb if server.mariadb else held_mysql)(server)
    copied(t, server)


@each('shared_snapshot', ('mariadb-11.8', 'mysql-8.0'), seconds=150)
def shared_snapshot(t, kind):
    """The same for one snapshot that all readers share (changelog-producer input)."""
    server = t.server(kind, private=True)
    (held_mariadb if server.mariadb else held_mysql)(server)
    copied(t, server, 'input')


@each('semi_sync', ('mariadb-11.8', 'mariadb-10.11'), seconds=150)
def semi_sync(t, kind):
    """Commits stall after the binlog was synced and before the engine commits (AFTER_SYNC)."""
    server = t.server(kind, '--rpl-semi-sync-master-timeout=300', '--rpl-semi-sync-master-wait-point=AFTER_SYNC', private=True)
    copied(t, server, extra=stall(server))
