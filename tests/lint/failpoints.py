#!/usr/bin/env python3
"""tests/e2e/failpoints.txt lists exactly the FAILPOINT("…") places of the sources, so that no crash point goes untested."""
import re

from lint import c_files, finish, problem, text

LIST = 'tests/e2e/failpoints.txt'
listed = {}
for n, line in enumerate(text(LIST).splitlines(), 1):
    if line.strip() and not line.startswith('#'):
        listed[line.split()[0]] = n
found = {}
for name in c_files():
    for n, line in enumerate(text(name).split('\n'), 1):
        for point in re.findall(r'FAILPOINT\("([^"]+)"\)', line):
            found.setdefault(point, (name, n))
for point, (name, n) in found.items():
    if point not in listed:
        problem(name, n, 'failpoint %s is not in %s' % (point, LIST))
for point, n in listed.items():
    if point not in found:
        problem(LIST, n, 'no source has the failpoint %s' % point)
finish('failpoints', max(len(found), 1))
