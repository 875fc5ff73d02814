#!/usr/bin/env python3
"""Who may include whom: agent > connectors, sink (siblings) > config > base; each outside library in its own file only."""
import os
import re

from lint import ROOT, bare, c_files, excepted, finish, problem, text

# Folder of the includer -> folders it may include from. The most specific entry counts.
MAY = {
    'base': ['base'],
    'config': ['config', 'base'],
    'connectors': ['connectors', 'config', 'base'],
    'connectors/source.c': ['connectors', 'connectors/mysql'],  # the list of sources
    'connectors/mysql': ['connectors', 'connectors/mysql', 'config', 'base'],
    'sink': ['sink', 'sink/format', 'sink/fs', 'config', 'base'],
    'sink/format': ['sink/format', 'sink/fs', 'base'],
    'sink/fs': ['sink/fs', 'base'],
    'agent': ['agent', 'sink', 'sink/format', 'sink/fs', 'connectors', 'config', 'base'],
}
# Of config, the floor above sees how options are declared and read, not the whole job.
CONFIG_FOR_FLOOR_2 = {'config/option.h', 'config/tree.h'}
# base/ has two shelves: mechanism never includes model.
MODEL = {'decimal', 'type', 'schema', 'row', 'value', 'change', 'batch', 'position', 'mark', 'policy'}
# Outside library -> the files that may name it.
OUTSIDE = {
    r'(mysql|mariadb)(/|\.h)|ma_|errmsg\.h|mysqld_error\.h': ['connectors/mysql/mysql_link.c'],
    r'yyjson\.h': ['base/json.c'],
    r'yaml\.h': ['config/tree.c'],
    r'zstd\.h': ['sink/format/compress.c', 'connectors/mysql/binlog_payload.c'],
    r'(snappy-c|lz4)\.h': ['sink/format/compress.c'],
    r'roaring/': ['sink/aggregate_bitmap.c', 'sink/deletion_vector.c'],
    # checksums of events, and what the servers pack with it
    r'zlib\.h': ['base/hash.c', 'sink/format/compress.c', 'connectors/mysql/binlog.c', 'connectors/mysql/binlog_payload.c',
                 'connectors/mysql/mysql_decoder.c'],
    r'pcre2\.h': ['base/pattern.c'],
    r'iconv\.h': ['connectors/mysql/mysql_charset.c'],
}


def check(name):
    folder, own = os.path.dirname(name), os.path.splitext(name)[0]
    may = MAY.get(name, MAY.get(folder))
    if may is None:
        problem(name, 1, 'folder %s stands on no floor: tests/lint/floors.py' % folder)
        return
    source, plain = text(name).split('\n'), bare(text(name)).split('\n')
    first = True
    for n, (line, visible) in enumerate(zip(source, plain), 1):
        m = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if not m or '#' not in visible:
            continue
        quote, what = m.groups()
        if name.endswith('.c') and first and os.path.exists(os.path.join(ROOT, own + '.h')) and what != own + '.h':
            problem(name, n, 'includes its own header "%s.h" first' % own)
        first = False
        if excepted('floors', name, what):
            continue
        if quote == '<':
            for library, where in OUTSIDE.items():
                if re.match(library, what) and name not in where:
                    problem(name, n, '<%s> belongs in %s only' % (what, ', '.join(where)))
            continue
        target = os.path.dirname(what)
        if not target:
            problem(name, n, 'write "%s" from the root' % what)
        elif target not in may:
            problem(name, n, '%s/ may not include "%s"; allowed: %s' % (folder, what, ', '.join(may)))
        elif target == 'config' and folder.split('/')[0] in ('connectors', 'sink') and what not in CONFIG_FOR_FLOOR_2:
            problem(name, n, 'of config/, only %s are for this floor' % ', '.join(sorted(CONFIG_FOR_FLOOR_2)))
        elif folder == 'base' and os.path.basename(own) not in MODEL and os.path.splitext(os.path.basename(what))[0] in MODEL:
            problem(name, n, 'mechanism may not include the model\'s "%s"' % what)


names = c_files()
for each in names:
    check(each)
finish('floors', len(names))
