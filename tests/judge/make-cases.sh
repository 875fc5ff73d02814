#!/bin/sh
# make-cases.sh OUTDIR [PATTERN]: builds the tables of cases/list (those whose name matches the shell PATTERN) in warehouse OUTDIR,
# verifies and replays each with Paimon's library. Prints one line per table; exit 1 when any is bad.
here=$(cd "$(dirname "$0")" && pwd)
out=$1 pat=${2:-*}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 2
batch=$out/batch.txt
: > "$batch"
grep -v '^#' "$here/cases/list" | while read -r name ops opts; do
  [ -n "$name" ] || continue
  # shellcheck disable=SC2254 # a pattern is wanted
  case $name in $pat) ;; *) continue ;; esac
  o=
  for kv in $opts; do o="$o --opt.$kv"; done
  rm -rf "$out/db.db/$name"
  printf '%s\n' "write db.$name --quiet --ops $here/cases/$ops.ops $o" "verify db.$name" "checksum db.$name" >> "$batch"
done
"$here/judge" -w "$out" batch "$batch" > "$out/result.txt"
python3 - "$out/result.txt" <<'P'
import json, sys
bad = 0; buf = []; n = 0
for line in open(sys.argv[1], encoding='utf-8'):
    if line[0] != '\x1e':
        buf.append(json.loads(line)); continue
    end = json.loads(line[1:]); words = end['cmd'].split(); verb, table = words[0], words[1][3:]
    if end['rc'] or (buf and buf[0].get('warnings')):
        print(table, verb, 'rc', end['rc'], end.get('err', ''), json.dumps(buf)[:1500])
    elif verb == 'checksum':
        print(table, buf[0]['rows'], buf[0]['sum'])
    bad += end['rc'] > 0; n += verb == 'write'; buf = []
print('%d tables, %d bad commands' % (n, bad))
sys.exit(bad > 0)
P
