"""Killed at every step, and at any moment: at the end the lake is the source, and no change was applied twice."""
import os
import time

from house import lake, traffic
from house.registry import Failure, check, each, test
from house.server import ANY, wait_for

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def points():
    with open(os.path.join(HERE, 'failpoints.txt'), encoding='utf-8') as f:
        return [line.split()[0] for line in f if line.strip() and not line.startswith('#')]


def fresh(t, server, rows, changelog='input', **options):
    """A database under work, and its job; small settings, so that every step comes often."""
    database = t.database(server)
    traffic.Traffic(t.seed, server, database).create(rows)
    job = t.job(server, database, pipeline__checkpoint__interval='150ms', **options)
    job.put('sink', 'table.properties.bucket', 1)
    job.put('sink', 'table.properties.num-sorted-run.compaction-trigger', 3)
    job.put('sink', 'table.properties.changelog-producer', changelog)
    return job


def settle(t, job, working, replay=True):
    """The work ends, inlet catches up without interference, everything is judged."""
    for w in working:
        w.stop()
    job.catch_up(90)
    lake.same(t, job, traffic.TABLES, replay=replay)  # the last start has swept away what the dead ones left
    if replay:
        n = lake.Lake(job.warehouse).insert_only(job.database + '.audit')
        t.say('audit: %d ids, once each' % n)


def passes(job, failpoint, seconds):
    """Runs until the failpoint kills inlet. False when it never does."""
    agent = job.start(failpoint=failpoint)
    try:
        code = agent.process.wait(seconds)
    except Exception:
        agent.kill()
        return False
    agent.sound()
    if code != -9:
        raise Failure('inlet with %s ended with %s by itself:\n%s' % (failpoint, code, agent.tail()))
    job.t.running.remove(agent)
    return True


@each('at', points(), seconds=180, servers=lambda v: (ANY,), debug=True)
def at(t, point):
    """SIGKILL at the first passage (in the copy), at the third and at the eighth; then the same place fails with EIO and for want of
    space: inlet heals itself or ends with code 1. Nothing is lost, nothing doubled."""
    server = t.server(ANY)
    # Chunks are the resumable way; the changelog needs the shared one.
    changelog = 'none' if point.startswith('copy.') else 'input'
    job = fresh(t, server, 300, changelog, source__scan__incremental__snapshot__chunk__size=100)
    if point.startswith('expire.'):
        job.put('sink', 'table.properties.snapshot.num-retained.min', 1).put('sink', 'table.properties.snapshot.num-retained.max', 2)
    working, _ = traffic.writers(t, server, job.database, 1, 0.02)
    check(passes(job, point + '=kill', 30), 'inlet never passes %s', point)
    deaths = 1 + sum(passes(job, '%s:%d=kill' % (point, n), 5) for n in (3, 8))
    t.say('%d deaths at %s' % (deaths, point))
    for how in ('%s=error' % point, '%s:3=enospc' % point):
        agent = job.start('--until-caught-up', failpoint=how)
        code = agent.wait(40, (0, 1))
        t.say('%s: exit code %d' % (how, code))
    settle(t, job, working, replay=changelog == 'input')


def random_kills(t, job, working, kills, longest):
    view = lake.Lake(job.warehouse)
    for n in range(kills):
        agent = job.start()
        time.sleep(t.random.uniform(0.03, longest))
        if not agent.alive():
            raise Failure('inlet ended by itself with %s after %d kills:\n%s' % (agent.process.returncode, n, agent.tail()))
        agent.kill()
    t.say('%d kills; %s' % (kills, {n: view.latest('%s.%s' % (job.database, n)) for n in traffic.TABLES}))
    settle(t, job, working, replay=job.blocks['sink']['table.properties.changelog-producer'] == 'input')


@test(seconds=150, servers=(ANY,))
def random_in_copy(t):
    """Twenty SIGKILLs at random moments of a chunked first copy under work."""
    server = t.server(ANY)
    job = fresh(t, server, 20000, 'none', source__scan__incremental__snapshot__chunk__size=500)
    working, _ = traffic.writers(t, server, job.database, 1, 0.01)
    random_kills(t, job, working, 20, 0.5)


@each('random_in_stream', ('mariadb-11.8', 'mysql-8.0'), seconds=150, servers=lambda v: (v,))
def random_in_stream(t, kind):
    """Twenty SIGKILLs at random moments of the stream, with a changelog that shows any change applied twice."""
    server = t.server(kind)
    job = fresh(t, server, 500)
    job.catch_up()
    working, _ = traffic.writers(t, server, job.database, 2, 0.005)
    random_kills(t, job, working, 20, 0.8)


@test(seconds=90, servers=(ANY,))
def drained(t):
    """SIGTERM and SIGINT drain: exit code 0 within ten seconds, and what was read is committed."""
    import signal
    server = t.server(ANY)
    job = fresh(t, server, 3000)
    job.put('pipeline', 'checkpoint.interval', '1h')
    working, _ = traffic.writers(t, server, job.database, 1, 0.01)
    view = lake.Lake(job.warehouse)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        before = {n: view.latest('%s.%s' % (job.database, n)) for n in traffic.TABLES}
        agent = job.start()
        time.sleep(2.5)
        agent.signal(number)
        agent.wait(10, 0)
        after = {n: view.latest('%s.%s' % (job.database, n)) for n in traffic.TABLES}
        check(after != before, 'nothing was committed at the end')
    settle(t, job, working)


@test(seconds=60, servers=(ANY,), debug=True)
def kill_while_draining(t):
    """Killed between SIGTERM and the last commit."""
    import signal
    server = t.server(ANY)
    job = fresh(t, server, 500)
    job.put('pipeline', 'checkpoint.interval', '1h')
    working, _ = traffic.writers(t, server, job.database, 1, 0.01)
    job.catch_up()
    agent = job.start(failpoint='commit.before-publish=kill')
    time.sleep(1.5)
    agent.signal(signal.SIGTERM)
    wait_for(15, 'the failpoint', lambda: not agent.alive())
    t.running.remove(agent)
    settle(t, job, working)
