#!/bin/sh
# make.sh JUDGE: writes anew what is here, with Paimon Java 1.4.2 and Java 17 (JUDGE: the folder of the judge, whose `judge` has
# been run once; names of files and times will differ).
set -eu
judge=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sum=$(cat "$judge/pom.xml" "$judge"/src/main/java/judge/*.java | cksum | cut -d' ' -f1)
classes=${INLET_TEST_CACHE:-$HOME/.cache/inlet-test}/judge-$sum/target
[ -f "$classes/judge.jar" ] || "$judge/judge" version

# casts.txt, casts-berlin.txt: single values
javac -d "$work" -cp "$classes/judge.jar:$classes/lib/*" "$here/Casts.java"
casts() { # zone file [zone]
    zone=$1
    file=$2
    shift 2
    python3 "$here/casts.py" "$@" |
        java "-Duser.timezone=$zone" -cp "$work:$classes/judge.jar:$classes/lib/*" judge.Casts > "$here/$file"
}
casts UTC casts.txt
casts Europe/Berlin casts-berlin.txt zone

# tables: <table> and <table>.rows, what Java reads from it
mkdir "$work/ops" "$work/lake"
python3 "$here/tables.py" "$work/ops"
for ops in "$work"/ops/*.ops; do
    table=$(basename "$ops" .ops | tr - _)
    echo "write --ops $ops --quiet g.$table"
done > "$work/commands"
"$judge/judge" -w "$work/lake" batch "$work/commands" > "$work/answers"
grep '"rc":[^0]' "$work/answers" && exit 1
for folder in "$work/lake/g.db"/*; do
    table=$(basename "$folder")
    rm -rf "${here:?}/$table"
    "$judge/judge" -w "$work/lake" read "g.$table" > "$here/$table.rows"
    find "$folder" -name '.*.crc' -delete
    mv "$folder" "$here/$table"
done
