#!/bin/sh
# make.sh JUDGE: writes java/ anew with Paimon Java (the judge of tests/judge): tables in Parquet, and a file <table>.rows beside each:
# what Java reads from it. old is written by release 0.9.0, whose Parquet nodes have no ids.
set -eu
judge=$1
here=$(cd "$(dirname "$0")" && pwd)
out=$here/java
rm -rf "$out"
mkdir -p "$out"
write() { # table ops [--opt.KEY=VALUE ...]
    table=$1
    ops=$2
    shift 2
    "$judge/judge" -w "$out/tmp" write --ops "$ops" --quiet --opt.file.format=parquet "$@" "g.$table"
    "$judge/judge" -w "$out/tmp" read "g.$table" > "$out/$table.rows"
    mkdir -p "$out/g.db"
    mv "$out/tmp/g.db/$table" "$out/g.db/$table"
    find "$out/g.db/$table" -name '.*.crc' -delete
}
write types "$judge/cases/types.ops"
write types9 "$judge/cases/types9.ops" --opt.parquet.compression=snappy
write edge "$judge/cases/edge.ops" --opt.parquet.compression=gzip
write keys "$judge/cases/keys.ops" --opt.parquet.compression=lz4_raw
write multiset "$judge/cases/multiset.ops"
write crud "$judge/cases/crud-open.ops" --opt.parquet.page.size=64 --opt.parquet.block.size=1 --opt.parquet.writer.version=PARQUET_2_0
PAIMON=0.9.0 write old "$here/../paimon/old.ops"
rm -rf "$out/tmp"
