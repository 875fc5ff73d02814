"""Servers that restart, purge, refuse and are set up wrong; lines that break and lie."""
import os
import signal
import time

from house import lake, traffic
from house.agent import ASIDE, DONE, HUMAN, RETRY, USAGE, command, until
from house.proxy import Proxy
from house.registry import check, each, test
from house.server import ANY, PASSWORD, wait_for

from .crash import fresh, settle

BRANDS = ('mariadb-11.8', 'mysql-8.0')


@each('restart_in_stream', BRANDS, seconds=150)
def restart_in_stream(t, kind):
    """The server is restarted, then crashes, while inlet streams: it waits and goes on by itself."""
    server = t.server(kind, private=True)
    job = fresh(t, server, 200)
    view = lake.Lake(job.warehouse)
    agent = job.start()
    name = job.database + '.audit'
    until(30, 'a first commit', lambda: view.latest(name), agent)
    for n, kill in enumerate((False, True)):
        server.restart(kill)
        before = view.latest(name)
        server.sql("insert into audit values (%d, 0, 'after restart')" % (1000 + n), job.database)
        until(60, 'a commit after the restart', lambda: view.latest(name) > before, agent)
    agent.stop()
    settle(t, job, [])


@each('restart_in_copy', BRANDS, seconds=150)
def restart_in_copy(t, kind):
    """The server crashes in the middle of the first copy."""
    server = t.server(kind, private=True)
    job = fresh(t, server, 30000, 'none', source__scan__incremental__snapshot__chunk__size=500)
    agent = job.start()
    time.sleep(0.5)
    server.restart(kill=True)
    view = lake.Lake(job.warehouse)
    until(90, 'the copy after the restart', lambda: all(view.latest('%s.%s' % (job.database, n)) for n in traffic.TABLES), agent)
    agent.stop()
    settle(t, job, [], replay=False)


@each('purged', BRANDS, seconds=120)
def purged(t, kind):
    """The binlog that inlet needs is purged behind its back: exit code 5, with what is lost and what to do; the lake stays."""
    server = t.server(kind, private=True)
    database = t.database(server, 'create table t (id int primary key)', 'insert into t values (1)')
    job = t.job(server, database)
    job.catch_up()
    server.sql('insert into t values (2); flush binary logs; insert into t values (3); flush binary logs', database)
    last = server.sql('show binary logs')[-1][0]
    if server.mariadb and server.version != '10.11':
        server.sql('set global slave_connections_needed_for_purge=0')

    def gone():
        """A log that a dead connection still reads is kept for a while."""
        server.sql("purge binary logs to '%s'" % last)
        return len(server.sql('show binary logs')) == 1
    wait_for(30, 'the server to purge its logs', gone)
    agent = job.start()
    agent.wait(30, HUMAN)
    check('purge' in agent.log().lower() or 'no longer' in agent.log(), 'the loss is not explained:\n%s', agent.tail())
    check(lake.Lake(job.warehouse).rows(database + '.t') == ['{"id":1}'], 'the lake changed')


@test(seconds=60, servers=('mariadb-11.8', 'mysql-8.0'))
def refused(t):
    """Wrong password, unknown host, closed port: said once and clearly, the password never."""
    for kind in BRANDS:
        server = t.server(kind)
        database = t.database(server, 'create table t (id int primary key)')
        job = t.job(server, database, source__password='wrong-secret-word')
        agent = job.start('--until-caught-up')
        agent.wait(30, (USAGE, HUMAN))
        check('denied' in agent.log().lower(), 'access denied is not said:\n%s', agent.tail())
        check('wrong-secret-word' not in agent.log() and PASSWORD not in agent.log(), 'the password is in the log')


@each('missing_grant', BRANDS, seconds=60, servers=lambda v: (v,))
def missing_grant(t, kind):
    """Each right that is missing is named as the GRANT that gives it."""
    server = t.server(kind)
    database = t.database(server, 'create table t (id int primary key)', 'insert into t values (1)')
    user = "'u_%d'@'%%'" % t.number()
    name = user.split("'")[1]
    server.sql("create user %s identified by 'inlet-secret'; grant select on `%s`.* to %s" % (user, database, user))
    job = t.job(server, database, source__username=name)
    agent = job.start('--until-caught-up')
    agent.wait(30, (USAGE, HUMAN))
    check('REPLICATION SLAVE' in agent.log().upper() and 'GRANT' in agent.log().upper(), 'the missing right is not named:\n%s', agent.tail())
    server.sql('grant replication slave, replication client%s on *.* to %s' % (', slave monitor' if server.mariadb else '', user))
    server.sql('revoke select on `%s`.* from %s; grant create on `%s`.* to %s' % (database, user, database, user))
    agent = job.start('--until-caught-up')
    agent.wait(30, (USAGE, HUMAN))
    check('SELECT' in agent.log().upper(), 'the missing right is not named:\n%s', agent.tail())
    server.sql('grant select on `%s`.* to %s' % (database, user))
    job.catch_up()
    lake.same(t, job, ['t'], engines=('java',))
    server.sql('drop user ' + user)


