#!/bin/sh
# The tests of a fresh clone, from packages to end to end.
#
#   sh tests/run.sh                     all of it
#   sh tests/run.sh PART...             some of: packages build lint unit property contract fuzz judge e2e
#   sh tests/run.sh e2e NAME...         some of the end-to-end scenarios (tests/README.md), e.g.  e2e workload types.edges
#
# As root on Debian 12 or 13 it installs what is missing, elsewhere it prints the apt-get line. Servers are its own, on free
# loopback ports; downloads lie in ${INLET_TEST_CACHE:-$HOME/.cache/inlet-test}. Logs: build/tests/. The last line is
# `N passed, N failed`, with skipped tests named and counted before; exit code 0 only when nothing failed.
# INLET_JOBS: how much runs side by side (default: cores). INLET_SEED: the seed of the random tests.
set -u
cd "$(dirname "$0")/.." || exit 2
PARTS='packages build lint unit property contract fuzz judge e2e'
JOBS=${INLET_JOBS:-$(nproc)}
export INLET_JOBS="$JOBS"
LOGS=build/tests
TALLY=$LOGS/tally
mkdir -p "$LOGS"
: >"$TALLY"
START=$(date +%s)

parts='' scenarios=''
for word; do
  case " $PARTS all " in
    *" $word "*) parts="$parts $word" ;;
    *) case " $parts " in
         *' e2e '*) scenarios="$scenarios $word" ;;
         *) echo "run.sh: no part '$word'; have: $PARTS all" >&2; exit 2 ;;
       esac ;;
  esac
done
case " $parts " in '  ' | *' all '*) parts=$PARTS ;; esac

# What must be there for a part is done before it.
needs() { case " $parts " in *" $1 "*) ;; *) parts="$1 $parts" ;; esac; }
case " $parts " in *lint* | *unit* | *property* | *contract* | *fuzz* | *judge* | *e2e*) needs build ;; esac
needs packages

job='' fetch=''
# kill_tree PID: it and all it started; children first asked for, then told, so that none is left behind unseen.
kill_tree() {
  # shellcheck disable=SC2046 # pids are words
  set -- "$1" $(cat "/proc/$1/task/$1/children" 2>/dev/null)
  kill -s TERM "$1" 2>/dev/null
  shift
  for pid; do kill_tree "$pid"; done
}
cleanup() {
  trap - EXIT INT TERM HUP
  for pid in $job $fetch; do kill_tree "$pid"; done
  wait 2>/dev/null
}
summary() {
  awk -v seconds=$(($(date +%s) - START)) '
    { count[$1]++; if ($1 == "FAIL" || $1 == "skip") lines[$1] = lines[$1] $0 "\n" }
    END {
      printf "%s%s", lines["skip"], lines["FAIL"]
      printf "%d seconds\n", seconds
      if (count["skip"]) printf "%d skipped\n", count["skip"]
      printf "%d passed, %d failed\n", count["ok"], count["FAIL"]
      exit count["FAIL"] > 0 || !count["ok"]
    }' "$TALLY"
}
trap 'cleanup; say "FAIL interrupted"; summary; exit 1' INT TERM HUP
trap cleanup EXIT

say() { printf '%s\n' "$*" | tee -a "$TALLY"; }

# step NAME COMMAND...: one test that is a command; its output goes to a log.
step() {
  name=$1; shift
  at=$(date +%s)
  "$@" >"$LOGS/$name.log" 2>&1 &
  job=$!
  if wait "$job"; then
    say "ok $name ($(($(date +%s) - at)) s)"
  else
    tail -n 40 "$LOGS/$name.log"
    say "FAIL $name log $LOGS/$name.log"
    return 1
  fi
}

build() { # preset target
  cmake --preset "$1" -DINLET_TESTS=ON && cmake --build --preset "$1" -j "$JOBS" --target "$2"
}

# programs LABEL-PATTERN: the ctests with such a label, of the debug build (sanitizers).
programs() {
  ctest --test-dir build/debug -L "$1" -j "$JOBS" --output-on-failure --no-tests=error >"$LOGS/ctest.log" 2>&1 &
  job=$!
  wait "$job"
  awk -v log_file="$LOGS/ctest.log" '
    /^ *[0-9]+\/[0-9]+ +Test +#[0-9]+: / {
      name = $0; sub(/^[^:]*: /, "", name); sub(/ \.*[ *].*$/, "", name); ran++
      if (/\*\*\*Skipped/) print "skip " name
      else if (/ Passed /) print "ok " name
      else print "FAIL " name " log " log_file
    }
    END { if (!ran) print "FAIL ctest ran nothing: log " log_file }' "$LOGS/ctest.log" >"$LOGS/ctest.tally"
  if grep -q '^FAIL' "$LOGS/ctest.tally"; then
    awk '/\*\*\*/ { shown = 60 } shown-- > 0' "$LOGS/ctest.log" | head -n 300
  fi
  cat "$LOGS/ctest.tally"
  cat "$LOGS/ctest.tally" >>"$TALLY"
}

# The judge is judged: tables of every kind are written and verified by Paimon itself, then damaged in known ways.
judge() {
  cases=$PWD/build/tests/judge
  rm -rf "$cases"
  mkdir -p "$cases/tmp"
  export TMPDIR="$cases/tmp" # what Paimon and its libraries leave behind
  tests/judge/make-cases.sh "$cases/cases" && cache=$(tests/judge/setup-py.sh) &&
    "$cache/venv-pypaimon/bin/python" tests/judge/selftest.py "$cases/cases" "$cases/damaged"
}

end_to_end() {
  # shellcheck disable=SC2086 # names are words
  python3 tests/e2e/e2e.py --jobs "$JOBS" --tally "$TALLY" $scenarios &
  job=$!
  wait "$job" || grep -q '^FAIL e2e' "$TALLY" || say "FAIL e2e ended with exit code $?"
}

wanted() { case " $parts " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

if wanted packages; then
  step packages sh deploy/packages.sh build test || { cleanup; summary; exit 1; }
  if wanted e2e || wanted judge; then # downloads go on while the compiler works
    sh tests/fetch.sh >"$LOGS/fetch.log" 2>&1 &
    fetch=$!
  fi
fi
if wanted build; then
  # Where these fail, what would be tested are programs of an earlier build.
  { step build_release build release inlet && step build_debug build debug all; } || { cleanup; summary; exit 1; }
  step build_clang build fuzz all
fi
labels=''
for label in lint unit property contract fuzz; do
  if wanted $label; then labels="$labels${labels:+|}$label"; fi
done
[ -z "$labels" ] || [ ! -d build/debug ] || programs "^($labels)\$"
if [ -n "$fetch" ]; then
  wait "$fetch" || say "FAIL fetch log $LOGS/fetch.log"
  fetch=''
fi
if wanted judge; then
  step judge judge
  step twins python3 tests/judge/twins.py build/debug/inlet --seed "${INLET_SEED:-1}"
fi
if wanted e2e; then end_to_end; fi
cleanup
summary
