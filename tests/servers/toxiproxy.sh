#!/bin/bash
# Toxiproxy: a TCP proxy that adds network faults (latency, bandwidth, cut, reset, slicing, limits) on command.
#
#   toxiproxy.sh start DIR PORT [NAME=LISTEN_PORT:UPSTREAM_PORT...]
#   toxiproxy.sh stop DIR [kill]
#
# PORT is its HTTP API; each NAME is a proxy from 127.0.0.1:LISTEN_PORT to 127.0.0.1:UPSTREAM_PORT.  With API=http://127.0.0.1:PORT
#   curl -d '{"type":"latency","attributes":{"latency":500}}' API/proxies/NAME/toxics    adds a fault
#   curl -d '{"type":"reset_peer","attributes":{"timeout":0}}' API/proxies/NAME/toxics   resets connections
#   curl -d '{"enabled":false}' API/proxies/NAME                                         cuts the line; true restores it
#   curl -X POST API/reset                                                               removes all faults
# shellcheck source=server.sh disable=SC1091
. "$(dirname "$0")/server.sh"
VERSION=${TOXIPROXY_VERSION:-v2.5.0}
begin "$@"

case $ACTION in
  start)
    need go curl flock
    cached "toxiproxy-$VERSION" go_command "github.com/Shopify/toxiproxy/v2/cmd/server@$VERSION"
    proxies=''
    for p in "${@:4}"; do
      [[ $p =~ ^([^=]+)=([0-9]+):([0-9]+)$ ]] || die "bad proxy '$p'"
      proxies+="${proxies:+,}{\"name\":\"${BASH_REMATCH[1]}\",\"listen\":\"127.0.0.1:${BASH_REMATCH[2]}\","
      proxies+="\"upstream\":\"127.0.0.1:${BASH_REMATCH[3]}\",\"enabled\":true}"
    done
    echo "[$proxies]" >"$DIR/proxies.json"
    launch "$CACHE/toxiproxy-$VERSION/server" -host 127.0.0.1 -port "$PORT" -config "$DIR/proxies.json"
    wait_ready 10 curl -sf --max-time 5 "http://127.0.0.1:$PORT/version"
    ;;
  stop) stop_server 5 ;;
esac
