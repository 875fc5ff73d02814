#!/usr/bin/env python3
"""clang-format 14 over every C file (other releases format differently, so they are no judges)."""
import re
import shutil
import subprocess

from lint import ROOT, c_files, finish, problem, skip

tool = shutil.which('clang-format-14') or shutil.which('clang-format')
version = subprocess.run([tool, '--version'], capture_output=True, text=True).stdout if tool else ''
if not re.search(r'version 14\.', version):
    skip("no clang-format 14: Debian 12's package 'clang-format-14'")
names = c_files(tests=True)
run = subprocess.run([tool, '--dry-run', '--ferror-limit=1', *names], cwd=ROOT, capture_output=True, text=True)
for line in run.stderr.splitlines():
    m = re.match(r'(\S+):(\d+):\d+: warning: code should be clang-formatted', line)
    if m:
        problem(m.group(1), int(m.group(2)), 'not formatted: clang-format -i ' + m.group(1))
finish('clang_format', len(names))
