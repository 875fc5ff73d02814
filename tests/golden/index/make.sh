#!/bin/sh
# make.sh JUDGE OUTDIR: writes the golden index files anew with Paimon Java (JUDGE: the folder of the judge; OUTDIR: this folder or
# another). Tables get a file <table>.rows beside them: what Java reads.
set -eu
judge=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$out/tmp"
mkdir -p "$out/tmp"
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
write dv "$here/dv.ops" --opt.deletion-vectors.enabled=true
write dv64 "$here/dv.ops" --opt.deletion-vectors.enabled=true --opt.deletion-vectors.bitmap64=true
write dv_folder "$here/dv.ops" --opt.deletion-vectors.enabled=true --opt.index-file-in-data-file-dir=true
write dv_late "$here/late.ops"
write dv_part "$here/part.ops" --opt.deletion-vectors.enabled=true --opt.index-file-in-data-file-dir=true
write dynamic "$here/dynamic.ops"
write dynamic_dv "$here/dynamic.ops" --opt.deletion-vectors.enabled=true
write postpone "$here/postpone.ops"
# What the classes themselves do, without a table. The judge was built by what is above; its class path is beside its jar.
classes=$(find "${INLET_TEST_CACHE:-$HOME/.cache/inlet-test}" -maxdepth 3 -path '*/judge-*/target/lib' | head -n 1)
javac -nowarn -d "$out/tmp" -cp "$classes/*" "$here/Golden.java"
java -cp "$out/tmp:$classes/*" Golden vectors > "$out/vectors.txt"
java -cp "$out/tmp:$classes/*" Golden buckets > "$out/buckets.txt"
rm -rf "$out/tmp"
