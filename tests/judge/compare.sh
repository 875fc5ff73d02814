#!/bin/sh
# compare.sh WAREHOUSE [DB.TABLE...]: checksums by Java, pypaimon and pypaimon-rust side by side (all tables of the warehouse by
# default). One line a table; exit 1 when any reader fails or differs. READERS="pypaimon rust pypaimon-1.3.1" picks environments.
here=$(cd "$(dirname "$0")" && pwd)
wh=$1; shift
# shellcheck disable=SC2046,SC2012 # names of tables are words
[ $# -gt 0 ] || set -- $(cd "$wh" && ls -d -- *.db/*/schema | sed 's#\.db/#.#; s#/schema##')
cache=$("$here/setup-py.sh") || exit 2
tmp=$(mktemp -d)
mkdir "$tmp/tmp"
for t in "$@"; do echo "checksum $t"; done > "$tmp/batch"
TMPDIR=$tmp/tmp "$here/judge" -w "$wh" batch "$tmp/batch" > "$tmp/java"
for r in ${READERS:-pypaimon rust}; do
  case $r in rust) e=rust ;; *) e=pypaimon ;; esac
  "$cache/venv-$r/bin/python" "$here/pyread.py" --engine $e --keep-going checksum "$wh" "$@" x.x > "$tmp/$r" 2> /dev/null
done
# shellcheck disable=SC2086 # names are words
python3 - "$tmp" ${READERS:-pypaimon rust} <<'P'
import json, sys
tmp, readers = sys.argv[1], sys.argv[2:]
java, body = {}, None
for line in open(tmp + '/java', encoding='utf-8'):
    if line[0] == '\x1e':
        e = json.loads(line[1:]); java[e['cmd'].split()[1]] = body if not e['rc'] else {'error': e.get('err')}; body = None
    else:
        body = json.loads(line)
got = {r: {l.split(' ', 1)[0]: json.loads(l.split(' ', 1)[1]) for l in open(tmp + '/' + r, encoding='utf-8')} for r in readers}
bad = 0
for t, j in java.items():
    cells = []
    for r in readers:
        v = got[r].get(t, {'error': 'no answer'})
        same = v == j and 'error' not in v
        bad += not same
        cells.append(r + ' ' + ('same' if same else 'error: ' + str(v['error'])[:120] if 'error' in v else 'DIFFERS: %s rows, java %s' % (v['rows'], j.get('rows'))))
    print('%-22s %s' % (t, ' | '.join(['java ' + (str(j['error'])[:120] if 'error' in j else '%d rows' % j['rows'])] + cells)))
sys.exit(bad > 0)
P
rc=$?
rm -rf "$tmp"
exit $rc
