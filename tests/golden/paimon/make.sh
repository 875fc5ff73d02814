#!/bin/sh
# make.sh JUDGE OUTDIR: writes the golden tables anew with Paimon Java (the judge of tests/judge; the
# versions that wrote what is here: README.md). Every table gets a file <table>.rows beside it: what
# Java reads from it.
set -eu
judge=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$out/tmp"
write() { # table ops [--opt.KEY=VALUE ...]
    table=$1
    ops=$2
    shift 2
    "$judge/judge" -w "$out/tmp" write --ops "$ops" --quiet --opt.file.format=avro "$@" "g.$table"
    "$judge/judge" -w "$out/tmp" read "g.$table" > "$out/$table.rows"
    rm -rf "${out:?}/$table"
    mv "$out/tmp/g.db/$table" "$out/$table"
    find "$out/$table" -name '.*.crc' -delete
}
write crud "$judge/cases/crud-open.ops"
write input "$judge/cases/crud.ops" --opt.changelog-producer=input
write types "$judge/cases/types.ops"
write keys "$judge/cases/keys.ops"
write edge "$judge/cases/edge.ops"
mkdir -p "$out/tmp"
sed -e 's/"none"/"null"/; s/"20 kb"/"2 kb"/; s/\("rows":[0-9]*\)[0-9]/\1/; s/\("from":[0-9][0-9]*\)[0-9]/\1/' \
    "$judge/cases/levels.ops" > "$out/tmp/levels.ops"
write levels "$out/tmp/levels.ops"
write nested "$here/nested.ops"
write deflate "$here/nested.ops" --opt.file.compression=deflate --opt.manifest.compression=deflate
write plain "$here/nested.ops" --opt.file.compression=null --opt.manifest.compression=null
PAIMON=0.9.0 write old "$here/old.ops"
# Schemas alone: kinds of tables that inlet reads the schema of and then refuses, or types it does not write.
mkdir -p "$out/schemas"
for name in evolve part multiset seqgroup described; do
    ops="$judge/cases/$name.ops"
    [ -f "$ops" ] || ops="$here/$name.ops"
    "$judge/judge" -w "$out/tmp" write --ops "$ops" --quiet "g.$name"
    for file in "$out/tmp/g.db/$name"/schema/schema-*; do
        cp "$file" "$out/schemas/$name-${file##*-}.json"
    done
done
rm -rf "$out/tmp"
