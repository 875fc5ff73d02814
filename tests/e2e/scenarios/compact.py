"""`inlet compact` as a process of its own: beside a job, beside Paimon's own writer, beside itself; killed at any moment."""
import json
import os
import re
import signal
import time

from house import lake, traffic
from house.agent import ASIDE, DONE, USAGE, Agent, command, until
from house.registry import check, each, test
from house.server import ANY

KINDS = {
    'none': {'changelog-producer': 'none'},
    'lookup': {'changelog-producer': 'lookup'},
    'full': {'changelog-producer': 'full-compaction', 'full-compaction.delta-commits': 3},
}


def write_only(t, server, rows, **properties):
    """A database under work, and a job that leaves compaction to others."""
    database = t.database(server)
    traffic.Traffic(t.seed, server, database).create(rows)
    job = t.job(server, database, pipeline__checkpoint__interval='150ms')
    for name, value in {'bucket': 1, 'num-sorted-run.compaction-trigger': 3, 'write-only': 'true', **properties}.items():
        job.put('sink', 'table.properties.' + name, value)
    return job


def beside(t, *args, **kw):
    """`inlet compact` in the background."""
    return Agent(t, ['compact', '--interval', '100ms', '--memory', '16MiB', *args], **kw)


def kinds(view, name):
    """Kind and user of every snapshot, oldest first."""
    return [(s['commitKind'], s['commitUser']) for s in view.snapshots(name)]


def sound(view, name, *compactors):
    """The table is whole, and the compactors left nothing that nobody names. (Java leaves manifests when somebody was faster.)"""
    rc, out = view.judge('verify', name)
    verdict = json.loads(out[-1])
    check(not rc and verdict['ok'], 'judge verify %s: %s', name, json.dumps(verdict['problems'])[:1500])
    ours = [re.search(r'user=inlet-compact-(\w{8})', c.log()).group(1) for c in compactors]
    left = [f for kind in ('orphan', 'temporary') for f in verdict['warnings'].get(kind, []) if any(u in f for u in ours)]
    check(not left, 'files of a compactor that no snapshot names: %s', left[:8])


def finish(t, job, working, replay):
    """The work ends; the job and the compactor catch up; everything is judged."""
    for w in working:
        w.stop()
    job.catch_up(90)
    rc, _, err = command(t, 'compact', '--once', job.path, seconds=60)
    check(rc == DONE, 'compact --once ended with %s: %s', rc, err)
    view = lake.Lake(job.warehouse)
    for table in traffic.TABLES:
        name = '%s.%s' % (job.database, table)
        made = [user for kind, user in kinds(view, name) if kind == 'COMPACT']
        check(made and all(user.startswith('inlet-compact-') for user in made), '%s: compacted by %s', name, made[-5:])
    lake.same(t, job, traffic.TABLES, replay=replay)


@each('killed', list(KINDS), seconds=180, servers=lambda v: (ANY,))
def killed(t, kind):
    """A write-only job under work and a compactor beside it, one of them killed again and again. Rows, changelog, and no file that
    nobody names."""
    server = t.server(ANY)
    job = write_only(t, server, 500, **KINDS[kind])
    job.catch_up()
    working, _ = traffic.writers(t, server, job.database, 2, 0.01)
    agent, compactor = job.start(), beside(t, job.path)
    for n in range(12):
        time.sleep(t.random.uniform(0.2, 1.2))
        for a in (agent, compactor):
            check(a.alive(), 'ended by itself with %s:\n%s', a.process.returncode, a.tail())
        if n % 3 == 0:
            agent.kill()
            agent = job.start()
        else:
            compactor.kill()
            compactor = beside(t, job.path)
    time.sleep(1)
    compactor.stop()
    agent.stop()
    finish(t, job, working, kind != 'none')


@each('at', ('compact.mid', 'compact.after', 'commit.after-manifest', 'commit.before-publish', 'commit.after-publish'), seconds=120,
      servers=lambda v: (ANY,), debug=True)
def at(t, point):
    """The compactor is killed at each step of its work, and its calls fail there; the next one goes on."""
    server = t.server(ANY)
    job = write_only(t, server, 200, **KINDS['lookup'])
    job.catch_up()
    working, _ = traffic.writers(t, server, job.database, 1, 0.01)
    agent = job.start()
    for how in ('%s=kill' % point, '%s:3=kill' % point):
        compactor = beside(t, job.path, failpoint=how)
        code = compactor.process.wait(40)
        check(code == -9, 'the compactor ended with %s before %s:\n%s', code, how, compactor.tail())
        t.running.remove(compactor)
    for how in ('%s=error' % point, '%s:2=enospc' % point):
        compactor = beside(t, job.path, failpoint=how)
        compactor.wait_log('event=compact ', 40)
        time.sleep(1)
        compactor.stop()
    agent.stop()
    finish(t, job, working, True)


@test(seconds=120, servers=(ANY,))
def two(t):
    """Two compactors and a job that compacts, too, on the same tables: whoever comes second throws its result away."""
    server = t.server(ANY)
    job = write_only(t, server, 500, **{'write-only': 'false', **KINDS['lookup']})
    job.catch_up()
    names = ['%s.%s' % (job.database, table) for table in traffic.TABLES]
    working, _ = traffic.writers(t, server, job.database, 2, 0.005)
    agent = job.start()
    compactors = [beside(t, job.warehouse, *names) for _ in range(2)]
    view = lake.Lake(job.warehouse)

    def all_three():
        users = {user for kind, user in kinds(view, names[0]) if kind == 'COMPACT'}
        return len([u for u in users if u.startswith('inlet-compact-')]) == 2
    until(60, 'compactions of both', all_three, agent, *compactors)
    time.sleep(3)
    for c in compactors:
        c.stop()
    agent.stop()
    t.say('%d results came second' % sum(c.log().count('compact-conflict') for c in compactors))
    for w in working:
        w.stop()
    job.catch_up(90)
    lake.same(t, job, traffic.TABLES, replay=True)