SETTINGS = {
    'mariadb-11.8': [('binlog_format', '--binlog-format=STATEMENT', 'ROW'), ('binlog_format', '--binlog-format=MIXED', 'ROW'),
                     ('log_bin', '--skip-log-bin', 'log_bin'), ('binlog_row_image', '--binlog-row-image=MINIMAL', 'FULL')],
    'mysql-8.0': [('binlog_format', '--binlog-format=STATEMENT', 'ROW'), ('binlog_row_image', '--binlog-row-image=MINIMAL', 'FULL')]}


@each('setting', BRANDS, seconds=120)
def setting(t, kind):
    """A server that is set up so that changes would be missed: the setting is named with the value it needs."""
    server = t.server(kind, private=True)
    database = t.database(server, 'create table t (id int primary key)', 'insert into t values (1)')
    job = t.job(server, database)
    for name, option, wanted in SETTINGS[kind]:
        server.options = [option]
        server.restart()
        agent = job.start('--until-caught-up')
        agent.wait(30, (USAGE, HUMAN))
        check(name in agent.log() and wanted in agent.log(), '%s is not explained:\n%s', option, agent.tail())
    server.options = []
    server.restart()
    job.catch_up()
    lake.same(t, job, ['t'], engines=('java',))


@each('shape_changed', BRANDS, seconds=90, servers=lambda v: (v,))
def shape_changed(t, kind):
    """A DDL that changes a captured table's shape stops that table by name, at that place; the others go on; exit code 3."""
    server = t.server(kind)
    database = t.database(server, 'create table changed (id int primary key, v int)', 'create table other (id int primary key, v int)',
                          'insert into changed values (1, 1)', 'insert into other values (1, 1)')
    job = t.job(server, database)
    view = lake.Lake(job.warehouse)
    job.catch_up()
    agent = job.start()
    server.sql("insert into changed values (2, 2); alter table changed add column w varchar(10) default 'x'; "
               'insert into changed values (3, 3, 3); create table unrelated (x int); create index i on other (v); '
               'insert into other values (2, 2); analyze table other; drop table unrelated', database)
    until(20, 'the other table', lambda: view.count(database + '.other') == 2, agent)
    agent.stop(15, ASIDE)
    check('changed' in agent.log(), 'the table is not named:\n%s', agent.tail())
    check(sorted(view.rows(database + '.changed')) in (['{"id":1,"v":1}'], ['{"id":1,"v":1}', '{"id":2,"v":2}']),
          'rows of the stopped table: %s', view.rows(database + '.changed'))
    server.sql('insert into other values (3, 3)', database)
    job.catch_up(60, ASIDE)
    lake.same(t, job, ['other'])


@each('table_gone', ('drop table gone', 'truncate table gone', 'rename table gone to went'), seconds=60, servers=lambda v: (ANY,))
def table_gone(t, statement):
    """DROP, TRUNCATE, RENAME of a captured table stop it by name; its rows stay in the lake."""
    server = t.server(ANY)
    database = t.database(server, 'create table gone (id int primary key)', 'create table other (id int primary key)',
                          'insert into gone values (1)', 'insert into other values (1)')
    job = t.job(server, database)
    job.catch_up()
    server.sql(statement + '; insert into other values (2)', database)
    agent = job.catch_up(60, ASIDE)
    check('gone' in agent.log(), 'the table is not named:\n%s', agent.tail())
    view = lake.Lake(job.warehouse)
    check(view.rows(database + '.gone') == ['{"id":1}'], 'rows: %s', view.rows(database + '.gone'))
    lake.same(t, job, ['other'])


@test(seconds=60, servers=('mysql-8.0',))
def partial_json(t):
    """Parts of JSON values in the log stop the table they belong to, and nobody when nobody wants it."""
    server = t.server('mysql-8.0')
    database = t.database(server, 'create table a (id int primary key, j json)', 'create table b (id int primary key, j json)',
                          "insert into a values (1, '{\"x\": 1, \"y\": 2}')", "insert into b values (1, '{\"x\": 1, \"y\": 2}')")
    job = t.job(server, database, source__tables=database + '.a')
    job.catch_up()
    server.sql("set session binlog_row_value_options = 'PARTIAL_JSON'; update b set j = json_set(j, '$.x', 7); "
               "insert into a values (2, '{}')", database)
    job.catch_up()
    lake.same(t, job, ['a'])
    server.sql("set session binlog_row_value_options = 'PARTIAL_JSON'; update a set j = json_set(j, '$.x', 7) where id = 1", database)
    agent = job.catch_up(60, HUMAN)
    check('PARTIAL_JSON' in agent.log(), 'the reason is not said:\n%s', agent.tail())


