#!/usr/bin/env python3
"""Shape of the tree: file names that are unique, files that are not too long, headers that open as headers do."""
import collections
import os
import re

from lint import c_files, excepted, files, finish, problem, text

MAX_LINES = 700
REPEATED = {'README.md', 'CMakeLists.txt', '__init__.py', '.gitignore', '.gitkeep'}

seen = collections.defaultdict(list)
for name in files():
    base = os.path.basename(name)
    if base not in REPEATED and not name.startswith(('tests/golden/', 'tests/fuzz/corpus/', 'tests/judge/src/', 'tests/judge/cases/')):
        seen[base].append(name)
for base, where in seen.items():
    if len(where) > 1:
        problem(where[1], 1, 'there is a %s already: %s' % (base, where[0]))

for name in files():
    if not name.endswith(('.c', '.h', '.py', '.sh', '.txt', '.cmake', '.md', '.json', '.yaml')) or '/golden/' in name or '/corpus/' in name:
        continue
    lines = text(name).split('\n')
    if lines[-1] and not name.endswith('.json'):
        problem(name, len(lines), 'the last line has no end')
    for n, line in enumerate(lines, 1):
        if re.search(r'[ \t\r]$', line) and not name.endswith('.md'):
            problem(name, n, 'blank at the end of the line')
    if name.endswith(('.c', '.h', '.py')) and len(lines) > MAX_LINES and not excepted('layout', name, 'length'):
        problem(name, len(lines), 'longer than %d lines: does it still hold one noun?' % MAX_LINES)

for name in c_files():
    head = text(name)
    if not head.startswith('/* %s: ' % name) and name.endswith('.h'):
        problem(name, 1, 'a header opens with "/* %s: what it is for"' % name)
    if name.endswith('.h') and not re.search(r'^#pragma once$', head, re.M):
        problem(name, 1, 'no #pragma once')

finish('layout', len(files()))
