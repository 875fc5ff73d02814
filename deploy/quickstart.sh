#!/bin/sh
# From nothing to a lake, in a few minutes, on Debian 12 or 13:
#
#   sh deploy/quickstart.sh           packages, build, a throw-away MariaDB with a small shop that is being traded in,
#                                     `inlet run` for a while, then every row of the lake compared with the database
#   sh deploy/quickstart.sh go-on     the same shop, traded in again, and inlet goes on where it stopped, until Ctrl-C
#
# Everything lies in build/quickstart (INLET_QUICKSTART_DIR): job.yaml, lake/, the database. The database listens on 127.0.0.1
# only and is stopped at the end. INLET_QUICKSTART_SECONDS (20): how long inlet streams.
set -eu
cd "$(dirname "$0")/.."
here=deploy/quickstart
dir=${INLET_QUICKSTART_DIR:-build/quickstart}
seconds=${INLET_QUICKSTART_SECONDS:-20}
mode=${1:-all}
inlet=build/release/inlet
case $mode in all | go-on) ;; *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;; esac

began=$(date +%s)
say() { printf '\n== %s  (%d s)\n' "$*" $(($(date +%s) - began)); }

server='' writer='' agent=''
# shellcheck disable=SC2317 # called by the traps
stop_all() {
  trap - EXIT INT TERM HUP
  [ -z "$agent" ] || kill -s TERM "$agent" 2>/dev/null || true
  [ -z "$writer" ] || kill -s TERM "$writer" 2>/dev/null || true
  [ -z "$server" ] || kill -s TERM "$server" 2>/dev/null || true
  wait 2>/dev/null || true
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say "packages"
sh deploy/packages.sh build quickstart

say "build"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
{ cmake --preset release -DINLET_TESTS=OFF && cmake --build --preset release --target inlet; } >"$dir/build.log" 2>&1 || {
  tail -n 40 "$dir/build.log"
  echo "the build failed; its log: $dir/build.log" >&2
  exit 1
}
"$inlet" version

mariadbd=$(command -v mariadbd || command -v mysqld || echo /usr/sbin/mariadbd)
if [ "$mode" = all ]; then
  say "a MariaDB of its own, with a shop in it"
  rm -rf "$dir/data" "$dir/lake" "$dir/compare"
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' >"$dir/port"
  mkdir -p "$dir/tmp"
  mariadb-install-db --no-defaults --tmpdir="$dir/tmp" --user="$(id -un)" --datadir="$dir/data" --auth-root-authentication-method=normal \
    --skip-test-db >"$dir/install.log" 2>&1 || { tail -n 20 "$dir/install.log"; exit 1; }
elif [ ! -d "$dir/data" ]; then
  echo "there is no shop in $dir yet: sh deploy/quickstart.sh" >&2
  exit 2
fi
port=$(cat "$dir/port")
mkdir -p "$dir/tmp" # its own: a server that starts removes temporary tables of others
"$mariadbd" --no-defaults --tmpdir="$dir/tmp" --user="$(id -un)" --datadir="$dir/data" --port="$port" --bind-address=127.0.0.1 \
  --socket=shop.sock --pid-file="$dir/mariadbd.pid" --server-id=1 --log-bin=bin --binlog-format=ROW \
  --innodb-flush-log-at-trx-commit=2 >"$dir/mariadbd.log" 2>&1 &
server=$!
sql() { mariadb --no-defaults --skip-ssl --protocol=tcp -h127.0.0.1 -P"$port" -uroot --default-character-set=utf8mb4 "$@"; }
tries=0
until sql -e 'select 1' >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ $tries -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
    tail -n 20 "$dir/mariadbd.log"
    echo "MariaDB did not start; its log: $dir/mariadbd.log" >&2
    exit 1
  fi
  sleep 0.1
done
if [ "$mode" = all ]; then
  sql <"$here/shop.sql" >/dev/null
  sed -e "s|@PORT@|$port|" -e "s|@LAKE@|$dir/lake|" "$here/job.yaml" >"$dir/job.yaml"
fi
sql -t shop -e "select table_name as 'table', table_rows as 'rows, about', table_comment as 'what' from information_schema.tables
  where table_schema = 'shop' and table_type = 'BASE TABLE'"

say "somebody trades in the shop, while inlet copies it and follows"
sql -e 'update control.switch set on_air = 1'
sql shop -e 'call control.trade()' >"$dir/writer.log" 2>&1 &
writer=$!
if [ "$mode" = go-on ]; then
  echo "\$ inlet run $dir/job.yaml      (Ctrl-C ends it)"
  trap : INT
  "$inlet" run "$dir/job.yaml" || exit $?
  exit 0
fi
grep -v '^#' "$dir/job.yaml"
echo "\$ inlet run $dir/job.yaml      (for $seconds seconds)"
"$inlet" run "$dir/job.yaml" &
agent=$!
left=$seconds
while [ "$left" -gt 0 ] && kill -0 "$agent" 2>/dev/null; do
  sleep 1
  left=$((left - 1))
done
kill -s TERM "$agent" 2>/dev/null || true
code=0
wait "$agent" || code=$?
agent=''
[ $code = 0 ] || { echo "inlet ended with exit code $code" >&2; exit $code; }
if ! kill -0 "$writer" 2>/dev/null; then
  cat "$dir/writer.log" >&2
  echo "the writer ended by itself" >&2
  exit 1
fi
sql -e 'update control.switch set on_air = 0'
wait "$writer" || true
writer=''

say "the shop is closed; inlet fetches what it has not seen yet"
echo "\$ inlet run --until-caught-up $dir/job.yaml"
"$inlet" run --until-caught-up "$dir/job.yaml"

say "the lake"
mkdir -p "$dir/compare"
bad=0
for table in customers products orders order_items; do
  printf '\n%-12s %s, %s snapshots, %s\n' "$table" "$("$inlet" table count "$dir/lake" "shop.$table")" \
    "$("$inlet" table snapshots "$dir/lake" "shop.$table" | wc -l)" "$("$inlet" table checksum "$dir/lake" "shop.$table")"
  "$inlet" table read "$dir/lake" "shop.$table" >"$dir/compare/$table.lake"
  head -n 2 "$dir/compare/$table.lake"
  # The same rows as the database prints them, each as the lake's canonical JSON.
  sql --batch --raw --skip-column-names shop -e "set time_zone = '+00:00'; select line from control.canonical_$table" \
    >"$dir/compare/$table.source"
  LC_ALL=C sort -o "$dir/compare/$table.lake" "$dir/compare/$table.lake"
  LC_ALL=C sort -o "$dir/compare/$table.source" "$dir/compare/$table.source"
  if cmp -s "$dir/compare/$table.source" "$dir/compare/$table.lake"; then
    echo "same as in the database: all $(wc -l <"$dir/compare/$table.source") rows, all columns"
    rm "$dir/compare/$table.source" "$dir/compare/$table.lake"
  else
    echo "DIFFERS from the database (database <, lake >):"
    diff "$dir/compare/$table.source" "$dir/compare/$table.lake" | head -n 10
    bad=1
  fi
done
sql -e "select concat(format(changes, 0), ' transactions were made while inlet ran') as '' from control.switch" --skip-column-names

say "done"
cat <<END
The lake:         $dir/lake        (Paimon tables: read them with Flink, Spark, Trino, DuckDB, pypaimon …)
The job file:     $dir/job.yaml
Read a table:     $inlet table read $dir/lake shop.orders | head
Go on streaming:  sh deploy/quickstart.sh go-on
END
exit $bad
