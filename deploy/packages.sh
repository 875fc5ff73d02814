#!/bin/sh
# packages.sh GROUP...: sees to the Debian packages of the groups build, test, quickstart.
#
# As root on Debian 12 or 13 it installs what is missing; otherwise it prints the apt-get line and fails. On Debian 12 the library
# yyjson, which only Debian 13 has, is taken from there into build/yyjson, without touching the system.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

# shellcheck source=/dev/null
release=$(. /etc/os-release 2>/dev/null && echo "${ID:-}-${VERSION_ID:-}") || release=unknown
want=''
for group in "${@:-build}"; do
  case $group in
    build)      want="$want gcc libc6-dev cmake ninja-build pkg-config libmariadb-dev libzstd-dev libsnappy-dev liblz4-dev libyaml-dev libpcre2-dev zlib1g-dev libroaring-dev"
                [ "$release" = debian-12 ] || want="$want libyyjson-dev" ;;
    test)       want="$want git libcmocka-dev clang clang-tidy shellcheck mariadb-client default-jdk-headless maven
                      python3 python3-venv strace openssl util-linux procps binutils"
                case $release in # clang itself only recommends its sanitizers' library
                  debian-12) want="$want clang-format-14 libclang-rt-14-dev" ;;
                  *)         want="$want libclang-rt-dev" ;;
                esac ;;
    quickstart) want="$want mariadb-server-core mariadb-client python3" ;;
    *)          echo "packages.sh: no group '$group'; have build test quickstart" >&2; exit 2 ;;
  esac
done

case $release in
  debian-12 | debian-13) ;;
  *)
    # shellcheck disable=SC2086 # names are words
    echo "packages.sh: this is $release, not Debian 12 or 13: nothing is installed; what is needed there:" $want >&2
    exit 0 ;;
esac

missing=''
for package in $want; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -q '^installed$' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "packages.sh: packages are missing; as root:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    exit 1
  fi
  echo "installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  # shellcheck disable=SC2086 # names are words
  if ! { apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "packages.sh: apt-get failed, log $log" >&2
    exit 1
  fi
  rm -f "$log"
fi

if [ "$release" = debian-12 ] && [ ! -f build/yyjson/include/yyjson.h ]; then
  cache=${INLET_TEST_CACHE:-$HOME/.cache/inlet-test}
  bash -c '. tests/servers/server.sh && cached yyjson debian trixie libyyjson0 libyyjson-dev'
  # Only these: the folder also holds a newer C library's headers, which must not reach the compiler.
  mkdir -p build/yyjson/include build/yyjson/lib
  find "$cache/yyjson/root" -name 'libyyjson.so*' -exec cp -a {} build/yyjson/lib/ \;
  cp "$cache/yyjson/root/usr/include/yyjson.h" build/yyjson/include/
fi