@each('line', BRANDS, seconds=150, servers=lambda v: (v,))
def line(t, kind):
    """A line that is cut at any byte, stalls, flips bits, or is closed for a while: checksums find it, inlet goes on."""
    server = t.server(kind)
    proxy = Proxy(server.port)
    job = fresh(t, server, 3000, source__port=proxy.port)
    # Without TLS, which would find the damage before our checksums do.
    working, _ = traffic.writers(t, server, job.database, 1, 0.01)
    view = lake.Lake(job.warehouse)
    agent = job.start()
    name = job.database + '.audit'
    until(60, 'a first commit', lambda: view.latest(name), agent)
    for n in range(6):
        before = view.latest(name)
        if n % 3 == 0:
            proxy.cut()
        elif n % 3 == 1:
            proxy.damage(t.random.randrange(200, 20000))
            time.sleep(0.5)
        else:
            proxy.refuse()
            time.sleep(1)
            proxy.refuse(False)
        until(60, 'a commit after trouble %d' % n, lambda: view.latest(name) > before + 1, agent)
    agent.stop()
    settle(t, job, working)


@test(seconds=60, servers=(ANY,))
def closed_port(t):
    """No server: with --until-caught-up inlet gives up with 1 after its retries or is stopped by SIGTERM; it is never noisy."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key)')
    proxy = Proxy(server.port)
    proxy.refuse()
    job = t.job(server, database, source__port=proxy.port)
    agent = job.start()
    time.sleep(4)
    if agent.alive():
        agent.stop(15, (DONE, RETRY))
    else:
        agent.wait(1, RETRY)
    check(agent.log().strip(), 'nothing was said')
    check(len(agent.log().splitlines()) < 40, 'too noisy:\n%s', agent.tail())


@test(seconds=30, servers=(ANY,))
def validate_needs_no_server(t):
    """`inlet validate` works offline."""
    server = t.server(ANY)
    proxy = Proxy(server.port)
    proxy.refuse()
    job = t.job(server, 'nothing', source__port=proxy.port)
    code, out, err = command(t, 'validate', job.write())
    check(code == 0, 'validate ended with %d: %s%s', code, out, err)


@each('drain_behind_lock', BRANDS, seconds=90)
def drain_behind_lock(t, kind):
    """The shared copy waits for its read lock behind a long statement: SIGTERM ends inlet all the same, and others that write do not
    wait for long meanwhile."""
    server = t.server(kind, private=True)
    database = t.database(server, 'create table t (id int primary key, v int)', 'insert into t values (1, 0), (2, 0)',
                          'create table u (id int primary key)')
    job = t.job(server, database).put('sink', 'table.properties.changelog-producer', 'input')
    job.put('source', 'tables', database + '.t')

    def hold(event):
        with server.session(database) as s:
            s.run('update t set v = 1 where id = 1 and sleep(20) = 0')

    t.background(hold)
    time.sleep(1)
    agent = job.start()
    longest = 0.0
    until_time = time.monotonic() + 6
    n = 0
    with server.session(database) as s:
        while time.monotonic() < until_time:
            began = time.monotonic()
            s.run('insert into u values (%d)' % n)
            longest = max(longest, time.monotonic() - began)
            n += 1
            time.sleep(0.05)
    check(agent.alive(), 'inlet ended by itself: %s', agent.tail())
    check(longest < 5, 'an insert waited %.1f s behind the read lock', longest)
    began = time.monotonic()
    agent.stop(10)
    t.say('drained in %.1f s, the longest insert took %.1f s' % (time.monotonic() - began, longest))


@each('drain_stalled', BRANDS, seconds=120)
def drain_stalled(t, kind):
    """The server stalls in the middle of an answer while tables are copied: SIGTERM ends inlet within ten seconds; when the server goes
    on, so does the next run."""
    server = t.server(kind, private=True)
    database = t.database(server, 'create table t (id int primary key, v longtext)', 'create table digits (n int primary key)',
                          'insert into digits values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)')
    server.sql("insert into t select a.n + 10 * b.n + 100 * c.n, repeat('x', 60000) from digits a, digits b, digits c", database)
    job = t.job(server, database, source__scan__incremental__snapshot__chunk__size=200)
    with open(os.path.join(server.dir, 'pid'), encoding='utf-8') as f:
        pid = int(f.read().split()[0])
    for pause in (0.15, 0.3, 0.5):
        agent = job.start()
        time.sleep(pause)
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(0.5)
            agent.stop(10)
        finally:
            os.kill(pid, signal.SIGCONT)
    job.catch_up(90)
    lake.same(t, job, ['t', 'digits'])
