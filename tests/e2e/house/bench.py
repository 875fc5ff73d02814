"""The work bench of a run: servers that tests share, and the judges, running once for all tests, behind one socket. Java is there
twice, for two tests at a time."""
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading

from .server import KINDS, Server, free_port

TESTS_DIR = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Judge:
    """A program that answers commands by the judge's serve protocol."""

    def __init__(self, command):
        self.command, self.process, self.lock = command, None, threading.Lock()

    def answer(self, line, out):
        with self.lock:
            if self.process is None or self.process.poll() is not None:
                self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                                stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                self.process.stdin.write(line)
                self.process.stdin.flush()
                for answer in iter(self.process.stdout.readline, b''):
                    out.sendall(answer)
                    if answer.startswith(b'\x1e'):
                        return
            except OSError:
                # The asker went away in the middle of an answer: the rest of it must not meet the next one.
                self.end()

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None


class Bench:
    def __init__(self, work):
        self.work = work
        self.servers = {}
        cache = os.environ.get('INLET_TEST_CACHE') or os.path.expanduser('~/.cache/inlet-test')
        reader = os.path.join(TESTS_DIR, 'judge', 'pyread.py')
        self.judges = {
            'java': Judge([os.path.join(TESTS_DIR, 'judge', 'judge'), 'serve']),
            'java2': Judge([os.path.join(TESTS_DIR, 'judge', 'judge'), 'serve']),
            'java-1.3.1': Judge(['env', 'PAIMON=1.3.1', os.path.join(TESTS_DIR, 'judge', 'judge'), 'serve']),
            'pypaimon': Judge([os.path.join(cache, 'venv-pypaimon', 'bin', 'python'), reader, 'serve']),
            'rust': Judge([os.path.join(cache, 'venv-rust', 'bin', 'python'), reader, '--engine', 'rust', 'serve'])}
        self.socket = socket.socket(socket.AF_UNIX)
        # Not below work: a socket's path may have 107 bytes at most. Judges that are killed leave their temporary files there.
        self.folder = os.environ['TMPDIR'] = tempfile.mkdtemp(prefix='inlet-e2e-')
        os.environ['INLET_TEST_JUDGES'] = os.path.join(self.folder, 'judges')
        self.socket.bind(os.environ['INLET_TEST_JUDGES'])
        self.socket.listen(16)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                asker, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(asker,), daemon=True).start()

    def _answer(self, asker):
        with asker:
            line = asker.makefile('rb').readline()
            engine, _, command = line.partition(b' ')
            judge = self.judges[engine.decode()]
            if engine == b'java' and judge.lock.locked():
                judge = self.judges['java2']
            try:
                judge.answer(command, asker)
            except OSError:
                pass

    def start(self, kinds):
        """Starts the shared servers, side by side; {kind: reason} of those that did not start."""
        bad = {}

        def one(kind):
            server = Server(kind, os.path.join(self.work, 'servers', kind), free_port())
            try:
                os.makedirs(server.dir, exist_ok=True)
                self.servers[kind] = server.start()
            except Exception as e:  # the tests that need it are told
                bad[kind] = str(e)

        threads = [threading.Thread(target=one, args=(k,)) for k in KINDS if k in kinds]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return bad

    def warm(self, engines):
        """Loads the judges while the servers start."""
        for name in engines:
            def load(judge=self.judges[name]):
                here, there = socket.socketpair()
                with here, there:
                    judge.answer(shlex.join(['count', '/nowhere', 'no.table']).encode() + b'\n', there)
            threading.Thread(target=load, daemon=True).start()

    def end(self):
        self.socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        for judge in self.judges.values():
            judge.end()
        threads = [threading.Thread(target=s.stop, args=(True,)) for s in self.servers.values()]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
