"""Races inlet against clients that throw away what they read, on the race's database (db.sh), and prints one Markdown table.

Every figure of a ratio comes from one round; rounds are repeated and medians shown. The discarding clients run before and after
inlet, so that what else the machine does hits both. Every copy and every catch-up is checked against the server's own checksum.
race.sh builds and starts this; its environment is described there."""
import datetime
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf('SC_CLK_TCK')
MIB = 1 << 20
IDLE_SECONDS = 12
QUIET_SECONDS, PATIENCE_SECONDS = 5, 1200


def environment(name, default):
    return os.environ.get(name) or default


WORK = environment('WORK', os.path.join(environment('TMPDIR', tempfile.gettempdir()), 'inlet-race'))
PORT = environment('PORT', '33316')
BUILD = environment('BUILD', os.path.join(HERE, '..', '..', '..', 'build', 'release'))
ROUNDS = int(environment('ROUNDS', '3'))
QUIET_CORES = float(environment('QUIET', '0'))
FORMAT = environment('FORMAT', 'avro')
MEMORIES = environment('MEMORIES', '64MiB 256MiB').split()
INLET = os.path.join(BUILD, 'inlet')
LAKE = os.path.join(WORK, 'lake')


def say(text):
    print(text, file=sys.stderr, flush=True)


def fail(text):
    sys.exit('race: ' + text)


def db(*arguments):
    run = subprocess.run([os.path.join(HERE, 'db.sh'), *arguments], stdout=subprocess.PIPE, text=True, check=False,
                         env=dict(os.environ, WORK=WORK, PORT=PORT))
    if run.returncode:
        fail('db.sh %s failed' % ' '.join(arguments))
    return run.stdout.strip()


def sizes():
    """Rows of p0 and changes of p1."""
    found = {'rows': environment('ROWS', '300000'), 'changes': environment('CHANGES', '100000')}
    path = os.path.join(WORK, 'states', 'sizes')
    if os.path.exists(path):
        with open(path, encoding='utf-8') as f:
            found.update(word.split('=') for word in f.read().split())
    return int(found['rows']), int(found['changes'])


# ---- processes ----

def cpu_of(pid):
    """CPU-seconds that a process has used."""
    try:
        with open('/proc/%d/stat' % pid, encoding='utf-8') as f:
            words = f.read().rpartition(')')[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / TICK


def memory_of(pid):
    """Resident bytes now, and the most there were."""
    with open('/proc/%d/status' % pid, encoding='utf-8') as f:
        found = dict(re.findall(r'^(VmRSS|VmHWM):\s+(\d+) kB', f.read(), re.M))
    return int(found['VmRSS']) * 1024, int(found['VmHWM']) * 1024


def server_pid():
    with open(os.path.join(WORK, 'mysql', 'pid'), encoding='utf-8') as f:
        return int(f.read().split()[0])


def machine_busy():
    """CPU-seconds that the whole machine was busy."""
    with open('/proc/stat', encoding='utf-8') as f:
        words = [int(w) for w in f.readline().split()[1:]]
    return (sum(words[:8]) - words[3] - words[4]) / TICK


def calm():
    """With QUIET: waits until the machine does next to nothing, but not for ever."""
    until = time.time() + PATIENCE_SECONDS
    while QUIET_CORES > 0 and time.time() < until:
        busy, since = machine_busy(), time.time()
        time.sleep(QUIET_SECONDS)
        if machine_busy() - busy < QUIET_CORES * (time.time() - since):
            return


class Line:
    """A line of inlet's log, and the CPU-seconds it had used then."""

    def __init__(self, text, cpu):
        self.cpu = cpu
        self.fields = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', text))
        self.event = self.fields.get('event')
        try:
            at = datetime.datetime.strptime(self.fields.get('ts', ''), '%Y-%m-%dT%H:%M:%S.%fZ')
            self.time = at.replace(tzinfo=datetime.timezone.utc).timestamp()
        except ValueError:
            self.time = time.time()


class Run:
    """A finished run of a program: wall and CPU-seconds, most memory, lines, and how many cores others used meanwhile."""

    def __init__(self, command, log=None, discard=False):
        busy, server, self.began = machine_busy(), cpu_of(server_pid()), time.time()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL if discard else subprocess.PIPE,
                                   stderr=subprocess.PIPE if discard else subprocess.STDOUT, text=True)
        self.lines = []
        with open(log or os.devnull, 'w', encoding='utf-8') as out:
            for text in process.stderr if discard else process.stdout:
                out.write(text)
                self.lines.append(Line(text, cpu_of(process.pid)))
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds = time.time() - self.began
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss * 1024
        self.server_cpu = cpu_of(server_pid()) - server
        self.others = max(0.0, machine_busy() - busy - self.cpu - self.server_cpu) / self.seconds
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            fail('%s ended with %d%s' % (' '.join(command), process.returncode, '; log ' + log if log else ''))

    def first(self, event):
        return self._found(event, self.lines)

    def last(self, event):
        return self._found(event, reversed(self.lines))

    @staticmethod
    def _found(event, lines):
        return next((line for line in lines if line.event == event), None) or fail('no event=%s in the log' % event)

    def figure(self, name):
        return float(self.lines[-1].fields[name])


