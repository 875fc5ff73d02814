#!/bin/sh
# Makes the Python environments venv-pypaimon, venv-rust and venv-duckdb in the test cache and prints that cache's path. They stay apart on
# purpose: pypaimon 2 hands work to pypaimon-rust when it finds it, and then the two readers would not be independent.
# PYPAIMON=1.3.1 setup-py.sh makes venv-pypaimon-1.3.1 instead.
here=$(cd "$(dirname "$0")" && pwd)
cache=${INLET_TEST_CACHE:-$HOME/.cache/inlet-test}
make_env() { # name pip-arguments
  name=$1; shift
  [ -f "$cache/venv-$name/made" ] && return
  rm -rf "$cache/venv-$name" "$cache/venv-tmp"
  mkdir "$cache/venv-tmp" # pip leaves certificates in its temporary folder
  TMPDIR=$cache/venv-tmp python3 -m venv "$cache/venv-$name" &&
    TMPDIR=$cache/venv-tmp "$cache/venv-$name/bin/pip" install -q --disable-pip-version-check "$@" >&2 &&
    touch "$cache/venv-$name/made"
  made=$?
  rm -rf "$cache/venv-tmp"
  return $made
}
mkdir -p "$cache"
exec 9>"$cache/venv.lock"
flock 9
if [ -n "$PYPAIMON" ]; then
  make_env "pypaimon-$PYPAIMON" "pypaimon==$PYPAIMON" || exit
else
  make_env pypaimon -r "$here/requirements-pypaimon.txt" && make_env rust -r "$here/requirements-rust.txt" &&
    make_env duckdb -r "$here/requirements-duckdb.txt" || exit
fi
echo "$cache"
