#!/bin/bash
# The race's MySQL server and its data, the same for whoever races.
#
#   db.sh make          build both states once: p0 (loaded) and p1 (p0 and CHANGES changed rows in its binary log)
#   db.sh up p0|p1      throw the running state away, start the server on a fresh copy of that state
#   db.sh down          stop the server
#   db.sh sql [ARG...]  a client (root)
#   db.sh sum           rows and checksum of race.t, as sum.py computes them from `inlet table read LAKE race.t --unsorted`
#
# A position taken on a quiet p0 is valid on p1: both start from the same copy, with the same server's uuid. So "the job was
# stopped while the changes were made" is: run on p0, end the job, `up p1`, start the job again.
# The table race.t has 10 columns and about 110 bytes a row; login race / race.
# Environment: WORK (scratch; 6 GB at full size), PORT, ROWS, CHANGES, VERSION (8.0 or 9.7).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${WORK:=${TMPDIR:-/tmp}/inlet-race}" "${PORT:=33316}" "${ROWS:=300000}" "${CHANGES:=100000}" "${VERSION:=8.0}"
STATE=$WORK/states D=$WORK/mysql
server=$here/../../servers/mysql.sh

my() { mariadb --skip-ssl -h127.0.0.1 -P"$PORT" -uroot "$@"; }
down() { [ ! -d "$D" ] || "$server" stop "$D"; }
# 1 GiB of buffers, and commits that do not wait for the disk: the disk is not what is raced.
up() {
  mkdir -p "$D"
  "$server" start "$D" "$PORT" --version "$VERSION" --innodb-buffer-pool-size=1G --innodb-redo-log-capacity=1G \
    --innodb-flush-log-at-trx-commit=2 --sync-binlog=0 --max-binlog-size=1G
}
keep() { down; cp -r --reflink=auto "$D/data" "$STATE/$1"; }
restore() { down; rm -rf "$D/data"; cp -r --reflink=auto "$STATE/$1" "$D/data"; up; }

make() {
  down; rm -rf "$D" "$STATE"; mkdir -p "$STATE"; up
  my -e "create user race@'%' identified by 'race'; grant all on *.* to race@'%'; create database race;
    create table race.t (id bigint not null primary key, k int not null, small smallint not null, amount decimal(12,2) not null,
      price double not null, name varchar(32) not null, city varchar(20) not null, note varchar(64) null, born date not null,
      created datetime(3) not null)"
  awk -f "$here/rows.awk" -v from=1 -v to="$ROWS" >"$WORK/rows.tsv"
  my -e "set sql_log_bin=0; load data infile '$WORK/rows.tsv' into table race.t"
  rm "$WORK/rows.tsv"
  my -e 'analyze table race.t' >/dev/null
  my -e 'reset master' 2>/dev/null || my -e 'reset binary logs and gtids'
  keep p0; up
  awk -f "$here/changes.awk" -v rows="$ROWS" -v changes="$CHANGES" -v size=50 >"$WORK/changes.sql"
  my race <"$WORK/changes.sql"
  rm "$WORK/changes.sql"
  echo "rows=$ROWS changes=$CHANGES version=$VERSION" >"$STATE/sizes"
  keep p1
}

case ${1:-} in
  make) make ;;
  up)   restore "${2:?p0 or p1}" ;;
  down) down ;;
  sql)  shift; my "$@" ;;
  sum)  my -N race -e "select count(*), cast(sum(crc32(concat_ws('|', id, k, small, amount, cast(price*8 as signed), name, city,
          ifnull(note, '\\\\N'), born, date_format(created, '%Y-%m-%d %H:%i:%s.%f')))) as unsigned) from t" ;;
  *)    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