# ---- what is raced ----

def job_file(name, table, memory):
    path = os.path.join(WORK, name + '.yaml')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('source:\n  type: mysql\n  hostname: 127.0.0.1\n  port: %s\n  username: race\n  password: race\n  tables: %s\n'
                'sink:\n  type: paimon\n  catalog.properties.warehouse: %s\n  table.properties.bucket: 2\n'
                '  table.properties.file.format: %s\n'
                'pipeline:\n  name: %s\n  parallelism: 2\n  memory: %s\n' % (PORT, table, LAKE, FORMAT, name, memory))
    return path


def inlet(job, log):
    return Run([INLET, 'run', '--until-caught-up', job], os.path.join(WORK, log))


def discard():
    return Run([os.path.join(BUILD, 'tests', 'bench_discard'), '127.0.0.1', PORT, 'race', 'race', 'race.t', '2'])


def discard_text():
    return Run(['mariadb', '--quick', '-N', '-h127.0.0.1', '-P' + PORT, '-urace', '-prace', '-e', 'select * from race.t'],
               discard=True)


def raw():
    return Run([os.path.join(BUILD, 'tests', 'bench_binlog_raw'), '127.0.0.1', PORT, 'race', 'race', '21999'])


def check(what):
    """The lake's rows against the server's."""
    read = subprocess.Popen([INLET, 'table', 'read', LAKE, 'race.t', '--unsorted'], stdout=subprocess.PIPE)
    got = subprocess.run([sys.executable, os.path.join(HERE, 'sum.py')], stdin=read.stdout, stdout=subprocess.PIPE, text=True,
                         check=True)
    read.stdout.close()
    want = db('sum')
    if read.wait() or got.stdout.strip() != want:
        fail('%s: the lake has %s, the server %s (rows, checksum)' % (what, got.stdout.strip(), want))


def amplification(run):
    return float(run.last('report').fields['write_amplification'])


def copy_round(rows):
    shutil.rmtree(LAKE, ignore_errors=True)
    db('up', 'p0')
    job = job_file('race', 'race.t', '256MiB')
    text = discard_text()  # also warms the server's buffers
    calm()
    load = os.getloadavg()[0]
    before, run, after = discard(), inlet(job, 'copy.log'), discard()
    check('copy')
    done = run.first('copy-done')
    rate = rows / (done.time - run.began)
    thrown = 2 * rows / (before.figure('seconds') + after.figure('seconds'))
    return {'load': load, 'text': rows / text.seconds, 'discard': thrown, 'copy': rate, 'copy share': rate / thrown,
            'copy cpu': done.cpu / rows * 1e6, 'copy cpu all': run.cpu / rows * 1e6, 'copy amplification': amplification(run),
            'copy memory': run.memory, 'copy others': run.others, 'discard others': max(before.others, after.others),
            'discard cpu': before.figure('cpu_seconds') / rows * 1e6, 'copy server cpu': before.server_cpu / rows * 1e6}


