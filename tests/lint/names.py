#!/usr/bin/env python3
"""names.py BUILD: every external symbol of the static libraries starts with its file's noun."""
import glob
import os
import re
import subprocess
import sys

from lint import excepted, finish, problem

build = sys.argv[1]
checked = 0
for library in sorted(glob.glob(os.path.join(build, 'lib*.a'))):
    floor = re.sub(r'^lib|\.a$', '', os.path.basename(library))
    out = subprocess.run(['nm', '-g', '--defined-only', '-A', '-P', library], check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        m = re.match(r'.*\[([\w.]+)\.c\.o\]: (\S+) (\w)', line)
        if not m:
            continue
        noun, symbol, _ = m.groups()
        if symbol.startswith('_') or symbol.split('.')[0].endswith('$'):
            continue  # the compiler's and the sanitizers'
        checked += 1
        if symbol != noun and not symbol.startswith(noun + '_') and not excepted('names', noun + '.c', symbol):
            problem('%s/%s.c' % (floor, noun), 1, 'external name %s does not start with %s_' % (symbol, noun))
finish('names', checked)
