# shellcheck shell=bash
# What the server scripts share.  Sourced, never run.
#
# A server lives in DIR: its data, DIR/log and DIR/pid.  What is downloaded or built lives in the cache, once for all
# servers, and is made under a lock so that two scripts may start at the same time.
set -euo pipefail

CACHE=${INLET_TEST_CACHE:-$HOME/.cache/inlet-test}

die() { echo "${0##*/}: $*" >&2; exit 1; }
need() { local c; for c; do command -v "$c" >/dev/null || die "needs the command '$c'"; done; }

# quietly LOG COMMAND...: runs it with its output in LOG; shows LOG's end and ends the script if it fails.  (In the background,
# because `set -e` does not hold inside the left side of `||`.)
quietly() {
  local log=$1; shift
  "$@" >"$log" 2>&1 &
  wait $! || { tail -n 20 "$log" >&2; die "failed: $1; log $log"; }
}

# cached NAME COMMAND...: makes CACHE/NAME by running COMMAND with an empty folder as its last argument, unless it is there.
cached() {
  local name=$1; shift
  [ ! -d "$CACHE/$name" ] || return 0
  mkdir -p "$CACHE"
  exec 9>"$CACHE/$name.lock"
  flock 9
  if [ ! -d "$CACHE/$name" ]; then
    rm -rf "$CACHE/$name.part"; mkdir "$CACHE/$name.part"
    quietly "$CACHE/$name.log" "$@" "$CACHE/$name.part"
    mv "$CACHE/$name.part" "$CACHE/$name"
  fi
  exec 9>&-
}

# maven_get copy|unpack GROUP:ARTIFACT:VERSION[:TYPE[:CLASSIFIER]]... FOLDER: those artifacts and all that they need at run
# time, copied or unpacked into FOLDER.
maven_get() {
  local how=$1 dir=${*: -1} pom g a v t c gav
  pom=$(mktemp -d)
  {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>inlet</groupId><artifactId>test-server</artifactId><version>1</version><packaging>pom</packaging><dependencies>'
    for gav in "${@:2:$#-2}"; do
      IFS=: read -r g a v t c <<<"$gav"
      echo "<dependency><groupId>$g</groupId><artifactId>$a</artifactId><version>$v</version>"
      echo "<type>${t:-jar}</type>${c:+<classifier>$c</classifier>}"
      # Old poms ask for a tools.jar that no JDK has had since 9.
      echo '<exclusions><exclusion><groupId>jdk.tools</groupId><artifactId>jdk.tools</artifactId></exclusion></exclusions></dependency>'
    done
    echo '</dependencies></project>'
  } >"$pom/pom.xml"
  MAVEN_OPTS="${MAVEN_OPTS:-} -XX:-UsePerfData" mvn -B -q -f "$pom/pom.xml" \
    "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:$how-dependencies" -DincludeScope=runtime -DoutputDirectory="$dir" ||
    { rm -r "$pom"; die 'maven could not get it'; }
  rm -r "$pom"
}

# go_command MODULE/PATH@VERSION FOLDER: that Go program, built into FOLDER.
go_command() { GOBIN=$2 GOFLAGS=-buildvcs=false nice go install "$1"; }

# debian SUITE PACKAGE... FOLDER: those Debian packages and all they need, unpacked into FOLDER/root without touching the
# system, so that another release's programs run here: FOLDER/run PROGRAM [ARGUMENT...] starts one with its own C library.
# The mirror is the one that apt uses here; the suite's signature is checked as usual.
debian() {
  local suite=$1 dir=${*: -1} base name apt
  need apt-get dpkg-deb
  # shellcheck disable=SC2016 # apt's own variable
  base=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Component: main' | head -n1)
  [ -n "$base" ] || base=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources | head -n1)
  mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial" "$dir/root"
  echo "deb [check-valid-until=no] $base $suite main" >"$dir/apt/sources.list"
  # Taken as installed: what only maintainer scripts and builds need.
  for name in perl perl-base mysql-common libssl-dev libzstd-dev zlib1g-dev debconf; do
    printf '%s\n' "Package: $name" 'Status: install ok installed' 'Version: 99' 'Architecture: amd64' 'Multi-Arch: allowed' \
      'Maintainer: x' 'Description: x' ''
  done >"$dir/apt/status"
  apt=(apt-get -qq -o Dir::Etc::SourceList="$dir/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State::Lists="$dir/apt/lists" -o Dir::State::Status="$dir/apt/status" -o Dir::Cache="$dir/apt/cache"
    -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1)
  "${apt[@]}" update
  "${apt[@]}" install -dy --no-install-recommends "${@:2:$#-2}"
  find "$dir/apt/cache/archives" -name '*.deb' -print0 | xargs -0 -P2 -I{} dpkg-deb -x {} "$dir/root"
  rm -r "$dir/apt"
  cat >"$dir/run" <<'RUN'