def catch_up_round(changes):
    db('up', 'p1')
    calm()
    load = os.getloadavg()[0]
    before, run, after = raw(), inlet(os.path.join(WORK, 'race.yaml'), 'catch-up.log'), raw()
    check('catch-up')
    rate = changes / (run.last('commit').time - run.began)
    received = 2 * changes / (before.figure('seconds') + after.figure('seconds'))
    return {'catch-up load': load, 'raw': received, 'raw events': received / changes * before.figure('events'), 'catch-up': rate,
            'catch-up share': rate / received, 'catch-up cpu': run.cpu / changes * 1e6,
            'catch-up amplification': amplification(run), 'catch-up memory': run.memory, 'catch-up others': run.others, 'raw others': max(before.others, after.others),
            'raw cpu': before.figure('cpu_seconds') / changes * 1e6}


def rest(process, log):
    """Waits until the job has committed and used next to no CPU for a while; resident bytes then, and CPU-seconds a minute."""
    used, since = cpu_of(process.pid), time.time()
    while True:
        time.sleep(0.5)
        if process.poll() is not None:
            fail('inlet run ended with %d; log %s' % (process.returncode, log))
        now = cpu_of(process.pid)
        with open(log, encoding='utf-8') as f:
            committed = 'event=commit' in f.read()
        if not committed or now - used > 0.02 * (time.time() - since) + 0.02:
            used, since = now, time.time()
        elif time.time() - since >= IDLE_SECONDS:
            return memory_of(process.pid)[0], (now - used) / (time.time() - since) * 60


def stay(job, state, log):
    """`inlet run` on a state until it has nothing to do: (idle bytes, idle CPU-seconds a minute, most bytes)."""
    db('up', state)
    path = os.path.join(WORK, log)
    with open(path, 'w', encoding='utf-8') as out:
        process = subprocess.Popen([INLET, 'run', job], stdout=out, stderr=out)
    try:
        idle, cpu = rest(process, path)
        most = memory_of(process.pid)[1]
        process.terminate()
        if process.wait(30):
            fail('inlet run ended with %d; log %s' % (process.returncode, path))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    check(log)
    return idle, cpu, most


def memory_round(memory):
    shutil.rmtree(LAKE, ignore_errors=True)
    job = job_file('stay', 'race.t', memory)
    copied = stay(job, 'p0', 'stay-copy-%s.log' % memory)
    caught_up = stay(job, 'p1', 'stay-catch-up-%s.log' % memory)
    return {'idle': max(copied[0], caught_up[0]), 'idle cpu': caught_up[1], 'copy': copied[2], 'catch-up': caught_up[2]}


def first_row():
    """Milliseconds from the start of the process to the first committed rows of a table of 100."""
    db('sql', 'race', '-e', 'create table if not exists small as select * from t limit 100; alter table small add primary key (id)')
    took = []
    for _ in range(5):
        shutil.rmtree(LAKE, ignore_errors=True)
        run = inlet(job_file('small', 'race.small', '256MiB'), 'small.log')
        took.append((run.first('commit').time - run.began) * 1000)
    db('sql', 'race', '-e', 'drop table small')
    return statistics.median(took)


def stripped_bytes():
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(['strip', '-o', f.name, INLET], check=True)
        return os.path.getsize(f.name)


# ---- the table ----

def thousands(x):
    return '%.0f k' % (x / 1000)


def mib(x):
    return '%.0f MiB' % (x / MIB)


def verdict(good):
    return 'yes' if good else '**no**'


