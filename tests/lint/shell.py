#!/usr/bin/env python3
"""shellcheck over every shell script."""
import re
import shutil
import subprocess

from lint import ROOT, files, finish, problem, skip, text

scripts = [n for n in files() if n.endswith('.sh') or ('.' not in n.split('/')[-1].lstrip('.') and re.match(r'#!.*\b(ba)?sh\b', text(n)))]
if not shutil.which('shellcheck'):
    skip("no shellcheck: Debian's package 'shellcheck'")
for name in scripts:
    run = subprocess.run(['shellcheck', '-x', '-P', 'SCRIPTDIR', '-f', 'gcc', name], cwd=ROOT, capture_output=True, text=True)
    for line in run.stdout.splitlines():
        m = re.match(r'(.*?):(\d+):\d+: (.*)', line)
        problem(*((m.group(1), int(m.group(2)), m.group(3)) if m else (name, 1, line)))
finish('shell', len(scripts))
