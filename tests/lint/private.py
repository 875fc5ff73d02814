#!/usr/bin/env python3
"""Nothing of one machine or one person in the project: home folders, this checkout's place, keys, hosts, addresses."""
import os
import re

from lint import ROOT, excepted, files, finish, problem, text

PATTERNS = [
    (r'(?<![\w.])/(?:home|Users)/[A-Za-z0-9_.-]+', 'a home folder'),
    (r'(?<![\w.])/root' + r'/\S', 'a home folder'),
    (r'-----BEGIN [A-Z ]*PRIVATE ' + 'KEY', 'a private key'),
    (r'\b(?:AKIA|ASIA)[A-Z0-9]{16}\b', 'a cloud access key'),
    (r'\bgh[pousr]_[A-Za-z0-9]{30,}\b', 'a token'),
    (r'\b(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}\b', 'an address of a private network'),
    (r'\b[a-z0-9-]+\.(?:internal|corp|lan)\b', 'a host of a private network'),
]
above = os.path.dirname(ROOT)
if above.count('/') >= 1 and above not in ('/', '/tmp', '/usr', '/src', '/opt'):
    PATTERNS.append((r'(?<![\w.])' + re.escape(above) + '/', 'the place of this checkout'))

checked = 0
for name in files():
    if '/golden/' in name or '/corpus/' in name:
        continue
    checked += 1
    for n, line in enumerate(text(name).split('\n'), 1):
        for pattern, what in PATTERNS:
            m = re.search(pattern, line)
            if m and not excepted('private', name, m.group(0)):
                problem(name, n, 'names %s: %s' % (what, m.group(0)))
finish('private', checked)