CREATE = {'create': {'columns': [{'name': 'id', 'type': 'INT NOT NULL'}, {'name': 'v', 'type': 'STRING'}], 'primaryKeys': ['id'],
                     'options': {'bucket': '2', 'file.format': 'parquet', 'write-only': 'true', 'num-sorted-run.compaction-trigger': '3',
                                 'snapshot.num-retained.min': '3', 'snapshot.num-retained.max': '6'}}}


def gen(n, salt, commits=1):
    out = []
    for c in range(commits):
        out += [{'gen': {'rows': n, 'from': 37 * (salt + c), 'salt': salt + c}}, {'commit': True}]
    return out


@each('java', list(KINDS), seconds=120)
def java(t, kind):
    """Paimon's own writer, which does not compact, and a compactor: snapshots expire, the schema changes, partitions and rows stay
    right, Paimon reads it all."""
    warehouse = os.path.join(t.work, 'lake')
    view = lake.Lake(warehouse)
    create = {'create': dict(CREATE['create'], options=dict(CREATE['create']['options'], **{k: str(v) for k, v in KINDS[kind].items()}))}
    if kind != 'none':
        for keep in ('min', 'max'):
            create['create']['options'].pop('snapshot.num-retained.' + keep)
    view.write('d.t', create, *gen(200, 0))
    compactor = beside(t, warehouse)
    for n in range(6):
        view.write('d.t', *gen(200, 3 * n + 1, 3))
        if n == 2:
            view.write('d.t', {'alter': [{'add': 'w', 'type': 'INT'}]})
        if n == 3:
            view.write('d.t', {'k': '-D', 'r': {'id': 40, 'v': 'x'}}, {'commit': True})
    last = view.latest('d.t')

    def settled():
        nonlocal last
        time.sleep(0.5)
        now = view.latest('d.t')
        quiet, last = now == last, now
        return quiet
    until(30, 'the compactor to be done', settled, compactor)
    compactor.stop()
    rc, _, err = command(t, 'compact', '--once', warehouse)
    check(rc == DONE, 'compact --once ended with %s: %s', rc, err)
    check(any(k == 'COMPACT' for k, _ in kinds(view, 'd.t')), 'nothing was compacted')
    want = {}
    for salt in range(19):
        for i in range(37 * salt, 37 * salt + 200):
            want[i] = salt
    rows = view.rows('d.t')
    gone = 1 if 40 in want and not any('"id":40,' in r for r in rows) else 0
    check(len(rows) == len(want) - gone, '%d rows, %d keys were written, %d deleted', len(rows), len(want), gone)
    check(sorted(rows) == sorted(command(t, 'table', 'read', '--unsorted', warehouse, 'd.t')[1].splitlines()), 'inlet reads other rows')
    sound(view, 'd.t', compactor)
    if kind == 'none':
        check(len(kinds(view, 'd.t')) <= 12, 'snapshots did not expire: %d', len(kinds(view, 'd.t')))
    else:
        view.replay('d.t')


@test(seconds=90)
def codes(t):
    """Exit codes: what is not there, what cannot be written, what is left alone; a table that comes later; a signal."""
    warehouse = os.path.join(t.work, 'lake')
    view = lake.Lake(warehouse)
    create = dict(CREATE['create'])
    view.write('d.t', {'create': create}, *gen(50, 0, 5))
    view.write('d.own', {'create': dict(create, options={'bucket': '1'})}, *gen(50, 0, 2))
    view.write('d.orc', {'create': dict(create, options={'bucket': '1', 'file.format': 'orc', 'write-only': 'true'})}, *gen(50, 0, 2))
    for args, code, text in ((['%s/nowhere' % t.work], USAGE, 'nowhere'), ([warehouse, 'nodot'], USAGE, 'nodot'),
                             ([warehouse, 'd.nope'], USAGE, 'd.nope'), ([warehouse, '--interval', 'often'], USAGE, 'often'),
                             ([warehouse, '--memory', '1'], USAGE, 'size'), ([warehouse, '--parallelism', '0'], USAGE, '64'),
                             ([], USAGE, 'needs'), ([warehouse, 'd.t'], DONE, 'event=compact '), ([warehouse], ASIDE, 'd.orc')):
        rc, _, err = command(t, 'compact', '--once', *args)
        check(rc == code and text in err, 'compact %s ended with %s, said %s', args, rc, err)
    check('compact-left table=d.own' in err, 'the table that compacts itself is not named: %s', err)
    check(view.latest('d.own') == 2, 'a table that compacts itself was compacted')
    agent = beside(t, warehouse, 'd.late')
    time.sleep(0.5)
    view.write('d.late', {'create': create}, *gen(50, 0, 5))
    agent.wait_log('event=compact table=d.late', 20)
    for number in (signal.SIGTERM, signal.SIGINT):
        agent.signal(number)
        agent.wait(10, DONE)
        agent = beside(t, warehouse, 'd.late')
        time.sleep(0.5)
    agent.stop()
    view.verify('d.t', orphans=True)
    sound(view, 'd.late', agent)
