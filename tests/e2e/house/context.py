"""What a test is given: its folder, its servers, its binaries, its seed; and the tidying up after it."""
import os
import random
import subprocess
import sys
import threading
import time

from .agent import Job
from .registry import Failure, Skip
from .server import Server, free_port


class Context:
    def __init__(self, name, settings, debug):
        self.name = name
        self.settings = settings
        self.work = os.path.join(settings['work'], 'tests', name)
        self.binary, self.debug_binary = settings['release'], settings['debug']
        self.debug = debug
        self.seed = settings['seed']
        self.random = random.Random('%s %s' % (self.seed, name))
        self.shared = {k: Server(k, d, p) for k, (d, p) in settings['servers'].items()}
        self.private = []
        self.running = []  # agents
        self.agents = 0
        self.began = time.monotonic()
        self.later = []
        os.makedirs(self.work, exist_ok=True)

    def say(self, text):
        print('%7.2f %s' % (time.monotonic() - self.began, text), flush=True)

    def number(self):
        """A number that no other test of the run uses as a server id."""
        with open(os.path.join(self.settings['work'], 'numbers'), 'ab') as f:
            f.write(b'.')
            f.flush()
            return 100000 + f.tell()

    def server(self, kind='mariadb-11.8', *options, private=False):
        """The run's shared server, or one of the test's own, which it may stop, purge and set up as it likes."""
        if not private:
            return self.shared[kind]
        server = Server(kind, os.path.join(self.work, 'server-%d' % len(self.private)), free_port(), options)
        self.private.append(server)
        os.makedirs(server.dir, exist_ok=True)
        return server.start()

    def database(self, server, *statements, name=None):
        """A fresh database of the test's own on the server."""
        name = name or self.name.replace('.', '_').lower()[:48]
        server.sql('drop database if exists `%s`; create database `%s` character set utf8mb4' % (name, name))
        if statements:
            server.sql(';\n'.join(statements), name)
        return name

    def job(self, server, database, **options):
        return Job(self, server, database, **options)

    def background(self, function):
        """Runs a function(stop event) in a thread; its error fails the test. Returns an object with stop()."""
        runner = Background(function)
        self.later.append(runner.cancel)
        return runner

    def root(self):
        if os.geteuid() != 0:
            raise Skip('needs root')

    def tidy(self):
        for action in reversed(self.later):
            try:
                action()
            except Exception as e:
                print('tidying up: %s' % e)
        for agent in list(self.running):
            agent.process.kill()
            agent.process.wait()
        for server in self.private:
            try:
                server.stop(kill=True)
            except (Failure, subprocess.TimeoutExpired) as e:
                print('tidying up: %s' % e, file=sys.stderr)


class Background:
    def __init__(self, function):
        self.event, self.error = threading.Event(), None

        def run():
            try:
                function(self.event)
            except BaseException as e:
                self.error = e
        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def cancel(self):
        self.event.set()
        self.thread.join(30)

    def alive(self):
        return self.thread.is_alive()

    def stop(self, seconds=60):
        self.event.set()
        return self.join(seconds)

    def join(self, seconds=60):
        self.thread.join(seconds)
        if self.thread.is_alive():
            raise Failure('the background work did not end within %g s' % seconds)
        if self.error:
            raise self.error
