"""What the lints share: the files of the checkout, the list of exceptions, the verdict."""
import functools
import os
import re
import subprocess
import sys

ROOT = os.environ.get('INLET_LINT_ROOT') or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLOORS = ('base', 'config', 'connectors', 'sink', 'agent')
SKIPPED = 77  # ctest's SKIP_RETURN_CODE

_problems = []


@functools.lru_cache(None)
def files():
    """Paths below ROOT of all files that are, or are about to be, part of the project."""
    try:
        out = subprocess.run(['git', '-c', 'safe.directory=*', 'ls-files', '-coz', '--exclude-standard'], cwd=ROOT, check=True,
                             capture_output=True).stdout
        names = [n for n in out.decode().split('\0') if n]
    except (OSError, subprocess.CalledProcessError):  # a tarball
        names = []
        for folder, dirs, here in os.walk(ROOT):
            dirs[:] = [d for d in dirs if d not in ('build', '.git', '__pycache__')]
            names += [os.path.relpath(os.path.join(folder, n), ROOT) for n in here]
    return sorted(n for n in names if os.path.isfile(os.path.join(ROOT, n)))


def c_files(tests=False):
    """C sources and headers of the floors, with tests=True also those of tests/."""
    return [n for n in files() if n.endswith(('.c', '.h')) and n.split('/')[0] in FLOORS + (('tests',) if tests else ())]


@functools.lru_cache(None)
def text(name):
    with open(os.path.join(ROOT, name), encoding='utf-8', errors='surrogateescape', newline='') as f:
        return f.read()


def bare(source):
    """C text with comments and literals blanked, lines kept."""
    def blank(m):
        s = m.group(0)
        return '""' if s[0] == '"' else "' '" if s[0] == "'" else re.sub(r'[^\n]', ' ', s)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, source, flags=re.S)


@functools.lru_cache(None)
def exceptions():
    """Lines `LINT PATH WHAT REASON…` of exceptions.txt."""
    found = {}
    for n, line in enumerate(text('tests/lint/exceptions.txt').splitlines(), 1):
        if line.strip() and not line.startswith('#'):
            words = line.split(None, 3)
            if len(words) < 4:
                problem('tests/lint/exceptions.txt', n, 'an exception needs lint, path, what and a reason')
                continue
            found[tuple(words[:3])] = n
    return found


_used = set()


def excepted(lint, path, what):
    key = (lint, path, what)
    if key in exceptions():
        _used.add(key)
        return True
    return False


def problem(path, line, message):
    _problems.append('%s:%d: %s' % (path, line, message))


def finish(lint, checked):
    for key, n in exceptions().items():
        if key[0] == lint and key not in _used:
            problem('tests/lint/exceptions.txt', n, 'nothing needs this exception any more')
    for p in _problems:
        print(p)
    print('%s: %d checked, %d problems' % (lint, checked, len(_problems)))
    if not checked:
        print('%s: found nothing to check: is this a whole checkout?' % lint)
    sys.exit(1 if _problems or not checked else 0)


def skip(why):
    print('skipped: ' + why)
    sys.exit(SKIPPED)
