#!/bin/sh
# Fills the test cache: servers, judges. What is there already costs nothing.
set -eu
cd "$(dirname "$0")"
bad=0
for server in 'mariadb 11.8' 'mysql 8.0' 'mariadb 10.11' 'mysql 9.7'; do
  # shellcheck disable=SC2086 # two words
  set -- $server
  bash "servers/$1.sh" fetch "$2" || bad=1
done
./judge/judge version || bad=1
PAIMON=1.3.1 ./judge/judge version || bad=1
./judge/setup-py.sh || bad=1
exit $bad
