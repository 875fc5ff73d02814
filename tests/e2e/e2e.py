#!/usr/bin/env python3
"""End-to-end tests: real servers, the real binary, lakes judged by Paimon's own readers. tests/README.md tells how to write one.

e2e.py [NAME...]     scenarios (workload), tests (workload.many_tables) or beginnings of names (workload.copy); none: all
"""
import argparse
import importlib
import json
import os
import pkgutil
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)

import scenarios  # noqa: E402
from house import bench, context, registry  # noqa: E402
from house.server import Server  # noqa: E402

# The long ones first, so that the end of the run is not one of them alone: by what they took last time, else by their limit,
# then by scenario.
ORDER = ['crash', 'types', 'faults', 'workload', 'parquet', 'foreign', 'agents', 'visibility', 'trouble', 'badlake', 'cli']


def load():
    for module in pkgutil.iter_modules(scenarios.__path__):
        importlib.import_module('scenarios.' + module.name)


def run_one(name, settings):
    """In a process of its own: one test; the exit code is the verdict, the last line of output the reason."""
    test = registry.TESTS[name]
    t = context.Context(name, settings, test.debug)
    code, reason = 1, ''
    try:
        test.function(t)
        code = 0
    except registry.Skip as e:
        code, reason = 77, str(e)
    except registry.Failure as e:
        traceback.print_exc()
        reason = str(e)
    except Exception as e:
        traceback.print_exc()
        reason = '%s: %s' % (type(e).__name__, e)
    finally:
        t.tidy()
    if code == 1:
        print('replay with: INLET_SEED=%s sh tests/run.sh e2e %s' % (t.seed, name))
    with open(os.path.join(t.work, 'reason'), 'w', encoding='utf-8') as f:
        f.write(reason)
    sys.stdout.flush()
    os._exit(code)  # threads of a test that failed may still wait for something


