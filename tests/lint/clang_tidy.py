#!/usr/bin/env python3
"""clang_tidy.py BUILD [PATH...]: clang-tidy (.clang-tidy) over the sources of BUILD/compile_commands.json.

A file that passed is not looked at again until it, a header of ours that it includes, its command, the settings or the tool
change: the verdicts lie in BUILD/tidy by checksum."""
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

from lint import FLOORS, ROOT, finish, problem, skip, text

build = sys.argv[1]
wanted = sys.argv[2:]
tool = shutil.which('clang-tidy-14') or shutil.which('clang-tidy')
if not tool:
    skip("no clang-tidy: Debian's package 'clang-tidy'")
version = subprocess.run([tool, '--version'], capture_output=True, text=True).stdout
cache = os.path.join(build, 'tidy')
os.makedirs(cache, exist_ok=True)


def closure(name, seen):
    """The file and every header of ours that it includes, directly or not."""
    if name in seen or not os.path.exists(os.path.join(ROOT, name)):
        return seen
    seen.add(name)
    for header in re.findall(r'^\s*#\s*include\s*"([^"]+)"', text(name), re.M):
        closure(header, seen)
    return seen


def key(entry, name):
    h = hashlib.sha256((version + text('.clang-tidy') + entry['command']).encode())
    for part in sorted(closure(name, set())):
        h.update(part.encode() + text(part).encode(errors='surrogateescape'))
    return h.hexdigest()


def tidy(entry, name):
    mark = os.path.join(cache, key(entry, name))
    if os.path.exists(mark):
        return name, None
    run = subprocess.run([tool, '-p', build, '--quiet', '--warnings-as-errors=*', os.path.join(ROOT, name)], capture_output=True,
                         text=True)
    if run.returncode == 0:
        open(mark, 'w').close()
        return name, None
    return name, run.stdout + (run.stderr if not run.stdout.strip() else '')


with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as f:
    entries = {os.path.relpath(e['file'], ROOT): e for e in json.load(f)}
names = sorted(n for n in entries if n.split('/')[0] in FLOORS and (not wanted or n in wanted) and os.path.exists(os.path.join(ROOT, n)))
with concurrent.futures.ThreadPoolExecutor(int(os.environ.get('INLET_JOBS', os.cpu_count() or 1))) as pool:
    for name, bad in pool.map(lambda n: tidy(entries[n], n), names):
        for line in (bad or '').splitlines():
            m = re.match(r'(.*?):(\d+):\d+: (?:error|warning): (.*)', line)
            if m:
                problem(os.path.relpath(m.group(1), ROOT), int(m.group(2)), m.group(3))
        if bad and not re.search(r': (error|warning): ', bad):
            problem(name, 1, 'clang-tidy failed: ' + bad.strip()[:300])
finish('clang_tidy', len(names))