#!/bin/sh
R=$(dirname "$(readlink -f "$0")")/root
p=$1; shift
for b in "$R/usr/sbin/$p" "$R/usr/bin/$p" "$p"; do [ -x "$b" ] && break; done
L=$R/usr/lib64/ld-linux-x86-64.so.2; [ -x "$L" ] || L=$R/lib64/ld-linux-x86-64.so.2
exec "$L" --library-path "$R/usr/lib/x86_64-linux-gnu:$R/lib/x86_64-linux-gnu:$R/usr/lib/mysql/private" "$b" "$@"
RUN
  chmod +x "$dir/run"
}

# A pid file holds the pid and the process's start time, so that a pid used again by another process is never signalled.  A
# zombie counts as ended, but not before its last thread is: until then it holds its locks and its port.
started_at() {
  local tasks=("/proc/$1/task/"*)
  awk -v tasks="${#tasks[@]}" '{ sub(/.*\) /, ""); if ($1 != "Z" || tasks > 1) print $20 }' "/proc/$1/stat" 2>/dev/null || true
}
save_pid() { echo "$2 $(started_at "$2")" >"$1"; }
alive() {
  local pid at
  [ -f "$1" ] && read -r pid at <"$1" && [ -n "$at" ] && [ "$(started_at "$pid")" = "$at" ]
}

# launch COMMAND...: starts the server in the background, in a session of its own; if this script then fails, stops it again.
# A server that was killed leaves its socket behind, and MySQL a lock with its pid: it would refuse to start where that pid is a
# zombie still, or another process by now.  Nothing of ours is alive in DIR (see begin), so they go.
launch() {
  rm -f "$DIR/socket" "$DIR/socket.lock"
  setsid "$@" </dev/null >"$DIR/log" 2>&1 &
  save_pid "$DIR/pid" $!
  trap '[ $? -eq 0 ] || stop_server 10' EXIT
}

# wait_ready SECONDS COMMAND...: until COMMAND succeeds; if the server dies or the time is up, shows the log's end and fails.
wait_ready() {
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    alive "$DIR/pid" || { tail -n 20 "$DIR/log" >&2; die "the server ended while starting; log $DIR/log"; }
    [ "$SECONDS" -lt "$end" ] || { tail -n 20 "$DIR/log" >&2; die "no answer in time; log $DIR/log"; }
    sleep 0.1
  done
}

# stop_server SECONDS [SIGNAL]: asks it to end, waits, then kills it; `NAME.sh stop DIR kill` kills it at once.
stop_server() {
  local pid signal=${2:-TERM} end=$((SECONDS + $1))
  [ "${MODE:-}" != kill ] || signal=KILL
  if alive "$DIR/pid"; then
    read -r pid _ <"$DIR/pid"
    kill -s "$signal" "$pid" 2>/dev/null || true
    while alive "$DIR/pid" && [ "$SECONDS" -lt "$end" ]; do sleep 0.05; done
    ! alive "$DIR/pid" || kill -s KILL "$pid" 2>/dev/null || true
    while alive "$DIR/pid"; do sleep 0.05; done
  fi
  rm -f "$DIR/pid"
}

# tls_files DIR: a test CA and a certificate for localhost and 127.0.0.1: ca.pem, cert.pem, key.pem (PKCS#8), once.
tls_files() {
  local d=$1
  [ -f "$d/cert.pem" ] && return
  need openssl
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=inlet test CA' \
    -keyout "$d/ca.key" -out "$d/ca.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' \
    -keyout "$d/key.pem" -out "$d/cert.csr" 2>/dev/null
  openssl x509 -req -in "$d/cert.csr" -CA "$d/ca.pem" -CAkey "$d/ca.key" -CAcreateserial -days 3650 -out "$d/cert.pem.new" \
    -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1') 2>/dev/null
  rm "$d/cert.csr"; chmod 600 "$d/key.pem"; mv "$d/cert.pem.new" "$d/cert.pem"
}

# begin "$@": checks the command line; sets ACTION, DIR (absolute) and, for start, PORT, for stop, MODE (kill or nothing).
# Options of start begin at the fourth word.  `fetch VERSION` only fills the cache: DIR is then the version.
begin() {
  # shellcheck disable=SC2034 # used by the scripts
  ACTION=${1:-} DIR=${2:-} PORT=${3:-} MODE=${3:-}
  case $ACTION:$#:$MODE in
    start:[3-9]:*[0-9] | start:[1-9][0-9]:*[0-9]) mkdir -p "$DIR" ;;
    fetch:2:) return 0 ;;
    stop:2: | stop:3:kill) [ -d "$DIR" ] || exit 0 ;;
    *) sed -n '2,/^# shellcheck/{/^# shellcheck/d;s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
  esac
  DIR=$(cd "$DIR" && pwd)
  [ "$ACTION" = stop ] || ! alive "$DIR/pid" || die "already running in $DIR"
}
