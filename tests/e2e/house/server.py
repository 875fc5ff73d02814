"""A MariaDB or MySQL server of the test run's own, and sessions with it through the `mariadb` client."""
import os
import re
import signal
import socket
import subprocess
import threading
import time

from .registry import Failure

TESTS_DIR = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KINDS = ('mariadb-10.11', 'mariadb-11.8', 'mysql-8.0', 'mysql-9.7')
ANY = os.environ.get('INLET_TEST_SERVER', 'mariadb-11.8')  # for tests to which the brand does not matter
USER, PASSWORD = 'inlet', 'inlet-secret'


class SqlError(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def free_port():
    """A port nobody listens on. INLET_TEST_PORTS=FROM-TO keeps to a range."""
    wanted = os.environ.get('INLET_TEST_PORTS')
    ports = range(int(wanted.split('-')[0]), int(wanted.split('-')[1]) + 1) if wanted else [0] * 20
    start = os.getpid() * 7 % len(ports)
    for port in list(ports[start:]) + list(ports[:start]):
        with socket.socket() as s:
            try:
                s.bind(('127.0.0.1', port))
            except OSError:
                continue
            port = s.getsockname()[1]
        try:  # two processes that look at the same time must not find the same one
            os.close(os.open(os.path.join(os.environ['INLET_TEST_WORK'], 'port-%d' % port), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        return port
    raise Failure('no free port')


class Server:
    def __init__(self, kind, folder, port, options=()):
        self.kind, self.dir, self.port, self.options = kind, folder, port, list(options)
        self.brand, self.version = kind.split('-')

    @property
    def mariadb(self):
        return self.brand == 'mariadb'

    def script(self, *args, timeout=120):
        run = subprocess.run(['bash', os.path.join(TESTS_DIR, 'servers', self.brand + '.sh'), *args], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, text=True)
        if run.returncode:
            raise Failure('%s %s: %s' % (self.brand + '.sh', ' '.join(args), run.stdout.strip()[-800:]))

    def start(self):
        self.script('start', self.dir, str(self.port), '--version', self.version, *self.options)
        return self

    def stop(self, kill=False):
        self.script('stop', self.dir, *(['kill'] if kill else []))

    def restart(self, kill=False):
        self.stop(kill)
        self.start()

    def session(self, database=None, user='root', password=None):
        return Session(self, database, user, password)

    def sql(self, text, database=None):
        """Runs statements in a session of their own; rows of all results, as lists of text (None for NULL)."""
        with self.session(database) as s:
            return s.run(text)

    def position(self):
        """Where the server's log ends, as text for people."""
        rows = self.sql('show master status' if self.mariadb or self.version == '8.0' else 'show binary log status')
        return rows[0] if rows else []


class Session:
    """One connection, kept by a client process that reads statements from a pipe."""

    def __init__(self, server, database=None, user='root', password=None):
        command = ['mariadb', '--no-defaults', '--skip-ssl', '-h127.0.0.1', '-P%d' % server.port, '-u' + user, '--batch', '--unbuffered',
                   '--skip-column-names', '--force', '--default-character-set=utf8mb4', '--skip-reconnect', '--quick',
                   '--max-allowed-packet=256M', '--binary-mode']
        if password is not None:
            command.append('-p' + password)
        if database:
            command.append(database)
        self.client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.marks = 0
        self.lock = threading.Lock()
        self.run("set session sql_mode='', time_zone='+00:00'")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        if self.client.poll() is None:
            try:
                self.client.stdin.close()
                self.client.wait(10)
            except (OSError, subprocess.TimeoutExpired):
                self.client.kill()
        self.client.stdout.close()

    def run(self, text):
        """Runs statements separated by `;` (the last one may lack it). Raises SqlError for the first that failed."""
        with self.lock:
            self.marks += 1
            mark = 'end of statements %d' % self.marks
            data = text.rstrip().rstrip(';').encode() + b"\n;select '" + mark.encode() + b"';\n"
            rows, error, broken = [], None, b''
            try:
                # A long text and a long answer could wait for each other: the writer is a thread of its own.
                writer = None
                if len(data) > 30000:
                    writer = threading.Thread(target=self._write, args=(data,), daemon=True)
                    writer.start()
                else:
                    self._write(data)
                while True:
                    line = self.client.stdout.readline()
                    if not line:
                        raise SqlError(2013, 'the client ended: %s' % broken.decode(errors='replace'))
                    broken = line
                    line = line.rstrip(b'\n')
                    if line == mark.encode():
                        break
                    m = re.match(rb'ERROR (\d+)( \(\w+\))?( at line \d+)?: ', line)
                    if m:
                        code = int(m.group(1))
                        error = error or SqlError(code, line.decode(errors='replace'))
                        if code in (2006, 2013):
                            raise error
                        continue
                    rows.append([None if f == b'NULL' else _unescape(f) for f in line.split(b'\t')])
                if writer:
                    writer.join()
            except OSError as e:
                raise SqlError(2013, 'the client ended: %s' % e) from e
        if error:
            raise error
        return rows

    def _write(self, data):
        try:
            self.client.stdin.write(data)
            self.client.stdin.flush()
        except OSError:
            pass  # the reader sees the end of the client

    def kill_client(self):
        self.client.send_signal(signal.SIGKILL)


def _unescape(field):
    if b'\\' not in field:
        return field.decode()
    return re.sub(rb'\\(.)', lambda m: {b'n': b'\n', b't': b'\t', b'0': b'\0'}.get(m.group(1), m.group(1)), field).decode()


def quote(text):
    """A string as SQL, safe whatever it holds (escapes as the default sql_mode reads them)."""
    return "'" + text.replace('\\', '\\\\').replace("'", "''") + "'"


def wait_for(seconds, what, condition, pause=0.05):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure('waited %g s for %s' % (seconds, what))
        time.sleep(pause)