class Run:
    def __init__(self, args):
        self.args = args
        self.work = os.path.abspath(args.work)
        self.lock = threading.Lock()
        self.counts = {'ok': 0, 'FAIL': 0, 'skip': 0}
        self.children = {}
        self.ending = False
        self.took = {}  # test -> seconds, of this run or an earlier one
        try:
            with open(os.path.join(self.work, 'took'), encoding='utf-8') as f:
                self.took = json.load(f)
        except (OSError, ValueError):
            pass

    def settings(self, servers):
        build = os.path.abspath(self.args.build)
        return {'work': self.work, 'release': self.args.release or os.path.join(build, 'release', 'inlet'),
                'debug': self.args.debug or os.path.join(build, 'debug', 'inlet'), 'seed': self.args.seed,
                'servers': {k: (s.dir, s.port) for k, s in servers.items()}}

    def report(self, verdict, name, reason='', seconds=None):
        with self.lock:
            self.counts[verdict] += 1
            first = reason.strip().split('\n')[0][:300]
            line = ' '.join(x for x in (verdict, 'e2e.' + name, '(%.1f s)' % seconds if seconds is not None else '', first) if x)
            print(line, flush=True)
            if verdict == 'FAIL' and '\n' in reason.strip():
                print('    ' + '\n    '.join(reason.strip().split('\n')[1:25]), flush=True)
            if self.args.tally:
                with open(self.args.tally, 'a', encoding='utf-8') as f:
                    f.write(line + '\n')

    def test(self, test):
        folder = os.path.join(self.work, 'tests', test.name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        log = os.path.join(self.work, test.name + '.log')
        began = time.monotonic()
        with open(log, 'wb') as f:
            child = subprocess.Popen([sys.executable, os.path.join(HERE, 'e2e.py'), '--one', test.name, '--work', self.work],
                                     stdin=subprocess.DEVNULL, stdout=f, stderr=f, start_new_session=True)
        with self.lock:
            self.children[child.pid] = child
        try:
            code = child.wait(test.seconds)
            late = False
        except subprocess.TimeoutExpired:
            late = True
        self.reap(child, folder)
        with self.lock:
            self.children.pop(child.pid, None)
        seconds = time.monotonic() - began
        try:
            with open(os.path.join(folder, 'reason'), encoding='utf-8') as f:
                reason = f.read()
        except FileNotFoundError:
            reason = ''
        if self.ending:
            return
        if late:
            self.report('FAIL', test.name, 'not done after %g s, log %s' % (test.seconds, log), seconds)
        elif code == 0:
            self.took[test.name] = round(seconds, 1)
            self.report('ok', test.name, '', seconds)
            if not self.args.keep:
                shutil.rmtree(folder, ignore_errors=True)
        elif code == 77:
            self.report('skip', test.name, reason, seconds)
        else:
            self.report('FAIL', test.name, (reason or 'ended with %d' % code) + '\nlog ' + log, seconds)

    @staticmethod
    def reap(child, folder):
        """Nothing of a test outlives it: its process group, its own servers, its mounts."""
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            path = os.path.join(folder, name)
            if name.startswith('server-') and os.path.exists(os.path.join(path, 'pid')):
                Server('mariadb-11.8', path, 0).stop(kill=True)
            if os.path.ismount(path):
                subprocess.run(['umount', '-l', path], check=False)

    def main(self, tests):
        os.makedirs(os.path.join(self.work, 'tests'), exist_ok=True)
        for name in os.listdir(self.work):
            if name.startswith('port-'):
                os.unlink(os.path.join(self.work, name))
        open(os.path.join(self.work, 'numbers'), 'w').close()
        os.environ['INLET_TEST_WORK'] = self.work
        work_bench = bench.Bench(self.work)
        try:
            shutil.rmtree(os.path.join(self.work, 'servers'), ignore_errors=True)
            work_bench.warm(('java', 'pypaimon'))
            bad = work_bench.start({k for t in tests for k in t.servers})
            with open(os.path.join(self.work, 'settings'), 'w', encoding='utf-8') as f:
                json.dump(self.settings(work_bench.servers), f)
            tests = sorted(tests, key=lambda t: -self.took.get(t.name, t.seconds))
            self.work_off([t for t in tests if not t.alone], self.args.jobs, bad)
            self.work_off([t for t in tests if t.alone], 1, bad)
        finally:
            self.ending = True
            with self.lock:
                left = list(self.children.values())
            for child in left:
                self.reap(child, os.path.join(self.work, 'nothing'))
            for name in os.listdir(os.path.join(self.work, 'tests')):
                folder = os.path.join(self.work, 'tests', name)
                for part in os.listdir(folder):
                    if part.startswith('server-') and os.path.exists(os.path.join(folder, part, 'pid')):
                        Server('mariadb-11.8', os.path.join(folder, part), 0).stop(kill=True)
            work_bench.end()
            with open(os.path.join(self.work, 'took'), 'w', encoding='utf-8') as f:
                json.dump(self.took, f)
        return self.counts

    def work_off(self, tests, jobs, bad):
        queue = list(tests)

        def worker():
            while not self.ending:
                with self.lock:
                    if not queue:
                        return
                    test = queue.pop(0)
                missing = [k for k in test.servers if k in bad]
                if missing:
                    self.report('FAIL', test.name, '%s did not start: %s' % (missing[0], bad[missing[0]]))
                else:
                    try:
                        self.test(test)
                    except Exception as e:
                        self.report('FAIL', test.name, 'the test house itself: %s' % e)
        threads = [threading.Thread(target=worker) for _ in range(jobs)]
        for t in threads:
            t.start()
        for t in threads:
            while t.is_alive():
                t.join(0.5)


def pick(names):
    order = {n: i for i, n in enumerate(ORDER)}
    everything = sorted(registry.TESTS.values(), key=lambda t: order.get(t.scenario, len(order)))
    for n in names:
        if not any(t.name.startswith(n) for t in everything):
            sys.exit('e2e.py: no test or scenario %r; have: %s (all tests: --list)' % (n, ' '.join(ORDER)))
    return [t for t in everything if not names or any(t.name.startswith(n) for n in names)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('names', nargs='*')
    p.add_argument('--build', default=os.path.join(ROOT, 'build'))
    p.add_argument('--release', help='the binary (default: BUILD/release/inlet)')
    p.add_argument('--debug', help='the one with failpoints (default: BUILD/debug/inlet)')
    p.add_argument('--work', default=os.path.join(ROOT, 'build', 'tests', 'e2e'))
    p.add_argument('--jobs', type=int, default=int(os.environ.get('INLET_JOBS') or os.cpu_count() or 1))
    p.add_argument('--seed', default=os.environ.get('INLET_SEED') or str(random.SystemRandom().randrange(10**6)))
    p.add_argument('--tally', help='verdict lines are appended to this file')
    p.add_argument('--keep', action='store_true', help='keep the folders of tests that passed')
    p.add_argument('--list', action='store_true')
    p.add_argument('--one', help=argparse.SUPPRESS)
    args = p.parse_args()
    load()
    if args.one:
        with open(os.path.join(args.work, 'settings'), encoding='utf-8') as f:
            run_one(args.one, json.load(f))
    tests = pick(args.names)
    if args.list:
        for t in tests:
            print('%-40s %3d s  %s' % (t.name, t.seconds, (t.function.__doc__ or '').strip().split('\n')[0]))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print('seed %s' % args.seed, flush=True)
    counts = Run(args).main(tests)
    print('end to end: %d passed, %d failed, %d skipped' % (counts['ok'], counts['FAIL'], counts['skip']))
    return 1 if counts['FAIL'] else 0


if __name__ == '__main__':
    sys.exit(main())
