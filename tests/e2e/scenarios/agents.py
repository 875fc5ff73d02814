"""Two agents on one job: one goes on, the other ends with exit code 4; nothing is lost, nothing doubled."""
import signal
import time

from house import lake, traffic
from house.agent import OWNED, until
from house.registry import check, each, test
from house.server import ANY, wait_for

from .crash import fresh, settle

# The steps of a commit.
STEPS = ['flush.before-sort', 'flush.after-file', 'commit.after-manifest', 'commit.before-publish', 'fs.publish.before-link',
         'fs.publish.after-link', 'commit.after-publish', 'checkpoint.before-write', 'checkpoint.after-write']


@test(seconds=60, servers=(ANY,))
def second_is_refused(t):
    """An agent that lives keeps the job: the second ends with 4, and the first does not notice."""
    server = t.server(ANY)
    job = fresh(t, server, 300)
    working, _ = traffic.writers(t, server, job.database, 1, 0.02)
    first = job.start()
    view = lake.Lake(job.warehouse)
    until(30, 'a first commit', lambda: view.latest(job.database + '.audit') >= 1, first)
    second = job.start()
    second.wait(20, OWNED)
    check('owns this job' in second.log() and str(first.process.pid) in second.log(), 'the refusal does not name the owner:\n%s',
          second.tail())
    before = view.latest(job.database + '.audit')
    until(20, 'commits of the first', lambda: view.latest(job.database + '.audit') > before + 1, first)
    first.stop()
    settle(t, job, working)


@test(seconds=60, servers=(ANY,))
def both_at_once(t):
    """Two started in the same moment: exactly one of them ends with 4."""
    server = t.server(ANY)
    job = fresh(t, server, 300)
    working, _ = traffic.writers(t, server, job.database, 1, 0.02)
    for _ in range(3):
        pair = [job.start(), job.start()]
        wait_for(25, 'one of two to give way', lambda: any(not a.alive() for a in pair))
        time.sleep(0.5)
        gone = [a for a in pair if not a.alive()]
        check(len(gone) == 1, 'both ended')
        gone[0].wait(1, OWNED)
        pair.remove(gone[0])
        pair[0].stop()
    settle(t, job, working)


@test(seconds=60, servers=(ANY,))
def dead_is_followed_at_once(t):
    """An agent that was killed on this host is followed without waiting; one that ended in order, too."""
    server = t.server(ANY)
    job = fresh(t, server, 100)
    job.put('pipeline', 'checkpoint.interval', '5s')
    job.start().kill()
    agent = job.start()
    time.sleep(1)
    agent.kill()
    began = time.monotonic()
    job.catch_up(30)
    job.catch_up(30)
    check(time.monotonic() - began < 15, 'following a dead agent took %.1f s', time.monotonic() - began)
    settle(t, job, [])


@each('stopped_at', STEPS, seconds=90, servers=lambda v: (ANY,), debug=True)
def stopped_at(t, step):
    """SIGSTOP in the middle of a commit; another agent takes over; SIGCONT: the first must see it and end with 4."""
    server = t.server(ANY)
    job = fresh(t, server, 200)
    working, _ = traffic.writers(t, server, job.database, 1, 0.02)
    job.catch_up()
    sleeper = job.start(failpoint=step + ':3=stop')
    wait_for(30, 'inlet to stop at ' + step, sleeper.paused)
    view = lake.Lake(job.warehouse)
    heir = job.start()
    before = view.latest(job.database + '.audit')
    until(40, 'commits of the second agent', lambda: view.latest(job.database + '.audit') >= before + 2, heir)
    sleeper.signal(signal.SIGCONT)
    sleeper.wait(30, OWNED)
    before = view.latest(job.database + '.audit')
    until(30, 'more commits of the second agent', lambda: view.latest(job.database + '.audit') > before, heir)
    heir.stop()
    settle(t, job, working)


@test(seconds=90, servers=(ANY,), debug=True)
def taken_over(t):
    """--take-over does not wait for an agent that hangs."""
    server = t.server(ANY)
    job = fresh(t, server, 200)
    job.put('pipeline', 'checkpoint.interval', '2s')
    working, _ = traffic.writers(t, server, job.database, 1, 0.02)
    sleeper = job.start(failpoint='commit.before-publish=stop')
    wait_for(30, 'inlet to stop', sleeper.paused)
    heir = job.start('--take-over')
    view = lake.Lake(job.warehouse)
    until(20, 'commits of the second agent', lambda: view.latest(job.database + '.audit') >= 1, heir)
    sleeper.signal(signal.SIGCONT)
    sleeper.wait(30, OWNED)
    heir.stop()
    settle(t, job, working)
