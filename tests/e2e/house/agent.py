"""Job files, and inlet as a process: started, watched, stopped, killed."""
import json
import os
import re
import signal
import subprocess
import time

from .registry import Failure
from .server import PASSWORD, USER, wait_for

# What only a bug of inlet prints.
BUGS = re.compile(r'AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:|must\(')
DONE, RETRY, USAGE, ASIDE, OWNED, HUMAN = range(6)  # exit codes


class Job:
    """A job file and the lake it writes to."""

    def __init__(self, t, server, database, name=None, warehouse=None, **options):
        self.t, self.server, self.database = t, server, database
        self.name = name or database
        self.warehouse = warehouse or os.path.join(t.work, 'lake')
        self.path = os.path.join(t.work, self.name + '.yaml')
        self.blocks = {
            'source': {
                'type': 'mysql', 'hostname': '127.0.0.1', 'port': server.port, 'username': USER, 'password': PASSWORD,
                'tables': database + r'.\.*', 'server-id': t.number()},
            'sink': {
                'type': 'paimon', 'catalog.properties.metastore': 'filesystem', 'catalog.properties.warehouse': self.warehouse,
                'table.properties.bucket': 2},
            'pipeline': {'name': self.name, 'checkpoint.interval': '500ms', 'memory': '64MiB'}}
        self.set(**options)

    def set(self, **options):
        """source__port=3306 sets source: port; an underscore in the rest stays; None removes."""
        for name, value in options.items():
            block, key = name.split('__', 1)
            self.put(block, key.replace('__', '.'), value)
        return self

    def put(self, block, key, value):
        if value is None:
            self.blocks[block].pop(key, None)
        else:
            self.blocks[block][key] = value
        return self

    def text(self):
        out = []
        for block, options in self.blocks.items():
            out.append(block + ':')
            out += ['  %s: %s' % (k, v if isinstance(v, (int, bool)) else json.dumps(v)) for k, v in options.items()]
        return '\n'.join(out) + '\n'

    def write(self):
        # Renamed into place: an agent that starts at the same time must not meet half a file.
        with open(self.path + '.new', 'w', encoding='utf-8') as f:
            f.write(self.text())
        os.replace(self.path + '.new', self.path)
        return self.path

    def start(self, *args, **kw):
        """`inlet run` in the background."""
        return Agent(self.t, ['run', *args, self.write()], **kw)

    def catch_up(self, seconds=60, expect=DONE, **kw):
        """`inlet run --until-caught-up`, to its end."""
        agent = self.start('--until-caught-up', **kw)
        agent.wait(seconds, expect)
        return agent


class Agent:
    def __init__(self, t, args, env=None, debug=None, failpoint=None, wrapper=()):
        self.t, self.args = t, args
        binary = t.debug_binary if (t.debug if debug is None else debug) or failpoint else t.binary
        t.agents += 1
        self.log_path = os.path.join(t.work, 'inlet-%03d.log' % t.agents)
        environment = dict(os.environ, ASAN_OPTIONS='exitcode=99:detect_stack_use_after_return=0', UBSAN_OPTIONS='print_stacktrace=1')
        if failpoint:
            environment['INLET_FAILPOINT'] = failpoint
        environment.update(env or {})
        t.say('$ %s%s  > %s' % ('INLET_FAILPOINT=%s ' % failpoint if failpoint else '', ' '.join([*wrapper, 'inlet', *args]),
                                os.path.basename(self.log_path)))
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen([*wrapper, binary, *args], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment)
        t.running.append(self)

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def tail(self):
        return self.log()[-1500:]

    def alive(self):
        return self.process.poll() is None

    def peak(self):
        """Bytes of memory that were resident at most so far."""
        with open('/proc/%d/status' % self.process.pid, encoding='utf-8') as f:
            return int(re.search(r'VmHWM:\s+(\d+) kB', f.read()).group(1)) << 10

    def wait(self, seconds=60, expect=None):
        """The exit code, or minus the signal. Fails when inlet does not end in time, ends otherwise than expected (a number or a
        tuple), or shows a bug."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
            raise Failure('inlet did not end within %g s; its last words:\n%s' % (seconds, self.tail())) from None
        finally:
            if self in self.t.running and self.process.poll() is not None:
                self.t.running.remove(self)
        self.sound()
        if expect is not None and code not in (expect if isinstance(expect, tuple) else (expect,)):
            raise Failure('inlet ended with %s, not %s; its last words:\n%s' % (code, expect, self.tail()))
        return code

    def sound(self):
        m = BUGS.search(self.log())
        if m:
            at = self.log()
            raise Failure('a bug shows in inlet:\n%s' % at[max(0, m.start() - 300):m.start() + 2500])

    def signal(self, number):
        if self.alive():
            self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()
        if self in self.t.running:
            self.t.running.remove(self)
        self.sound()

    def stop(self, seconds=15, expect=DONE):
        """SIGTERM: drains, commits, ends."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds, expect)

    def paused(self):
        """Whether SIGSTOP holds it."""
        try:
            with open('/proc/%d/stat' % self.process.pid, encoding='ascii') as f:
                return f.read().rsplit(')', 1)[1].split()[0] in 'Tt'
        except FileNotFoundError:
            return False

    def wait_log(self, pattern, seconds=30):
        """Until the log holds the pattern; fails when inlet ends before."""
        def look():
            m = re.search(pattern, self.log())
            if not m and not self.alive():
                m = re.search(pattern, self.log())
                if not m:
                    raise Failure('inlet ended with %s before it said %r; its last words:\n%s'
                                  % (self.process.returncode, pattern, self.tail()))
            return m
        return wait_for(seconds, 'inlet to say %r; its last words:\n%s' % (pattern, self.tail()), look)


def command(t, *args, seconds=30, debug=None, env=None, stdin=None):
    """A short inlet command: (exit code, stdout, stderr)."""
    binary = t.debug_binary if (t.debug if debug is None else debug) else t.binary
    t.say('$ inlet ' + ' '.join(args))
    try:
        run = subprocess.run([binary, *args], input=(stdin or '').encode(), capture_output=True, timeout=seconds,
                             env=dict(os.environ, ASAN_OPTIONS='exitcode=99', **(env or {})))
    except subprocess.TimeoutExpired:
        raise Failure('inlet %s did not end within %g s' % (' '.join(args), seconds)) from None
    out, err = run.stdout.decode(errors='replace'), run.stderr.decode(errors='replace')
    m = BUGS.search(err)
    if m:
        raise Failure('a bug shows in inlet:\n%s' % err[max(0, m.start() - 300):m.start() + 2500])
    return run.returncode, out, err


def until(seconds, what, condition, *agents):
    """Waits for a condition while the agents are expected to stay alive."""
    end = time.monotonic() + seconds
    while not condition():
        for a in agents:
            if not a.alive():
                raise Failure('inlet ended with %s while the test waited for %s; its last words:\n%s'
                              % (a.process.returncode, what, a.tail()))
        if time.monotonic() > end:
            raise Failure('waited %g s for %s; inlet\'s last words:\n%s' % (seconds, what, '\n'.join(a.tail() for a in agents)))
        time.sleep(0.05)
