#!/bin/sh
# How fast inlet is, beside clients that throw away what they read, and how little it needs: one Markdown table.
#
#   sh tests/bench/race.sh                                        300 k rows, 100 k changes: a few minutes
#   ROWS=3000000 CHANGES=1000000 sh tests/bench/race.sh           the full size of docs/performance.md: 6 GB of scratch
#
# Starts a MySQL 8.0 of its own on 127.0.0.1 and stops it at the end. Environment: WORK (scratch, kept, so that a second run has
# the database: ${TMPDIR:-/tmp}/inlet-race), PORT, ROWS and CHANGES (when WORK is new), VERSION (8.0 or 9.7), ROUNDS (3),
# MEMORIES ("64MiB 256MiB"), FORMAT (avro or parquet; default avro), BUILD (build folder; default build/release), QUIET (cores: before something is timed, waits up to 20
# minutes until everything on the machine together uses less than that; default: does not wait).
set -eu
cd "$(dirname "$0")/../.."
: "${BUILD:=build/release}"
{
  cmake --preset release -B "$BUILD"
  cmake --build "$BUILD" --target inlet bench
} >&2
BUILD=$(cd "$BUILD" && pwd)
export BUILD
exec python3 tests/bench/race/race.py
