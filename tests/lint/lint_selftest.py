#!/usr/bin/env python3
"""Every lint is shown a small tree with one offence of each kind, and must name each of them and nothing else."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = '/* %s: x */\n#pragma once\n'
# lint -> [(file, text, what it must say, or None for a file that is fine)]
CASES = {
    'floors': [
        ('base/ok.c', '#include "base/ok.h"\n\n#include <stdio.h>\n', None),
        ('base/ok.h', HEADER % 'base/ok.h', None),
        ('base/up.c', '#include "config/option.h"\n', 'base/ may not include "config/option.h"'),
        ('base/shelf.c', '#include "base/schema.h"\n', "mechanism may not include the model's"),
        ('sink/side.c', '#include "connectors/source.h"\n', 'sink/ may not include'),
        ('sink/whole.c', '#include "config/jobspec.h"\n', 'are for this floor'),
        ('sink/fs/across.c', '#include "sink/format/format.h"\n', 'sink/fs/ may not include'),
        ('sink/outside.c', '#include <zstd.h>\n', '<zstd.h> belongs in'),
        ('sink/commented.c', '/*\n#include <zstd.h>\n*/\n', None),
        ('config/short.c', '#include "option.h"\n', 'from the root'),
        ('agent/late.c', '#include <stdio.h>\n#include "agent/late.h"\n', 'its own header'),
        ('agent/late.h', HEADER % 'agent/late.h', None),
        ('extra/x.c', '', None),  # not one of the floors' folders, so not this lint's
        ('sink/deep/x.c', '', 'stands on no floor')],
    'banned': [
        ('base/mem.c', 'void *f(void) { return malloc(1); }\n', None),
        ('base/text.c', 'const char *s = "strcpy(a, b)"; /* strcpy(a, b) */\n', None),
        ('base/copy.c', 'void f(char *a) { strcpy(a, "x"); }\n', 'strcpy()'),
        ('base/heap.c', 'void f(void *a) { free(a); }\n', 'free()'),
        ('base/member.c', 'void f(struct s *a) { a->free(a); }\n', None),
        ('base/later.c', '/* TODO */\n', 'belongs in an issue'),
        ('base/lint.c', 'int x; /* NOLINT */\n', 'NOLINT names its check'),
        ('base/fine.c', 'int x; /* NOLINT(misc-x): the interface wants it */\n', None)],
    'layout': [
        ('base/a.h', HEADER % 'base/a.h', None),
        ('base/long.c', 'int x;\n' * 701, 'longer than 700'),
        ('base/twice.c', 'int x;\n', None),
        ('sink/twice.c', 'int x;\n', 'there is a twice.c already'),
        ('base/blank.c', 'int x; \n', 'blank at the end'),
        ('base/open.c', 'int x;', 'the last line has no end'),
        ('base/guard.h', '/* base/guard.h: x */\n', 'no #pragma once'),
        ('base/title.h', '#pragma once\n', 'a header opens with')],
    'private': [
        ('base/a.c', '/* /usr/bin/x, 127.0.0.1 */\n', None),
        ('base/home.c', '/* /ho' + 'me/somebody/x */\n', 'a home folder'),
        ('base/key.c', '-----BEGIN PRIVATE ' + 'KEY-----\n', 'a private key'),
        ('base/net.c', '10.' + '1.2.3\n', 'an address of a private network')],
    'shell': [
        ('a.sh', '#!/bin/sh\necho "$1"\n', None),
        ('b.sh', '#!/bin/sh\necho $1\n', 'SC2086')],
    'failpoints': [
        ('tests/e2e/failpoints.txt', 'a.listed\na.gone\n', 'no source has the failpoint a.gone'),
        ('sink/a.c', 'FAILPOINT("a.listed"); FAILPOINT("a.new");\n', 'failpoint a.new is not in')],
}

bad = 0
for lint, cases in CASES.items():
    with tempfile.TemporaryDirectory() as root:
        for name, content, _ in cases + [('tests/lint/exceptions.txt', '', None)]:
            os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
            with open(os.path.join(root, name), 'w', encoding='utf-8', newline='') as f:
                f.write(content)
        run = subprocess.run([sys.executable, os.path.join(HERE, lint + '.py')], capture_output=True, text=True,
                             env=dict(os.environ, INLET_LINT_ROOT=root, GIT_CEILING_DIRECTORIES=os.path.dirname(root)))
        if run.returncode == 77:
            print('%s: not tried, %s' % (lint, run.stdout.strip()))
            continue
        said = run.stdout.splitlines()
        for name, _, want in cases:
            about = [line for line in said if line.startswith(name + ':')]
            if (want is None and about) or (want is not None and not any(want in line for line in about)):
                bad += 1
                print('%s of %s: wanted %r, said %s' % (lint, name, want, about))
        if run.returncode != 1 or run.stderr:
            bad += 1
            print('%s: exit code %d %s' % (lint, run.returncode, run.stderr))
print('%d lints tried, %d wrong answers' % (len(CASES), bad))
sys.exit(bad > 0)
