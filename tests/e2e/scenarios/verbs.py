"""Tables without a job: `inlet table apply`, `compact`, `changelog` and the metadata verbs, beside Paimon's own hands."""
import json
import os

from house import lake
from house.agent import DONE, USAGE, command
from house.registry import check, each, test

CASES = os.path.join(lake.TESTS_DIR, 'judge', 'cases')
TABLE = 'shop.t'


def ours(t, view, verb, table, *more, wanted=DONE, stdin=None):
    """Output lines; standard error where another exit code than 0 is wanted."""
    code, out, err = command(t, 'table', verb, view.warehouse, table, *more, stdin=stdin)
    check(code == wanted and 'Sanitizer' not in err, 'table %s %s: exit code %d: %s', verb, table, code, err[:1500])
    return out.split('\n')[:-1] if wanted == DONE else err.strip()


def apply(t, view, table, *operations, wanted=DONE):
    lines = [o if isinstance(o, str) else json.dumps(o) for o in operations]
    return ours(t, view, 'apply', table, wanted=wanted, stdin=''.join(x + '\n' for x in lines))


def same_rows(t, view, table, what):
    mine, judged = ours(t, view, 'checksum', table), view.judge('checksum', table)[1]
    check(mine == judged, '%s %s: inlet reads %s, Java %s', table, what, mine, judged)
    return mine


# ---- the tables of the judge: made by Paimon Java, one of each kind

def cases():
    with open(os.path.join(CASES, 'list'), encoding='utf-8') as f:
        return {x[0]: (x[1], x[2:]) for x in (line.split() for line in f) if x and x[0] != '#'}


# What inlet does not do yet, and the words it says it with. A line that no longer holds fails: take it away.
ORC = "format 'orc' is not supported"
UNREAD = {'types_orc': ORC, 'types9_orc': ORC, 'multiset_orc': ORC, 'keys_orc': ORC, 'open_orc': ORC, 'evolve_orc': ORC,
          'variant_parquet': 'type "VARIANT"', 'append': 'without a primary key', 'datadir': 'data-file.path-directory'}
LOOKUP, FULL = "'changelog-producer' = 'lookup'", "'changelog-producer' = 'full-compaction'"
VECTORS = 'deletion-vectors.enabled'
UNWRITTEN = {'cl_lookup': LOOKUP, 'partial_lookup': LOOKUP, 'firstrow_lookup': LOOKUP, 'levels_lookup': LOOKUP, 'cl_full': FULL, 'agg_full': FULL,
             'dv': VECTORS, 'dv_input': VECTORS, 'dv_lookup': VECTORS, 'dv_lookup64': VECTORS, 'dv_levels': VECTORS, 'part_dv': VECTORS,
             'dynamic_dv': VECTORS, 'dynamic_dv64': VECTORS, 'postpone': "'bucket' = -2",
             'thin': 'data-file.thin-mode', **UNREAD}


def again(lines, kind='+I'):
    """Rows as `read` printed them, to be written: their text, not what Python makes of it."""
    return ['{"k":"%s","r":%s}' % (kind, line) for line in lines]


@each('case', cases(), seconds=120, debug=True)
def case(t, name):
    """inlet reads the table as Java does, compacts it without changing a row, writes on, and Java after it; or it refuses by name."""
    operations, options = cases()[name]
    table = 'db.' + name
    view = lake.Lake(os.path.join(t.work, 'lake'))
    rc, out = view.judge('write', table, '--quiet', '--ops', os.path.join(CASES, operations + '.ops'), *['--opt.' + o for o in options])
    check(rc == 0, 'judge write %s: %s', table, out[:3])
    if name in UNREAD:
        code, out, err = command(t, 'table', 'read', view.warehouse, table)
        check(code not in (DONE, USAGE) and not out and UNREAD[name] in err, 'reading is listed as refused: exit code %d, %s', code, err[:500])
    else:
        before = same_rows(t, view, table, 'as Java wrote it')
    if name in UNWRITTEN:
        for verb, more in (('compact', ['--full']), ('apply', [])):
            code, out, err = command(t, 'table', verb, view.warehouse, table, *more, stdin='{"commit":true}\n')
            check(code not in (DONE, USAGE) and UNWRITTEN[name] in err, '%s is listed as refused: exit code %d, %s', verb, code, err[:500])
        view.verify(table, orphans=True)
        return
    ours(t, view, 'compact', table, '--full')
    view.verify(table, orphans=True, options=('--all',))
    check(same_rows(t, view, table, 'compacted by inlet') == before, '%s: compaction changed rows', table)
    rows = ours(t, view, 'read', table)
    apply(t, view, table, *again(rows), {'gen': {'rows': 9, 'from': 20, 'salt': 1}}, {'commit': True},
          {'gen': {'rows': 7, 'from': 25, 'salt': 2}}, *again(rows[:3]), {'commit': True})
    view.verify(table, orphans=True, options=('--all',))
    check(same_rows(t, view, table, 'written on by inlet') != before, '%s: nothing was written', table)
    rows = view.judge('read', table)[1]
    last = [] if view.schema(table)['options'].get('write-only') == 'true' else [{'compact': 'full'}]
    view.write(table, *again(rows[1:]), {'commit': True}, *again(rows[:2]), {'commit': True}, *last)
    same_rows(t, view, table, 'written on by Java')
    view.verify(table, orphans=True, options=('--all',))