def speed_rows(m):
    yield 'plain client, `SELECT *` as text', thousands(m['text']) + ' rows/s', '', ''
    yield ('discarding client, 2 connections', '%s rows/s, %.2f CPU-s per million (server: %.2f)'
           % (thousands(m['discard']), m['discard cpu'], m['copy server cpu']), '', '')
    yield 'first copy', thousands(m['copy']) + ' rows/s', '', ''
    yield 'first copy, share of the discarding client', '%.2f' % m['copy share'], '≥ 0.40', verdict(m['copy share'] >= 0.4)
    yield 'first copy, CPU', '%.2f CPU-s per million rows' % m['copy cpu'], '', ''
    yield ('first copy and the compaction after it, CPU', '%.2f CPU-s per million rows, write amplification %.2f'
           % (m['copy cpu all'], m['copy amplification']), '', '')
    yield ('raw receive of the binary log', '%s events/s, %s rows/s, %.2f CPU-s per million rows'
           % (thousands(m['raw events']), thousands(m['raw']), m['raw cpu']), '', '')
    yield ('catch-up into committed snapshots', thousands(m['catch-up']) + ' rows/s', '≥ 200 k rows/s',
           verdict(m['catch-up'] >= 200e3))
    yield 'catch-up, share of raw receive', '%.2f' % m['catch-up share'], '', ''
    yield ('catch-up, CPU', '%.2f CPU-s per million rows, write amplification %.2f'
           % (m['catch-up cpu'], m['catch-up amplification']), '', '')


def memory_rows(memories):
    for memory, m in memories.items():
        limit = int(re.match(r'\d+', memory).group()) * MIB + 64e6
        most = max(m['copy'], m['catch-up'])
        yield ('most memory, `memory: %s`' % memory, 'copy %s, catch-up %s' % (mib(m['copy']), mib(m['catch-up'])),
               '≤ budget + 64 MB', verdict(most <= limit))
        yield ('resident memory idle after both, `memory: %s`' % memory,
               '%s, %.2f CPU-s a minute' % (mib(m['idle']), m['idle cpu']), '≤ 20 MB', verdict(m['idle'] <= 20e6))


def print_table(rounds, medians, memories, first_ms, size):
    table = [*speed_rows(medians), *memory_rows(memories),
             ('start of the process to the first committed rows', '%.0f ms' % first_ms, '', ''),
             ('program, stripped', '%.2f MB' % (size / 1e6), '', '')]
    print('| what | figure | goal | met |\n| --- | --- | --- | --- |')
    for row in table:
        print('| %s |' % ' | '.join(row))
    loads = [r[k] for r in rounds for k in ('load', 'catch-up load')]
    others = [r[k] for r in rounds for k in r if k.endswith('others')]
    print('\nMedians of %d rounds; every result equal to the server\'s rows. Load average when a round began: %s; other processes'
          ' used %.2f cores at most, %.2f in the middle, while something was timed.'
          % (len(rounds), ', '.join('%.1f' % x for x in loads), max(others), statistics.median(others)))
    for name, form in (('copy', '%.0f'), ('copy share', '%.2f'), ('catch-up', '%.0f'), ('catch-up share', '%.2f')):
        say('%s: %s' % (name, ', '.join(form % r[name] for r in rounds)))


def main():
    if not os.path.isdir(os.path.join(WORK, 'states', 'p1')):
        say('making the database')
        db('make')
    rows, changes = sizes()
    rounds = []
    try:
        for n in range(ROUNDS):
            say('round %d of %d, load %.1f' % (n + 1, ROUNDS, os.getloadavg()[0]))
            rounds.append({**copy_round(rows), **catch_up_round(changes)})
            say(json.dumps({k: round(v, 3) for k, v in rounds[-1].items()}))
        memories = {}
        for memory in MEMORIES:
            say('memory: %s' % memory)
            memories[memory] = memory_round(memory)
        first_ms = first_row()
    finally:
        db('down')
        shutil.rmtree(LAKE, ignore_errors=True)
    medians = {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
    print_table(rounds, medians, memories, first_ms, stripped_bytes())


main()
