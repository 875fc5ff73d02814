#!/usr/bin/env python3
"""Calls and words that do not belong in the program's sources."""
import re

from lint import bare, c_files, excepted, finish, problem, text

CALLS = {
    'strcpy|stpcpy|strcat|sprintf|vsprintf|gets': 'has no bound: struct buf, struct str or snprintf',
    'strtok|strtok_r': 'writes into its input: str_split',
    'atoi|atol|atoll|atof|sscanf': 'says nothing of errors: the str_ parsers',
    'alloca': 'no limit on the stack: an arena',
    'setjmp|longjmp|sigsetjmp|siglongjmp': 'jumps over cleanup',
    'localtime|gmtime|ctime|asctime|strerror|rand|srand': 'keeps hidden state: the _r forms, strerror_r, a seeded generator',
    'usleep|sleep': 'waits are on conditions or descriptors, with a deadline',
    'assert': 'must(), which stays in release builds',
    'system|popen': 'no shell',
}
MEMORY = 'malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|aligned_alloc|posix_memalign'


def check(name):
    for n, line in enumerate(bare(text(name)).split('\n'), 1):
        for m in re.finditer(r'(?<![\w.>])(\w+)\s*\(', line):
            word = m.group(1)
            why = next((w for names, w in CALLS.items() if re.fullmatch(names, word)), None)
            if re.fullmatch(MEMORY, word) and name != 'base/mem.c':
                why = 'memory comes from base/mem.h or an arena'
            if why and not excepted('banned', name, word):
                problem(name, n, '%s(): %s' % (word, why))
    for n, line in enumerate(text(name).split('\n'), 1):
        if re.search(r'\b(TODO|FIXME|XXX|HACK)\b', line):
            problem(name, n, 'unfinished work belongs in an issue')
        m = re.search(r'NOLINT\w*(.*)', line)
        if m and not re.match(r'\([\w.,* -]+\)\s*:?\s*\S{3,}', m.group(1).rstrip('*/ ')):
            problem(name, n, 'NOLINT names its check and gives a reason')


names = c_files()
for each in names:
    check(each)
finish('banned', len(names))
