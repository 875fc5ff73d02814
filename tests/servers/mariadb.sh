#!/bin/bash
# A real MariaDB server: 10.11 and 11.8, from Debian's packages (bookworm, trixie).
#
#   mariadb.sh start DIR PORT [--version 10.11|11.8] [--tls] [--replica-of PORT0] [--NAME=VALUE...]
#   mariadb.sh stop DIR [kill]
#   mariadb.sh fetch VERSION
#
# Row binlog with full images, full metadata and annotations; server id = PORT, GTID domain 0.  Users: root (no password) and
# inlet (password inlet-secret, native password, replication and select rights), both by 127.0.0.1; the socket is DIR/socket.
# TLS is off, or with --tls on with a certificate of our own CA (DIR/ca.pem).  --NAME=VALUE is any mariadbd option.  The version
# (default 11.8) is fixed when DIR is new.  --replica-of makes a GTID replica of the server on PORT0, for failover.
# Client: DIR/my mariadb -h127.0.0.1 -PPORT -uroot   (also DIR/my mariadb-binlog)
# shellcheck source=server.sh disable=SC1091
. "$(dirname "$0")/server.sh"
begin "$@"

# program VERSION: sees that it is in the cache; sets home (below the cache) and share.
program() {
  local packages=(mariadb-server-core mariadb-client-core mariadb-client)
  home=mariadb-$1
  case $1 in
    10.11) share=root/usr/share/mysql;   cached "$home" debian bookworm "${packages[@]}" ;;
    11.8)  share=root/usr/share/mariadb; cached "$home" debian trixie "${packages[@]}" ;;
    *)     die "no version '$1'; have 10.11 11.8" ;;
  esac
}

new_data() {
  mkdir -p "$DIR/data.new/mysql"
  {
    printf '%s\n' 'use mysql;' 'set @auth_root_socket=NULL, @skip_auth_anonymous=1, @current_hostname=NULL;'
    cat "$SHARE"/*_system_tables.sql "$SHARE"/*_performance_tables.sql "$SHARE"/*_system_tables_data.sql "$SHARE/fill_help_tables.sql"
  } | "${MARIADBD[@]}" --datadir="$DIR/data.new" --bootstrap --skip-log-bin
  mv "$DIR/data.new" "$DIR/data"
}

case $ACTION in
  start)
    version=11.8 primary='' options=(--skip-ssl)
    shift 3
    while [ $# -gt 0 ]; do
      case $1 in
        --version)    version=$2; shift 2 ;;
        --replica-of) primary=$2; shift 2 ;;
        --tls)
          tls_files "$DIR"
          options+=(--ssl --ssl-ca="$DIR/ca.pem" --ssl-cert="$DIR/cert.pem" --ssl-key="$DIR/key.pem"); shift ;;
        --*)          options+=("$1"); shift ;;
        *)            die "unknown option '$1'" ;;
      esac
    done
    [ ! -f "$DIR/version" ] || version=$(cat "$DIR/version")
    program "$version"
    SHARE=$CACHE/$home/$share
    ln -sfn "$CACHE/$home/run" "$DIR/my"
    MARIADBD=("$DIR/my" mariadbd --no-defaults --basedir="$CACHE/$home/root" --datadir="$DIR/data" --lc-messages-dir="$SHARE"
      --character-sets-dir="$SHARE/charsets" --tmpdir="$DIR/tmp" --user="$(id -un)" --innodb-buffer-pool-size=128M --innodb-log-file-size=64M)
    mkdir -p "$DIR/tmp" # its own: a server that starts removes temporary tables of others
    if [ ! -d "$DIR/data" ]; then
      rm -rf "$DIR/data.new"
      quietly "$DIR/init.log" new_data
    fi
    if [ ! -f "$DIR/version" ]; then
      printf '%s\n' 'set sql_log_bin=0;' "create or replace user root@'127.0.0.1';" \
        "grant all on *.* to root@'127.0.0.1' with grant option;" "create or replace user inlet@'%' identified by 'inlet-secret';" \
        "grant select, reload, show databases, lock tables, replication slave, replication client, slave monitor on *.* to inlet@'%';" \
        >"$DIR/init.sql"
      options+=(--init-file="$DIR/init.sql")
    fi
    launch "${MARIADBD[@]}" --port="$PORT" --bind-address=127.0.0.1 --socket=../socket --pid-file="$DIR/mariadbd.pid" \
      --server-id="$PORT" --log-bin=bin --binlog-format=ROW --binlog-row-image=FULL --binlog-row-metadata=FULL \
      --binlog-annotate-row-events=ON --log-slave-updates=ON --gtid-strict-mode=ON "${options[@]}"
    wait_ready 60 "$DIR/my" mariadb --no-defaults --skip-ssl -uroot -h127.0.0.1 -P"$PORT" -e 'select 1'
    echo "$version" >"$DIR/version"
    if [ -n "$primary" ]; then
      "$DIR/my" mariadb --no-defaults --skip-ssl -uroot -S "$DIR/socket" -e "change master to master_host='127.0.0.1', master_port=$primary,
        master_user='inlet', master_password='inlet-secret', master_use_gtid=slave_pos,
        master_ssl=0, master_ssl_verify_server_cert=0; start slave"
    fi
    ;;
  fetch) program "$DIR" ;;
  stop) stop_server 60 ;;
esac
