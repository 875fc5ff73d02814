"""System calls that fail one at a time, by strace: whatever inlet then does, the lake stays whole and the next run finishes the job.

strace counts calls for each thread, so a retry with fresh threads meets the fault again: inlet may then wait and try until it is
told to stop, which it must obey."""
import collections
import os
import re
import shutil
import signal
import time

from house import lake
from house.registry import Failure, Skip, check, each
from house.server import ANY

# System call, error, at how many of its calls (spread over all that a clean run makes).
FAULTS = {
    'fsync_eio': ('fsync', 'EIO', 12),
    'link_eio': ('linkat,link', 'EIO', 6),
    'link_enospc': ('linkat,link', 'ENOSPC', 4),
    'write_enospc': ('write,pwrite64,writev', 'ENOSPC', 12),
    'write_eio': ('write,pwrite64,writev', 'EIO', 12),
    'rename_eio': ('rename,renameat,renameat2', 'EIO', 6),
    'mkdir_enospc': ('mkdir,mkdirat', 'ENOSPC', 6),
    'close_eio': ('close', 'EIO', 8),
    'read_eio': ('read,pread64', 'EIO', 8),
}


def traced(calls, action, log):
    return ('strace', '-f', '-qq', '-o', log, '-e', 'trace=' + calls, *(['-e', 'inject=%s:%s' % (calls, action)] if action else []))


def calls_of(path, calls):
    """How many of the traced calls the busiest thread of a clean run makes."""
    with open(path, encoding='utf-8', errors='replace') as f:
        threads = collections.Counter(x.split()[0] for x in f if re.match(r'\d+ +(%s)\(' % calls.replace(',', '|'), x))
    return max(threads.values(), default=0)


def ended(agent):
    """The exit code; an agent that still tries after a while is asked to stop (strace's child: strace itself would let it loose)."""
    end = time.monotonic() + 6
    while agent.alive() and time.monotonic() < end:
        time.sleep(0.05)
    if agent.alive():
        pid = agent.process.pid
        with open('/proc/%d/task/%d/children' % (pid, pid), encoding='ascii') as f:
            for child in f.read().split():
                os.kill(int(child), signal.SIGTERM)
    return agent.wait(15, (0, 1, 2, 3, 5, 127))


@each('one_call', list(FAULTS), seconds=150, servers=lambda v: (ANY,))
def one_call(t, what):
    """The N-th call fails, for N spread over a whole small job."""
    calls, error, times = FAULTS[what]
    if not shutil.which('strace'):
        raise Skip('no strace')
    server = t.server(ANY)
    database = t.database(server, 'create table a (id int primary key, v varchar(40))', 'create table b (id int primary key)',
                          "insert into a values (1,'x'),(2,'y'),(3,'z')", 'insert into b values (1),(2)')
    probe = t.job(server, database, name='probe', warehouse=os.path.join(t.work, 'lake-probe'))
    log = os.path.join(t.work, 'strace.log')
    agent = probe.start('--until-caught-up', wrapper=traced(calls, None, log))
    code = agent.wait(60)
    if code and 'ptrace' in agent.log():
        raise Skip('strace may not trace here')
    check(code == 0, 'a clean run under strace ended with %d:\n%s', code, agent.tail())
    total = calls_of(log, calls)
    check(total > 0, 'a whole job makes no %s call', calls)
    for i in range(times):
        n = 1 + i * total // times + (t.random.randrange(max(1, total // times)) if total > times else 0)
        if n > total:
            break
        job = t.job(server, database, name='job-%d' % i, warehouse=os.path.join(t.work, 'lake-%d' % i))
        agent = job.start('--until-caught-up', wrapper=traced(calls, 'error=%s:when=%d' % (error, n), log))
        code = ended(agent)
        server.sql("replace into a values (%d, 'n'); delete from b where id = %d; insert into b values (%d)" % (100 + i, i, 1000 + i), database)
        job.catch_up()
        try:
            lake.same(t, job, ['a', 'b'], engines=('java',))
        except Failure as e:
            raise Failure('%s call %d of %d fails with %s (inlet ended with %d): %s' % (calls, n, total, error, code, e)) from None
